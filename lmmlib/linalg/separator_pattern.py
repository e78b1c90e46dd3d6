"""Which entries of a sparse separator are not zero, where its factor has them, how they arise.

Found once; a separator that fills in has none of this and is taken as a dense matrix.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array, tril

from lmmlib.linalg.block_patterns import block_patterns
from lmmlib.linalg.coupling import MOST_PAIRS, Coupling, map_of_pairs
from lmmlib.linalg.fronts import Fronts, find_fronts

SMALLEST = 200  # columns of a separator that is worth a look
MOST_FILLED = 0.3  # share of its entries that are not zero before any elimination

# Multiplications in a dense factorisation that take as long as a call for a batch of fronts, and
# as an entry of a front on its way to its parent: measured at 1,450 and 21,000 columns. They decide
# between two ways to the same numbers.
OF_A_BATCH, OF_AN_ENTRY = 4e6, 15.0


@dataclass(frozen=True, eq=False)
class KindPairs:
    """Pairs of bundles that meet, of two kinds.

    Attributes
    ----------
    kinds : tuple of int
        Kinds k ≥ l.
    part : slice
        Their numbers among all entries.
    rows : ndarray of int, shape (P, w_k, 1)
        Columns of the separator in the first bundle of each pair.
    columns : ndarray of int, shape (P, 1, w_l)
        Those in the second.
    place : ndarray of int, shape (P, w_k, w_l)
        Where each entry stands in the numbers of a factor.
    """

    kinds: tuple[int, int]
    part: slice
    rows: np.ndarray
    columns: np.ndarray
    place: np.ndarray

    @property
    def is_diagonal(self) -> np.ndarray:
        """Whether a pair is one bundle with itself, (P,)."""
        return self.rows[:, 0, 0] == self.columns[:, 0, 0]


@dataclass(frozen=True, eq=False)
class SeparatorPattern:
    """The entries of a separator that are not zero.

    Attributes
    ----------
    fronts : Fronts
        Order of the elimination.
    pairs : tuple of KindPairs
        All pairs of bundles, the later one first.
    of_blocks : scipy.sparse.csr_array, shape (entries, size of H + 1)
        The map from the entries of H, and a one, to those of K − C'HC; of a bundle with itself to
        the lower triangle.
    """

    fronts: Fronts
    pairs: tuple[KindPairs, ...]
    of_blocks: csr_array


def find_separator_pattern(
    coupling: Coupling, counts: Sequence[int], widths: Sequence[int]
) -> SeparatorPattern | None:
    """The pattern of K − C'HC where its factor is sparse enough to gain by it, else None.

    Parameters
    ----------
    coupling : Coupling
        C and K.
    counts : sequence of int
        Columns of the separator by kind.
    widths : sequence of int
        Columns of a bundle by kind.

    Returns
    -------
    SeparatorPattern or None
        What a sparse elimination needs.

    Examples
    --------
    >>> coupling = Coupling(csr_array(np.eye(2)), csr_array(2 * np.eye(2)), ((2, 1),))
    >>> find_separator_pattern(coupling, [2], [1]) is None
    True
    """
    h = coupling.width
    if h < SMALLEST:
        return None
    bundle = _Bundles(counts, widths)
    met = _meetings(coupling, bundle.of_column)
    if met is None or met.nnz > MOST_FILLED * met.shape[0] ** 2:
        return None
    fronts = find_fronts(met, bundle.width)
    if _cost(fronts) > h**3 / 3 + OF_AN_ENTRY * h**2:
        return None
    return _pattern(coupling, bundle, met, fronts)


class _Bundles:
    """Kind, width and first column of each bundle of a separator, and the bundle of each column."""

    def __init__(self, counts: Sequence[int], widths: Sequence[int]) -> None:
        of_kind = [count // w for count, w in zip(counts, widths, strict=True)]
        self.kind = np.repeat(np.arange(len(counts)), of_kind)
        self.width = np.asarray(widths)[self.kind]
        self.first = np.cumsum(self.width) - self.width
        self.of_column = np.repeat(np.arange(len(self.kind)), self.width)


def _meetings(coupling: Coupling, bundle: np.ndarray) -> csr_array | None:
    """Which bundles meet in a block or a row, (bundles, bundles); None where too many do."""
    blocks = sum(L for L, _ in coupling.groups)
    block = np.repeat(np.arange(blocks), [q for L, q in coupling.groups for _ in range(L)])
    touched = coupling.C.tocoo()
    of_blocks = _pattern_of(block[touched.row], bundle[touched.col], (blocks, int(bundle[-1]) + 1))
    if float(np.sum(np.diff(of_blocks.indptr).astype(float) ** 2)) > MOST_PAIRS:
        return None
    own = coupling.K.tocoo()
    n = of_blocks.shape[1]
    diagonal = np.arange(n)
    rows = np.concatenate([bundle[own.row], diagonal])
    columns = np.concatenate([bundle[own.col], diagonal])
    met = csr_array(_pattern_of(rows, columns, (n, n)) + of_blocks.T @ of_blocks)
    met.sort_indices()
    return met


def _pattern_of(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> csr_array:
    """Ones where there is an entry."""
    pattern = csr_array(coo_array((np.ones(len(rows)), (rows, columns)), shape=shape))
    pattern.data[:] = 1.0
    return pattern


def _cost(fronts: Fronts) -> float:
    """Multiplications of a dense factorisation that take as long."""
    entries = sum(m * members**2 for m, _, members in (b.size for b in fronts.batches))
    return fronts.work + OF_A_BATCH * len(fronts.batches) + OF_AN_ENTRY * entries


def _pattern(
    coupling: Coupling, bundles: _Bundles, met: csr_array, fronts: Fronts
) -> SeparatorPattern:
    """Pairs by kinds, and the map to their entries."""
    n = met.shape[0]
    lower = coo_array(tril(met))
    kinds = bundles.kind[lower.row] * n + bundles.kind[lower.col]
    order = np.lexsort((lower.col, lower.row, kinds))
    later, earlier, kinds = lower.row[order], lower.col[order], kinds[order]
    widths = bundles.width[earlier]
    numbers = bundles.width[later] * widths
    offset = np.cumsum(numbers) - numbers
    pairs = []
    for of_kinds in np.unique(kinds):
        mine = np.flatnonzero(kinds == of_kinds)
        w_k, w_l = bundles.width[later[mine[0]]], bundles.width[earlier[mine[0]]]
        rows = bundles.first[later[mine], None, None] + np.arange(w_k)[:, None]
        columns = bundles.first[earlier[mine], None, None] + np.arange(w_l)
        place = fronts.index(*np.broadcast_arrays(rows, columns))
        part = slice(int(offset[mine[0]]), int(offset[mine[-1]] + numbers[mine[-1]]))
        pairs.append(KindPairs(divmod(int(of_kinds), n), part, rows, columns, place))

    # Number of an entry (a, b), a ≥ b, of two columns.
    keys = later.astype(np.int64) * n + earlier
    by_key = np.argsort(keys)
    keys = keys[by_key]

    def entry(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        A, B = bundles.of_column[a], bundles.of_column[b]
        pair = by_key[np.searchsorted(keys, A.astype(np.int64) * n + B)]
        within = (a - bundles.first[A]) * widths[pair] + b - bundles.first[B]
        return offset[pair] + within

    patterns = list(block_patterns(coupling.C, coupling.groups))
    of_blocks = map_of_pairs(patterns, coupling.K, coupling.entries, entry, int(numbers.sum()))
    return SeparatorPattern(fronts, tuple(pairs), of_blocks)
