"""Which columns of a separator each diagonal block touches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from lmmlib.linalg.partition import ranks


@dataclass(frozen=True, eq=False)
class BlockPattern:
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

    def products(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """For each entry (i, j) of H: columns a ≥ b that meet, the entry's number, C_ia C_jb.

        Flat arrays, one number for each block and pair.
        """
        d = self.columns.shape[1]
        a, b = np.tril_indices(d)  # columns of a block ascend
        of_a, of_b = self.columns[:, a].ravel(), self.columns[:, b].ravel()
        for i in range(self.q):
            for j in range(self.q):
                first = self.first_entry + (i * self.q + j) * self.entries
                entry = np.repeat(first + self.blocks, len(a))
                product = self.values[:, i, a] * self.values[:, j, b]
                yield of_a, of_b, entry, product.ravel()


def places(groups: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Where the rows of each group begin, its blocks and its columns."""
    start = 0
    for L, q in groups:
        yield start, L, q
        start += L * q


def block_patterns(C: csr_array, groups: Sequence[tuple[int, int]]) -> Iterator[BlockPattern]:
    """The blocks of each group by the number of columns that they touch."""
    first_entry = 0
    for start, L, q in places(groups):
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
                yield BlockPattern(q, blocks, columns, values, first_entry, L)
        first_entry += L * q * q


def block_entries(halves: Sequence[np.ndarray]) -> np.ndarray:
    """The entries of H = GG' for G (q, q, L) of each group, in their order, and a one."""
    blocks = [np.einsum("ikl,jkl->ijl", G, G).ravel() for G in halves]
    return np.concatenate([*blocks, [1.0]])


def symmetric_blocks(halves: np.ndarray, groups: Sequence[tuple[int, int]]) -> list[np.ndarray]:
    """Blocks B + B' (q, q, L) of each group, from the entries of B in the order of those of H."""
    blocks = []
    start = 0
    for L, q in groups:
        half = halves[start : start + L * q * q].reshape(q, q, L)
        blocks.append(half + np.swapaxes(half, 0, 1))
        start += L * q * q
    return blocks
