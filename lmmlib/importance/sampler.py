"""Draws from the posterior by importance sampling of the variance parameters.

With the evidence and its error.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from lmmlib import draws as draws_
from lmmlib import linalg
from lmmlib.estimation import check_residual_df, confounded_with_sigma
from lmmlib.importance.log_posterior import VariancePosterior, draw_beta, log_posterior
from lmmlib.importance.modes import mixture_at_modes, starting_points
from lmmlib.importance.negative_log_posterior import NegativeLogPosterior
from lmmlib.importance.node_sampler import asks_for_nodes, sample_by_nodes
from lmmlib.importance.proposal import BATCH, Mixture, adapted_mixture
from lmmlib.importance.weighting import (
    ImportanceWeights,
    PosteriorError,
    importance_weights,
    resampled,
)
from lmmlib.model import Data, Priors, Reduction, RNGLike, Theta, as_reduction, checked_rng
from lmmlib.model.options import switch, whole_number
from lmmlib.model.priors import checked_priors
from lmmlib.random_effects import conditional_draws

CHAINS = 4  # independently scrambled point sets
ATTEMPTS = 2  # each with twice the draws to adapt by
# With fewer draws the largest weights have no tail to read Pareto k from.
FEWEST_DRAWS = 32


def posterior(
    data: Data | Reduction,
    priors: Priors,
    draws: int = 4096,
    *,
    rng: RNGLike = None,
    weighted: bool = False,
    effects: bool = True,
) -> xr.DataTree:
    r"""Draw from the posterior of β, the SDs and correlations, σ and u, without Markov chains.

    With β and u integrated out, p(φ|y) ∝ p(φ) N(y; Xb₀, V + XB₀X') has few dimensions. It is
    sampled by importance from an adapted mixture of Student t distributions; then β given φ, and u
    given β and φ, are drawn exactly.

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or a Reduction, whose draws do not hold the response.
    priors : Priors
        Prior distributions of the parameters.
    draws : int, default: 4096
        Number of draws, a multiple of four and 32 at least.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.
    weighted : bool, default: False
        Whether the draws keep their weights, with ``log_weight`` in ``sample_stats``; if False they
        are resampled to equal weight.
    effects : bool, default: True
        Whether u is drawn; 1,000 draws of 200,000 effects take 1.6 GB.

    Returns
    -------
    xarray.DataTree
        Draws in the one form. A chain is one independently scrambled point set. Attributes:
        ``log_evidence`` (log p(y)) and ``log_evidence_error``, from the spread of the chains;
        ``pareto_k``; ``kish_ess``, the effective sample size of the weights. Judge the precision by
        that one: ArviZ's ESS counts resampled duplicates as draws of their own. Of a large design
        it is that of ``nodes`` ratios of SDs, each with several exact draws of σ, β and u.

    Raises
    ------
    PosteriorError
        If Pareto k stays above 0.7 or the effective sample size below a tenth of the draws in two
        attempts; it names σ and an SD of one effect a row where the priors leave these as
        confounded as the likelihood does.
    ValueError
        If the priors do not fit the design, ``draws`` is not a multiple of four or too few, or X
        and the effects fit y exactly, so that the posterior of σ is improper.

    Notes
    -----
    Weights are Pareto-smoothed where k is above one half. Below, smoothing would bias means: of
    eight schools' τ by −0.0017, ten times the error of the plain weights at 65,536 draws.

    Pareto k is not read where the largest weight is at most ten times the mean: of a tail with k =
    0.7 the largest of its 3√S members would be about (3√S)^0.7 times its scale, forty at S = 4096,
    and a shape fitted to less says nothing.

    Where one factorisation is costly, it serves every σ: importance nodes in the ratios of SDs to
    σ, which is integrated out by a sum, and several exact draws of (σ, β, u) a node. As many nodes
    are worked on at a time as there are cores, eight at most; the draws do not depend on that.

    Blind to a mode that no start leads to; starts are the REML estimates without correlations, the
    prior's scales, and points between.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), J. Mach. Learn. Res. 25(72), for the smoothing of
    the weights.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> data = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    >>> tree = posterior(data, Priors.weak(data), 1024, rng=np.random.default_rng(1))
    >>> tree.posterior.sizes["chain"], tree.attrs["pareto_k"] < 0.7
    (4, True)
    """
    reduction = as_reduction(data)
    checked_priors(priors, reduction.layout)
    draws = whole_number("draws", draws, FEWEST_DRAWS, CHAINS)
    weighted = switch("weighted", weighted)
    effects = switch("effects", effects)
    rng = checked_rng(rng)
    with linalg.threads_for(reduction.widest_separator):
        check_residual_df(reduction, priors)
        if asks_for_nodes(reduction, priors):
            sample = _by_nodes(reduction, priors, draws, rng, weighted, effects)
        else:
            sample = _by_draws(reduction, priors, draws, rng, weighted, effects)

    by_chain = (CHAINS, draws // CHAINS)
    shaped = {
        name: array.reshape(*by_chain, *array.shape[1:])
        for name, array in sample.arrays.items()
        if array.size
    }
    tree = draws_.assemble(data, shaped, sample.stats)
    tree.attrs.update(sample.attrs)
    return tree


@dataclass(frozen=True, eq=False)
class _Sample:
    """Draws (S, ...) of all parameters, and what is told of them."""

    arrays: dict[str, np.ndarray]
    stats: dict[str, np.ndarray]
    attrs: dict[str, float]


def _by_nodes(
    reduction: Reduction,
    priors: Priors,
    draws: int,
    rng: np.random.Generator,
    weighted: bool,
    effects: bool,
) -> _Sample:
    """Several draws at each of few nodes: see :func:`sample_by_nodes`."""
    start = starting_points(reduction, priors)[0]
    sample = sample_by_nodes(
        reduction, priors, start, draws, rng, weighted=weighted, effects=effects
    )
    stats = {"log_weight": sample.log_weight} if weighted else {}
    attrs = {**sample.weights.attrs, "nodes": sample.weights.log_weight.size}
    return _Sample(sample.arrays, stats, attrs)


def _by_draws(
    reduction: Reduction,
    priors: Priors,
    draws: int,
    rng: np.random.Generator,
    weighted: bool,
    effects: bool,
) -> _Sample:
    """Weighted draws of the variance parameters, or as many resampled ones, each with one β and u.

    Resampled draws take normals of their own for β: with those of the point sets, equal φ would
    have equal β.
    """
    p = len(priors.beta_mean)
    if weighted:
        sample = _sample_variances(reduction, priors, draws, rng, extra=p)
        chosen = np.arange(draws)
        normals = sample.normals
        stats = {"log_weight": sample.weights.log_weight}
    else:
        sample = _sample_variances(reduction, priors, draws, rng, extra=0)
        chosen = resampled(sample.weights.log_weight, rng)
        normals = rng.standard_normal((draws, p))
        stats = {}
    variances = sample.density.variances.select(chosen)

    # β given these, and u given all parameters, exactly.
    beta = draw_beta(sample.density.beta.select(chosen), variances.sigma, normals)
    arrays = {
        "beta": beta,
        "sd": variances.sd,
        "cor": variances.cor,
        "sigma": variances.sigma,
    }
    if effects:
        theta = Theta(beta, variances.effect_chols, variances.sigma)
        arrays["u"] = conditional_draws(reduction, theta, rng)
    return _Sample(arrays, stats, sample.weights.attrs)


@dataclass(frozen=True, eq=False)
class _WeightedSample:
    """Weighted draws of the variance parameters, S in all.

    Attributes
    ----------
    density : VariancePosterior
        Posterior density at the draws, with the parameters themselves.
    normals : ndarray, shape (S, extra)
        Standard normals of the same point sets.
    weights : ImportanceWeights
        Weights of the draws.
    """

    density: VariancePosterior
    normals: np.ndarray
    weights: ImportanceWeights


def _sample_variances(
    reduction: Reduction, priors: Priors, draws: int, rng: np.random.Generator, extra: int
) -> _WeightedSample:
    """Weighted draws of the variance parameters, from a better proposal if the first one fails.

    Raises
    ------
    PosteriorError
        If no attempt gives weights that can be trusted; where no data could tell σ and an SD apart,
        it says so.
    """
    starts = starting_points(reduction, priors)
    at_modes = mixture_at_modes(NegativeLogPosterior(reduction, priors), starts)
    for attempt in range(ATTEMPTS):
        proposal = _proposal(reduction, priors, at_modes, rng, BATCH << attempt)

        # Each chain is a point set of its own scrambling.
        chains = [proposal.draw(draws // CHAINS, rng, extra) for _ in range(CHAINS)]
        points = np.concatenate([chain.points for chain in chains])
        normals = np.concatenate([chain.normals for chain in chains])

        density = log_posterior(points, reduction, priors)
        log_ratio = density.log_density - proposal.log_density(points)
        weights = importance_weights(log_ratio.reshape(CHAINS, -1))
        if weights.failure is None:
            return _WeightedSample(density, normals, weights)
    failure = PosteriorError(weights.failure)
    confounded = confounded_with_sigma(reduction, priors)
    if not confounded:
        raise failure
    raise PosteriorError(
        f"{confounded} (the importance weights fail on what the priors leave)"
    ) from failure


def _proposal(
    reduction: Reduction, priors: Priors, at_modes: Mixture, rng: np.random.Generator, batch: int
) -> Mixture:
    """The adapted mixture; where everything is fixed, one point."""
    if at_modes.centres.shape[1] == 0:
        return at_modes
    return adapted_mixture(
        lambda free: log_posterior(free, reduction, priors).log_density, at_modes, rng, batch
    )
