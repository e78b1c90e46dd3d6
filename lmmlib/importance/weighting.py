"""Importance sampling from an adapted mixture.

Weighted draws of any density, and whether they can be trusted.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from lmmlib.importance.proposal import BATCH, Mixture, adapted

CHAINS = 4  # independently scrambled point sets
LARGEST_K = 0.7
SMOOTHED_ABOVE = (
    0.5  # below, the weights have a variance, and smoothing them costs more in bias than it saves
)
WITHOUT_TAIL = (
    10.0  # times the mean, up to which the largest weight leaves no tail whose shape could matter
)
ATTEMPTS = 2  # each with twice the draws to adapt by
SMALLEST_SHARE = 0.1  # of the draws that the effective sample size must reach

Evaluate = Callable[[np.ndarray], tuple[np.ndarray, object]]


class PosteriorError(RuntimeError):
    """The importance weights cannot be trusted."""


@dataclass(frozen=True, eq=False)
class Weighted:
    """Weighted draws, S = chains · size of them in one axis.

    Attributes
    ----------
    x : ndarray, shape (S, d)
        Points drawn.
    z : ndarray, shape (S, extra)
        Standard normals of the same point sets.
    log_weight : ndarray, shape (chains, size)
        Normalised over all.
    beside : object
        What the evaluation returned beside the log density.
    told : dict of str to float
        ``log_evidence``, ``log_evidence_error``, ``pareto_k``, ``kish_ess``.
    """

    x: np.ndarray
    z: np.ndarray
    log_weight: np.ndarray
    beside: object
    told: dict[str, float]

    def resampled(self, rng: np.random.Generator) -> np.ndarray:
        """Indices of as many draws of equal weight, chain by chain.

        Systematic, in random order, (S,).
        """
        size = self.log_weight.shape[1]
        return np.concatenate(
            [_systematic(w, rng) + c * size for c, w in enumerate(self.log_weight)]
        )


def weighted_draws(
    evaluate: Evaluate, starts: np.ndarray, draws: int, rng: np.random.Generator, extra: int = 0
) -> Weighted:
    """Draw from a density known up to a constant, or raise.

    Parameters
    ----------
    evaluate : callable
        Function of points (S, d) that returns the log density (S,), and whatever else is wanted of
        the draws.
    starts : ndarray, shape (m, d)
        Points from which modes are climbed.
    draws : int
        Number of draws, a multiple of four.
    rng : numpy.random.Generator
        Generator of the random numbers.
    extra : int, default: 0
        Number of standard normals wanted beside each draw.

    Raises
    ------
    PosteriorError
        If Pareto k stays above 0.7, or the effective sample size below a tenth of the draws, in two
        attempts.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), J. Mach. Learn. Res. 25(72), for the smoothing of
    the weights.

    Examples
    --------
    >>> found = weighted_draws(
    ...     lambda x: (-0.5 * np.sum(x**2, 1), None),
    ...     np.ones((1, 2)),
    ...     1024,
    ...     np.random.default_rng(1),
    ... )
    >>> bool(abs(found.told["log_evidence"] - np.log(2 * np.pi)) < 0.01)
    True
    """
    for attempt in range(ATTEMPTS):
        if starts.shape[1]:
            proposal = adapted(lambda x: evaluate(x)[0], starts, rng, BATCH << attempt)
        else:  # a density of no variable: one point, and all weights alike
            proposal = Mixture(np.ones(1), np.zeros((1, 0)), np.zeros((1, 0, 0)))
        points = [proposal.draw(draws // CHAINS, rng, extra) for _ in range(CHAINS)]
        x, z = (np.concatenate(part) for part in zip(*points, strict=True))
        log_density, beside = evaluate(x)
        log_ratio = (log_density - np.logaddexp.reduce(proposal.log_components(x), axis=1)).reshape(
            CHAINS, -1
        )
        log_weight, told, failure = _judged(log_ratio)
        if not failure:
            return Weighted(x, z, log_weight, beside, told)
    raise PosteriorError(failure)


def _judged(log_ratio: np.ndarray) -> tuple[np.ndarray, dict[str, float], str]:
    """Normalised log weights, their diagnostics, and why they cannot be trusted.

    Weights are smoothed where they need it.
    """
    flat = log_ratio.ravel()
    differ = np.ptp(flat) > 1e-12 * max(
        1.0, np.abs(flat).max()
    )  # not by rounding alone: equal weights have no tail to smooth
    smooth, k = array_stats.psislw(-flat) if differ else (flat, -np.inf)
    log_weight = smooth if k > SMOOTHED_ABOVE else flat - logsumexp(flat)
    ess = float(1 / np.sum(np.exp(log_weight) ** 2))
    failure = (
        f"importance weights cannot be trusted: Pareto k {float(k):.2f} (at most {LARGEST_K}), "
        f"effective sample size {ess:.0f} of "
        f"{flat.size} (at least a tenth); try more draws, or the marginal model by NUTS "
        "(lmm.sample)"
    )
    by_chain = logsumexp(log_ratio, axis=1) - np.log(log_ratio.shape[1])
    evidence = float(logsumexp(by_chain) - np.log(CHAINS))
    error = float(np.std(np.exp(by_chain - evidence), ddof=1) / np.sqrt(CHAINS))
    told = {
        "log_evidence": evidence,
        "log_evidence_error": error,
        "pareto_k": float(k),
        "kish_ess": ess,
    }
    has_tail = np.exp(log_weight.max()) * flat.size > WITHOUT_TAIL
    trusted = (k <= LARGEST_K or not has_tail) and ess >= SMALLEST_SHARE * flat.size
    return log_weight.reshape(log_ratio.shape), told, "" if trusted else failure


def _systematic(log_weight: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Indices of as many draws of equal weight, by systematic resampling, in random order."""
    weight = np.exp(log_weight - logsumexp(log_weight))
    size = len(weight)
    chosen = np.searchsorted(np.cumsum(weight), (np.arange(size) + rng.uniform()) / size)
    return rng.permutation(np.minimum(chosen, size - 1))
