"""Blocks of a partition as dense rows, chunk by chunk."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from lmmlib.linalg.partition import Partition

MAX_ENTRIES = 4_000_000  # of dense blocks held at a time


@dataclass(frozen=True, eq=False)
class SimilarBlocks:
    """Few enough blocks of one shape and about one height.

    Attributes
    ----------
    blocks : ndarray of int, shape (b,)
        Numbers of the blocks in the partition.
    counts : tuple of int
        Own columns of a block by kind.
    separator : int
        Columns of the separator of their component.
    height : int
        Rows of the highest block.
    """

    blocks: np.ndarray
    counts: tuple[int, ...]
    separator: int
    height: int


@dataclass(frozen=True, eq=False)
class DenseBlocks:
    """Similar blocks as dense rows.

    Attributes
    ----------
    similar : SimilarBlocks
        Which blocks.
    rows : ndarray of int, shape (b, m)
        Numbers of the rows, n where padded.
    values : ndarray, shape (b, m, q + h + c)
        Dense rows [own columns | separator | right-hand sides], zero where padded.
    """

    similar: SimilarBlocks
    rows: np.ndarray
    values: np.ndarray


def dense_blocks(
    Z: csr_array, B: np.ndarray, partition: Partition, chosen: np.ndarray | None = None
) -> Iterator[DenseBlocks]:
    """All blocks as dense rows: those of one shape and about one height together, in chunks.

    Parameters
    ----------
    Z : scipy.sparse.csr_array, shape (n, K)
        Sparse matrix.
    B : ndarray, shape (n, c)
        Right-hand sides.
    partition : Partition
        Partition of Z.
    chosen : ndarray of bool, shape (components,), optional
        Which components to take; all if None.

    Yields
    ------
    DenseBlocks
        Some of the blocks.

    Examples
    --------
    >>> from lmmlib.linalg.partition import find_partition
    >>> Z = csr_array(np.array([[3.0, 0], [4, 0], [0, 1]]))
    >>> chunks = dense_blocks(Z, np.ones((3, 1)), find_partition(Z, [(2, 1)]))
    >>> [chunk.values.shape for chunk in chunks]
    [(1, 1, 2), (1, 2, 2)]
    """
    for similar in similar_blocks(partition, B.shape[1], chosen):
        yield as_dense(Z, B, partition, similar)


def similar_blocks(
    partition: Partition, c: int, chosen: np.ndarray | None = None
) -> list[SimilarBlocks]:
    """All blocks, those together that make dense rows of one shape beside c right-hand sides."""
    heights = np.diff(partition.row_start)
    form = component_forms(partition, chosen)[1][partition.component]
    keys = np.column_stack([form, _power_of_two(np.maximum(heights, 1)), partition.counts])
    kinds, kind = distinct_rows(keys)
    chunks = []
    for k, (form_of_kind, _, *counts) in enumerate(kinds):
        if form_of_kind < 0:
            continue
        same = np.flatnonzero(kind == k)
        same = same[np.argsort(partition.component[same], kind="stable")]
        height = max(1, int(heights[same].max()))
        separator = int(partition.separator_counts[partition.component[same[0]]].sum())
        # rows without columns may have no right-hand sides either
        width = max(1, sum(counts) + separator + c)
        step = max(1, MAX_ENTRIES // (height * width))
        own_counts = tuple(int(w) for w in counts)
        for start in range(0, len(same), step):
            blocks = same[start : start + step]
            chunks.append(SimilarBlocks(blocks, own_counts, separator, height))
    return chunks


def as_dense(
    Z: csr_array, B: np.ndarray, partition: Partition, similar: SimilarBlocks
) -> DenseBlocks:
    """Similar blocks of Z (n, K) and B (n, c) as dense rows."""
    q = sum(similar.counts)
    width = q + similar.separator + B.shape[1]

    # Rows of the blocks, and where each stands among the dense ones.
    first = partition.row_start[similar.blocks][:, None]
    behind_first = np.arange(similar.height)
    real = first + behind_first < partition.row_start[similar.blocks + 1][:, None]
    numbers = partition.rows[(first + behind_first)[real]]
    rows = np.full(real.shape, len(B))
    rows[real] = numbers
    target = np.flatnonzero(real)

    # Their entries: own columns, separator, right-hand sides.
    values = np.zeros((real.size, width))
    entries = Z[numbers]
    place = np.repeat(width * target, np.diff(entries.indptr)) + partition.position[entries.indices]
    if similar.separator:
        place += q * partition.in_separator[entries.indices]
    values.ravel()[place] = entries.data
    values[target, q + similar.separator :] = B[numbers]
    return DenseBlocks(similar, rows, values.reshape(*real.shape, -1))


def component_forms(
    partition: Partition, chosen: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Shapes of components, and which of them each component has.

    Components of one shape have as many separator columns of each kind, and about as many blocks.

    Parameters
    ----------
    partition : Partition
        Partition of a matrix.
    chosen : ndarray of bool, shape (components,), optional
        Which components to take; all if None.

    Returns
    -------
    forms : ndarray of int, shape (F, kinds + 1)
        Separator columns by kind, and the number of blocks rounded up to a power of two.
    form : ndarray of int, shape (components,)
        Row of ``forms`` of each component, -1 of those that are not taken.

    Examples
    --------
    >>> from lmmlib.linalg.partition import find_partition
    >>> Z = csr_array(np.array([[3.0, 0], [4, 0], [0, 1]]))
    >>> component_forms(find_partition(Z, [(2, 1)]))[0].tolist()
    [[0, 2]]
    """
    counts = partition.separator_counts
    many = _power_of_two(np.bincount(partition.component, minlength=len(counts)))
    keys = np.column_stack([counts, many])
    if chosen is None:
        return distinct_rows(keys)
    form = np.full(len(counts), -1)
    forms, form[chosen] = distinct_rows(keys[chosen])
    return forms, form


def distinct_rows(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rows of integers (m, k), sorted, and the number of each row among them.

    Sorted by the columns that vary alone.

    Examples
    --------
    >>> rows, number = distinct_rows(np.array([[1, 5], [1, 3], [1, 5]]))
    >>> rows.tolist(), number.tolist()
    ([[1, 3], [1, 5]], [1, 0, 1])
    """
    if not len(keys):
        return keys, np.zeros(0, int)
    varying = np.flatnonzero((keys != keys[0]).any(0))
    if not len(varying):
        return keys[:1], np.zeros(len(keys), int)
    _, first, number = np.unique(keys[:, varying], axis=0, return_index=True, return_inverse=True)
    return keys[first], number


def _power_of_two(size: np.ndarray) -> np.ndarray:
    """The next power of two, zero for zero: few forms for many sizes."""
    return np.where(size > 0, 1 << np.ceil(np.log2(np.maximum(size, 1))).astype(int), 0)
