"""Ranks of truths among draws, and whether they are uniform."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.stats import binom

from lmmlib.model import RNGLike, checked_rng

FALSE_ALARM = 0.01  # of the whole verdict, over all quantities together
SIMULATED = 20_000  # uniform rank sets that the verdict is measured against
MOST_FAILED = 0.05  # share of fits that may fail before a calibration means nothing


@dataclass(frozen=True)
class Verdict:
    """Whether all quantities are calibrated.

    Attributes
    ----------
    passed : bool
        Whether the ranks of every quantity are uniform.
    false_alarm : float
        Probability, at most, with which a right engine fails.
    p_values : pandas.Series
        One per quantity.
    failed_fits : int
        Number of fits that failed.
    """

    passed: bool
    false_alarm: float
    p_values: pd.Series
    failed_fits: int

    def __str__(self) -> str:
        worst = self.p_values.idxmin()
        told = (
            f"smallest p value {self.p_values[worst]:.2g} ({worst}), false-alarm rate at most "
            f"{self.false_alarm:g}"
        )
        return f"{'passed' if self.passed else 'failed'}: {told}; {self.failed_fits} fits failed"


@dataclass(frozen=True, eq=False)
class Calibration:
    """Ranks of truths among draws.

    Attributes
    ----------
    names : tuple of str
        Names of the Q quantities.
    ranks : ndarray of int, shape (N, Q)
        From 0 to ``draws``.
    draws : int
        Number L of draws that were ranked against.
    failures : tuple of str
        Why fits failed, one sentence each; they have no ranks.
    """

    names: tuple[str, ...]
    ranks: np.ndarray
    draws: int
    failures: tuple[str, ...]

    def verdict(self, false_alarm: float = FALSE_ALARM) -> Verdict:
        r"""Whether the ranks of every quantity are uniform.

        One false-alarm rate holds for all quantities together.

        For N ranks and each threshold z = (k + 1)/(L + 1), the number of ranks up to k is
        Binomial(N, z) if they are uniform. γ is twice its smaller tail probability at the worst
        threshold; its p value is the share of simulated uniform rank sets with a γ as small; and
        the verdict fails if one of Q p values is below the rate divided by Q (Bonferroni:
        quantities are dependent, so the rate is an upper bound), or more than one fit in twenty
        failed.

        Raises
        ------
        ValueError
            If the rate, shared out among the quantities, is below what the simulated rank sets can
            tell.

        References
        ----------
        Säilynoja, Bürkner & Vehtari (2022), Stat. Comput. 32:32, equations 7 to 11.

        Examples
        --------
        >>> rng = np.random.default_rng(1)
        >>> Calibration(("a",), rng.integers(100, size=(200, 1)), 99, ()).verdict().passed
        True
        >>> Calibration(("a",), rng.integers(70, size=(200, 1)), 99, ()).verdict().passed
        False
        """
        N, Q = self.ranks.shape
        if not Q / SIMULATED <= false_alarm < 1:
            raise ValueError(
                f"false_alarm must be at least {Q / SIMULATED:g} for {Q} quantities, and below "
                f"one; got {false_alarm:g}"
            )
        null = _null(N, self.draws)
        gamma = discrepancy(self.ranks, self.draws)
        p = (1 + np.searchsorted(null, gamma * (1 + 1e-12), side="right")) / (1 + len(null))
        passed = bool(np.all(p > false_alarm / Q)) and len(self.failures) <= MOST_FAILED * (
            N + len(self.failures)
        )
        return Verdict(
            passed, false_alarm, pd.Series(p, index=list(self.names)), len(self.failures)
        )

    def band(self, false_alarm: float = FALSE_ALARM) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Thresholds and simultaneous band of the ranks' distribution function.

        Thresholds z (L,), and the band of ECDF − z within which all of Q quantities stay but for
        the false-alarm rate.
        """
        N, Q = self.ranks.shape
        z = np.arange(1, self.draws + 1) / (self.draws + 1)
        level = np.quantile(_null(N, self.draws), false_alarm / Q)
        return z, binom.ppf(level / 2, N, z) / N - z, binom.isf(level / 2, N, z) / N - z

    def ecdf_difference(self) -> np.ndarray:
        """ECDF − z at the thresholds of :meth:`band`, (L, Q)."""
        z = np.arange(1, self.draws + 1) / (self.draws + 1)
        return _up_to(self.ranks, self.draws) / len(self.ranks) - z[:, None]


def discrepancy(ranks: np.ndarray, draws: int) -> np.ndarray:
    """γ of each column of ranks (N, Q).

    Twice the smallest binomial tail probability over all thresholds.
    """
    N = len(ranks)
    count = _up_to(ranks, draws)
    low, high = _tails(N, draws)
    at = np.arange(draws)[:, None]
    return 2 * np.minimum(low[at, count], high[at, count]).min(0)


def power(
    calibration: Calibration,
    replications: int,
    rng: RNGLike = None,
    false_alarm: float = FALSE_ALARM,
    trials: int = 400,
) -> float:
    """Probability that an engine with ranks like these fails the verdict.

    By the bootstrap: rank sets of that size drawn from the ones at hand.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> power(Calibration(("a",), rng.integers(70, size=(200, 1)), 99, ()), 100, rng)
    1.0
    """
    ranks, Q = calibration.ranks, calibration.ranks.shape[1]
    level = np.quantile(_null(replications, calibration.draws), false_alarm / Q)
    chosen = checked_rng(rng).integers(len(ranks), size=(trials, replications))
    return float(
        np.mean([np.any(discrepancy(ranks[rows], calibration.draws) < level) for rows in chosen])
    )


def _up_to(ranks: np.ndarray, draws: int) -> np.ndarray:
    """How many ranks of each column are at most k = 0 … L − 1, (L, Q)."""
    counts = np.stack([np.bincount(column, minlength=draws + 1) for column in ranks.T], 1)
    return np.cumsum(counts, 0)[:draws]


@lru_cache(maxsize=8)
def _tails(N: int, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """P(count ≤ c) and P(count ≥ c) at each threshold, (L, N + 1)."""
    z = (np.arange(1, draws + 1) / (draws + 1))[:, None]
    c = np.arange(N + 1)
    return binom.cdf(c, N, z), binom.sf(c - 1, N, z)


@lru_cache(maxsize=8)
def _null(N: int, draws: int) -> np.ndarray:
    """γ of simulated sets of N uniform ranks, sorted; a fixed stream, so that verdicts repeat."""
    rng = np.random.default_rng([N, draws])
    parts = [
        discrepancy(rng.integers(draws + 1, size=(N, 500)), draws) for _ in range(SIMULATED // 500)
    ]
    return np.sort(np.concatenate(parts))
