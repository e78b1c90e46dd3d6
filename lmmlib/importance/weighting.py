"""Importance weights: whether they can be trusted, and draws of equal weight."""

from dataclasses import dataclass

import numpy as np
from arviz_stats.base import array_stats

LARGEST_K = 0.7
SMALLEST_SHARE = 0.1  # of the draws that the effective sample size must reach
# Below, the weights have a variance, and smoothing them costs more in bias than it saves.
SMOOTHED_ABOVE = 0.5
# Times the mean, up to which the largest weight leaves no tail whose shape could matter.
WITHOUT_TAIL = 10.0
# Share of the largest log ratio by which equal ratios differ from rounding.
ROUNDING = 1e-12


class PosteriorError(RuntimeError):
    """The importance weights cannot be trusted."""


@dataclass(frozen=True, eq=False)
class ImportanceWeights:
    """Weights of draws from several chains, S in all, and what they say of themselves.

    Attributes
    ----------
    log_weight : ndarray, shape (chains, S / chains)
        Log weights, normalised over all draws.
    log_evidence : float
        Log of the integral of the density, in nats.
    log_evidence_error : float
        Its standard error, from the spread of the chains.
    pareto_k : float
        Shape of the tail of the weights.
    kish_ess : float
        Effective sample size (Σw)² / Σw².
    """

    log_weight: np.ndarray
    log_evidence: float
    log_evidence_error: float
    pareto_k: float
    kish_ess: float

    @property
    def attrs(self) -> dict[str, float]:
        """The four numbers by name, as draws bear them."""
        return {
            "log_evidence": self.log_evidence,
            "log_evidence_error": self.log_evidence_error,
            "pareto_k": self.pareto_k,
            "kish_ess": self.kish_ess,
        }

    @property
    def failure(self) -> str | None:
        """Why the weights cannot be trusted, or None."""
        size = self.log_weight.size
        has_tail = np.exp(self.log_weight.max()) * size > WITHOUT_TAIL
        is_tail_thin = self.pareto_k <= LARGEST_K or not has_tail
        if is_tail_thin and self.kish_ess >= SMALLEST_SHARE * size:
            return None
        return (
            f"importance weights cannot be trusted: Pareto k {self.pareto_k:.2f} (at most "
            f"{LARGEST_K}), effective sample size {self.kish_ess:.0f} of {size} (at least a "
            "tenth); try more draws, or the marginal model by NUTS (lmm.sample)"
        )


def importance_weights(log_ratio: np.ndarray) -> ImportanceWeights:
    """Weights from ratios of a density to its proposal, smoothed where they need it.

    Parameters
    ----------
    log_ratio : ndarray, shape (chains, S / chains)
        Log density less that of the proposal, at draws of the proposal.

    Returns
    -------
    ImportanceWeights
        Weights and their diagnostics.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), J. Mach. Learn. Res. 25(72), for the smoothing of
    the weights.

    Examples
    --------
    >>> normals = np.random.default_rng(1).standard_normal((4, 1000))
    >>> narrower = importance_weights(-0.5 * (2 * normals) ** 2 + 0.5 * normals**2)
    >>> round(narrower.log_evidence, 2), narrower.failure is None  # log ½: an SD of one half
    (-0.69, True)
    """
    chains, draws = log_ratio.shape
    flat = log_ratio.ravel()

    # Pareto smoothing, but not of weights that are equal but for rounding: these have no tail.
    rounding = ROUNDING * max(1.0, np.abs(flat).max())
    if np.ptp(flat) > rounding:
        smoothed, k = array_stats.psislw(-flat)
    else:
        smoothed = flat
        k = -np.inf
    log_weight = smoothed if k > SMOOTHED_ABOVE else flat - np.logaddexp.reduce(flat)

    # The evidence of each chain, and from their spread its error.
    by_chain = np.logaddexp.reduce(log_ratio, axis=1) - np.log(draws)
    log_evidence = float(np.logaddexp.reduce(by_chain) - np.log(chains))
    relative = np.exp(by_chain - log_evidence)
    return ImportanceWeights(
        log_weight=log_weight.reshape(log_ratio.shape),
        log_evidence=log_evidence,
        log_evidence_error=float(np.std(relative, ddof=1) / np.sqrt(chains)),
        pareto_k=float(k),
        kish_ess=float(1 / np.sum(np.exp(log_weight) ** 2)),
    )


def resampled(
    log_weight: np.ndarray, rng: np.random.Generator, size: int | None = None
) -> np.ndarray:
    """Indices of draws of equal weight, chain by chain, each chain in random order.

    Parameters
    ----------
    log_weight : ndarray, shape (chains, draws)
        Log weights.
    rng : numpy.random.Generator
        Generator of the random numbers.
    size : int, optional
        Draws of each chain; as many as there are if None.

    Returns
    -------
    ndarray of int, shape (chains * size,)
        Indices into the draws of all chains, one chain after the other.

    References
    ----------
    Douc, Cappé & Moulines (2005), Proc. 4th ISPA, for systematic resampling.

    Examples
    --------
    >>> indices = resampled(np.log([[0.5, 0.25, 0.25, 1e-9]] * 2), np.random.default_rng(1))
    >>> sorted(indices.tolist())
    [0, 0, 1, 2, 4, 4, 5, 6]
    """
    draws = log_weight.shape[1]
    by_chain = [_systematic(weights, rng, size or draws) for weights in log_weight]
    return np.concatenate([indices + c * draws for c, indices in enumerate(by_chain)])


def _systematic(log_weight: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """Indices of draws of equal weight: equidistant points with one random shift."""
    cumulative = np.cumsum(np.exp(log_weight - np.logaddexp.reduce(log_weight)))
    points = (np.arange(size) + rng.uniform()) / size
    indices = np.searchsorted(cumulative, points)
    return rng.permutation(np.minimum(indices, len(log_weight) - 1))
