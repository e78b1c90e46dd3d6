"""The deviance at one point with its gradient and Hessian, without differences.

With V = I + ZΛΛ'Z', S = Σ_j Z_j'V⁻¹Z_j over the levels j of a term and g = Z'V⁻¹(y − Xβ̂), a change
dΛ changes log|V| by 2 tr(SΛ dΛ') and the penalised residual sum of squares by −2 tr(ΓΛ dΛ'),
Γ = Σ_j g_j g_j'. For REML, S is that of P = V⁻¹ − V⁻¹X(X'V⁻¹X)⁻¹X'V⁻¹.
"""

from functools import cached_property

import numpy as np

from lmmlib.estimation.dense_design import DenseDesign
from lmmlib.estimation.deviance import residual_df
from lmmlib.estimation.entries import Orders, entries_by_term
from lmmlib.estimation.projections import Projections, independent_columns
from lmmlib.estimation.sparse_design import SparseDesign
from lmmlib.linalg import Evaluation
from lmmlib.loglik import LOG_2PI
from lmmlib.model import Reduction

# Effects up to which one dense factorisation gives all second derivatives; beyond them traces of
# products of two projections are replaced by their average over responses.
MOST_DENSE_EFFECTS = 200


class DevianceDerivatives:
    """The deviance of a reduction as a function of points, with derivatives.

    Parameters
    ----------
    reduction : Reduction
        Response and design, reduced.
    method : {"reml", "ml"}
        Which deviance.
    sigma : float, optional
        Residual SD where it is known.
    combination : ndarray, shape (p + 1, c), optional
        Combinations of the columns [X, y] that stand for them; the independent ones if None.
    orders : mapping of str to sequence of int, optional
        Order in which the effects of a term enter its relative covariance factor, by the name of
        the term; as they are for terms without one.
    """

    def __init__(
        self,
        reduction: Reduction,
        method: str,
        sigma: float | None = None,
        combination: np.ndarray | None = None,
        orders: Orders | None = None,
    ) -> None:
        self.reduction = reduction
        self.method = method
        self.sigma = sigma
        self.layout = reduction.layout
        self.entries = entries_by_term(reduction.layout, orders)
        self.df = residual_df(reduction, method)
        # dΛ_k/dx of each entry: points are in units of covariates and rows
        units = [
            units_of_term[of_term.rows]
            for units_of_term, of_term in zip(reduction.layout.units, self.entries, strict=True)
        ]
        self.scales = 1.0 / (np.concatenate(units) * reduction.sqrt_mean_weight)
        if combination is None:
            combination = independent_columns(reduction)
        self.combination = combination
        self.is_dense = reduction.layout.width <= MOST_DENSE_EFFECTS
        self.parts = reduction.layout.ranef_slices

    def __call__(self, x: np.ndarray) -> Evaluation:
        """Value, gradient and Hessian at x (d,)."""
        Lam = self.factors(x)
        return self._assembled(Lam, self._projections(Lam))

    def _projections(self, Lam: list[np.ndarray]) -> Projections:
        """What the deviance is made of at Λ_k (q, q)."""
        return self._dense.at(Lam) if self.is_dense else self._sparse.at(Lam)

    def factors(self, x: np.ndarray) -> list[np.ndarray]:
        """The relative covariance factors Λ_k (q, q) at x (d,)."""
        values = x * self.scales
        factors = []
        for of_term, (_, q) in zip(self.entries, self.layout.shapes, strict=True):
            factor = np.zeros((q, q))
            factor[of_term.rows, of_term.columns] = values[of_term.place]
            factors.append(factor)
        return factors

    def signs(self, x: np.ndarray) -> np.ndarray:
        """Signs (d,) that make the diagonal of each Λ_k positive: ΛΛ' has none of its columns."""
        return np.concatenate(
            [np.where(x[e.place][e.diagonal] < 0, -1.0, 1.0) for e in self.entries]
        )

    def value(self, x: np.ndarray) -> float:
        """The deviance alone at x (d,)."""
        if self.is_dense:
            return self(x).value
        Lam = self.factors(x)
        factor = self._sparse.factor(Lam)
        return self._value(factor.log_det, factor.triangle)[0]

    @cached_property
    def _dense(self) -> DenseDesign:
        return DenseDesign(self.reduction, self.entries, self.method, self.combination)

    @cached_property
    def _sparse(self) -> SparseDesign:
        return SparseDesign(self.reduction, self.method, self.combination)

    def _value(self, log_det: float, T: np.ndarray) -> tuple[float, float]:
        """Deviance, and the variance of a row that it is at."""
        pwrss = T[-1, -1] ** 2
        if self.method == "reml":
            log_det = log_det + np.log(np.abs(T.diagonal()[:-1])).sum()
        if self.sigma is None:
            fit = self.df * (1 + LOG_2PI + np.log(pwrss / self.df))
            variance = pwrss / self.df
        else:
            variance = self.sigma**2
            fit = self.df * (LOG_2PI + np.log(variance)) + pwrss / variance
        return float(fit + 2 * log_det - self.reduction.log_weights), variance

    def _assembled(self, Lam: list[np.ndarray], parts: Projections) -> Evaluation:
        """Deviance and derivatives of what it is made of."""
        value, variance = self._value(parts.log_det, parts.triangle)

        # Of each term, the first derivatives of log|V| and of the sum of squares, Σ_a g of each
        # entry, Σ_a the derivative of ΛΛ', and second derivatives where two entries share a column.
        d = len(self.scales)
        d_log_det = np.empty(d)
        d_squares = np.empty(d)
        columns = np.zeros((self.layout.width, d))
        hessian = np.zeros((d, d))
        for k, (of_term, part) in enumerate(zip(self.entries, self.parts, strict=True)):
            rows = of_term.rows
            place = of_term.place
            factor = Lam[k]
            g = parts.g[part].reshape(-1, len(factor))
            outer = g.T @ g
            d_log_det[place] = 2 * (parts.sums[k] @ factor)[rows, of_term.columns]
            d_squares[place] = -2 * (outer @ factor)[rows, of_term.columns]
            changed = of_term.of_levels(g, factor)
            columns[part, place] = changed.reshape(-1, len(rows))
            of_rows = parts.sums[k] - outer / variance
            hessian[place, place] = 2 * of_term.share_a_column * of_rows[rows[:, None], rows]

        # Second derivatives by V⁻¹, and by σ̂ where it is not known.
        gradient = d_log_det + d_squares / variance
        products = columns.T @ parts.apply(columns) / variance
        hessian += 2 * products - parts.trace(products)
        if self.sigma is None:
            hessian -= d_squares[:, None] * (d_squares / (self.df * variance**2))
        scaled = self.scales[:, None] * hessian * self.scales
        return Evaluation(value, gradient * self.scales, 0.5 * (scaled + scaled.T))
