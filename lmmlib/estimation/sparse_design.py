"""Many effects: exact first derivatives from sparse cross products, average second ones."""

import numpy as np

from lmmlib import linalg
from lmmlib.estimation.projections import Projections
from lmmlib.model import Reduction


class SparseDesign:
    """The rows of a reduction as sparse cross products.

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

    def factor(self, Lam: list[np.ndarray]) -> linalg.SparseFactor:
        """The factor at Λ_k (q, q)."""
        return linalg.factorise_sparse(self.reduction.whole, Lam, self.combination)

    def at(self, Lam: list[np.ndarray]) -> Projections:
        """Exact first derivatives from the sparse factor; average second ones of log|V|."""
        whole = self.reduction.whole
        factor = self.factor(Lam)
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
            G[part].reshape(J, q, -1) for part, (J, q) in zip(self.slices, self.shapes, strict=True)
        ]
