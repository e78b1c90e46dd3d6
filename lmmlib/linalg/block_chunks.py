"""Small blocks of arrowheads, some at a time, and what eliminates their columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dgeqrf

from lmmlib.linalg.arrowhead import Arrowhead, DiagonalBlocks
from lmmlib.linalg.block_products import block_factor
from lmmlib.linalg.sparse_arrowhead import SparseArrowhead
from lmmlib.linalg.stacks import WIDEST_UNROLLED, eliminate_stack, scale_stack

CHUNK_ENTRIES = 250_000  # of the rows of blocks held at a time: they stay in a processor's cache
LARGE = 10.0  # ratio of SDs above which effects are projected by way of their inverse
REGULAR = 1e-3  # share of its largest entry that the diagonal of Λ_k must have for that


def small_blocks(arrowheads: Sequence[Arrowhead | SparseArrowhead]) -> tuple[Arrowhead, ...]:
    """The arrowheads, where none has a separator and each block few columns; else none of them.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import find_partition, reduce_to_arrowheads
    >>> Z = csr_array(np.array([[1.0], [1.0]]))
    >>> arrowheads = reduce_to_arrowheads(Z, np.ones((2, 1)), find_partition(Z, [(1, 1)]))
    >>> len(small_blocks(arrowheads))
    1
    """
    small = []
    for arrowhead in arrowheads:
        if isinstance(arrowhead, SparseArrowhead) or len(arrowhead.separator):
            return ()
        if any(len(blocks.columns) > WIDEST_UNROLLED for blocks in arrowhead.diagonal_blocks):
            return ()
        small.append(arrowhead)
    return tuple(small)


@dataclass(frozen=True, eq=False)
class BlockChunk:
    """Rows (q, q + c, l) of some blocks of q columns, and how right-hand sides combine."""

    rows: np.ndarray
    columns: np.ndarray
    counts: tuple[int, ...]
    combination: np.ndarray | None

    @property
    def own(self) -> np.ndarray:
        """Columns of the blocks, (q, q, l)."""
        return self.rows[:, : len(self.columns)]

    @property
    def rhs(self) -> np.ndarray:
        """Right-hand sides, combined, (q, k, l)."""
        return combined_rhs(self.rows[:, len(self.columns) :], self.combination)


def block_chunks(diagonal: DiagonalBlocks, combination: np.ndarray | None) -> list[BlockChunk]:
    """Few enough blocks at a time."""
    q, w, C, L = diagonal.rows.shape
    rows = diagonal.rows.reshape(q, w, C * L)
    columns = diagonal.columns.reshape(q, C * L)
    step = max(1, CHUNK_ENTRIES // (2 * q * (w + q)))
    parts = [slice(start, start + step) for start in range(0, C * L, step)]
    return [
        BlockChunk(rows[..., part], columns[:, part], diagonal.counts, combination)
        for part in parts
    ]


def combined_rhs(rhs: np.ndarray, combination: np.ndarray | None) -> np.ndarray:
    """Right-hand sides (r, c, L) combined by (c, k)."""
    if combination is None:
        return rhs
    return np.einsum("rcl,ck->rkl", rhs, combination)


def scaled_columns(chunk: BlockChunk, Lam: Sequence[np.ndarray]) -> np.ndarray:
    """ZΛ of blocks, (q, q, l)."""
    stacked = [factor[..., None] for factor in Lam]
    return scale_stack(chunk.own, stacked, chunk.counts)[..., 0]


def eliminate_penalised(top: np.ndarray, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eliminate the first q columns of rows (q, w, l) above [I, below], the same in all blocks."""
    q, w, stack = top.shape
    rows = np.zeros((2 * q, w, stack))
    rows[:q] = top
    rows[range(q, 2 * q), range(q)] = 1.0
    rows[q:, q:] = below[..., None]
    return eliminate_stack(rows, q, band=q)


def triangle_of_rows(rows: Sequence[np.ndarray]) -> np.ndarray:
    """One triangle (c, c, 1) of rows (r, c, l)."""
    c = rows[0].shape[1]
    # Columns one after the other in memory, as LAPACK takes them, and zeros for few rows.
    columns = [np.swapaxes(part, 0, 1).reshape(c, -1) for part in rows]
    stacked = np.concatenate([*columns, np.zeros((c, c))], 1)
    factored, _, _, _ = dgeqrf(stacked.T, overwrite_a=1)
    return np.triu(factored[:c])[..., None]


def column_products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Products (a, b, l) of columns of rows (r, a, l) and (r, b, l)."""
    out = np.empty((left.shape[1], right.shape[1], left.shape[2]))
    for a in range(left.shape[1]):
        for b in range(right.shape[1]):
            np.einsum("rl,rl->l", left[:, a], right[:, b], out=out[a, b])
    return out


def large_inverse(Lam: Sequence[np.ndarray], counts: Sequence[int]) -> np.ndarray:
    """Λ⁻¹ (q, q) of a block in the columns of kinds whose effects are large, zero elsewhere."""
    inverses = [np.linalg.inv(L) if is_large(L) else np.zeros_like(L) for L in Lam]
    return block_factor(inverses, counts)


def is_large(factor: np.ndarray) -> bool:
    """Whether the effects of Λ_k (q, q) are large beside a row, in every direction.

    Examples
    --------
    >>> is_large(np.diag([20.0, 30.0])), is_large(np.diag([20.0, 3.0]))
    (True, False)
    """
    smallest = np.abs(factor.diagonal()).min()
    return bool(smallest > LARGE and smallest > REGULAR * np.abs(factor).max())
