"""What diagonal blocks leave of a separator's cross products, K − C'HC, and the adjoint of C'HC.

H is block diagonal and differs from evaluation to evaluation; C and K do not. Where few pairs of
columns meet in a block, the product is a sparse linear map of the entries of H, made once. Where
many do, dense chunks go through BLAS. What is left is the one array made of the separator's size.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg.blas import dsyrk
from scipy.sparse import coo_array, csr_array, tril

from lmmlib.linalg.block_patterns import (
    BlockPattern,
    block_entries,
    block_patterns,
    places,
    symmetric_blocks,
)

MOST_PAIRS = 20_000_000  # products that the sparse map may hold, twelve bytes each
CHUNK_ENTRIES = 4_000_000  # of dense rows of the coupling held at a time


@dataclass(frozen=True, eq=False)
class Coupling:
    """The rows C of diagonal blocks in the columns of a separator, and its own cross products K.

    Attributes
    ----------
    C : scipy.sparse.csr_array, shape (r, h)
        Rows by group, block and position in the block.
    K : scipy.sparse.csr_array, shape (h, h)
        Cross products of the separator's columns.
    groups : tuple of tuple of int
        Blocks L and columns q of each group.
    """

    C: csr_array
    K: csr_array
    groups: tuple[tuple[int, int], ...]

    @property
    def width(self) -> int:
        """Columns of the separator."""
        return self.C.shape[1]

    @cached_property
    def pairs(self) -> csr_array | None:
        """The map from the entries of H, and a one, to the lower triangle of K − C'HC.

        None where it would hold too many products.
        """
        patterns = list(block_patterns(self.C, self.groups))
        products = sum(len(p.blocks) * p.columns.shape[1] ** 2 * p.q**2 for p in patterns)
        if products > MOST_PAIRS:
            return None
        h = self.width
        return map_of_pairs(patterns, self.K, self.entries, lambda a, b: a * h + b, h * h)

    @property
    def entries(self) -> int:
        """Entries of H."""
        return sum(L * q * q for L, q in self.groups)

    def remainder(self, halves: Sequence[np.ndarray]) -> np.ndarray:
        """The lower triangle of K − C'HC (h, h), H = GG' with blocks G (q, q, L) of each group."""
        h = self.width
        if not h:
            return np.zeros((0, 0))
        if self.pairs is not None:
            return (self.pairs @ block_entries(halves)).reshape(h, h)
        upper = self.K.toarray(order="F")
        for rows, G in self._chunks(halves):
            through = _from_left(G, rows).T
            upper = dsyrk(-1.0, through, beta=1.0, c=upper, lower=0, overwrite_c=1)
        return upper.T

    def adjoint(self, Q: np.ndarray) -> list[np.ndarray]:
        """Diagonal blocks C_l Q C_l' of each group, (q, q, L), for a symmetric Q (h, h)."""
        if self.pairs is not None:
            lower = np.tril(Q)
            lower[np.diag_indices_from(lower)] /= 2
            return symmetric_blocks(-(self.pairs.T @ lower.ravel()), self.groups)
        blocks = []
        for start, L, q in places(self.groups):
            block = np.empty((q, q, L))
            step = max(1, CHUNK_ENTRIES // max(1, q * self.width))
            for first in range(0, L, step):
                last = min(L, first + step)
                rows = self.C[start + first * q : start + last * q].toarray()
                through = (rows @ Q).reshape(last - first, q, -1)
                own = rows.reshape(last - first, q, -1)
                block[..., first:last] = np.einsum("lih,ljh->ijl", through, own, optimize=True)
            blocks.append(block)
        return blocks

    def _chunks(self, halves: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Dense rows (l q, h) of some blocks, with their G (q, q, l)."""
        for (start, L, q), G in zip(places(self.groups), halves, strict=True):
            step = max(1, CHUNK_ENTRIES // max(1, q * self.width))
            for first in range(0, L, step):
                last = min(L, first + step)
                rows = self.C[start + first * q : start + last * q].toarray()
                yield rows, G[..., first:last]


def map_of_pairs(
    patterns: Sequence[BlockPattern],
    K: csr_array,
    size: int,
    number: Callable[[np.ndarray, np.ndarray], np.ndarray],
    numbers: int,
) -> csr_array:
    """Sparse (numbers, size + 1): an entry (a, b), a ≥ b, is K_ab − Σ C_ia C_jb H_ij over blocks.

    ``number`` says where it stands, and a one follows the entries of H.
    """
    own = coo_array(tril(K))
    rows = [number(own.row.astype(np.int64), own.col.astype(np.int64))]
    columns = [np.full(own.nnz, size)]
    products = [own.data]
    for pattern in patterns:
        for a, b, entry, product in pattern.products():
            rows.append(number(a, b))
            columns.append(entry)
            products.append(-product)
    data = np.concatenate(products)
    index = (np.concatenate(rows), np.concatenate(columns))
    return csr_array(coo_array((data, index), shape=(numbers, size + 1)))


def _from_left(G: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows (l q, h) with G' applied to those of each block."""
    q, _, L = G.shape
    if q == 1:
        return G[0, 0][:, None] * rows
    by_block = rows.reshape(L, q, -1)
    return np.einsum("ijl,lih->ljh", G, by_block, optimize=True).reshape(L * q, -1)
