"""Draws of large designs: few importance nodes in the ratios, several exact draws at each."""

from dataclasses import dataclass

import numpy as np

from lmmlib import linalg
from lmmlib.importance.log_posterior import draw_beta
from lmmlib.importance.modes import mixture_at_modes
from lmmlib.importance.negative_log_posterior import NegativeLogPosterior
from lmmlib.importance.proposal import adapted_mixture
from lmmlib.importance.ratio_nodes import Node, RatioPosterior
from lmmlib.importance.variance_parameters import scale_priors
from lmmlib.importance.weighting import (
    ImportanceWeights,
    PosteriorError,
    importance_weights,
    resampled,
)
from lmmlib.model import Priors, Reduction
from lmmlib.model.reduction import CHUNK

NODES = 160  # factorisations whose draws are kept
BATCH = 48  # nodes in each adaptation of the proposal
CHAINS = 4  # independently scrambled point sets


@dataclass(frozen=True, eq=False)
class NodeDraws:
    """Draws of all parameters.

    Attributes
    ----------
    arrays : dict of str to ndarray
        ``beta``, ``sd``, ``cor``, ``sigma`` and, where asked for, ``u``, (S, ...) each.
    weights : ImportanceWeights
        Weights of the nodes.
    log_weight : ndarray, shape (chains, S / chains)
        Log weights of the draws; equal ones where they were resampled.
    """

    arrays: dict[str, np.ndarray]
    weights: ImportanceWeights
    log_weight: np.ndarray


def asks_for_nodes(reduction: Reduction, priors: Priors) -> bool:
    """Whether one factorisation is costly, and serves every σ: no SD is fixed."""
    of_scales = scale_priors(reduction.layout, priors)
    return reduction.entries > CHUNK and all(prior.family != "fixed" for prior in of_scales)


def sample_by_nodes(
    reduction: Reduction,
    priors: Priors,
    start: np.ndarray,
    draws: int,
    rng: np.random.Generator,
    *,
    weighted: bool,
    effects: bool,
) -> NodeDraws:
    """Draws of all parameters, several at each of few nodes.

    Parameters
    ----------
    reduction : Reduction
        Response and design, reduced.
    priors : Priors
        Prior distributions.
    start : ndarray, shape (d,)
        Free coordinates near the mode.
    draws : int
        Number of draws S.
    rng : numpy.random.Generator
        Generator of the random numbers.
    weighted : bool
        Whether draws keep their weights.
    effects : bool
        Whether u is drawn too.

    Returns
    -------
    NodeDraws
        Draws in the order of chains.

    Raises
    ------
    PosteriorError
        If the weights of the nodes cannot be trusted.
    """
    posterior = RatioPosterior(reduction, priors)
    at_mode = mixture_at_modes(NegativeLogPosterior(reduction, priors), start[None])
    in_ratios = at_mode.linear_image(posterior.ratios_of_free)
    proposal = adapted_mixture(posterior.log_densities, in_ratios, rng, BATCH)

    # Nodes: each chain is a point set of its own scrambling.
    per_chain = min(NODES, draws) // CHAINS
    points = np.concatenate([proposal.draw(per_chain, rng).points for _ in range(CHAINS)])
    nodes = linalg.side_by_side(posterior.node, points)
    log_density = np.array([node.log_density for node in nodes])
    log_ratio = log_density - proposal.log_density(points)
    weights = importance_weights(log_ratio.reshape(CHAINS, -1))
    if weights.failure is not None:
        raise PosteriorError(weights.failure)

    # Which node each draw comes from.
    if weighted:
        in_turn = np.arange(draws // CHAINS) % per_chain
        chosen = np.concatenate([in_turn + chain * per_chain for chain in range(CHAINS)])
        shares = np.bincount(chosen, minlength=len(nodes))
        log_weight = weights.log_weight.ravel()[chosen] - np.log(shares[chosen])
    else:
        chosen = resampled(weights.log_weight, rng, draws // CHAINS)
        log_weight = np.full(draws, -np.log(draws))
    arrays = _parameters(posterior, points, nodes, chosen, rng)
    if effects:
        arrays["u"] = _effects(posterior, points, chosen, arrays, rng)
    return NodeDraws(arrays, weights, log_weight.reshape(CHAINS, -1))


def _parameters(
    posterior: RatioPosterior,
    points: np.ndarray,
    nodes: list[Node],
    chosen: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Draws of σ and β given the nodes chosen (S,), with the SDs and correlations there."""
    layout = posterior.reduction.layout
    size = len(chosen)
    arrays = {
        "beta": np.empty((size, len(layout.coef))),
        "sd": np.empty((size, len(layout.effects))),
        "cor": np.empty((size, len(layout.pairs))),
        "sigma": np.empty(size),
    }
    for number in np.unique(chosen):
        where = np.flatnonzero(chosen == number)
        node = nodes[number]
        log_sigma = node.draw_log_sigma(rng.uniform(size=len(where)))
        variances = posterior.variances(points[number], log_sigma)
        normals = rng.standard_normal((len(where), len(layout.coef)))
        beta = draw_beta(posterior.beta(node, variances.sigma), variances.sigma, normals)
        arrays["beta"][where] = beta
        arrays["sd"][where] = variances.sd
        arrays["cor"][where] = variances.cor
        arrays["sigma"][where] = variances.sigma
    return arrays


def _effects(
    posterior: RatioPosterior,
    points: np.ndarray,
    chosen: np.ndarray,
    arrays: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Draws of u (S, K) given σ and β, node by node; each takes the place of its normals."""
    u = rng.standard_normal((len(chosen), posterior.reduction.layout.width))

    def draw_at(number: int) -> None:
        where = np.flatnonzero(chosen == number)
        beta = arrays["beta"][where]
        sigma = arrays["sigma"][where]
        u[where] = posterior.effects_at(points[number], beta, sigma, u[where])

    first, *others = np.unique(chosen)
    draw_at(first)  # alone: it makes what all of them share
    linalg.side_by_side(draw_at, others)
    return u
