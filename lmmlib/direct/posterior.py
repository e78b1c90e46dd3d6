"""Draws from the posterior by importance sampling of the variance parameters, with the evidence and its error."""

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from lmmlib import draws as draws_
from lmmlib.data import Data
from lmmlib.design import Priors, Theta
from lmmlib.direct.density import dimension, draw_fixed, fixed_part, log_posterior, unfold
from lmmlib.direct.proposal import Mixture, adapted
from lmmlib.effects import draw_given_y
from lmmlib.estimation import estimate

CHAINS = 4  # independently scrambled point sets
LARGEST_K = 0.7
SMOOTHED_ABOVE = 0.5  # below, the weights have a variance, and smoothing them costs more in bias than it saves
SMALLEST_SHARE = 0.1  # of the draws that the effective sample size must reach
SMALLEST_SD = 1e-3  # of the start, in units of the prior's scale: at zero itself the logarithm has no value


class PosteriorError(RuntimeError):
    """The importance weights cannot be trusted."""


def posterior(data: Data, priors: Priors, draws: int = 4096, *, rng: np.random.Generator, weighted: bool = False) -> xr.DataTree:
    r"""Draw from the posterior of β, the SDs and correlations, σ and u, without Markov chains.

    With β and u integrated out, p(φ|y) ∝ p(φ) N(y; Xb₀, V + XBX') has few dimensions. It is sampled by importance
    from an adapted mixture of Student t distributions; then β given φ, and u given β and φ, are drawn exactly.

    Parameters
    ----------
    data : Data
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
    PosteriorError  if Pareto k is above 0.7 or the effective sample size below a tenth of the draws
    ValueError  if the priors do not fit the design, or ``draws`` is not a multiple of four

    Notes
    -----
    Weights are Pareto-smoothed where k is above one half. Below, smoothing would bias means: of eight schools' τ by
    −0.0017, ten times the error of the plain weights at 65,536 draws.

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
    priors.checked(data.design)
    if draws < 4 * CHAINS or draws % CHAINS:
        raise ValueError(f"draws must be a multiple of {CHAINS} and {4 * CHAINS} at least, got {draws}")
    phi, log_weight, evidence = _importance(data, priors, draws // CHAINS, rng)
    if not weighted:
        chosen = np.stack([_systematic(w, rng) for w in log_weight])
        phi = np.take_along_axis(phi, chosen[..., None], 1)
    tree = _completed(data, priors, phi, {"log_weight": log_weight} if weighted else {}, rng)
    tree.attrs.update(evidence)
    return tree


def _importance(data: Data, priors: Priors, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """Draws of φ by chain, their normalised smoothed log weights, and the diagnostics."""
    d = dimension(data.design, priors)
    if d == 0:  # every variance is known: all that is left is exact
        value = float(log_posterior(np.zeros((1, 0)), data, priors)[0])
        told = {"log_evidence": value, "log_evidence_error": 0.0, "pareto_k": -np.inf, "kish_ess": float(CHAINS * size)}
        return np.zeros((CHAINS, size, 0)), np.full((CHAINS, size), -np.log(CHAINS * size)), told

    def density(phi: np.ndarray) -> np.ndarray:
        return log_posterior(phi, data, priors)

    proposal = adapted(density, _starts(data, priors), rng)
    phi = np.stack([proposal.draw(size, rng) for _ in range(CHAINS)])
    raw = _log_ratio(density, proposal, phi)
    smooth, k = array_stats.psislw(-raw.ravel())
    log_weight = smooth if k > SMOOTHED_ABOVE else raw.ravel() - logsumexp(raw)
    weight = np.exp(log_weight)
    ess = float(1 / np.sum(weight**2))
    if not k <= LARGEST_K or ess < SMALLEST_SHARE * weight.size:
        raise PosteriorError(
            f"importance weights cannot be trusted: Pareto k {float(k):.2f} (at most {LARGEST_K}), effective sample size {ess:.0f} of "
            f"{weight.size} (at least a tenth); try more draws, or the marginal model by NUTS (lmm.sample)"
        )
    by_chain = logsumexp(raw, axis=1) - np.log(size)
    evidence = float(logsumexp(by_chain) - np.log(CHAINS))
    error = float(np.std(np.exp(by_chain - evidence), ddof=1) / np.sqrt(CHAINS))
    told = {"log_evidence": evidence, "log_evidence_error": error, "pareto_k": float(k), "kish_ess": ess}
    return phi, log_weight.reshape(CHAINS, size), told


def _log_ratio(density: object, proposal: Mixture, phi: np.ndarray) -> np.ndarray:
    flat = phi.reshape(-1, phi.shape[-1])
    return (density(flat) - logsumexp(proposal.log_components(flat), axis=1)).reshape(phi.shape[:2])


def _starts(data: Data, priors: Priors) -> np.ndarray:
    """REML estimates, the prior's scales, and two points between, with correlations of zero; (4, d)."""
    design = data.design
    fit = estimate(data)
    found = np.concatenate([np.sqrt(np.diag(fit.params.cov[t.name])) for t in design.terms])
    spread = [*zip(found, (priors.sd[name] for name in design.effects), strict=True), (fit.params.sigma, priors.sigma)]
    pairs = [(np.log(max(value, SMALLEST_SD * p.scale)), np.log(p.scale)) for value, p in spread if p.family != "fixed"]
    estimated, prior = np.array(pairs).T
    correlations = np.zeros(len(design.pairs))
    points = [estimated, prior, np.append(prior[:-1] - 2, estimated[-1]), np.append(estimated[:-1] - 2, estimated[-1] + 0.3)]
    return np.array([np.concatenate([x, correlations]) for x in points])


def _systematic(log_weight: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Indices of as many draws of equal weight, by systematic resampling, in random order."""
    weight = np.exp(log_weight - logsumexp(log_weight))
    size = len(weight)
    chosen = np.searchsorted(np.cumsum(weight), (np.arange(size) + rng.uniform()) / size)
    return rng.permutation(np.minimum(chosen, size - 1))


def _completed(data: Data, priors: Priors, phi: np.ndarray, stats: dict[str, np.ndarray], rng: np.random.Generator) -> xr.DataTree:
    """β and u for each φ, and all in the one form."""
    lead = phi.shape[:2]
    scales = unfold(phi.reshape(lead[0] * lead[1], phi.shape[-1]), data.design, priors)
    beta = draw_fixed(fixed_part(data, priors, scales), scales.sigma, rng)
    u = draw_given_y(data, Theta(beta, scales.roots, scales.sigma), rng)
    arrays = {"beta": beta, "sd": scales.sd, "cor": scales.cor, "sigma": scales.sigma, "u": u}
    shaped = {name: a.reshape(*lead, *a.shape[1:]) for name, a in arrays.items() if a.size}
    return draws_.assemble(data, shaped, stats)
