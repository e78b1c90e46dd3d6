"""The deviance at one point with its gradient and Hessian, without differences.

With V = I + ZΛΛ'Z', S = Σ_j Z_j'V⁻¹Z_j over the levels j of a term and g = Z'V⁻¹(y − Xβ̂), a change
dΛ changes log|V| by 2 tr(SΛ dΛ') and the penalised residual sum of squares by −2 tr(ΓΛ dΛ'),
Γ = Σ_j g_j g_j'. For REML, S is that of P = V⁻¹ − V⁻¹X(X'V⁻¹X)⁻¹X'V⁻¹.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmmlib import linalg
from lmmlib.estimation.deviance import free_entries, relative_factors, residual_df
from lmmlib.linalg import Evaluation
from lmmlib.loglik import LOG_2PI
from lmmlib.model import Layout, Reduction

# Effects up to which one dense factorisation gives all second derivatives; beyond them traces of
# products of two projections are replaced by their average over responses.
MOST_DENSE_EFFECTS = 200
LARGE = 10.0  # ratio of SDs above which effects are projected by way of their inverse
REGULAR = 1e-3  # share of its largest entry that the diagonal of Λ_k must have for that


@dataclass(frozen=True, eq=False)
class Entry:
    """A free entry of a relative covariance factor.

    Attributes
    ----------
    term : int
        Number of its term.
    row, column : int
        Where it stands in Λ_k.
    """

    term: int
    row: int
    column: int


@dataclass(frozen=True, eq=False)
class Projections:
    """What one point of the deviance is made of.

    Attributes
    ----------
    log_det : float
        Half of log|V|.
    triangle : ndarray, shape (p + 1, p + 1)
        Upper triangle of [X, y] after the elimination of the effects.
    sums : list of ndarray
        S_k (q, q) of each term; of P for REML.
    g : ndarray, shape (K,)
        Z'V⁻¹(y − Xβ̂).
    apply : callable
        Z'PZ times columns (K, d).
    trace : callable
        tr(Z'QZ Σ_a Z'QZ Σ_b) for all pairs of entries, (d, d), of columns Σ_a g (K, d); Q is V⁻¹,
        and P for REML.
    """

    log_det: float
    triangle: np.ndarray
    sums: list[np.ndarray]
    g: np.ndarray
    apply: Callable[[np.ndarray], np.ndarray]
    trace: Callable[[np.ndarray], np.ndarray]


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
        self.entries = _entries(reduction.layout)
        # dΛ_k/dx of each entry: points are in units of covariates and rows
        unit_point = np.ones((1, len(self.entries)))
        unit_factors = relative_factors(reduction, unit_point)
        self.scales = np.array([unit_factors[e.term][0, e.row, e.column] for e in self.entries])
        if combination is None:
            columns = [*reduction.independent_columns, len(reduction.layout.coef)]
            combination = np.eye(len(reduction.layout.coef) + 1)[:, columns]
        self.combination = combination
        self.is_dense = reduction.layout.width <= MOST_DENSE_EFFECTS

    def __call__(self, x: np.ndarray) -> Evaluation:
        """Value, gradient and Hessian at x (d,)."""
        Lam = [factor[0] for factor in relative_factors(self.reduction, x[None])]
        projections = self._dense(Lam) if self.is_dense else self._sparse(Lam)
        return self._assembled(Lam, projections)

    def value(self, x: np.ndarray) -> float:
        """The deviance alone at x (d,)."""
        if self.is_dense:
            return self(x).value
        Lam = [factor[0] for factor in relative_factors(self.reduction, x[None])]
        factor = linalg.factorise_sparse(self.reduction.whole, Lam, self.combination)
        return self._value(factor.log_det, factor.triangle)[0]

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

    def _dense(self, Lam: list[np.ndarray]) -> Projections:
        """All of it by one orthogonal factorisation."""
        Z, B = self._dense_rows
        scaled = self.layout.scaled(Z, [factor.T for factor in Lam])
        projection = linalg.project_dense(Z, B, scaled, self._large_inverse(Lam))
        through = projection.through
        beyond = projection.beyond
        of_y = projection.triangle[-1, -1] * through[-1]
        outside_X = np.vstack([through[-1:], beyond])
        projected = outside_X.T @ outside_X  # Z'PZ
        of_method = projected
        if self.method == "ml":
            of_method = projected + through[:-1].T @ through[:-1]

        def trace(_: np.ndarray) -> np.ndarray:
            products = [self._times_change(of_method, entry, Lam) for entry in self.entries]
            return np.array([[np.vdot(a.T, b) for b in products] for a in products])

        return Projections(
            projection.log_det,
            projection.triangle,
            self._diagonal_sums(of_method),
            of_y,
            lambda columns: projected @ columns,
            trace,
        )

    def _large_inverse(self, Lam: list[np.ndarray]) -> np.ndarray | None:
        """Λ⁻¹ (K, K) in the columns of terms whose effects are large beside a row, or None."""
        inverse = np.zeros((self.layout.width, self.layout.width))
        by_term = zip(Lam, self.layout.ranef_slices, self.layout.shapes, strict=True)
        for factor, part, (J, _) in by_term:
            smallest = np.abs(np.diag(factor)).min()
            if smallest > LARGE and smallest > REGULAR * np.abs(factor).max():
                inverse[part, part] = np.kron(np.eye(J), np.linalg.inv(factor))
        return inverse if inverse.any() else None

    @property
    def _dense_rows(self) -> tuple[np.ndarray, np.ndarray]:
        if not hasattr(self, "_rows"):
            Z, B = self.reduction.rows
            dense = Z.toarray()
            B = B @ self.combination
            missing = B.shape[1] - len(B)
            if missing > 0:  # fewer rows than right-hand sides
                dense = np.vstack([dense, np.zeros((missing, dense.shape[1]))])
                B = np.vstack([B, np.zeros((missing, B.shape[1]))])
            self._rows = (dense, B)
        return self._rows

    def _times_change(self, matrix: np.ndarray, entry: Entry, Lam: list[np.ndarray]) -> np.ndarray:
        """A matrix (K, K) times the block diagonal Σ_a of an entry."""
        start = self.layout.ranef_slices[entry.term].start
        J, q = self.layout.shapes[entry.term]
        factor = Lam[entry.term]
        change = np.zeros((q, q))
        change[entry.row] += factor[:, entry.column]
        change[:, entry.row] += factor[:, entry.column]
        out = np.zeros_like(matrix)
        of_term = matrix[:, start : start + J * q].reshape(-1, J, q)
        out[:, start : start + J * q] = (of_term @ change).reshape(len(matrix), -1)
        return out

    def _diagonal_sums(self, matrix: np.ndarray) -> list[np.ndarray]:
        """Sums of the diagonal blocks of each term's levels."""
        sums = []
        for part, (J, q) in zip(self.layout.ranef_slices, self.layout.shapes, strict=True):
            of_term = matrix[part, part].reshape(J, q, J, q)
            sums.append(np.einsum("jajb->ab", of_term))
        return sums

    def _sparse(self, Lam: list[np.ndarray]) -> Projections:
        """Exact first derivatives from the sparse factor; average second ones of log|V|."""
        whole = self.reduction.whole
        factor = linalg.factorise_sparse(whole, Lam, self.combination)
        T = factor.triangle
        p = len(T) - 1
        place = np.empty(len(whole.columns), int)  # of a column in the factor's order
        place[whole.columns] = np.arange(len(whole.columns))

        # What X and y leave, and Z' times it.
        R_inverse = np.linalg.inv(T[:p, :p])
        E_X = factor.residual[:, :p] @ R_inverse
        e_y = factor.residual[:, p] - E_X @ T[:p, p]
        G_X = (whole.transposed @ E_X)[place]
        g = (whole.transposed @ e_y)[place]
        sums = linalg.kind_sums(factor)
        if self.method == "reml":
            for k, of_term in enumerate(self._split_columns(G_X)):
                sums[k] = sums[k] - np.einsum("jap,jbp->ab", of_term, of_term)

        def apply(columns: np.ndarray) -> np.ndarray:
            rows = factor.complement(whole.Z @ columns[whole.columns])
            return (whole.transposed @ rows)[place] - G_X @ (G_X.T @ columns)

        return Projections(
            factor.log_det, T, sums, g, apply, lambda columns: columns.T @ apply(columns)
        )

    def _split_columns(self, G: np.ndarray) -> list[np.ndarray]:
        """Columns (K, p) by term: (J, q, p)."""
        return [
            G[part].reshape(J, q, -1)
            for part, (J, q) in zip(self.layout.ranef_slices, self.layout.shapes, strict=True)
        ]


def _entries(layout: Layout) -> list[Entry]:
    """The free entries of all terms, in the order of a point."""
    entries = []
    for k, term in enumerate(layout.terms):
        for row, column in zip(*free_entries(term), strict=True):
            entries.append(Entry(k, int(row), int(column)))
    return entries
