"""Ranks of truths among draws, and the verdict on whether they are uniform."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binom

from lmmlib.calibration.uniformity import (
    SIMULATED_RANK_SETS,
    counts_up_to,
    discrepancy,
    null_discrepancies,
    thresholds,
)
from lmmlib.model import RNGLike, checked_rng

FALSE_ALARM = 0.01  # of the whole verdict, over all quantities together
MAX_FAILED_SHARE = 0.05  # of fits, above which a calibration means nothing
ROUNDING = 1e-12  # of a discrepancy: tail probabilities that are equal but for rounding


@dataclass(frozen=True, eq=False)
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

    def __repr__(self) -> str:
        outcome = "passed" if self.passed else "failed"
        worst = str(self.p_values.idxmin())
        return (
            f"{outcome}: smallest p value {self.p_values.min():.2g} ({worst}), false-alarm rate "
            f"at most {self.false_alarm:g}; {self.failed_fits} fits failed"
        )


@dataclass(frozen=True, eq=False)
class EcdfBand:
    """A band of distribution functions minus the uniform one.

    Attributes
    ----------
    z : ndarray, shape (L,)
        Places within 0 and 1.
    lower : ndarray, shape (L,)
        Lower end of the band at each place.
    upper : ndarray, shape (L,)
        Upper end of the band at each place.
    """

    z: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


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

    def __repr__(self) -> str:
        N, Q = self.ranks.shape
        lines = [f"Calibration: {N} ranks of {Q} quantities among {self.draws} draws"]
        if Q <= FALSE_ALARM * SIMULATED_RANK_SETS:
            lines.append(repr(self.verdict()))
        return "\n".join(lines)

    def verdict(self, false_alarm: float = FALSE_ALARM) -> Verdict:
        r"""Whether the ranks of every quantity are uniform.

        For N ranks and each threshold z = (k + 1)/(L + 1), the number of ranks up to k is
        Binomial(N, z) if they are uniform. γ is twice its smaller tail probability at the worst
        threshold; its p value is the share of simulated uniform rank sets with a γ as small; and
        the verdict fails if one of Q p values is below the rate divided by Q (Bonferroni:
        quantities are dependent, so the rate is an upper bound), or more than one fit in twenty
        failed.

        Parameters
        ----------
        false_alarm : float, default: 0.01
            Rate of all quantities together.

        Returns
        -------
        Verdict
            Whether all pass, with the p value of each.

        Raises
        ------
        ValueError
            If the rate, shared out among the quantities, is below what the simulated rank sets can
            tell.

        Notes
        -----
        ``arviz_stats.ecdf_utils`` has the same simultaneous band for continuous transforms: as many
        thresholds as values, one variable, no p value. Here ranks are whole numbers with L + 1
        values, thresholds lie between those, and a verdict over Q quantities needs p values far
        below the share that a band leaves out.

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
        smallest_rate = Q / SIMULATED_RANK_SETS
        if not smallest_rate <= false_alarm < 1:
            raise ValueError(
                f"false_alarm must be at least {smallest_rate:g} for {Q} quantities, and below "
                f"one; got {false_alarm:g}"
            )
        # The p value counts the observed set among the simulated ones.
        null = null_discrepancies(N, self.draws)
        gamma = discrepancy(self.ranks, self.draws)
        as_small = np.searchsorted(null, gamma * (1 + ROUNDING), side="right")
        p_values = (1 + as_small) / (1 + len(null))

        failed = len(self.failures)
        is_uniform = bool(np.all(p_values > false_alarm / Q))
        enough_fitted = failed <= MAX_FAILED_SHARE * (N + failed)
        by_name = pd.Series(p_values, index=list(self.names))
        return Verdict(is_uniform and enough_fitted, false_alarm, by_name, failed)

    def band(self, false_alarm: float = FALSE_ALARM) -> EcdfBand:
        """Simultaneous band of :meth:`ecdf_difference`.

        Parameters
        ----------
        false_alarm : float, default: 0.01
            Rate with which uniform ranks of one of the Q quantities leave the band somewhere.

        Returns
        -------
        EcdfBand
            The band at the thresholds of the ranks.
        """
        N, Q = self.ranks.shape
        z = thresholds(self.draws)
        gamma = np.quantile(null_discrepancies(N, self.draws), false_alarm / Q)
        lower = binom.ppf(gamma / 2, N, z) / N - z
        upper = binom.isf(gamma / 2, N, z) / N - z
        return EcdfBand(z, lower, upper)

    def ecdf_difference(self) -> np.ndarray:
        """ECDF of the ranks minus the uniform one, at the places of :meth:`band`: (L, Q)."""
        ecdf = counts_up_to(self.ranks, self.draws) / len(self.ranks)
        return ecdf - thresholds(self.draws)[:, None]


def power(
    calibration: Calibration,
    replications: int,
    rng: RNGLike = None,
    false_alarm: float = FALSE_ALARM,
    trials: int = 400,
) -> float:
    """Probability that an engine with ranks like these fails the verdict, by the bootstrap.

    Parameters
    ----------
    calibration : Calibration
        Ranks of the engine.
    replications : int
        Number of replications of the calibration whose power is asked for.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.
    false_alarm : float, default: 0.01
        False-alarm rate of the verdict.
    trials : int, default: 400
        Number of rank sets that are drawn, with replacement, from the ones at hand.

    Returns
    -------
    float
        Share of the trials that fail.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> power(Calibration(("a",), rng.integers(70, size=(200, 1)), 99, ()), 100, rng)
    1.0
    """
    ranks = calibration.ranks
    n_ranks, Q = ranks.shape
    gamma = np.quantile(null_discrepancies(replications, calibration.draws), false_alarm / Q)
    resampled = checked_rng(rng).integers(n_ranks, size=(trials, replications))
    fails = [np.any(discrepancy(ranks[rows], calibration.draws) < gamma) for rows in resampled]
    return float(np.mean(fails))
