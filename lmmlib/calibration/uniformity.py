"""How far ranks are from uniform ones, and how far uniform ones are from that themselves."""

from functools import lru_cache

import numpy as np
from scipy.stats import binom

SIMULATED_RANK_SETS = 20_000  # uniform ones that a verdict is measured against
SETS_AT_ONCE = 500


def thresholds(draws: int) -> np.ndarray:
    """z = (k + 1)/(L + 1) for k = 0 … L − 1: the share of uniform ranks that are at most k."""
    return np.arange(1, draws + 1) / (draws + 1)


def counts_up_to(ranks: np.ndarray, draws: int) -> np.ndarray:
    """How many ranks of each column are at most k = 0 … L − 1, (L, Q).

    Examples
    --------
    >>> counts_up_to(np.array([[0], [2], [2]]), 3).ravel().tolist()
    [1, 1, 3]
    """
    counts = [np.bincount(column, minlength=draws + 1) for column in ranks.T]
    return np.cumsum(np.stack(counts, 1), 0)[:draws]


def discrepancy(ranks: np.ndarray, draws: int) -> np.ndarray:
    """γ of each column of ranks: twice the smallest binomial tail probability over all thresholds.

    Parameters
    ----------
    ranks : ndarray of int, shape (N, Q)
        From 0 to L.
    draws : int
        Number L of draws that were ranked against.

    Returns
    -------
    ndarray, shape (Q,)
        Above one where nothing is unusual.

    References
    ----------
    Säilynoja, Bürkner & Vehtari (2022), Stat. Comput. 32:32, equations 7 to 11.

    Examples
    --------
    >>> discrepancy(np.array([[1], [1]]), 1).tolist()
    [0.5]
    """
    counts = counts_up_to(ranks, draws)
    low, high = _tail_probabilities(len(ranks), draws)
    threshold = np.arange(draws)[:, None]
    smaller_tail = np.minimum(low[threshold, counts], high[threshold, counts])
    return 2 * smaller_tail.min(0)


@lru_cache(maxsize=8)
def null_discrepancies(N: int, draws: int) -> np.ndarray:
    """γ of simulated sets of N uniform ranks, sorted; a fixed stream, so that verdicts repeat.

    Examples
    --------
    >>> null_discrepancies(20, 9).shape
    (20000,)
    """
    rng = np.random.default_rng([N, draws])
    simulated = [
        discrepancy(rng.integers(draws + 1, size=(N, SETS_AT_ONCE)), draws)
        for _ in range(SIMULATED_RANK_SETS // SETS_AT_ONCE)
    ]
    gamma = np.sort(np.concatenate(simulated))
    gamma.flags.writeable = False
    return gamma


@lru_cache(maxsize=8)
def _tail_probabilities(N: int, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """P(count ≤ c) and P(count ≥ c) of N uniform ranks at each threshold, (L, N + 1) each."""
    z = thresholds(draws)[:, None]
    count = np.arange(N + 1)
    low = np.asarray(binom.cdf(count, N, z))
    high = np.asarray(binom.sf(count - 1, N, z))
    low.flags.writeable = False
    high.flags.writeable = False
    return low, high
