"""What a point of the deviance is made of, and the entries that it is a point of."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmmlib.estimation.deviance import free_entries
from lmmlib.model import Layout, Reduction


@dataclass(frozen=True, eq=False)
class Entry:
    """A free entry of a relative covariance factor.

    Attributes
    ----------
    term : int
        Number of its term.
    row, column : int
        Where it stands in Λ_k.
    """

    term: int
    row: int
    column: int


@dataclass(frozen=True, eq=False)
class Projections:
    """What one point of the deviance is made of.

    Attributes
    ----------
    log_det : float
        Half of log|V|.
    triangle : ndarray, shape (p + 1, p + 1)
        Upper triangle of [X, y] after the elimination of the effects.
    sums : list of ndarray
        S_k (q, q) of each term; of P for REML.
    g : ndarray, shape (K,)
        Z'V⁻¹(y − Xβ̂).
    apply : callable
        Z'PZ times columns (K, d).
    trace : callable
        tr(Z'QZ Σ_a Z'QZ Σ_b) for all pairs of entries, (d, d), of columns Σ_a g (K, d); Q is V⁻¹,
        and P for REML.
    """

    log_det: float
    triangle: np.ndarray
    sums: list[np.ndarray]
    g: np.ndarray
    apply: Callable[[np.ndarray], np.ndarray]
    trace: Callable[[np.ndarray], np.ndarray]


def free_entries_of(layout: Layout) -> list[Entry]:
    """The free entries of all terms, in the order of a point."""
    entries = []
    for k, term in enumerate(layout.terms):
        for row, column in zip(*free_entries(term), strict=True):
            entries.append(Entry(k, int(row), int(column)))
    return entries


def independent_columns(reduction: Reduction) -> np.ndarray:
    """Combinations (p + 1, c) of the columns [X, y]: those of X that are independent, and y."""
    columns = [*reduction.independent_columns, len(reduction.layout.coef)]
    return np.eye(len(reduction.layout.coef) + 1)[:, columns]
