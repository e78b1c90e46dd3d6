"""−2 log density of y given the variance parameters, β integrated out too, with derivatives."""

import numpy as np

from lmmlib.estimation.full_deviance import FullDeviance
from lmmlib.estimation.projections import Projections
from lmmlib.linalg import Evaluation
from lmmlib.loglik import LOG_2PI
from lmmlib.model import Priors, Reduction


class MarginalDeviance(FullDeviance):
    """−2 log N(y; Xb₀, V + XB₀X') as a function of points (x, log σ), with derivatives.

    It is the restricted deviance of the rows with p more, (σ/s_j)(T_j, m_j), which the prior
    γ = Tβ ~ N(m, diag(s²)) is: they change with σ, and with nothing else.

    Parameters
    ----------
    reduction : Reduction
        Response and design, reduced.
    priors : Priors
        Prior distributions of the parameters; only that of β enters.

    Examples
    --------
    >>> from lmmlib.model import Data, Design, ScalePrior, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> priors = Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> evaluation = MarginalDeviance(data.reduction, priors)(np.array([1.0, 0.0]))
    >>> round(-0.5 * evaluation.value, 6)
    -3.565098
    """

    def __init__(self, reduction: Reduction, priors: Priors) -> None:
        super().__init__(reduction, "reml")
        self.p = len(priors.beta_mean)
        self.df = reduction.n - self.p
        self.combination = np.eye(self.p + 1)
        self.prior_rows = np.column_stack([priors.transform, priors.beta_mean])
        self.prior_rows /= priors.beta_sd[:, None]
        self.constant = self.p * LOG_2PI + 2 * float(np.log(priors.beta_sd).sum())

    def _projections(self, Lam: list[np.ndarray]) -> Projections:
        """With the rows of the prior at σ."""
        design = self._dense if self.is_dense else self._sparse
        return design.at(Lam, self.sigma * self.prior_rows)

    def _with_sigma(
        self, sigma: float, Lam: list[np.ndarray], projections: Projections
    ) -> Evaluation:
        """With what the rows of the prior add to derivatives in log σ.

        With R and t of X'V⁻¹X + U'U and of y, rows (U, v) of the prior, M = UR⁻¹ and e = Mt − v,
        Q = R⁻¹R⁻ᵀ has the derivative −2R⁻¹M'MR⁻ᵀ, β̂ = R⁻¹t has −2R⁻¹M'e, e'e is the prior's share
        of the sum of squares, whose derivative is 2e'e.
        """
        without = super()._with_sigma(sigma, Lam, projections)
        R = projections.triangle[: self.p, : self.p]
        t = projections.triangle[: self.p, self.p]
        rows = sigma * self.prior_rows
        M = rows[:, : self.p] @ np.linalg.inv(R)
        e = M @ t - rows[:, self.p]
        variance = sigma**2
        squares = np.sum(M**2)
        fit = e @ e / variance
        slope = 2 * (squares + fit)
        of_beta = np.sum((M.T @ e) ** 2) / variance
        curvature = 4 * (squares - fit - np.sum((M.T @ M) ** 2) - 2 * of_beta)

        mixed = self._mixed(Lam, projections, M, e / variance)
        gradient = without.gradient + np.append(np.zeros(len(mixed)), slope)
        hessian = without.hessian + np.block(
            [[np.zeros((len(mixed), len(mixed))), mixed[:, None]], [mixed, curvature]]
        )
        return Evaluation(without.value + self.constant, gradient, hessian)

    def _mixed(
        self, Lam: list[np.ndarray], projections: Projections, M: np.ndarray, e: np.ndarray
    ) -> np.ndarray:
        """Second derivatives (d,) in log σ and each entry: those of Z'PZ and Z'V⁻¹(y − Xβ̂)."""
        of_matrix = projections.of_fixed @ M.T
        of_residual = projections.of_fixed @ (M.T @ e)
        mixed = np.empty(len(self.scales))
        for of_term, shape, part, factor in zip(
            self.entries, self.layout.shapes, self.parts, Lam, strict=True
        ):
            of_levels = of_matrix[part].reshape(*shape, self.p)
            outer = np.tensordot(of_levels, of_levels, ([0, 2], [0, 2]))
            cross = projections.g[part].reshape(shape).T @ of_residual[part].reshape(shape)
            slopes = (outer - cross - cross.T) @ factor
            mixed[of_term.place] = 4 * slopes[of_term.rows, of_term.columns]
        return mixed * self.scales
