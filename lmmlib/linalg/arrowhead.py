"""Rows of a sparse matrix rotated to few.

Block by block for own columns, and one triangle a border for the rest.

Stacks run last here, (row, column, component, block), so that small factorisations are whole-array
arithmetic. No matrix over all columns of the largest factor is ever made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_array, csr_array, vstack

from lmmlib.linalg.partition import Partition, ranks
from lmmlib.linalg.triangles import eliminate, merge

CHUNK = 4_000_000  # dense entries held at a time


@dataclass(frozen=True, eq=False)
class DiagonalBlocks:
    """Blocks of one form in every component of a :class:`Arrowhead`.

    Reduced to as many rows as they have columns.

    Attributes
    ----------
    rows : ndarray, shape (q, q + h + c, C, L)
        Rows [own columns | border | right-hand sides]; zero where padded.
    columns : ndarray of int, shape (q, C, L)
        Column of the whole matrix, K where padded.
    counts : tuple of int
        Own columns by kind.
    """

    rows: np.ndarray
    columns: np.ndarray
    counts: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Arrowhead:
    """Components of one form.

    Attributes
    ----------
    leaves : tuple of DiagonalBlocks
        Blocks of each form.
    rest : ndarray, shape (h + c, h + c, C)
        Rows [border | right-hand sides] after the blocks' own columns are taken out.
    columns : ndarray of int, shape (h, C)
        Column of the whole matrix.
    counts : tuple of int
        Border columns by kind.
    components : ndarray of int, shape (C,)
        Numbers of the components in the plan.
    """

    leaves: tuple[DiagonalBlocks, ...]
    rest: np.ndarray
    columns: np.ndarray
    counts: tuple[int, ...]
    components: np.ndarray


@dataclass(eq=False)
class _Growing:
    """A :class:`Arrowhead` while its blocks come in."""

    rest: np.ndarray  # (C, h + c, h + c)
    tops: dict[tuple[int, ...], list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = field(
        default_factory=dict
    )


def reduce_to_arrowhead(Z: csr_array, B: np.ndarray, found: Partition) -> tuple[Arrowhead, ...]:
    r"""Rotate [Z B] to the few rows that keep every \|Zv − Bt\|².

    Parameters
    ----------
    Z : scipy.sparse.csr_array, shape (n, K)
        Sparse matrix of shape (n, K).
    B : ndarray, shape (n, c)
        Right-hand sides.
    found : Partition
        Plan of Z.

    Notes
    -----
    One orthogonal factorisation a block, in chunks of rows; cost O(n (q + h + c)²) with h border
    columns.

    Examples
    --------
    >>> from lmmlib.linalg.partition import find_partition
    >>> Z = csr_array(np.array([[3.0], [4.0]]))
    >>> (form,) = reduce_to_arrowhead(Z, np.array([[0.0], [5.0]]), find_partition(Z, [(1, 1)]))
    >>> abs(form.leaves[0].rows.ravel()).round(9).tolist(), abs(form.rest).round(9).tolist()
    ([5.0, 4.0], [[[3.0]]])
    """
    c = B.shape[1]
    forms, form = _forms(found)
    slot = ranks(form)  # of a component in its form
    sizes, widths = np.bincount(form), forms[:, :-1].sum(1) + c
    growing = [_Growing(np.zeros((C, w, w))) for C, w in zip(sizes, widths, strict=True)]
    for blocks, counts, _, dense in dense_blocks(Z, B, found):
        into, q = growing[form[found.component[blocks[0]]]], sum(counts)
        owner = slot[found.component[blocks]]
        R, RB, left = eliminate(dense[..., :q], dense[..., q:])
        into.rest = _merged(into.rest, owner, left)
        if q:
            columns = found.columns[found.column_start[blocks][:, None] + np.arange(q)]
            into.tops.setdefault(counts, []).append((np.concatenate([R, RB], -1), columns, owner))
    made = []
    for k, (*border_counts, _) in enumerate(forms):
        members = np.flatnonzero(form == k)
        border = found.border[found.border_start[members] + np.arange(sum(border_counts))[:, None]]
        leaves = tuple(
            _side_by_side(tops, counts, sizes[k], Z.shape[1])
            for counts, tops in sorted(growing[k].tops.items())
        )
        rest = np.ascontiguousarray(np.moveaxis(growing[k].rest, 0, -1))
        made.append(Arrowhead(leaves, rest, border, tuple(int(w) for w in border_counts), members))
    return tuple(made)


def as_rows(forms: Sequence[Arrowhead], K: int) -> tuple[csr_array, np.ndarray]:
    """The reduced rows as a sparse matrix and its right-hand sides.

    They can be reduced again with others.

    Examples
    --------
    >>> from lmmlib.linalg.partition import find_partition
    >>> Z, B = csr_array(np.array([[3.0, 0], [4, 0], [0, 1]])), np.array([[0.0], [5.0], [2.0]])
    >>> rows, sides = as_rows(reduce_to_arrowhead(Z, B, find_partition(Z, [(2, 1)])), 2)
    >>> abs(rows.toarray().T @ rows.toarray()).round(9).tolist()
    [[25.0, 0.0], [0.0, 1.0]]
    """
    pieces = []
    for form in forms:
        h = len(form.columns)
        pieces.append(_sparse(form.rest[:, :h], form.columns, form.rest[:, h:], K))
        for leaves in form.leaves:
            q, _, C, L = leaves.rows.shape
            shared = np.broadcast_to(form.columns[..., None], (h, C, L))
            columns = np.concatenate([leaves.columns, shared]).reshape(q + h, C * L)
            flat = leaves.rows.reshape(q, -1, C * L)
            pieces.append(_sparse(flat[:, : q + h], columns, flat[:, q + h :], K))
    return csr_array(vstack([Z for Z, _ in pieces])), np.concatenate([B for _, B in pieces])


def _sparse(
    values: np.ndarray, columns: np.ndarray, sides: np.ndarray, K: int
) -> tuple[csr_array, np.ndarray]:
    """Rows (r, w, stack) in columns (w, stack) as sparse rows.

    Without those that are zero throughout.
    """
    r, _, stack = values.shape
    sides = np.moveaxis(sides, 1, -1).reshape(r * stack, -1)
    entry = values != 0
    row = np.broadcast_to(np.arange(r * stack).reshape(r, 1, stack), values.shape)[entry]
    column = np.broadcast_to(columns, values.shape)[entry]
    Z = csr_array(coo_array((values[entry], (row, column)), shape=(r * stack, K)))
    kept = np.flatnonzero((np.diff(Z.indptr) > 0) | sides.any(1))
    return Z[kept], sides[kept]


def dense_blocks(
    Z: csr_array, B: np.ndarray, found: Partition
) -> Iterator[tuple[np.ndarray, tuple[int, ...], np.ndarray, np.ndarray]]:
    """Blocks of one form, number of own columns and about one height, in chunks.

    Yields
    ------
    blocks : ndarray, shape (b,)
        Numbers of the blocks.
    counts : tuple of int
        Own columns by kind.
    rows : ndarray, shape (b, m)
        Numbers of the rows, padded with n.
    dense : ndarray, shape (b, m, q + h + c)
        Dense rows [own | border | B].

    Examples
    --------
    >>> from lmmlib.linalg.partition import find_partition
    >>> Z = csr_array(np.array([[3.0, 0], [4, 0], [0, 1]]))
    >>> [dense.shape for *_, dense in dense_blocks(Z, np.ones((3, 1)), find_partition(Z, [(2, 1)]))]
    [(1, 1, 2), (1, 2, 2)]
    """
    heights = np.diff(found.row_start)
    keys = np.column_stack(
        [_forms(found)[1][found.component], _power_of_two(np.maximum(heights, 1)), found.counts]
    )
    kinds, kind = np.unique(keys, axis=0, return_inverse=True)
    for k, (_, m, *counts) in enumerate(kinds):
        same = np.flatnonzero(kind == k)
        same = same[np.argsort(found.component[same], kind="stable")]
        q, h = sum(counts), int(found.border_counts[found.component[same[0]]].sum())
        step = max(
            1, CHUNK // max(1, int(m) * (q + h + B.shape[1]))
        )  # rows without columns may have no sides either
        for start in range(0, len(same), step):
            blocks = same[start : start + step]
            real = np.arange(m) < heights[blocks][:, None]
            rows = np.full(real.shape, len(B))
            rows[real] = found.rows[(found.row_start[blocks][:, None] + np.arange(m))[real]]
            target = np.flatnonzero(real)
            dense = np.zeros((real.size, q + h + B.shape[1]))
            part = Z[rows[real]].tocoo()
            dense[target[part.row], found.place[part.col] + q * found.is_border[part.col]] = (
                part.data
            )
            dense[target, q + h :] = B[rows[real]]
            yield blocks, tuple(int(w) for w in counts), rows, dense.reshape(*real.shape, -1)


def _forms(found: Partition) -> tuple[np.ndarray, np.ndarray]:
    """Forms of components, and the form of each component.

    A form is border columns by kind, and about how many blocks.
    """
    many = _power_of_two(np.bincount(found.component, minlength=len(found.border_counts)))
    return np.unique(np.column_stack([found.border_counts, many]), axis=0, return_inverse=True)


def _merged(rest: np.ndarray, owner: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Triangles (C, w, w) with the rows left (b, r, w) of blocks added, each to its owner's."""
    w = rest.shape[-1]
    if len(rest) == 1:
        return merge([rest[0], left])[None]
    touched, where = np.unique(owner, return_inverse=True)
    rank = ranks(where)
    stacked = np.zeros((len(touched), 1 + rank.max() + 1, max(w, left.shape[1]), w))
    stacked[:, 0, :w] = rest[touched]
    stacked[where, 1 + rank, : left.shape[1]] = left
    rest = rest.copy()
    rest[touched] = np.linalg.qr(stacked.reshape(len(touched), -1, w), mode="r")
    return rest


def _side_by_side(
    tops: list[tuple[np.ndarray, ...]], counts: tuple[int, ...], C: int, K: int
) -> DiagonalBlocks:
    """Blocks by component, padded with zeros."""
    rows, columns, owner = (np.concatenate(parts) for parts in zip(*tops, strict=True))
    rank = ranks(owner)
    L = int(rank.max()) + 1
    stacked = np.zeros((*rows.shape[1:], C, L))
    stacked[:, :, owner, rank] = np.moveaxis(rows, 0, -1)
    named = np.full((columns.shape[1], C, L), K)
    named[:, owner, rank] = columns.T
    return DiagonalBlocks(stacked, named, counts)


def _power_of_two(size: np.ndarray) -> np.ndarray:
    """The next power of two, zero for zero: few forms for many sizes."""
    return np.where(size > 0, 1 << np.ceil(np.log2(np.maximum(size, 1))).astype(int), 0)
