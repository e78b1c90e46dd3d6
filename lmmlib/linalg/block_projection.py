"""Blocks without a separator: factors and projections of all of them, a chunk of blocks at a time.

With V = I + ZΛΛ'Z' block diagonal, one orthogonal elimination a block gives its part of log|V|, of
the triangle of the right-hand sides and, on demand, of Z'V⁻¹Z and Z'V⁻¹B. No difference is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from lmmlib.linalg.arrowhead import Arrowhead
from lmmlib.linalg.block_chunks import (
    BlockChunk,
    block_chunks,
    column_products,
    combined_rhs,
    eliminate_penalised,
    large_inverse,
    scaled_columns,
    triangle_of_rows,
)
from lmmlib.linalg.elimination import log_diagonal
from lmmlib.linalg.threads import side_by_side


@dataclass(frozen=True, eq=False)
class BlockTriangle:
    """What is left of right-hand sides when all columns of all blocks are eliminated.

    Attributes
    ----------
    log_det : float
        Half of log|V|.
    triangle : ndarray, shape (c, c)
        Upper T with T'T = B'V⁻¹B.
    """

    log_det: float
    triangle: np.ndarray


@dataclass(frozen=True, eq=False)
class BlockProjection:
    """The same with what V⁻¹ makes of the columns, shape by shape of the blocks.

    Attributes
    ----------
    log_det : float
        Half of log|V|.
    triangle : ndarray, shape (c, c)
        Upper T with T'T = B'V⁻¹B.
    columns : tuple of ndarray of int, shape (q, L)
        Numbers of the columns of L blocks.
    counts : tuple of tuple of int
        Columns of a block by kind.
    inner : tuple of ndarray, shape (q, q, L)
        Z'V⁻¹Z of each block.
    of_rhs : tuple of ndarray, shape (q, c, L)
        Z'V⁻¹B of each block.
    """

    log_det: float
    triangle: np.ndarray
    columns: tuple[np.ndarray, ...]
    counts: tuple[tuple[int, ...], ...]
    inner: tuple[np.ndarray, ...]
    of_rhs: tuple[np.ndarray, ...]

    def kind_sums(self, widths: Sequence[int]) -> list[np.ndarray]:
        """Sums (w, w) of the bundles of Z'V⁻¹Z on the diagonal, by kind."""
        sums = [np.zeros((w, w)) for w in widths]
        for inner, counts in zip(self.inner, self.counts, strict=True):
            total = inner.sum(-1)
            start = 0
            for of_kind, w, count in zip(sums, widths, counts, strict=True):
                for first in range(start, start + count, w):
                    of_kind += total[first : first + w, first : first + w]
                start += count
        return sums

    def rhs_products(self, K: int) -> np.ndarray:
        """Z'V⁻¹B, (K, c)."""
        out = np.zeros((len(self.triangle), K))
        for columns, of_rhs in zip(self.columns, self.of_rhs, strict=True):
            for of_position, numbers in zip(of_rhs, columns, strict=True):
                out[:, numbers] = of_position
        return out.T

    def times(self, v: np.ndarray) -> np.ndarray:
        """Z'V⁻¹Z v for v (K, m)."""
        by_column = np.ascontiguousarray(v.T)
        out = np.zeros_like(by_column)
        for columns, inner in zip(self.columns, self.inner, strict=True):
            own = [by_column.take(numbers, axis=1) for numbers in columns]
            for of_position, numbers in zip(inner, columns, strict=True):
                out[:, numbers] = sum(x * part for x, part in zip(of_position, own, strict=True))
        return out.T


def block_triangle(
    arrowheads: Sequence[Arrowhead],
    Lam: Sequence[np.ndarray],
    combination: np.ndarray | None = None,
) -> BlockTriangle:
    r"""Minimise \|B t − ZΛs\|² + \|s\|² over s for all t, at one Λ, and keep no factor.

    Parameters
    ----------
    arrowheads : sequence of Arrowhead
        Small blocks.
    Lam : sequence of ndarray
        One lower triangular Λ_k (w, w) per kind.
    combination : ndarray, shape (c, k), optional
        Combinations of the right-hand sides; themselves if None.

    Returns
    -------
    BlockTriangle
        At this Λ.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import find_partition, reduce_to_arrowheads
    >>> Z = csr_array(np.array([[1.0], [1.0]]))
    >>> B = np.array([[1.0], [2.0]])
    >>> arrowheads = reduce_to_arrowheads(Z, B, find_partition(Z, [(1, 1)]))
    >>> block = block_triangle(arrowheads, [np.ones((1, 1))])
    >>> round(float(np.exp(2 * block.log_det)), 9), round(block.triangle.item() ** 2, 9)
    (3.0, 2.0)
    """
    left = [combined_rhs(arrowhead.remainder, combination) for arrowhead in arrowheads]
    diagonals = [diagonal for arrowhead in arrowheads for diagonal in arrowhead.diagonal_blocks]
    chunks = [chunk for diagonal in diagonals for chunk in block_chunks(diagonal, combination)]
    parts = side_by_side(partial(_eliminate, Lam=Lam), chunks)
    triangle = triangle_of_rows([*left, *(part.triangle for part in parts)])
    return BlockTriangle(sum(part.log_det for part in parts), triangle[..., 0])


def _eliminate(chunk: BlockChunk, Lam: Sequence[np.ndarray]) -> BlockTriangle:
    """Some blocks; their triangle is (c, c, 1)."""
    top = np.concatenate([scaled_columns(chunk, Lam), chunk.rhs], 1)
    q, w, _ = top.shape
    eliminated, remainder = eliminate_penalised(top, np.zeros((q, w - q)))
    return BlockTriangle(float(log_diagonal(eliminated).sum()), triangle_of_rows([remainder]))


def project_blocks(
    arrowheads: Sequence[Arrowhead],
    Lam: Sequence[np.ndarray],
    combination: np.ndarray | None = None,
) -> BlockProjection:
    """The same with the projections that first derivatives are sums of.

    Columns that Λ makes large go by way of what is left of the identity below ZΛ, −Λ⁻¹ times, which
    keeps all digits there.

    Parameters
    ----------
    arrowheads : sequence of Arrowhead
        Small blocks.
    Lam : sequence of ndarray
        One lower triangular Λ_k (w, w) per kind.
    combination : ndarray, shape (c, k), optional
        Combinations of the right-hand sides; themselves if None.

    Returns
    -------
    BlockProjection
        At this Λ.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import find_partition, reduce_to_arrowheads
    >>> Z = csr_array(np.array([[1.0], [1.0]]))
    >>> B = np.array([[1.0], [2.0]])
    >>> arrowheads = reduce_to_arrowheads(Z, B, find_partition(Z, [(1, 1)]))
    >>> projection = project_blocks(arrowheads, [np.ones((1, 1))])
    >>> projection.kind_sums([1])[0].round(9).tolist(), projection.rhs_products(1).round(9).tolist()
    ([[0.666666667]], [[1.0]])
    """
    left = [combined_rhs(arrowhead.remainder, combination) for arrowhead in arrowheads]
    diagonals = [diagonal for arrowhead in arrowheads for diagonal in arrowhead.diagonal_blocks]
    log_det = 0.0
    inner = []
    of_rhs = []
    for diagonal in diagonals:
        project = partial(_project, Lam=Lam, inverse=large_inverse(Lam, diagonal.counts))
        parts = side_by_side(project, block_chunks(diagonal, combination))
        log_det += sum(part.log_det for part in parts)
        left.extend(part.triangle for part in parts)
        inner.append(np.concatenate([part.inner for part in parts], -1))
        of_rhs.append(np.concatenate([part.of_rhs for part in parts], -1))
    return BlockProjection(
        log_det=log_det,
        triangle=triangle_of_rows(left)[..., 0],
        columns=tuple(d.columns.reshape(len(d.columns), -1) for d in diagonals),
        counts=tuple(diagonal.counts for diagonal in diagonals),
        inner=tuple(inner),
        of_rhs=tuple(of_rhs),
    )


@dataclass(frozen=True, eq=False)
class _ProjectedChunk:
    """Parts of a projection, of some blocks: Z'V⁻¹Z (q, q, l) and Z'V⁻¹B (q, c, l) whole."""

    log_det: float
    triangle: np.ndarray
    inner: np.ndarray
    of_rhs: np.ndarray


def _project(chunk: BlockChunk, Lam: Sequence[np.ndarray], inverse: np.ndarray) -> _ProjectedChunk:
    """Some blocks, with Λ⁻¹ (q, q) in the columns that Λ makes large."""
    rhs = chunk.rhs
    q, c, _ = rhs.shape
    below = np.concatenate([np.zeros((q, c)), -inverse], 1)
    is_large = inverse.any(0)
    own = np.where(is_large[:, None], 0.0, chunk.own)
    top = np.concatenate([scaled_columns(chunk, Lam), rhs, own], 1)
    eliminated, remainder = eliminate_penalised(top, below)
    beyond = remainder[:, c:]
    return _ProjectedChunk(
        log_det=float(log_diagonal(eliminated).sum()),
        triangle=triangle_of_rows([remainder[:, :c]]),
        inner=column_products(beyond, beyond),
        of_rhs=column_products(beyond, remainder[:, :c]),
    )
