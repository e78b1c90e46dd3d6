"""Draws from the posterior by importance sampling of the variance parameters, with the evidence and its error."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from lmmlib import draws as draws_
from lmmlib.data import Data, Reduction, reduced
from lmmlib.design import Priors, Theta
from lmmlib.direct.density import FixedPart, Scales, dimension, draw_fixed, fixed_part, log_posterior, unfold
from lmmlib.direct.proposal import BATCH, Mixture, adapted
from lmmlib.effects import draw_given_y
from lmmlib.estimation import check_spare, rough

CHAINS = 4  # independently scrambled point sets
LARGEST_K = 0.7
SMOOTHED_ABOVE = 0.5  # below, the weights have a variance, and smoothing them costs more in bias than it saves
WITHOUT_TAIL = 10.0  # times the mean, up to which the largest weight leaves no tail whose shape could matter
ATTEMPTS = 2  # each with twice the draws to adapt by
SMALLEST_SHARE = 0.1  # of the draws that the effective sample size must reach
SMALLEST_SD = 1e-3  # of the start, in units of the prior's scale: at zero itself the logarithm has no value


class PosteriorError(RuntimeError):
    """The importance weights cannot be trusted."""


def posterior(
    data: Data | Reduction, priors: Priors, draws: int = 4096, *, rng: np.random.Generator, weighted: bool = False
) -> xr.DataTree:
    r"""Draw from the posterior of β, the SDs and correlations, σ and u, without Markov chains.

    With β and u integrated out, p(φ|y) ∝ p(φ) N(y; Xb₀, V + XBX') has few dimensions. It is sampled by importance
    from an adapted mixture of Student t distributions; then β given φ, and u given β and φ, are drawn exactly.

    Parameters
    ----------
    data : Data, or a Reduction, whose draws do not hold the response
    priors : Priors
    draws : int, a multiple of four
    rng : numpy.random.Generator
    weighted : False resamples the draws to equal weight; True keeps them, with ``log_weight`` in ``sample_stats``

    Returns
    -------
    xarray.DataTree in the one form. A chain is one independently scrambled point set. Attributes:
    ``log_evidence`` (log p(y)) and ``log_evidence_error``, from the spread of the chains; ``pareto_k``;
    ``kish_ess``, the effective sample size of the weights. Judge the precision by that one: ArviZ's ESS counts
    resampled duplicates as draws of their own.

    Raises
    ------
    PosteriorError  if Pareto k stays above 0.7 or the effective sample size below a tenth of the draws in two attempts
    ValueError  if the priors do not fit the design, ``draws`` is not a multiple of four, or X and the effects fit y
        exactly, so that the posterior of σ is improper

    Notes
    -----
    Weights are Pareto-smoothed where k is above one half. Below, smoothing would bias means: of eight schools' τ by
    −0.0017, ten times the error of the plain weights at 65,536 draws.

    Pareto k is not read where the largest weight is at most ten times the mean: of a tail with k = 0.7 the largest of
    its 3√S members would be about (3√S)^0.7 times its scale, forty at S = 4096, and a shape fitted to less says nothing.

    Blind to a mode that no start leads to; starts are the REML estimates, the prior's scales, and points between.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), J. Mach. Learn. Res. 25(72), for the smoothing of the weights.

    Examples
    --------
    >>> from lmmlib.datasets import load
    >>> from lmmlib.formula import from_formula
    >>> data = from_formula("Yield ~ 1 + (1 | Batch)", load("Dyestuff"))
    >>> tree = posterior(data, Priors.weak(data), 1024, rng=np.random.default_rng(1))
    >>> tree.posterior.sizes["chain"], tree.attrs["pareto_k"] < 0.7
    (4, True)
    """
    reduction = reduced(data)
    priors.checked(reduction.layout)
    if draws < 4 * CHAINS or draws % CHAINS:
        raise ValueError(f"draws must be a multiple of {CHAINS} and {4 * CHAINS} at least, got {draws}")
    check_spare(reduction, priors)
    for attempt in range(ATTEMPTS):
        sampled = _importance(reduction, priors, draws // CHAINS, rng, BATCH << attempt)
        log_weight, told, failure = _judged(sampled.log_ratio)
        if not failure:
            break
    else:
        raise PosteriorError(failure)
    if weighted:
        chosen, z, stats = np.arange(draws), sampled.z, {"log_weight": log_weight}
    else:
        chosen = np.concatenate([_systematic(w, rng) + c * log_weight.shape[1] for c, w in enumerate(log_weight)])
        z, stats = rng.standard_normal(sampled.z.shape), {}
    scales = sampled.scales.at(chosen)
    beta = draw_fixed(sampled.part.at(chosen), scales.sigma, z)
    u = draw_given_y(reduction, Theta(beta, scales.roots, scales.sigma), rng)
    arrays = {"beta": beta, "sd": scales.sd, "cor": scales.cor, "sigma": scales.sigma, "u": u}
    shaped = {name: a.reshape(*log_weight.shape, *a.shape[1:]) for name, a in arrays.items() if a.size}
    tree = draws_.assemble(data, shaped, stats)
    tree.attrs.update(told)
    return tree


@dataclass(frozen=True, eq=False)
class _Sampled:
    """Draws of the variance parameters from the proposal, S = chains · size in one axis.

    Attributes
    ----------
    scales : Scales;  part : FixedPart
    z : (S, p), standard normals of the same point sets, for β
    log_ratio : (chains, size), target to proposal
    """

    scales: Scales
    part: FixedPart
    z: np.ndarray
    log_ratio: np.ndarray


def _importance(reduction: Reduction, priors: Priors, size: int, rng: np.random.Generator, batch: int) -> _Sampled:
    d, p = dimension(reduction.layout, priors), len(priors.beta_mean)
    if d:

        def density(phi: np.ndarray) -> np.ndarray:
            return log_posterior(phi, reduction, priors)

        proposal = adapted(density, _starts(reduction, priors), rng, batch)
    else:  # every variance is known: all that is left is exact
        proposal = Mixture(np.ones(1), np.zeros((1, 0)), np.zeros((1, 0, 0)))
    points = [proposal.draw(size, rng, extra=p) for _ in range(CHAINS)]
    phi, z = (np.concatenate(part) for part in zip(*points, strict=True))
    scales = unfold(phi, reduction.layout, priors)
    part = fixed_part(reduction, priors, scales)
    log_ratio = scales.log_prior + part.log_density - logsumexp(proposal.log_components(phi), axis=1)
    return _Sampled(scales, part, z, log_ratio.reshape(CHAINS, size))


def _judged(log_ratio: np.ndarray) -> tuple[np.ndarray, dict[str, float], str]:
    """Normalised log weights, smoothed where they need it, what they say of themselves, and why they cannot be trusted."""
    flat = log_ratio.ravel()
    smooth, k = array_stats.psislw(-flat) if np.ptp(flat) > 0 else (flat, -np.inf)
    log_weight = smooth if k > SMOOTHED_ABOVE else flat - logsumexp(flat)
    ess = float(1 / np.sum(np.exp(log_weight) ** 2))
    failure = (
        f"importance weights cannot be trusted: Pareto k {float(k):.2f} (at most {LARGEST_K}), effective sample size {ess:.0f} of "
        f"{flat.size} (at least a tenth); try more draws, or the marginal model by NUTS (lmm.sample)"
    )
    by_chain = logsumexp(log_ratio, axis=1) - np.log(log_ratio.shape[1])
    evidence = float(logsumexp(by_chain) - np.log(CHAINS))
    error = float(np.std(np.exp(by_chain - evidence), ddof=1) / np.sqrt(CHAINS))
    told = {"log_evidence": evidence, "log_evidence_error": error, "pareto_k": float(k), "kish_ess": ess}
    has_tail = np.exp(log_weight.max()) * flat.size > WITHOUT_TAIL
    trusted = (k <= LARGEST_K or not has_tail) and ess >= SMALLEST_SHARE * flat.size
    return log_weight.reshape(log_ratio.shape), told, "" if trusted else failure


def _starts(reduction: Reduction, priors: Priors) -> np.ndarray:
    """REML estimates, the prior's scales, and two points between, with correlations of zero; (4, d)."""
    layout = reduction.layout
    found, sigma = rough(reduction)
    spread = [*zip(found, (priors.sd[name] for name in layout.effects), strict=True), (sigma, priors.sigma)]
    pairs = [(np.log(max(value, SMALLEST_SD * p.scale)), np.log(p.scale)) for value, p in spread if p.family != "fixed"]
    estimated, prior = np.array(pairs).T
    correlations = np.zeros(len(layout.pairs))
    points = [estimated, prior, np.append(prior[:-1] - 2, estimated[-1]), np.append(estimated[:-1] - 2, estimated[-1] + 0.3)]
    return np.array([np.concatenate([x, correlations]) for x in points])


def _systematic(log_weight: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Indices of as many draws of equal weight, by systematic resampling, in random order."""
    weight = np.exp(log_weight - logsumexp(log_weight))
    size = len(weight)
    chosen = np.searchsorted(np.cumsum(weight), (np.arange(size) + rng.uniform()) / size)
    return rng.permutation(np.minimum(chosen, size - 1))
