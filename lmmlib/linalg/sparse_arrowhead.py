"""A sparse matrix as cross products: diagonal blocks, a separator, and the coupling between them.

Nothing dense over (columns of the blocks) × (columns of the separator) is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array, csr_array

from lmmlib.linalg.arrowhead import Arrowhead, rotate_to_arrowheads
from lmmlib.linalg.coupling import Coupling
from lmmlib.linalg.memory import check_memory
from lmmlib.linalg.partition import Partition
from lmmlib.linalg.separator_pattern import SeparatorPattern, find_separator_pattern

# of a column of ZΛ, up to which cross products keep ten digits of a density; at 1e9, where slopes
# leave little of the separator, five are left
LARGEST_SQUARE = 1e7


@dataclass(frozen=True, eq=False)
class BlockGroup:
    """Diagonal blocks of one shape.

    Attributes
    ----------
    cross : ndarray, shape (q, q, L)
        Cross products Z'Z of the own columns of L blocks.
    counts : tuple of int
        Own columns of a block by kind.
    """

    cross: np.ndarray
    counts: tuple[int, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Blocks L and columns q."""
        return self.cross.shape[2], self.cross.shape[0]


@dataclass(frozen=True, eq=False)
class SparseArrowhead:
    """Rows [Z B] with the columns of Z in the order blocks, then separator.

    Attributes
    ----------
    Z : scipy.sparse.csr_array, shape (n, K)
        Columns of the blocks, group by group, and of the separator.
    B : ndarray, shape (n, c)
        Right-hand sides.
    columns : ndarray of int, shape (K,)
        Numbers of the columns in the whole matrix.
    groups : tuple of BlockGroup
        Diagonal blocks of each shape.
    separator_counts : tuple of int
        Columns of the separator by kind; they add up to h.
    partition : Partition
        Partition of the whole matrix, with which the rows can be rotated instead.
    components : ndarray of int
        Numbers of the components of the partition that these rows belong to.
    rows : ndarray of int, shape (n,)
        Numbers of the rows in the whole matrix.
    """

    Z: csr_array
    B: np.ndarray
    columns: np.ndarray
    groups: tuple[BlockGroup, ...]
    separator_counts: tuple[int, ...]
    partition: Partition
    components: np.ndarray
    rows: np.ndarray

    @property
    def width(self) -> int:
        """Columns of the separator."""
        return sum(self.separator_counts)

    @property
    def own(self) -> int:
        """Columns of the blocks."""
        return len(self.columns) - self.width

    @property
    def entries(self) -> int:
        """Numbers that one evaluation works on."""
        return self.of_separator + self.Z.nnz + self.B.size

    @property
    def of_separator(self) -> int:
        """Numbers that the separator's factor holds."""
        pattern = self.separator_pattern
        return self.width**2 if pattern is None else pattern.fronts.size

    @property
    def widest_front(self) -> int:
        """Columns of the largest dense matrix that one evaluation factors."""
        pattern = self.separator_pattern
        return self.width if pattern is None else pattern.fronts.widest

    @cached_property
    def coupling(self) -> Coupling:
        """Cross products of the blocks' columns with those of the separator, and of these."""
        own = self.Z[:, : self.own]
        of_separator = self.Z[:, self.own :]
        C = csr_array(own.T @ of_separator)
        C.sort_indices()
        K = csr_array(of_separator.T @ of_separator)
        return Coupling(C, K, tuple(group.size for group in self.groups))

    @cached_property
    def separator_pattern(self) -> SeparatorPattern | None:
        """Where the separator's factor has entries; None if it is taken as dense."""
        widths = self.partition.widths
        return find_separator_pattern(self.coupling, self.separator_counts, widths)

    @cached_property
    def transposed(self) -> csr_array:
        """Z' by its rows."""
        return csr_array(self.Z.T)

    @cached_property
    def projected_rhs(self) -> np.ndarray:
        """Z'B, (K, c)."""
        return self.transposed @ self.B

    @cached_property
    def rotated(self) -> tuple[Arrowhead, ...]:
        """The same rows rotated, for when cross products would lose digits."""
        K = len(self.partition.position)
        check_memory(4 * len(self.columns) * (self.width + self.B.shape[1]), self._described)
        rows = self.Z.tocoo()
        columns = self.columns[rows.col]
        Z = csr_array(coo_array((rows.data, (self.rows[rows.row], columns)), (self.rows_in_all, K)))
        B = np.zeros((self.rows_in_all, self.B.shape[1]))
        B[self.rows] = self.B
        chosen = np.zeros(len(self.partition.separator_counts), bool)
        chosen[self.components] = True
        return rotate_to_arrowheads(Z, B, self.partition, chosen)

    @property
    def rows_in_all(self) -> int:
        """Rows of the whole matrix."""
        return len(self.partition.rows)

    @property
    def _described(self) -> str:
        return f"the rotation of {self.own} columns beside a separator of {self.width}"

    def keeps_digits(self, Lam: Sequence[np.ndarray]) -> bool:
        """Whether cross products of ZΛ are small enough, for Λ_k (S, w, w) of each kind."""
        largest = 0.0
        squares = self._squares_by_kind
        for square, factor in zip(squares, Lam, strict=True):
            largest = max(largest, square * float(np.max(np.sum(factor**2, (1, 2)), initial=0.0)))
        return largest < LARGEST_SQUARE

    @cached_property
    def _squares_by_kind(self) -> list[float]:
        """Largest sum of squares of a column of each kind."""
        squares = (self.Z**2).sum(0)
        largest = np.zeros(len(self.separator_counts))
        start = 0
        for group in self.groups:
            L, q = group.size
            by_position = squares[start : start + L * q].reshape(L, q)
            kind = np.repeat(np.arange(len(group.counts)), group.counts)
            np.maximum.at(largest, kind, by_position.max(0, initial=0.0))
            start += L * q
        kind = np.repeat(np.arange(len(largest)), self.separator_counts)
        np.maximum.at(largest, kind, squares[start:])
        return largest.tolist()


def sparse_arrowhead(
    Z: csr_array, B: np.ndarray, partition: Partition, chosen: np.ndarray | None = None
) -> SparseArrowhead:
    """Cross products of the rows of some components.

    Parameters
    ----------
    Z : scipy.sparse.csr_array, shape (n, K)
        Matrix.
    B : ndarray, shape (n, c)
        Right-hand sides.
    partition : Partition
        Partition of Z.
    chosen : ndarray of int, optional
        Numbers of the components; all if None.

    Returns
    -------
    SparseArrowhead
        Their rows.

    Raises
    ------
    MemoryError
        If the factor of the separator would not fit into memory.

    Examples
    --------
    >>> from lmmlib.linalg.partition import find_partition
    >>> Z = csr_array(np.array([[1.0, 0, 0, 1, 0], [0, 1, 0, 1, 0], [0, 0, 1, 0, 1]]))
    >>> arrowhead = sparse_arrowhead(Z, np.ones((3, 1)), find_partition(Z, [(3, 1), (2, 1)]))
    >>> arrowhead.own, arrowhead.width, arrowhead.projected_rhs.ravel().tolist()
    (3, 2, [1.0, 1.0, 1.0, 2.0, 1.0])
    """
    components = np.arange(len(partition.separator_counts)) if chosen is None else chosen
    is_chosen = np.zeros(len(partition.separator_counts), bool)
    is_chosen[components] = True
    blocks = np.flatnonzero(is_chosen[partition.component])

    # Blocks of one shape together; a bare block has rows alone.
    shapes, shape = np.unique(partition.counts[blocks], axis=0, return_inverse=True)
    columns = []
    counts = []
    for k, of_shape in enumerate(shapes):
        q = int(of_shape.sum())
        if q:
            first = partition.column_start[blocks[shape == k]]
            columns.append(partition.columns[first[:, None] + np.arange(q)])
            counts.append(tuple(int(w) for w in of_shape))

    # The separator's columns in their own order, kind by kind.
    in_chosen = np.repeat(is_chosen, np.diff(partition.separator_start))
    separator = np.sort(partition.separator[in_chosen])
    separator_counts = tuple(int(w) for w in partition.separator_counts[components].sum(0))

    every_column = np.concatenate([*(part.ravel() for part in columns), separator])
    in_order = Z[:, every_column]
    rows = np.arange(Z.shape[0])
    if chosen is not None:
        in_blocks = [
            partition.rows[partition.row_start[b] : partition.row_start[b + 1]] for b in blocks
        ]
        rows = np.sort(np.concatenate(in_blocks))
        in_order = in_order[rows]
        B = B[rows]
    in_order = csr_array(in_order)
    groups = _groups(in_order, [part.shape for part in columns], counts)
    arrowhead = SparseArrowhead(
        in_order, B, every_column, groups, separator_counts, partition, components, rows
    )
    check_memory(3 * arrowhead.of_separator, f"a separator of {len(separator)} columns")
    return arrowhead


def _groups(
    Z: csr_array, sizes: Sequence[tuple[int, int]], counts: Sequence[tuple[int, ...]]
) -> tuple[BlockGroup, ...]:
    """Cross products of the blocks of each group, whose columns come first in Z."""
    groups = []
    start = 0
    for (L, q), of_kind in zip(sizes, counts, strict=True):
        part = Z[:, start : start + L * q]
        if q == 1:
            cross = (part**2).sum(0).reshape(1, 1, L)
        else:
            products = csr_array(part.T @ part).tocoo()  # block diagonal: rows touch one block
            cross = np.zeros((q, q, L))
            cross[products.row % q, products.col % q, products.row // q] = products.data
        groups.append(BlockGroup(cross, of_kind))
        start += L * q
    return tuple(groups)
