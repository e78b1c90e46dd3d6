"""Many effects: exact first derivatives from sparse blocks, average second ones."""

from collections.abc import Callable

import numpy as np

from lmmlib import linalg
from lmmlib.estimation.projections import Projections
from lmmlib.model import Reduction


class SparseDesign:
    """The rows of a reduction as small blocks, or as sparse cross products where they are tied.

    Parameters
    ----------
    reduction : Reduction
        Response and design, reduced.
    method : {"reml", "ml"}
        Whose sums are wanted.
    combination : ndarray, shape (p + 1, c)
        Combinations of the columns [X, y] that stand for them.
    """

    def __init__(self, reduction: Reduction, method: str, combination: np.ndarray) -> None:
        self.reduction = reduction
        self.method = method
        self.shapes = reduction.layout.shapes
        self.slices = reduction.layout.ranef_slices
        self.combination = combination
        self.blocks = linalg.small_blocks(reduction.arrowheads)

    def factor(self, Lam: list[np.ndarray]) -> linalg.SparseFactor | linalg.BlockTriangle:
        """Log determinant and triangle at Λ_k (q, q)."""
        if self.blocks:
            return linalg.block_triangle(self.blocks, Lam, self.combination)
        return self._sparse_factor(Lam)

    def at(self, Lam: list[np.ndarray], more_rows: np.ndarray | None = None) -> Projections:
        """Exact first derivatives; average second ones of log|V|.

        With rows (m, p + 1) more of [X, y] where they are given: those of a prior of β.
        """
        if self.blocks:
            return self._of_blocks(Lam, more_rows)
        return self._of_sparse_rows(Lam, more_rows)

    def _of_blocks(self, Lam: list[np.ndarray], more_rows: np.ndarray | None) -> Projections:
        """By one orthogonal elimination a block."""
        projection = linalg.project_blocks(self.blocks, Lam, self.combination)
        of_rhs = projection.rhs_products(self.reduction.layout.width)

        # What X leaves of y, and an orthonormal basis of what the effects leave of X.
        T = _with_rows(projection.triangle, more_rows)
        p = len(T) - 1
        G_X = of_rhs[:, :p] @ np.linalg.inv(T[:p, :p])
        g = of_rhs[:, p] - G_X @ T[:p, p]
        sums = self._sums_of_method(projection.kind_sums([q for _, q in self.shapes]), G_X)

        def apply(columns: np.ndarray) -> np.ndarray:
            return projection.times(columns) - G_X @ (G_X.T @ columns)

        return self._projections(projection.log_det, T, sums, g, G_X, apply)

    def _of_sparse_rows(self, Lam: list[np.ndarray], more_rows: np.ndarray | None) -> Projections:
        """By the sparse factor."""
        whole = self.reduction.whole
        factor = self._sparse_factor(Lam)
        T = _with_rows(factor.triangle, more_rows)
        p = len(T) - 1
        place = np.empty(len(whole.columns), int)  # of a column in the factor's order
        place[whole.columns] = np.arange(len(whole.columns))

        # What X and y leave, and Z' times it.
        R_inverse = np.linalg.inv(T[:p, :p])
        E_X = factor.residual[:, :p] @ R_inverse
        e_y = factor.residual[:, p] - E_X @ T[:p, p]
        G_X = (whole.transposed @ E_X)[place]
        g = (whole.transposed @ e_y)[place]
        sums = self._sums_of_method(linalg.kind_sums(factor), G_X)

        def apply(columns: np.ndarray) -> np.ndarray:
            rows = factor.complement(whole.Z @ columns[whole.columns])
            return (whole.transposed @ rows)[place] - G_X @ (G_X.T @ columns)

        return self._projections(factor.log_det, T, sums, g, G_X, apply)

    def _sparse_factor(self, Lam: list[np.ndarray]) -> linalg.SparseFactor:
        return linalg.factorise_sparse(self.reduction.whole, Lam, self.combination)

    def _projections(
        self,
        log_det: float,
        T: np.ndarray,
        sums: list[np.ndarray],
        g: np.ndarray,
        G_X: np.ndarray,
        apply: Callable[[np.ndarray], np.ndarray],
    ) -> Projections:
        """With the average information in place of traces."""
        return Projections(log_det, T, sums, g, G_X, apply, lambda products: products)

    def _sums_of_method(self, sums: list[np.ndarray], G_X: np.ndarray) -> list[np.ndarray]:
        """The sums of V⁻¹ for ML, of P for REML."""
        if self.method == "ml":
            return sums
        by_term = zip(sums, self._split_columns(G_X), strict=True)
        return [of_V - _bundle_products(of_term) for of_V, of_term in by_term]

    def _split_columns(self, G: np.ndarray) -> list[np.ndarray]:
        """Columns (K, p) by term: (J, q, p)."""
        return [
            G[part].reshape(J, q, -1) for part, (J, q) in zip(self.slices, self.shapes, strict=True)
        ]


def _with_rows(triangle: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
    """The triangle (c, c) of right-hand sides with rows (m, c) more of them."""
    if rows is None:
        return triangle
    return linalg.triangle_stack(np.vstack([triangle, rows])[..., None])[..., 0]


def _bundle_products(G: np.ndarray) -> np.ndarray:
    """Σ_j G_j G_j' (q, q) of bundles G (J, q, p)."""
    J, q, p = G.shape
    by_position = np.moveaxis(G, 1, 0).reshape(q, J * p)
    return by_position @ by_position.T
