"""Rows of a sparse matrix in the form that suits the width of their separators."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array, csr_array, vstack

from lmmlib.linalg.arrowhead import Arrowhead, rotate_to_arrowheads
from lmmlib.linalg.partition import Partition
from lmmlib.linalg.sparse_arrowhead import SparseArrowhead, sparse_arrowhead

# Columns of a separator up to which rows are rotated: beyond them dense rows of each block over
# the whole separator cost more than all else.
WIDEST_ROTATED = 32

AnyArrowhead = Arrowhead | SparseArrowhead


def reduce_to_arrowheads(
    Z: csr_array, B: np.ndarray, partition: Partition
) -> tuple[AnyArrowhead, ...]:
    r"""What keeps every \|Zv − Bt\|²: few rotated rows, or cross products and the rows themselves.

    Components with a narrow separator are rotated; those with a wide one stay sparse.

    Parameters
    ----------
    Z : scipy.sparse.csr_array, shape (n, K)
        Matrix to reduce.
    B : ndarray, shape (n, c)
        Right-hand sides.
    partition : Partition
        Partition of Z.

    Returns
    -------
    tuple of Arrowhead or SparseArrowhead
        One for each shape of a narrow separator, and one for all wide ones.

    Examples
    --------
    >>> from lmmlib.linalg.partition import find_partition
    >>> Z = csr_array(np.array([[3.0], [4.0]]))
    >>> len(reduce_to_arrowheads(Z, np.ones((2, 1)), find_partition(Z, [(1, 1)])))
    1
    """
    is_wide = partition.separator_counts.sum(1) > WIDEST_ROTATED
    arrowheads: list[AnyArrowhead] = []
    if not is_wide.all():
        arrowheads += rotate_to_arrowheads(Z, B, partition, ~is_wide)
    if is_wide.any():
        chosen = None if is_wide.all() else np.flatnonzero(is_wide)
        arrowheads.append(sparse_arrowhead(Z, B, partition, chosen))
    return tuple(arrowheads)


def as_rows(arrowheads: Sequence[AnyArrowhead], K: int) -> tuple[csr_array, np.ndarray]:
    """The reduced rows as a sparse matrix and its right-hand sides.

    They can be reduced again with others.

    Parameters
    ----------
    arrowheads : sequence of Arrowhead or SparseArrowhead
        From ``reduce_to_arrowheads``.
    K : int
        Number of columns of the whole matrix.

    Returns
    -------
    rows : scipy.sparse.csr_array, shape (r, K)
        Rows, without those that are zero throughout.
    rhs : ndarray, shape (r, c)
        Their right-hand sides.

    Examples
    --------
    >>> from lmmlib.linalg.partition import find_partition
    >>> Z = csr_array(np.array([[3.0, 0], [4, 0], [0, 1]]))
    >>> B = np.array([[0.0], [5.0], [2.0]])
    >>> rows, rhs = as_rows(reduce_to_arrowheads(Z, B, find_partition(Z, [(2, 1)])), 2)
    >>> abs(rows.toarray().T @ rows.toarray()).round(9).tolist()
    [[25.0, 0.0], [0.0, 1.0]]
    """
    pieces = []
    for arrowhead in arrowheads:
        if isinstance(arrowhead, SparseArrowhead):
            pieces.append((_in_whole(arrowhead, K), arrowhead.B))
            continue
        separator = arrowhead.separator
        remainder = arrowhead.remainder
        h = len(separator)
        pieces.append(_sparse(remainder[:, :h], separator, remainder[:, h:], K))
        for diagonal in arrowhead.diagonal_blocks:
            q, _, C, L = diagonal.rows.shape
            shared = np.broadcast_to(separator[..., None], (h, C, L))
            columns = np.concatenate([diagonal.columns, shared]).reshape(q + h, C * L)
            flat = diagonal.rows.reshape(q, -1, C * L)
            pieces.append(_sparse(flat[:, : q + h], columns, flat[:, q + h :], K))
    return csr_array(vstack([Z for Z, _ in pieces])), np.concatenate([B for _, B in pieces])


def _in_whole(arrowhead: SparseArrowhead, K: int) -> csr_array:
    """Its rows over all columns."""
    rows = arrowhead.Z.tocoo()
    shape = (rows.shape[0], K)
    return csr_array(coo_array((rows.data, (rows.row, arrowhead.columns[rows.col])), shape=shape))


def _sparse(
    values: np.ndarray, columns: np.ndarray, rhs: np.ndarray, K: int
) -> tuple[csr_array, np.ndarray]:
    """Rows (r, w, stack) in columns (w, stack) as sparse rows, without those of zeros."""
    r, _, stack = values.shape
    rhs = np.moveaxis(rhs, 1, -1).reshape(r * stack, -1)
    entry = values != 0
    row = np.broadcast_to(np.arange(r * stack).reshape(r, 1, stack), values.shape)[entry]
    column = np.broadcast_to(columns, values.shape)[entry]
    Z = csr_array(coo_array((values[entry], (row, column)), shape=(r * stack, K)))
    kept = np.flatnonzero((np.diff(Z.indptr) > 0) | rhs.any(1))
    return Z[kept], rhs[kept]
