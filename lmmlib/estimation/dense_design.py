"""Few effects: all that second derivatives need, of one dense factorisation."""

from functools import cached_property

import numpy as np

from lmmlib import linalg
from lmmlib.estimation.entries import TermEntries
from lmmlib.estimation.projections import Projections
from lmmlib.model import Reduction


class DenseDesign:
    """The rows of a reduction as dense columns.

    Parameters
    ----------
    reduction : Reduction
        Response and design, reduced.
    entries : list of TermEntries
        Free entries of the relative covariance factors.
    method : {"reml", "ml"}
        Whose traces are wanted.
    combination : ndarray, shape (p + 1, c)
        Combinations of the columns [X, y] that stand for them.
    """

    def __init__(
        self, reduction: Reduction, entries: list[TermEntries], method: str, combination: np.ndarray
    ) -> None:
        self.reduction = reduction
        self.entries = entries
        self.method = method
        self.combination = combination
        self.layout = reduction.layout
        self.shapes = reduction.layout.shapes
        self.slices = reduction.layout.ranef_slices

    def at(self, Lam: list[np.ndarray], more_rows: np.ndarray | None = None) -> Projections:
        """All of it by one orthogonal factorisation.

        With rows (m, p + 1) more of [X, y] where they are given: those of a prior of β.
        """
        Z, B = self.rows
        scaled = self.layout.scaled(Z, [factor.T for factor in Lam])
        projection = linalg.project_dense(Z, B, scaled, self._large_inverse(Lam))
        if more_rows is not None:
            projection = projection.with_rows(more_rows)
        through = projection.through
        beyond = projection.beyond
        of_y = projection.triangle[-1, -1] * through[-1]
        outside_X = np.vstack([through[-1:], beyond])
        projected = outside_X.T @ outside_X  # Z'PZ
        of_method = projected
        if self.method == "ml":
            of_method = projected + through[:-1].T @ through[:-1]

        return Projections(
            projection.log_det,
            projection.triangle,
            self._diagonal_sums(of_method),
            of_y,
            through[:-1].T,
            lambda columns: projected @ columns,
            lambda _: self._traces(of_method, Lam),
        )

    @cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """The rotated rows, and their right-hand sides."""
        Z, B = self.reduction.rows
        dense = Z.toarray()
        B = B @ self.combination
        missing = B.shape[1] - len(B)
        if missing > 0:  # fewer rows than right-hand sides
            dense = np.vstack([dense, np.zeros((missing, dense.shape[1]))])
            B = np.vstack([B, np.zeros((missing, B.shape[1]))])
        return dense, B

    def _large_inverse(self, Lam: list[np.ndarray]) -> np.ndarray | None:
        """Λ⁻¹ (K, K) in the columns of terms whose effects are large beside a row, or None."""
        if not any(map(linalg.is_large, Lam)):
            return None
        return linalg.large_inverse(Lam, [J * q for J, q in self.shapes])

    def _traces(self, matrix: np.ndarray, Lam: list[np.ndarray]) -> np.ndarray:
        """tr(Φ Σ_a Φ Σ_b) of all pairs of entries, (d, d), for a symmetric Φ (K, K).

        With blocks Φ_jl of the levels of two terms it is Σ_jl tr(Φ_jl Σ_b Φ_jl' Σ_a): products of
        the entries of blocks, summed over levels, serve all pairs.
        """
        changes = [
            of_term.changes(factor).reshape(len(of_term.rows), -1)
            for of_term, factor in zip(self.entries, Lam, strict=True)
        ]
        d = self.entries[-1].place.stop
        traces = np.empty((d, d))
        for k, of_k in enumerate(changes):
            mine = self.entries[k].place
            for m, of_m in enumerate(changes[: k + 1]):
                others = self.entries[m].place
                part = of_k @ self._block_products(matrix, k, m) @ of_m.T
                traces[mine, others] = part
                traces[others, mine] = part.T
        return traces

    def _block_products(self, matrix: np.ndarray, k: int, m: int) -> np.ndarray:
        """Σ_jl Φ_jl[r, s] Φ_jl[v, t] over levels j of one term and l of another, (vr, st)."""
        J, q = self.shapes[k]
        L, w = self.shapes[m]
        blocks = matrix[self.slices[k], self.slices[m]].reshape(J, q, L, w)
        flat = blocks.transpose(1, 3, 0, 2).reshape(q * w, J * L)
        products = (flat @ flat.T).reshape(q, w, q, w)
        return products.transpose(2, 0, 1, 3).reshape(q * q, w * w)

    def _diagonal_sums(self, matrix: np.ndarray) -> list[np.ndarray]:
        """Sums of the diagonal blocks of each term's levels."""
        sums = []
        for part, (J, q) in zip(self.slices, self.shapes, strict=True):
            of_term = matrix[part, part].reshape(J, q, J, q)
            sums.append(np.trace(of_term, axis1=0, axis2=2))
        return sums
