"""What diagonal blocks leave of a separator's cross products, K − C'HC, and the adjoint of C'HC.

H is block diagonal and differs from evaluation to evaluation; C and K do not. Where few pairs of
columns meet in a block, the product is a sparse linear map of the entries of H, made once. Where
many do, dense chunks go through BLAS. What is left is the one array made of the separator's size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg.blas import dsyrk
from scipy.sparse import coo_array, csr_array, tril

from lmmlib.linalg.partition import ranks

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
        patterns = list(_block_patterns(self.C, self.groups))
        products = sum(len(p.blocks) * p.columns.shape[1] ** 2 * p.q**2 for p in patterns)
        if products > MOST_PAIRS:
            return None
        return _map_of_pairs(patterns, self.K, self.entries)

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
            blocks = [np.einsum("ikl,jkl->ijl", G, G).ravel() for G in halves]
            return (self.pairs @ np.concatenate([*blocks, [1.0]])).reshape(h, h)
        upper = self.K.toarray(order="F")
        for rows, G in self._chunks(halves):
            through = _from_left(G, rows).T
            upper = dsyrk(-1.0, through, beta=1.0, c=upper, lower=0, overwrite_c=1)
        return upper.T

    def adjoint(self, Q: np.ndarray) -> list[np.ndarray]:
        """Diagonal blocks C_l Q C_l' of each group, (q, q, L), for a symmetric Q (h, h)."""
        blocks = []
        if self.pairs is not None:
            lower = np.tril(Q)
            lower[np.diag_indices_from(lower)] /= 2
            values = -(self.pairs.T @ lower.ravel())
            start = 0
            for L, q in self.groups:
                half = values[start : start + L * q * q].reshape(q, q, L)
                blocks.append(half + np.swapaxes(half, 0, 1))
                start += L * q * q
            return blocks
        for start, L, q in _places(self.groups):
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
        for (start, L, q), G in zip(_places(self.groups), halves, strict=True):
            step = max(1, CHUNK_ENTRIES // max(1, q * self.width))
            for first in range(0, L, step):
                last = min(L, first + step)
                rows = self.C[start + first * q : start + last * q].toarray()
                yield rows, G[..., first:last]


@dataclass(frozen=True, eq=False)
class _Pattern:
    """Blocks of a group that touch as many columns of the separator.

    Attributes
    ----------
    q : int
        Rows of a block.
    blocks : ndarray of int, shape (m,)
        Numbers of the blocks in their group.
    columns : ndarray of int, shape (m, d)
        The columns that each touches.
    values : ndarray, shape (m, q, d)
        Its entries there.
    first_entry, entries : int
        Where the entries of H of the group begin, and how many blocks it has.
    """

    q: int
    blocks: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    first_entry: int
    entries: int


def _places(groups: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Where the rows of each group begin, its blocks and its columns."""
    start = 0
    for L, q in groups:
        yield start, L, q
        start += L * q


def _block_patterns(C: csr_array, groups: Sequence[tuple[int, int]]) -> Iterator[_Pattern]:
    """The blocks of each group by the number of columns that they touch."""
    first_entry = 0
    for start, L, q in _places(groups):
        if q:
            part = C[start : start + L * q].tocoo()
            block, row = np.divmod(part.row, q)

            # The distinct columns of each block, in order, and the place of each entry among them.
            key = block * C.shape[1] + part.col
            distinct, of_entry = np.unique(key, return_inverse=True)
            block_of, column_of = np.divmod(distinct, C.shape[1])
            place = ranks(block_of)
            touched = np.bincount(block_of, minlength=L)
            for d in np.unique(touched[touched > 0]):
                blocks = np.flatnonzero(touched == d)
                slot = np.full(L, -1)
                slot[blocks] = np.arange(len(blocks))
                columns = np.zeros((len(blocks), d), int)
                chosen = slot[block_of] >= 0
                columns[slot[block_of[chosen]], place[chosen]] = column_of[chosen]
                values = np.zeros((len(blocks), q, d))
                mine = slot[block] >= 0
                values[slot[block[mine]], row[mine], place[of_entry[mine]]] = part.data[mine]
                yield _Pattern(q, blocks, columns, values, first_entry, L)
        first_entry += L * q * q


def _map_of_pairs(patterns: Sequence[_Pattern], K: csr_array, size: int) -> csr_array:
    """Sparse (h², size + 1): an entry (a, b) with a ≥ b is K_ab − Σ C_ia C_jb H_ij over blocks."""
    h = K.shape[0]
    own = coo_array(tril(K))
    rows = [own.row.astype(np.int64) * h + own.col]
    columns = [np.full(own.nnz, size)]
    products = [own.data]
    for pattern in patterns:
        d = pattern.columns.shape[1]
        a, b = np.tril_indices(d)  # columns of a block ascend
        key = pattern.columns[:, a] * h + pattern.columns[:, b]
        for i in range(pattern.q):
            for j in range(pattern.q):
                entry = pattern.first_entry + (i * pattern.q + j) * pattern.entries
                product = pattern.values[:, i, a] * pattern.values[:, j, b]
                rows.append(key.ravel())
                columns.append(np.repeat(entry + pattern.blocks, len(a)))
                products.append(-product.ravel())
    data = np.concatenate(products)
    index = (np.concatenate(rows), np.concatenate(columns))
    return csr_array(coo_array((data, index), shape=(h * h, size + 1)))


def _from_left(G: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows (l q, h) with G' applied to those of each block."""
    q, _, L = G.shape
    if q == 1:
        return G[0, 0][:, None] * rows
    by_block = rows.reshape(L, q, -1)
    return np.einsum("ijl,lih->ljh", G, by_block, optimize=True).reshape(L * q, -1)
