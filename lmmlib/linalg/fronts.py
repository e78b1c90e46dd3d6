"""The order in which a sparse symmetric matrix is eliminated: small dense fronts, leaves first.

Found once from the pattern. A front is a set of columns eliminated together, with the later columns
that they touch, its boundary; what it leaves there goes to its parent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from lmmlib.linalg.elimination_order import Span, find_spans
from lmmlib.linalg.partition import ranks

LARGEST_PADDED = 96  # columns up to which fronts are padded to one of few shapes


@dataclass(frozen=True, eq=False)
class Link:
    """From fronts of one batch to their parents in another.

    Attributes
    ----------
    parent : int
        Number of the parents' batch.
    fronts, parents : ndarray of int, shape (k,)
        Numbers of the fronts and of their parents in their batches.
    place : ndarray of int, shape (k, b)
        Where each column of a boundary stands in the parent; 0 for padding.
    """

    parent: int
    fronts: np.ndarray
    parents: np.ndarray
    place: np.ndarray


@dataclass(frozen=True, eq=False)
class FrontBatch:
    """Fronts of one shape that do not depend on one another, padded to it.

    Attributes
    ----------
    columns : ndarray of int, shape (m, c)
        Columns that each of m fronts eliminates; h for padding.
    boundary : ndarray of int, shape (m, b)
        Later columns that it touches; h for padding.
    links : tuple of Link
        One for each batch of parents.
    """

    columns: np.ndarray
    boundary: np.ndarray
    links: tuple[Link, ...]

    @property
    def size(self) -> tuple[int, int, int]:
        """Fronts m, columns c and all members c + b."""
        m, c = self.columns.shape
        return m, c, c + self.boundary.shape[1]


@dataclass(frozen=True, eq=False)
class Fronts:
    """All fronts of a matrix of h columns, batch by batch from the leaves to the roots.

    Attributes
    ----------
    batches : tuple of FrontBatch
        Children stand before their parents.
    rank : ndarray of int, shape (h,)
        How many columns are eliminated before each.
    """

    batches: tuple[FrontBatch, ...]
    rank: np.ndarray

    @property
    def h(self) -> int:
        """Columns."""
        return len(self.rank)

    @cached_property
    def starts(self) -> np.ndarray:
        """Where the numbers of each batch begin among those of a factor, and their end."""
        sizes = [m * members * c for m, c, members in (batch.size for batch in self.batches)]
        return np.concatenate([[0], np.cumsum(sizes)])

    @property
    def size(self) -> int:
        """Numbers of a factor: (c + b) c for each front."""
        return int(self.starts[-1])

    @property
    def widest(self) -> int:
        """Columns of the largest front."""
        return max(members for _, _, members in (batch.size for batch in self.batches))

    @property
    def work(self) -> float:
        """Multiplications of one elimination."""
        work = 0.0
        for m, c, members in (batch.size for batch in self.batches):
            b = members - c
            work += m * (c**3 / 3 + c**2 * b + c * b**2)
        return work

    @cached_property
    def padding(self) -> np.ndarray:
        """Entries of a matrix of zeros: ones on the diagonal of padding."""
        entries = np.zeros(self.size)
        for start, batch in zip(self.starts[:-1], self.batches, strict=True):
            _, c, members = batch.size
            front, column = np.nonzero(batch.columns == self.h)
            entries[start + front * members * c + column * (c + 1)] = 1.0
        return entries

    def index(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Where the entries (i, j) of the matrix stand in the numbers of a factor."""
        front, column, start, width = self._columns
        i_first = self.rank[i] <= self.rank[j]
        earlier = np.where(i_first, i, j)
        later = np.where(i_first, j, i)
        keys, row_of_key = self._rows
        row = row_of_key[np.searchsorted(keys, front[earlier] * (self.h + 1) + later)]
        return start[front[earlier]] + row * width[front[earlier]] + column[earlier]

    @cached_property
    def _columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Front and place of each column, and where the numbers of a front begin and its width."""
        front = np.empty(self.h + 1, int)
        column = np.empty(self.h + 1, int)
        starts = []
        widths = []
        fronts = 0
        for first, batch in zip(self.starts[:-1], self.batches, strict=True):
            m, c, members = batch.size
            front[batch.columns] = fronts + np.arange(m)[:, None]
            column[batch.columns] = np.arange(c)
            starts.append(first + members * c * np.arange(m))
            widths.append(np.full(m, c))
            fronts += m
        return front, column, np.concatenate(starts), np.concatenate(widths)

    @cached_property
    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Sorted keys front · (h + 1) + column, and the row of the column in the front."""
        keys = []
        rows = []
        fronts = 0
        for batch in self.batches:
            m, _, members = batch.size
            columns = np.concatenate([batch.columns, batch.boundary], 1)
            keys.append(((fronts + np.arange(m))[:, None] * (self.h + 1) + columns).ravel())
            rows.append(np.tile(np.arange(members), m))
            fronts += m
        key = np.concatenate(keys)
        order = np.argsort(key)
        return key[order], np.concatenate(rows)[order]


def find_fronts(pattern: csr_array, widths: np.ndarray) -> Fronts:
    """Fronts of a matrix from the pattern of its bundles.

    Parameters
    ----------
    pattern : scipy.sparse.csr_array, shape (n, n)
        Symmetric; an entry where two bundles of columns meet.
    widths : ndarray of int, shape (n,)
        Columns of each bundle, which stand together.

    Returns
    -------
    Fronts
        Of all h = Σ widths columns.

    Examples
    --------
    >>> arrow = csr_array(np.array([[1, 0, 1], [0, 1, 1], [1, 1, 1]]))
    >>> fronts = find_fronts(arrow, np.ones(3, int))
    >>> sorted(fronts.rank.tolist())
    [0, 1, 2]
    """
    order, spans = find_spans(pattern, widths)
    return _batches(spans, order, widths)


def _batches(spans: Sequence[Span], order: np.ndarray, widths: np.ndarray) -> Fronts:
    """Fronts of one shape together, from the leaves up."""
    in_order = widths[order]
    start = np.concatenate([[0], np.cumsum(in_order)])  # rank of a bundle's first column
    first_column = np.concatenate([[0], np.cumsum(widths)])[order]
    column_of_rank = _ranges(first_column, in_order)
    rank = np.empty(len(column_of_rank), int)
    rank[column_of_rank] = np.arange(len(rank))

    # The ranks of each front's columns and boundary, its parent, and what must come before it.
    own = [np.arange(start[span.first], start[span.stop]) for span in spans]
    boundary = [_ranges(start[span.boundary], in_order[span.boundary]) for span in spans]
    stops = np.array([span.stop for span in spans])
    parent = np.full(len(spans), -1)
    level = np.zeros(len(spans), int)
    for s, span in enumerate(spans):
        if len(span.boundary):
            parent[s] = np.searchsorted(stops, span.boundary[0], side="right")
            level[parent[s]] = max(level[parent[s]], level[s] + 1)

    # Alike are fronts of one level and one padded shape.
    shapes = [[level[s], _padded(len(own[s])), _padded(len(boundary[s]))] for s in range(len(own))]
    distinct, batch = np.unique(np.array(shapes), axis=0, return_inverse=True)
    number = ranks(batch)
    padded_columns = np.append(column_of_rank, len(rank))
    batches: list[FrontBatch] = []
    for k, (_, c, b) in enumerate(distinct):
        alike = np.flatnonzero(batch == k)
        links = []
        for above in np.unique(batch[parent[alike[parent[alike] >= 0]]]):
            fronts = np.flatnonzero((parent[alike] >= 0) & (batch[parent[alike]] == above))
            place = np.zeros((len(fronts), b), int)
            c_above = distinct[above, 1]
            for i, s in enumerate(alike[fronts]):
                at = parent[s]
                members = np.concatenate([own[at], boundary[at]])
                found = np.searchsorted(members, boundary[s])
                beyond = found >= len(own[at])
                place[i, : len(found)] = found + beyond * (c_above - len(own[at]))
            links.append(Link(int(above), fronts, number[parent[alike[fronts]]], place))
        columns = padded_columns[_filled([own[s] for s in alike], c, len(rank))]
        of_boundary = padded_columns[_filled([boundary[s] for s in alike], b, len(rank))]
        batches.append(FrontBatch(columns, of_boundary, tuple(links)))
    return Fronts(tuple(batches), rank)


def _padded(width: int) -> int:
    """The next of 0, 1, 2, 3, 4, 6, 8, 12, 16, ..., which are few; itself where it is large."""
    if width > LARGEST_PADDED or not width:
        return width
    power = 1 << (width - 1).bit_length()
    return power - power // 4 if width <= power - power // 4 and power > 2 else power


def _filled(ragged: Sequence[np.ndarray], width: int, filling: int) -> np.ndarray:
    """Rows of any length as (m, width)."""
    rows = np.full((len(ragged), width), filling)
    for row, values in zip(rows, ragged, strict=True):
        row[: len(values)] = values
    return rows


def _ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The numbers start, ..., start + length − 1 of each in turn."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))
