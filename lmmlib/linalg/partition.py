"""Partition of a sparse matrix into diagonal blocks and the separators that tie them together.

The kind of column that falls into most pieces makes the blocks; a kind whose bundles each touch one
block only joins them. All other columns are the separator of the component that they connect. One
kind of disjoint columns has no separator, and a dense matrix is one block.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True, eq=False)
class Partition:
    """Diagonal blocks, the components that they form, and the separator of each component.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
        Numbers of the rows, block by block.
    row_start : ndarray of int, shape (blocks + 1,)
        Where the rows of each block begin.
    columns : ndarray of int
        Numbers of the blocks' own columns, block by block.
    column_start : ndarray of int, shape (blocks + 1,)
        Where the columns of each block begin.
    counts : ndarray of int, shape (blocks, kinds)
        Own columns of each block by kind.
    component : ndarray of int, shape (blocks,)
        Component of each block.
    separator : ndarray of int
        Numbers of the columns of no block, component by component.
    separator_start : ndarray of int, shape (components + 1,)
        Where the separator of each component begins.
    separator_counts : ndarray of int, shape (components, kinds)
        Columns of each separator by kind.
    position : ndarray of int, shape (K,)
        Position of a column among its block's own, or in its component's separator.
    in_separator : ndarray of bool, shape (K,)
        Whether a column stands in a separator.
    widths : tuple of int
        Columns of a bundle of each kind, which stand together.
    """

    rows: np.ndarray
    row_start: np.ndarray
    columns: np.ndarray
    column_start: np.ndarray
    counts: np.ndarray
    component: np.ndarray
    separator: np.ndarray
    separator_start: np.ndarray
    separator_counts: np.ndarray
    position: np.ndarray
    in_separator: np.ndarray
    widths: tuple[int, ...]


def find_partition(Z: csr_array, shapes: Sequence[tuple[int, int]], lump: bool = True) -> Partition:
    """Find the diagonal blocks, separators and components of a sparse matrix.

    Parameters
    ----------
    Z : scipy.sparse.csr_array, shape (n, K)
        Matrix to partition.
    shapes : sequence of tuple of int
        Bundles J and width q per kind of column; the columns of a bundle stay together.
    lump : bool, default: True
        Whether all components without a separator are taken for one.

    Returns
    -------
    Partition
        Every row and every column in its block or separator.

    Examples
    --------
    >>> Z = csr_array(np.array([[1.0, 0, 0, 1, 0], [0, 1, 0, 1, 0], [0, 0, 1, 0, 1]]))
    >>> partition = find_partition(Z, [(3, 1), (2, 1)])
    >>> partition.in_separator.tolist(), partition.component.tolist()
    ([False, False, False, True, True], [0, 0, 1])
    >>> partition.separator_counts.tolist()
    [[0, 1], [0, 1]]
    """
    kind_of_bundle = np.repeat(np.arange(len(shapes)), [J for J, _ in shapes])
    bundle = np.repeat(
        np.arange(len(kind_of_bundle)), np.array([q for _, q in shapes])[kind_of_bundle]
    )
    entries = Z.tocoo()
    row_block, bundle_block, row_component, bundle_component = _labels(
        Z.shape[0], entries.row, bundle[entries.col], kind_of_bundle, len(shapes), lump
    )
    in_separator = bundle_block[bundle] < 0
    kind, block, own = kind_of_bundle[bundle], bundle_block[bundle], np.flatnonzero(~in_separator)
    blocks = int(max(row_block.max(initial=-1), block.max(initial=-1))) + 1
    component = np.zeros(blocks, int)
    component[bundle_block[bundle_block >= 0]] = bundle_component[bundle_block >= 0]
    component[row_block] = row_component
    components = int(max(component.max(initial=0), bundle_component.max(initial=0))) + 1
    shared = np.flatnonzero(in_separator)
    owner = bundle_component[bundle[shared]]
    position = np.empty(len(bundle), int)
    position[own] = ranks(block[own])
    position[shared] = ranks(owner)
    return Partition(
        *_sorted(np.arange(Z.shape[0]), row_block, blocks),
        *_sorted(own, block[own], blocks),
        _counted(block[own], kind[own], (blocks, len(shapes))),
        component,
        *_sorted(shared, owner, components),
        _counted(owner, kind[shared], (components, len(shapes))),
        position,
        in_separator,
        tuple(q for _, q in shapes),
    )


def connected(
    n: int, rows: np.ndarray, bundles: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Label of each row and of each bundle: equal where a chain of entries joins two of them.

    Parameters
    ----------
    n : int
        Number of rows.
    rows, bundles : ndarray of int, shape (nnz,)
        Row and bundle of each entry.
    count : int
        Number of bundles.

    Returns
    -------
    rows : ndarray of int, shape (n,)
        Labels of the rows.
    bundles : ndarray of int, shape (count,)
        Labels of the bundles.

    Examples
    --------
    >>> connected(3, np.array([0, 1, 1]), np.array([0, 0, 1]), 2)[0].tolist()
    [0, 0, 1]
    """
    # Where each row has entries of one bundle alone, the bundles are the labels.
    only_bundle = np.full(n, -1)
    only_bundle[rows] = bundles
    if np.array_equal(only_bundle[rows], bundles):
        bare = np.flatnonzero(only_bundle < 0)
        only_bundle[bare] = count + np.arange(len(bare))
        return only_bundle, np.arange(count)
    graph = coo_array((np.ones(len(rows), bool), (rows, n + bundles)), shape=(n + count, n + count))
    _, label = connected_components(graph, directed=False)
    return label[:n], label[n:]


def ranks(owner: np.ndarray) -> np.ndarray:
    """Position of each entry among those of the same owner.

    Examples
    --------
    >>> ranks(np.array([5, 3, 5, 5])).tolist()
    [0, 0, 1, 2]
    """
    if not len(owner):
        return np.zeros(0, int)
    first = int(owner.min())
    order, starts = _sorted_by(owner - first, int(owner.max()) - first + 1)
    rank = np.empty(len(owner), int)
    rank[order] = np.arange(len(owner)) - np.repeat(starts[:-1], np.diff(starts))
    return rank


def numbered(labels: np.ndarray) -> np.ndarray:
    """The same labels, none below zero, numbered from zero in their order without gaps.

    Examples
    --------
    >>> numbered(np.array([7, 2, 7])).tolist()
    [1, 0, 1]
    """
    is_label = np.zeros(int(labels.max(initial=-1)) + 1, bool)
    is_label[labels] = True
    return (np.cumsum(is_label) - 1)[labels]


def _labels(
    n: int,
    rows: np.ndarray,
    bundles: np.ndarray,
    kind_of_bundle: np.ndarray,
    kinds: int,
    lump: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Block and component of rows and of bundles, numbered from zero.

    The block of a bundle in a separator is -1.
    """
    count = len(kind_of_bundle)
    inner = _inner_kinds(n, rows, bundles, kind_of_bundle, kinds)[kind_of_bundle]
    row_component, bundle_component = connected(n, rows, bundles, count)
    both = np.concatenate([row_component, bundle_component])
    if lump:  # what has no separator is component 0
        is_separated = np.zeros(int(both.max(initial=-1)) + 1, bool)
        is_separated[bundle_component[~inner]] = True
        both = np.where(is_separated, np.cumsum(is_separated), 0)[both]
    both = numbered(both)
    row_component, bundle_component = both[:n], both[n:]
    kept = inner[bundles]
    if kept.all():
        kept = slice(None)
    row_block, bundle_block = connected(n, rows[kept], bundles[kept], count)
    bare = np.ones(n, bool)
    bare[rows[kept]] = False
    # rows without own columns: one block a component
    row_block = np.where(bare, n + count + row_component, row_block)
    block = numbered(np.concatenate([row_block, bundle_block[inner]]))
    bundle_block = np.full(count, -1)
    bundle_block[inner] = block[n:]
    return block[:n], bundle_block, row_component, bundle_component


def _inner_kinds(
    n: int, rows: np.ndarray, bundles: np.ndarray, kind_of_bundle: np.ndarray, kinds: int
) -> np.ndarray:
    """Kinds whose columns are the blocks' own, (kinds,) bool."""
    if kinds == 1:
        return np.ones(1, bool)
    kind, count = kind_of_bundle[bundles], len(kind_of_bundle)
    label = [connected(n, rows[kind == k], bundles[kind == k], count)[0] for k in range(kinds)]
    first = int(np.argmax([len(np.unique(label[k][rows[kind == k]])) for k in range(kinds)]))
    block = np.full(n, -1)
    block[rows[kind == first]] = label[first][rows[kind == first]]
    inner = np.zeros(kinds, bool)
    for k in range(kinds):
        touched, of = block[rows[kind == k]], bundles[kind == k]
        low, high = np.full(count, n), np.full(count, -1)
        np.minimum.at(low, of, touched)
        np.maximum.at(high, of, touched)
        inner[k] = np.all(low[of] == high[of]) and np.all(touched >= 0)
    return inner


def _sorted(items: np.ndarray, owner: np.ndarray, owners: int) -> tuple[np.ndarray, np.ndarray]:
    """Items owner by owner, and where each owner's begin."""
    order, starts = _sorted_by(owner, owners)
    return items[order], starts


def _sorted_by(owner: np.ndarray, owners: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions owner by owner in their order, and where each owner's begin; linear in both."""
    n = len(owner)
    by_row = csr_array((np.ones(n, bool), owner, np.arange(n + 1)), shape=(n, owners))
    by_owner = by_row.tocsc()
    return by_owner.indices.astype(int), by_owner.indptr.astype(int)


def _counted(owner: np.ndarray, kind: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    counts = np.zeros(shape, int)
    np.add.at(counts, (owner, kind), 1)
    return counts
