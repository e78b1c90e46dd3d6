"""The deviance in the variance parameters and log σ, which is not profiled, with derivatives."""

import numpy as np

from lmmlib import linalg
from lmmlib.estimation.derivatives import DevianceDerivatives
from lmmlib.estimation.deviance import free_entries
from lmmlib.estimation.entries import Orders
from lmmlib.estimation.projections import Projections
from lmmlib.linalg import Evaluation
from lmmlib.model import Params, Reduction


class FullDeviance(DevianceDerivatives):
    """The deviance of a reduction as a function of points (x, log σ), with derivatives.

    Effects of a term may enter its relative covariance factor in any order: the SD of the one that
    is first, and its correlation with the second, are then functions of one row of the factor.

    Parameters
    ----------
    reduction : Reduction
        Response and design, reduced.
    method : {"reml", "ml"}
        Which deviance.
    orders : mapping of str to sequence of int, optional
        Order of the effects by the name of a term; as they are for terms without one.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> data = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    >>> deviance = FullDeviance(data.reduction, "ml")
    >>> evaluation = deviance(np.array([0.752581, np.log(49.5101)]))
    >>> round(evaluation.value, 5), bool(np.abs(evaluation.gradient).max() < 1e-4)
    (327.32706, True)
    """

    def __init__(self, reduction: Reduction, method: str, orders: Orders | None = None) -> None:
        super().__init__(reduction, method, orders=orders)
        self.orders = orders or {}

    def __call__(self, x: np.ndarray) -> Evaluation:
        """Value, gradient and Hessian at x (d + 1,), the last of it log σ."""
        Lam = self.factors(x[:-1])
        sigma = np.exp(x[-1])
        self.sigma = sigma
        return self._with_sigma(sigma, Lam, self._projections(Lam))

    def _with_sigma(
        self, sigma: float, Lam: list[np.ndarray], projections: Projections
    ) -> Evaluation:
        """Deviance and derivatives, those in log σ among them, at σ and Λ_k (q, q)."""
        given_sigma = self._assembled(Lam, projections)

        # The sum of squares ρ² stands in the deviance as df log σ² + ρ²/σ².
        squares = projections.triangle[-1, -1] ** 2 / sigma**2
        d_squares = np.empty(len(self.scales))
        for of_term, factor, g in zip(
            self.entries, Lam, self.layout.split(projections.g), strict=True
        ):
            slopes = (g.T @ g) @ factor
            d_squares[of_term.place] = slopes[of_term.rows, of_term.columns]
        d_squares *= -2 / sigma**2
        mixed = -2 * d_squares * self.scales
        slope = 2 * (self.df - squares)
        hessian = np.block([[given_sigma.hessian, mixed[:, None]], [mixed, 4 * squares]])
        return Evaluation(given_sigma.value, np.append(given_sigma.gradient, slope), hessian)

    def point(self, params: Params) -> np.ndarray:
        """The point (d + 1,) of parameters."""
        values = []
        for term in self.layout.terms:
            order = list(self.orders.get(term.name, range(len(term.effects))))
            relative = params.cov[term.name][np.ix_(order, order)] / params.sigma**2
            values.append(linalg.cholesky_semidefinite(relative)[free_entries(term)])
        return np.append(np.concatenate(values) / self.scales, np.log(params.sigma))
