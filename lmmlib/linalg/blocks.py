"""A sparse matrix cut into its independent blocks; those of one shape make one dense array.

Two rows belong to one block where a chain of shared columns leads from one to the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from lmmlib.linalg.partition import connected, ranks


@dataclass(frozen=True, eq=False)
class Batch:
    """Blocks of one shape; padding rows are zero and carry the index n, padding never has columns.

    Attributes
    ----------
    rows : ndarray of int, shape (B, m)
        Row of the matrix, n where padded.
    columns : ndarray of int, shape (B, q)
        Column of the matrix.
    values : ndarray, shape (B, m, q)
        Entries of the blocks.
    counts : tuple of int
        Columns by kind, in order; they add up to q.
    """

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    counts: tuple[int, ...]


def pack(Z: csr_array, shapes: Sequence[tuple[int, int]]) -> tuple[Batch, ...]:
    """Cut ``Z`` into blocks and stack those of one shape.

    Parameters
    ----------
    Z : scipy.sparse.csr_array, shape (n, K)
        Matrix to cut.
    shapes : sequence of tuple of int
        Bundles J and width q per kind of column; columns run by kind, then bundle, then position,
        and the columns of one bundle always stay in one block.

    Returns
    -------
    tuple of Batch
        Blocks; every row and every column of ``Z`` stands in exactly one.

    Notes
    -----
    Cost O(nnz). Row counts are rounded up to powers of two, so that many group sizes make few
    shapes: a zero row changes no triangle.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> (batch,) = pack(csr_array(np.array([[1.0, 0], [0, 2], [3, 0], [0, 4]])), [(2, 1)])
    >>> batch.rows.tolist(), batch.columns.tolist(), batch.values[..., 0].tolist()
    ([[0, 2], [1, 3]], [[0], [1]], [[1.0, 3.0], [2.0, 4.0]])
    """
    n = Z.shape[0]
    kind_of_bundle = np.repeat(np.arange(len(shapes)), [J for J, _ in shapes])
    width_of_bundle = np.array([q for _, q in shapes])[kind_of_bundle]
    bundle_of_column = np.repeat(np.arange(len(kind_of_bundle)), width_of_bundle)
    entries = Z.tocoo()
    row_block, bundle_block = _components(
        n, entries.row, bundle_of_column[entries.col], len(kind_of_bundle)
    )
    column_block = bundle_block[bundle_of_column]
    blocks = max(row_block.max(), bundle_block.max()) + 1
    heights = np.bincount(row_block, minlength=blocks)
    counts = np.zeros((blocks, len(shapes)), int)
    np.add.at(counts, (bundle_block, kind_of_bundle), width_of_bundle)
    padded = 1 << np.ceil(np.log2(np.maximum(heights, 1))).astype(int)
    forms, form_of_block = np.unique(np.column_stack([padded, counts]), axis=0, return_inverse=True)

    local_row, local_column = ranks(row_block), ranks(column_block)
    batches = []
    for form, (m, *widths) in enumerate(forms):
        chosen = np.flatnonzero(form_of_block == form)
        slot = np.full(blocks, -1)
        slot[chosen] = np.arange(len(chosen))
        rows = np.full((len(chosen), m), n)
        columns = np.zeros((len(chosen), sum(widths)), int)
        values = np.zeros((len(chosen), m, sum(widths)))
        here = np.flatnonzero(slot[row_block] >= 0)
        rows[slot[row_block[here]], local_row[here]] = here
        here = np.flatnonzero(slot[column_block] >= 0)
        columns[slot[column_block[here]], local_column[here]] = here
        e = np.flatnonzero(slot[row_block[entries.row]] >= 0)
        values[
            slot[row_block[entries.row[e]]], local_row[entries.row[e]], local_column[entries.col[e]]
        ] = entries.data[e]
        batches.append(Batch(rows, columns, values, tuple(int(w) for w in widths)))
    return tuple(batches)


def positions(batches: Sequence[Batch], n: int) -> np.ndarray:
    """Where each row stands in the concatenation of all batches' flattened rows.

    Parameters
    ----------
    batches : sequence of Batch
        Blocks made by ``pack``.
    n : int
        Number of rows.

    Returns
    -------
    ndarray of int, shape (n,)
        Positions of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> positions(pack(csr_array(np.array([[1.0, 0], [0, 2], [3, 0]])), [(2, 1)]), 3).tolist()
    [1, 0, 2]
    """
    flat = np.concatenate([batch.rows.ravel() for batch in batches])
    position = np.empty(n + 1, int)  # the last is that of padding
    position[flat] = np.arange(len(flat))
    return position[:n]


def _components(
    n: int, rows: np.ndarray, bundles: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Block of each row and of each bundle; rows without entries share one block."""
    label = np.concatenate(connected(n, rows, bundles, count))
    empty = np.setdiff1d(np.arange(n), rows)
    if len(empty):
        label[empty] = label[empty[0]]
    label = np.unique(label, return_inverse=True)[1]
    return label[:n], label[n:]
