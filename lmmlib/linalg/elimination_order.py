"""Minimum degree order of a sparse symmetric matrix, and the runs of columns with one structure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import spilu

# Zeros that a span may hold when it takes in the one before it, by its columns.
FEW_COLUMNS = 32
SHARE_OF_FEW, SHARE_OF_MANY = 0.6, 0.1


@dataclass(frozen=True, eq=False)
class Span:
    """Bundles eliminated together.

    Attributes
    ----------
    first, stop : int
        Where they begin and end in the order.
    boundary : ndarray of int
        Later bundles that they touch, in the order.
    """

    first: int
    stop: int
    boundary: np.ndarray


def find_spans(pattern: csr_array, widths: np.ndarray) -> tuple[np.ndarray, list[Span]]:
    """The order of elimination of a symmetric pattern, and its spans, children before parents.

    Parameters
    ----------
    pattern : scipy.sparse.csr_array, shape (n, n)
        An entry where two bundles of columns meet.
    widths : ndarray of int, shape (n,)
        Columns of each bundle.

    Returns
    -------
    order : ndarray of int, shape (n,)
        Numbers of the bundles in the order of elimination.
    spans : list of Span
        All of them.

    Notes
    -----
    Minimum degree is SuperLU's. A bundle's structure is that of its own entries and of its children
    in the elimination tree. Neighbours whose structures are nearly the same share a span.

    References
    ----------
    Liu (1992), The multifrontal method for sparse matrix solution, SIAM Review 34(1).

    Examples
    --------
    >>> arrow = csr_array(np.array([[1, 0, 1], [0, 1, 1], [1, 1, 1]]))
    >>> order, spans = find_spans(arrow, np.ones(3, int))
    >>> sorted(order.tolist()), spans[-1].stop
    ([0, 1, 2], 3)
    """
    order = _minimum_degree(pattern)
    return order, _merged(_runs(csr_array(pattern[order][:, order])), widths[order])


def _minimum_degree(pattern: csr_array) -> np.ndarray:
    """Numbers of the bundles in the order of elimination, children before their parents."""
    n = pattern.shape[0]
    values = csc_array(pattern, dtype=float)
    values.data[:] = -1.0
    values.setdiag(np.diff(values.indptr) + 1.0)
    # An incomplete factor that drops all that it may: SciPy has no call for the order alone.
    ordered = spilu(
        values,
        drop_tol=1.0,
        fill_factor=1.0,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    order = np.empty(n, int)
    order[ordered.perm_c] = np.arange(n)
    return order


def _runs(pattern: csr_array) -> list[Span]:
    """Runs of bundles with one structure, in the order of elimination."""
    n = pattern.shape[0]
    indptr, indices = pattern.indptr, pattern.indices
    waiting: dict[int, list[np.ndarray]] = {}  # structures of children by their parent
    touched = np.zeros(n, bool)
    spans: list[Span] = []
    first = 0
    previous = np.zeros(0, int)
    for j in range(n):
        touched[indices[indptr[j] : indptr[j + 1]]] = True
        for structure in waiting.pop(j, ()):
            touched[structure] = True
        boundary = j + 1 + np.flatnonzero(touched[j + 1 :])
        touched[:] = False
        # The next bundle goes on with this one where it touches what this one does.
        if j > first and not (len(previous) == len(boundary) + 1 and previous[0] == j):
            spans.append(Span(first, j, previous))
            first = j
        if len(boundary) == n - j - 1:  # what is left is full
            break
        if len(boundary):
            waiting.setdefault(int(boundary[0]), []).append(boundary)
        previous = boundary
    spans.append(Span(first, n, np.zeros(0, int)))
    return spans


def _merged(spans: Sequence[Span], widths: np.ndarray) -> list[Span]:
    """Spans that take in the child before them where that adds few zeros."""
    before = np.concatenate([[0], np.cumsum(widths)])
    kept: list[tuple[Span, int]] = []  # with the entries that are not zero by structure
    for span in spans:
        filled = _entries(before[span.stop] - before[span.first], widths[span.boundary].sum())
        while kept:
            child, filled_of_child = kept[-1]
            if not len(child.boundary) or child.boundary[0] >= span.stop:
                break
            columns = before[span.stop] - before[child.first]
            entries = _entries(columns, widths[span.boundary].sum())
            zeros = entries - filled - filled_of_child
            share = SHARE_OF_FEW if columns <= FEW_COLUMNS else SHARE_OF_MANY
            if zeros > share * entries:
                break
            span = Span(child.first, span.stop, span.boundary)
            filled += filled_of_child
            kept.pop()
        kept.append((span, filled))
    return [span for span, _ in kept]


def _entries(columns: int, boundary: int) -> int:
    """Numbers of the trapezoid that a front leaves in the factor."""
    return int(columns * (columns + 1) // 2 + columns * boundary)
