"""The deviance at one point with its gradient and Hessian, without differences.

With V = I + ZΛΛ'Z', S = Σ_j Z_j'V⁻¹Z_j over the levels j of a term and g = Z'V⁻¹(y − Xβ̂), a change
dΛ changes log|V| by 2 tr(SΛ dΛ') and the penalised residual sum of squares by −2 tr(ΓΛ dΛ'),
Γ = Σ_j g_j g_j'. For REML, S is that of P = V⁻¹ − V⁻¹X(X'V⁻¹X)⁻¹X'V⁻¹.
"""

from functools import cached_property

import numpy as np

from lmmlib.estimation.dense_design import DenseDesign
from lmmlib.estimation.deviance import relative_factors, residual_df
from lmmlib.estimation.projections import Entry, Projections, free_entries_of, independent_columns
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
    """

    def __init__(
        self,
        reduction: Reduction,
        method: str,
        sigma: float | None = None,
        combination: np.ndarray | None = None,
    ) -> None:
        self.reduction = reduction
        self.method = method
        self.sigma = sigma
        self.layout = reduction.layout
        self.shapes = reduction.layout.shapes
        self.slices = reduction.layout.ranef_slices
        self.entries = free_entries_of(reduction.layout)
        # dΛ_k/dx of each entry: points are in units of covariates and rows
        unit_point = np.ones((1, len(self.entries)))
        unit_factors = relative_factors(reduction, unit_point)
        self.scales = np.array([unit_factors[e.term][0, e.row, e.column] for e in self.entries])
        if combination is None:
            combination = independent_columns(reduction)
        self.combination = combination
        self.is_dense = reduction.layout.width <= MOST_DENSE_EFFECTS

    def __call__(self, x: np.ndarray) -> Evaluation:
        """Value, gradient and Hessian at x (d,)."""
        Lam = self.factors(x)
        return self._assembled(Lam, self._projections(Lam))

    def _projections(self, Lam: list[np.ndarray]) -> Projections:
        """What the deviance is made of at Λ_k (q, q)."""
        return self._dense.at(Lam) if self.is_dense else self._sparse.at(Lam)

    def factors(self, x: np.ndarray) -> list[np.ndarray]:
        """The relative covariance factors Λ_k (q, q) at x (d,)."""
        factors = [np.zeros((q, q)) for _, q in self.shapes]
        for entry, value in zip(self.entries, x * self.scales, strict=True):
            factors[entry.term][entry.row, entry.column] = value
        return factors

    def signs(self, x: np.ndarray) -> np.ndarray:
        """Signs (d,) that make the diagonal of each Λ_k positive: ΛΛ' has none of its columns."""
        turned = {
            (e.term, e.column): v < 0
            for e, v in zip(self.entries, x, strict=True)
            if e.row == e.column
        }
        return np.array([-1.0 if turned[e.term, e.column] else 1.0 for e in self.entries])

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
        df = residual_df(self.reduction, self.method)
        if self.method == "reml":
            log_det = log_det + np.log(np.abs(np.diag(T)[:-1])).sum()
        if self.sigma is None:
            fit = df * (1 + LOG_2PI + np.log(pwrss / df))
            variance = pwrss / df
        else:
            variance = self.sigma**2
            fit = df * (LOG_2PI + np.log(variance)) + pwrss / variance
        return float(fit + 2 * log_det - self.reduction.log_weights), variance

    def _assembled(self, Lam: list[np.ndarray], parts: Projections) -> Evaluation:
        """Deviance and derivatives of what it is made of."""
        value, variance = self._value(parts.log_det, parts.triangle)

        # First derivatives of log|V| and of the sum of squares.
        g_by_term = self.layout.split(parts.g)
        outer = [g.T @ g for g in g_by_term]
        d_log_det = np.empty(len(self.entries))
        d_squares = np.empty(len(self.entries))
        for a, entry in enumerate(self.entries):
            k = entry.term
            d_log_det[a] = 2 * (parts.sums[k] @ Lam[k])[entry.row, entry.column]
            d_squares[a] = -2 * (outer[k] @ Lam[k])[entry.row, entry.column]
        gradient = d_log_det + d_squares / variance

        # Second derivatives: Σ_a g of each entry, with Σ_a the derivative of ΛΛ'.
        columns = np.stack([self._changed(entry, Lam, g_by_term) for entry in self.entries], 1)
        second_squares = 2 * columns.T @ parts.apply(columns)
        second_log_det = -parts.trace(columns / np.sqrt(variance))
        for a, first in enumerate(self.entries):
            for b, other in enumerate(self.entries):
                if first.term == other.term and first.column == other.column:
                    k = first.term
                    second_log_det[a, b] += 2 * parts.sums[k][first.row, other.row]
                    second_squares[a, b] -= 2 * outer[k][first.row, other.row]
        hessian = second_log_det + second_squares / variance
        if self.sigma is None:
            df = residual_df(self.reduction, self.method)
            hessian -= np.outer(d_squares, d_squares) / (df * variance**2)
        scaled = hessian * np.outer(self.scales, self.scales)
        return Evaluation(value, gradient * self.scales, 0.5 * (scaled + scaled.T))

    def _changed(
        self, entry: Entry, Lam: list[np.ndarray], g_by_term: list[np.ndarray]
    ) -> np.ndarray:
        """Σ_a g (K,) with Σ_a = E Λ' + Λ E' for the entry's E."""
        parts = [np.zeros_like(g) for g in g_by_term]
        g = g_by_term[entry.term]
        factor = Lam[entry.term]
        changed = parts[entry.term]
        changed[:, entry.row] += g @ factor[:, entry.column]
        changed += np.outer(g[:, entry.row], factor[:, entry.column])
        return np.concatenate([part.ravel() for part in parts])
