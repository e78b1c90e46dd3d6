"""The free entries of relative covariance factors: what a point of a search consists of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmmlib.estimation.deviance import free_entries
from lmmlib.model import Layout

Orders = Mapping[str, Sequence[int]]


@dataclass(frozen=True, eq=False)
class TermEntries:
    """The free entries of one term's relative covariance factor Λ_k (q, q).

    Attributes
    ----------
    place : slice
        Where they stand in a point.
    rows, columns : ndarray of int, shape (d_k,)
        Where each stands in Λ_k.
    diagonal : ndarray of int, shape (d_k,)
        Number of the entry that is first in the column of each: the diagonal one.
    """

    place: slice
    rows: np.ndarray
    columns: np.ndarray
    diagonal: np.ndarray

    @cached_property
    def numbers(self) -> np.ndarray:
        """Numbers of the entries among those of the term, (d_k,)."""
        return np.arange(len(self.rows))

    @cached_property
    def share_a_column(self) -> np.ndarray:
        """Whether two entries stand in one column, (d_k, d_k) as numbers."""
        return np.asarray(self.columns[:, None] == self.columns, float)

    def of_levels(self, g: np.ndarray, Lam: np.ndarray) -> np.ndarray:
        """Σ_a g_j (J, q, d_k) of vectors g (J, q), Σ_a = EΛ' + ΛE' for the entry's unit E."""
        changed = g[:, None, self.rows] * Lam[:, self.columns]
        changed[:, self.rows, self.numbers] += (g @ Lam)[:, self.columns]
        return changed

    def changes(self, Lam: np.ndarray) -> np.ndarray:
        """Σ_a (d_k, q, q) of each entry: the derivative of ΛΛ' in it."""
        column = Lam[:, self.columns].T
        changes = np.zeros((len(self.rows), *Lam.shape))
        changes[self.numbers, self.rows] = column
        changes[self.numbers, :, self.rows] += column
        return changes


def entries_by_term(layout: Layout, orders: Orders | None = None) -> list[TermEntries]:
    """The free entries of each term, in the order of a point.

    Parameters
    ----------
    layout : Layout
        Names and terms.
    orders : mapping of str to sequence of int, optional
        Order in which the effects of a term enter its factor, by the name of the term; as they are
        for terms without one.

    Returns
    -------
    list of TermEntries
        One for each term.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> slopes = Term.grouped("g", ["a", "a", "b"], [[1.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    >>> (of_g,) = entries_by_term(Design([[1.0]] * 3, [slopes]).layout)
    >>> of_g.rows.tolist(), of_g.columns.tolist(), of_g.diagonal.tolist()
    ([0, 1, 1], [0, 0, 1], [0, 0, 2])
    """
    entries = []
    first = 0
    for term in layout.terms:
        rows, columns = free_entries(term)
        diagonal = np.flatnonzero(rows == columns)[columns]
        if orders and term.name in orders:
            rows = np.asarray(orders[term.name])[rows]
        place = slice(first, first + len(rows))
        entries.append(TermEntries(place, rows, columns, diagonal))
        first += len(rows)
    return entries
