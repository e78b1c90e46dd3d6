"""The factor of Λ'Z'ZΛ + I for one Λ, from the cross products of a sparse arrowhead.

Blocks first, then the Schur complement of the separator, dense or front by front. Sums of squares
are taken of the residuals themselves, never as a difference.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lmmlib.linalg.block_products import (
    block_chol,
    block_factor,
    block_half,
    by_block,
    from_blocks,
    scaled_rows,
    times_blocks,
)
from lmmlib.linalg.dense_separator import DenseSeparator, dense_separator
from lmmlib.linalg.sparse_arrowhead import SparseArrowhead
from lmmlib.linalg.sparse_separator import SparseSeparator, sparse_separator
from lmmlib.linalg.stacks import solve_lower_stack, solve_upper_stack


@dataclass(frozen=True, eq=False)
class SparseFactor:
    r"""R with R'R = Λ'Z'ZΛ + I in two parts, and the best s of min \|B − ZΛs\|² + \|s\|².

    Attributes
    ----------
    arrowhead : SparseArrowhead
        What was factored; rows and columns of all below are in its order.
    Lam : tuple of ndarray
        Λ_k (w, w) of each kind.
    block_chols : tuple of ndarray
        Upper triangles F (q, q, L) of each group's blocks, F'F = Λ'Z'ZΛ + I there.
    separator : DenseSeparator or SparseSeparator
        Factor of the Schur complement.
    solution : ndarray, shape (K, k)
        The best s for each right-hand side.
    residual : ndarray, shape (n, k)
        B − ZΛs.
    log_det : float
        Log determinant log|R|.
    """

    arrowhead: SparseArrowhead
    Lam: tuple[np.ndarray, ...]
    block_chols: tuple[np.ndarray, ...]
    separator: DenseSeparator | SparseSeparator
    solution: np.ndarray
    residual: np.ndarray
    log_det: float

    @cached_property
    def triangle(self) -> np.ndarray:
        """Upper T (k, k): the least sum of squares for a combination t is |Tt|²."""
        k = self.residual.shape[1]
        rows = np.concatenate([self.residual, self.solution, np.zeros((k, k))])
        return np.linalg.qr(rows, mode="r")

    def scaled(self, s: np.ndarray) -> np.ndarray:
        """Λs for s (K, m)."""
        return self._block_diagonal(s, transposed=False)

    def scaled_rhs(self, t: np.ndarray) -> np.ndarray:
        """Λ't for t (K, m)."""
        return self._block_diagonal(t, transposed=True)

    def forward(self, rhs: np.ndarray) -> np.ndarray:
        """R'^{-1} rhs, (K, m)."""
        own = self.arrowhead.own
        C = self.arrowhead.coupling.C
        x = np.empty_like(rhs)
        through = np.empty((own, rhs.shape[1]))
        for part, F, Lam in self._blocks():
            y = solve_lower_stack(F[..., None], by_block(rhs[part], len(F)))
            x[part] = from_blocks(y)
            through[part] = from_blocks(times_blocks(Lam, solve_upper_stack(F[..., None], y)))
        coupled = self._separator_scaled(C.T @ through, transposed=True)
        if self.arrowhead.width:
            x[own:] = self.separator.forward(rhs[own:] - coupled)
        return x

    def back(self, x: np.ndarray) -> np.ndarray:
        """R^{-1} x, (K, m)."""
        own = self.arrowhead.own
        s = np.empty_like(x)
        if self.arrowhead.width:
            s[own:] = self.separator.back(x[own:])
        coupled = self.arrowhead.coupling.C @ self._separator_scaled(s[own:], transposed=False)
        for part, F, Lam in self._blocks():
            shift = times_blocks(Lam.T, by_block(coupled[part], len(F)))
            shift = solve_lower_stack(F[..., None], shift)
            rest = by_block(x[part], len(F)) - shift
            s[part] = from_blocks(solve_upper_stack(F[..., None], rest))
        return s

    def times(self, s: np.ndarray) -> np.ndarray:
        """R s, (K, m)."""
        own = self.arrowhead.own
        x = np.empty_like(s)
        x[own:] = self.separator.times(s[own:])
        coupled = self.arrowhead.coupling.C @ self._separator_scaled(s[own:], transposed=False)
        for part, F, Lam in self._blocks():
            shift = solve_lower_stack(
                F[..., None], times_blocks(Lam.T, by_block(coupled[part], len(F)))
            )
            of_block = np.einsum("ijl,jlm->ilm", F, by_block(s[part], len(F)))
            x[part] = from_blocks(of_block + shift)
        return x

    def solve(self, rhs: np.ndarray) -> np.ndarray:
        """(Λ'Z'ZΛ + I)^{-1} rhs, (K, m)."""
        return self.back(self.forward(rhs))

    def complement(self, rows: np.ndarray) -> np.ndarray:
        """(I + ZΛΛ'Z')^{-1} times rows (n, m): what the columns leave of them."""
        rhs = self.scaled_rhs(self.arrowhead.transposed @ rows)
        return rows - self.arrowhead.Z @ self.scaled(self.solve(rhs))

    def _blocks(self) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Where each group's columns stand, its triangles, and Λ (q, q) of a block."""
        start = 0
        for group, F in zip(self.arrowhead.groups, self.block_chols, strict=True):
            L, q = group.size
            yield slice(start, start + L * q), F, block_factor(self.Lam, group.counts)
            start += L * q

    def _block_diagonal(self, v: np.ndarray, transposed: bool) -> np.ndarray:
        """Λv or Λ'v for v (K, m)."""
        out = np.empty_like(v)
        for part, F, Lam in self._blocks():
            factor = Lam.T if transposed else Lam
            out[part] = from_blocks(times_blocks(factor, by_block(v[part], len(F))))
        own = self.arrowhead.own
        out[own:] = self._separator_scaled(v[own:], transposed)
        return out

    def _separator_scaled(self, v: np.ndarray, transposed: bool) -> np.ndarray:
        """Λv or Λ'v for v (h, m) of the separator."""
        return scaled_rows(v, self.Lam, self.arrowhead.separator_counts, transposed)


def factorise_sparse(
    arrowhead: SparseArrowhead, Lam: Sequence[np.ndarray], combination: np.ndarray | None = None
) -> SparseFactor:
    r"""Minimise \|B t − ZΛs\|² + \|s\|² over s for all t, at one Λ.

    Parameters
    ----------
    arrowhead : SparseArrowhead
        Cross products of the rows.
    Lam : sequence of ndarray
        One lower triangular Λ_k (w, w) per kind.
    combination : ndarray, shape (c, k), optional
        Combinations of the right-hand sides; themselves if None.

    Returns
    -------
    SparseFactor
        Factor, solution and residuals.

    Notes
    -----
    Cost O(Σ d² + h³/3) for blocks that touch d columns of the separator each, and less where its
    factor is sparse. Residual sums of squares err by the square of the solution's error.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), section 3.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import find_partition
    >>> from lmmlib.linalg.sparse_arrowhead import sparse_arrowhead
    >>> Z = csr_array(np.array([[1.0], [1.0]]))
    >>> whole = sparse_arrowhead(Z, np.array([[1.0], [2.0]]), find_partition(Z, [(1, 1)]))
    >>> factor = factorise_sparse(whole, [np.ones((1, 1))])
    >>> round(float(np.exp(2 * factor.log_det)), 9), round(factor.triangle.item() ** 2, 9)
    (3.0, 2.0)
    """
    factors = tuple(Lam)

    # Blocks: Λ'Z'ZΛ + I = F'F.
    block_chols = tuple(block_chol(group, factors) for group in arrowhead.groups)
    log_det = sum(float(np.log(np.einsum("iil->il", F)).sum()) for F in block_chols)

    # The Schur complement of the separator.
    separator = _factor_of_separator(arrowhead, factors, block_chols)
    log_det += separator.log_det

    # The best s of each right-hand side, and its residual.
    B = arrowhead.B if combination is None else arrowhead.B @ combination
    rhs = arrowhead.projected_rhs if combination is None else arrowhead.projected_rhs @ combination
    no_rhs = np.zeros((0, 0))
    bare = SparseFactor(
        arrowhead,
        factors,
        block_chols,
        separator,
        no_rhs,
        no_rhs,
        log_det,
    )
    solution = bare.solve(bare.scaled_rhs(rhs))
    residual = B - arrowhead.Z @ bare.scaled(solution)
    return replace(bare, solution=solution, residual=residual)


def _factor_of_separator(
    arrowhead: SparseArrowhead, Lam: tuple[np.ndarray, ...], block_chols: Sequence[np.ndarray]
) -> DenseSeparator | SparseSeparator:
    """Factor of what the blocks leave, with H = GG' what a block takes by way of its columns."""
    halves = [
        block_half(F, block_factor(Lam, group.counts))
        for group, F in zip(arrowhead.groups, block_chols, strict=True)
    ]
    pattern = arrowhead.separator_pattern
    counts = arrowhead.separator_counts
    if pattern is None:
        return dense_separator(arrowhead.coupling, Lam, counts, halves)
    return sparse_separator(pattern, arrowhead.coupling.groups, Lam, counts, halves)
