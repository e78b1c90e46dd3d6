"""Rows of a sparse matrix rotated to few: an arrowhead of diagonal blocks and a separator.

Stacks run last here, (row, column, component, block), so that small factorisations are whole-array
arithmetic. No matrix over all columns of the kind with most bundles is ever made.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy.sparse import csr_array

from lmmlib.linalg.dense import SimilarBlocks, as_dense, component_forms, similar_blocks
from lmmlib.linalg.partition import Partition, ranks
from lmmlib.linalg.threads import one_thread, side_by_side
from lmmlib.linalg.triangles import eliminate, merge


@dataclass(frozen=True, eq=False)
class DiagonalBlocks:
    """Diagonal blocks of one shape in the components of an :class:`Arrowhead`.

    They are reduced to as many rows as they have columns, and padded to as many blocks in every
    component.

    Attributes
    ----------
    rows : ndarray, shape (q, q + h + c, C, L)
        Rows [own columns | separator | right-hand sides] of L blocks in each of C components; zero
        where padded.
    columns : ndarray of int, shape (q, C, L)
        Numbers of the own columns in the whole matrix, K where padded.
    counts : tuple of int
        Own columns of a block by kind.
    """

    rows: np.ndarray
    columns: np.ndarray
    counts: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Arrowhead:
    """The reduced rows of C components whose separators have one shape.

    Attributes
    ----------
    diagonal_blocks : tuple of DiagonalBlocks
        Diagonal blocks of each shape.
    remainder : ndarray, shape (h + c, h + c, C)
        Schur remainder: rows [separator | right-hand sides] that are left once the blocks' own
        columns are eliminated.
    separator : ndarray of int, shape (h, C)
        Numbers of the separators' columns in the whole matrix.
    separator_counts : tuple of int
        Columns of a separator by kind.
    components : ndarray of int, shape (C,)
        Numbers of the components in the partition.
    """

    diagonal_blocks: tuple[DiagonalBlocks, ...]
    remainder: np.ndarray
    separator: np.ndarray
    separator_counts: tuple[int, ...]
    components: np.ndarray


@dataclass(eq=False)
class _Growing:
    """A :class:`Arrowhead` while its blocks come in."""

    remainder: np.ndarray  # (C, h + c, h + c)
    tops: dict[tuple[int, ...], list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = field(
        default_factory=dict
    )


@one_thread()
def rotate_to_arrowheads(
    Z: csr_array, B: np.ndarray, partition: Partition, chosen: np.ndarray | None = None
) -> tuple[Arrowhead, ...]:
    r"""Rotate [Z B] to the few rows that keep every \|Zv − Bt\|².

    Parameters
    ----------
    Z : scipy.sparse.csr_array, shape (n, K)
        Matrix to reduce.
    B : ndarray, shape (n, c)
        Right-hand sides.
    partition : Partition
        Partition of Z.
    chosen : ndarray of bool, shape (components,), optional
        Which components to take; all if None.

    Returns
    -------
    tuple of Arrowhead
        One for each shape of separator.

    Notes
    -----
    One orthogonal factorisation a block, in chunks of rows; cost O(n (q + h + c)²) with h columns
    in the separator.

    Examples
    --------
    >>> from lmmlib.linalg.partition import find_partition
    >>> Z = csr_array(np.array([[3.0], [4.0]]))
    >>> B = np.array([[0.0], [5.0]])
    >>> (arrowhead,) = rotate_to_arrowheads(Z, B, find_partition(Z, [(1, 1)]))
    >>> abs(arrowhead.diagonal_blocks[0].rows.ravel()).round(9).tolist()
    [5.0, 4.0]
    >>> abs(arrowhead.remainder).round(9).tolist()
    [[[3.0]]]
    """
    c = B.shape[1]
    forms, form = component_forms(partition, chosen)
    slot = ranks(form)  # of a component in its form
    sizes = np.bincount(form[form >= 0], minlength=len(forms))
    widths = forms[:, :-1].sum(1) + c
    growing = [_Growing(np.zeros((C, w, w))) for C, w in zip(sizes, widths, strict=True)]
    every = similar_blocks(partition, c, chosen)
    rotated = side_by_side(partial(_rotate, Z, B, partition), every)
    for similar, (top, left) in zip(every, rotated, strict=True):
        component = partition.component[similar.blocks]
        into = growing[form[component[0]]]
        owner = slot[component]
        into.remainder = _merged(into.remainder, owner, left)
        q = sum(similar.counts)
        if q:
            first = partition.column_start[similar.blocks][:, None]
            columns = partition.columns[first + np.arange(q)]
            into.tops.setdefault(similar.counts, []).append((top, columns, owner))
    arrowheads = []
    for k, (*separator_counts, _) in enumerate(forms):
        members = np.flatnonzero(form == k)
        offset = np.arange(sum(separator_counts))[:, None]
        separator = partition.separator[partition.separator_start[members] + offset]
        diagonal_blocks = tuple(
            _side_by_side(tops, counts, sizes[k], Z.shape[1])
            for counts, tops in sorted(growing[k].tops.items())
        )
        remainder = np.ascontiguousarray(np.moveaxis(growing[k].remainder, 0, -1))
        counts_by_kind = tuple(int(w) for w in separator_counts)
        arrowheads.append(Arrowhead(diagonal_blocks, remainder, separator, counts_by_kind, members))
    return tuple(arrowheads)


def _rotate(
    Z: csr_array, B: np.ndarray, partition: Partition, similar: SimilarBlocks
) -> tuple[np.ndarray, np.ndarray]:
    """The first q rows (b, q, q + h + c) of blocks, and what is left (b, r, h + c)."""
    dense = as_dense(Z, B, partition, similar)
    R, RB, left = eliminate(dense.values, sum(similar.counts))
    return np.concatenate([R, RB], -1), left


def _merged(triangles: np.ndarray, owner: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Triangles (C, w, w) with the rows left (b, r, w) of blocks added, each to its owner's."""
    w = triangles.shape[-1]
    if len(triangles) == 1:
        return merge([triangles[0], left])[None]
    touched, where = np.unique(owner, return_inverse=True)
    rank = ranks(where)
    stacked = np.zeros((len(touched), 1 + rank.max() + 1, max(w, left.shape[1]), w))
    stacked[:, 0, :w] = triangles[touched]
    stacked[where, 1 + rank, : left.shape[1]] = left
    triangles = triangles.copy()
    triangles[touched] = np.linalg.qr(stacked.reshape(len(touched), -1, w), mode="r")
    return triangles


def _side_by_side(
    tops: Sequence[tuple[np.ndarray, ...]], counts: tuple[int, ...], C: int, K: int
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
