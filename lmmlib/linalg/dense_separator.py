"""The separator of a sparse arrowhead as one dense matrix."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotri

from lmmlib.linalg.coupling import Coupling
from lmmlib.linalg.triangles import scale_columns, symmetric

# Share of its largest entry that a diagonal entry of Λ_k must have to be divided by.
REGULAR = 1e-6


@dataclass(frozen=True, eq=False)
class DenseSeparator:
    """Factor of M = Λ'KΛ + I for what the blocks leave of cross products, K, of h columns.

    Attributes
    ----------
    coupling : Coupling
        Of the blocks with the separator.
    Lam : tuple of ndarray
        Λ_k (w, w) of each kind.
    counts : tuple of int
        Columns by kind.
    halves : list of ndarray
        G (q, q, L) of each group of blocks: K is theirs less C'GG'C.
    chol : ndarray, shape (h, h)
        Upper triangle of M.
    """

    coupling: Coupling
    Lam: tuple[np.ndarray, ...]
    counts: tuple[int, ...]
    halves: list[np.ndarray]
    chol: np.ndarray

    @property
    def log_det(self) -> float:
        """Log determinant of the triangle."""
        return float(np.log(np.diag(self.chol)).sum())

    def forward(self, rhs: np.ndarray) -> np.ndarray:
        """R'^{-1} rhs, (h, m)."""
        return solve_triangular(self.chol, rhs, trans=1)

    def back(self, x: np.ndarray) -> np.ndarray:
        """R^{-1} x, (h, m)."""
        return solve_triangular(self.chol, x)

    def times(self, s: np.ndarray) -> np.ndarray:
        """R s, (h, m)."""
        return self.chol @ s

    def inverse_bundles(self) -> list[np.ndarray]:
        """Diagonal bundles (J, w, w) of M^{-1} for each kind."""
        bundles = []
        start = 0
        for Lam, count in zip(self.Lam, self.counts, strict=True):
            rows = np.arange(start, start + count).reshape(-1, len(Lam))
            bundles.append(self._inverse[rows[:, :, None], rows[:, None, :]])
            start += count
        return bundles

    def through(self) -> list[np.ndarray]:
        """X = CΛM^{-1}Λ'C' of the blocks of each group, (q, q, L)."""
        transposed = [L.T for L in self.Lam]
        half = scale_columns(self._inverse[None], transposed, self.counts)[0]
        Q = scale_columns(half.T[None], transposed, self.counts)[0]
        return self.coupling.adjoint(Q)

    def kind_sums(self) -> list[np.ndarray]:
        """Sums (w, w) of the diagonal bundles of K − KΛM^{-1}Λ'K, kind by kind.

        KΛM^{-1} is that times Λ: a regular Λ_k is divided out, which saves a product of matrices.
        """
        K = symmetric(self.coupling.remainder(self.halves))
        scaled = scale_columns(K[None], self.Lam, self.counts)[0]
        sums = []
        start = 0
        for Lam, count in zip(self.Lam, self.counts, strict=True):
            stop = start + count
            w = len(Lam)
            of_kind = np.zeros((w, w))
            if count and is_regular(Lam):
                times_Lam = np.empty((w, w))
                for i in range(w):
                    for j in range(w):
                        rows = scaled[start + i : stop : w]
                        times_Lam[i, j] = np.vdot(rows, self._inverse[start + j : stop : w])
                block = np.linalg.solve(Lam.T, times_Lam.T).T
                of_kind = 0.5 * (block + block.T)
            elif count:
                rows = scaled[start:stop]
                products = rows @ self._inverse
                for i in range(w):
                    for j in range(w):
                        own = K[range(start + i, stop, w), range(start + j, stop, w)].sum()
                        of_kind[i, j] = own - np.vdot(products[i::w], rows[j::w])
            sums.append(of_kind)
            start = stop
        return sums

    @cached_property
    def _inverse(self) -> np.ndarray:
        """M^{-1}, (h, h)."""
        if not len(self.chol):
            return np.zeros((0, 0))
        lower, info = dpotri(self.chol.T, lower=1)
        if info:
            raise np.linalg.LinAlgError("the separator's factor has a zero on its diagonal")
        return symmetric(lower)


def dense_separator(
    coupling: Coupling, Lam: tuple[np.ndarray, ...], counts: tuple[int, ...], halves: list
) -> DenseSeparator:
    """Factor M for G (q, q, L) of each group of blocks."""
    lower_cross = coupling.remainder(halves)
    return DenseSeparator(coupling, Lam, counts, halves, _upper_chol(lower_cross, Lam, counts))


def is_regular(Lam: np.ndarray) -> bool:
    """Whether a triangle Λ_k can be divided by."""
    return bool(np.abs(np.diag(Lam)).min() > REGULAR * np.abs(Lam).max())


def _upper_chol(
    lower_cross: np.ndarray, Lam: Sequence[np.ndarray], counts: Sequence[int]
) -> np.ndarray:
    """Upper triangle (h, h) of Λ'KΛ + I from the lower one of K, which is overwritten."""
    h = len(lower_cross)
    if not h:
        return np.zeros((0, 0))
    if all(len(factor) == 1 for factor in Lam):
        scale = np.repeat([factor[0, 0] for factor in Lam], counts)
        M = lower_cross
        M *= scale
        M *= scale[:, None]
    else:
        half_scaled = scale_columns(symmetric(lower_cross)[None], Lam, counts)[0]
        M = scale_columns(half_scaled.T[None], Lam, counts)[0]
    M[range(h), range(h)] += 1.0
    try:
        return np.linalg.cholesky(M).T  # NumPy's works beside other threads, SciPy's does not
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(
            "the separator's Schur complement is not positive definite to rounding"
        ) from error
