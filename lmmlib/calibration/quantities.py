"""What is ranked: parameters, log densities, and one quantity across new levels."""

import numpy as np
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.calibration.controls import SHARED_NEW_LEVEL
from lmmlib.loglik import conditional_in_draws, marginal_in_draws
from lmmlib.model import Data, Term, Theta
from lmmlib.simulation import draw_effects


def quantity_names(data: Data) -> tuple[str, ...]:
    """Names of the Q quantities, in the order of :func:`quantities_at`.

    Examples
    --------
    >>> from lmmlib.model import Design
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> for name in quantity_names(data):
    ...     print(name)
    x1
    sd g: Intercept
    sigma
    log p(y)
    log p(y|u)
    spread of new levels: g: Intercept
    """
    layout = data.design.layout
    sds = [f"sd {effect}" for effect in layout.effects]
    correlations = [f"cor {pair}" for pair in layout.pairs]
    spreads = [f"spread of new levels: {effect}" for effect in layout.effects]
    return (*layout.coef, *sds, *correlations, "sigma", "log p(y)", "log p(y|u)", *spreads)


def quantities_at(
    data: Data,
    theta: Theta,
    u: np.ndarray,
    rng: np.random.Generator,
    is_new_level_shared: bool = False,
) -> np.ndarray:
    """The quantities at S draws of (θ, u).

    The last ones are spreads of effects that are drawn afresh for as many levels.

    Parameters
    ----------
    data : Data
        Response and design, of which the two log densities are.
    theta : Theta
        Parameters with one leading axis.
    u : ndarray, shape (S, K)
        Effects, a row per draw.
    rng : numpy.random.Generator
        Generator of the fresh effects.
    is_new_level_shared : bool, default: False
        Whether all new levels are given one draw, which is wrong.

    Returns
    -------
    ndarray, shape (S, Q)
        Values of the quantities, a row per draw.

    Notes
    -----
    log p(y|θ) and log p(y|u,θ) depend on the data, and so see errors to which every parameter by
    itself is blind.

    References
    ----------
    Modrák et al. (2025), Bayesian Anal. 20(2), for data-dependent test quantities.
    """
    design = data.design
    sds = [np.linalg.norm(chol, axis=-1) for chol in theta.effect_chols]
    correlations = [
        _correlations(term, chol, sd)
        for term, chol, sd in zip(design.terms, theta.effect_chols, sds, strict=True)
    ]
    conditional = conditional_in_draws(data, theta, u).sum(1)
    new_effects = design.layout.split(draw_effects(design, theta, rng))
    if is_new_level_shared:
        new_effects = [effects[:, :1] for effects in new_effects]
    spreads = [np.std(effects, axis=1) for effects in new_effects]
    columns = [
        theta.beta,
        *sds,
        *correlations,
        theta.sigma[:, None],
        marginal_in_draws(data, theta)[:, None],
        conditional[:, None],
        *spreads,
    ]
    return np.concatenate(columns, 1)


def quantities_of_draws(
    data: Data, draws: xr.DataTree, count: int, rng: np.random.Generator
) -> np.ndarray:
    """The quantities at some draws, chosen at random without replacement.

    Parameters
    ----------
    data : Data
        Data the draws are of.
    draws : xarray.DataTree
        Draws in the one form, with u among them.
    count : int
        Number of draws that are chosen.
    rng : numpy.random.Generator
        Generator of the choice and of the fresh effects.

    Returns
    -------
    ndarray, shape (count, Q)
        Values of the quantities.

    Raises
    ------
    ValueError
        If the draws are weighted, so that a draw chosen at random is none of the posterior.
    """
    if draws_.log_weight(draws) is not None:
        raise ValueError(
            "ranks need draws of equal weight, got weighted ones; leave out weighted=True"
        )
    u = draws_.flat(draws, "u")
    chosen = rng.choice(len(u), count, replace=False)
    theta = draws_.theta(draws, data.design, chosen=chosen)
    is_shared = draws.attrs.get(SHARED_NEW_LEVEL, False)
    return quantities_at(data, theta, u[chosen], rng, is_shared)


def _correlations(term: Term, chol: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Correlations (S, pairs) of a term's effects; zero where an SD is zero."""
    correlations = np.empty((len(sd), len(term.pairs)))
    for k, (i, j) in enumerate(term.pairs):
        covariance = np.sum(chol[:, i] * chol[:, j], -1)
        scale = sd[:, i] * sd[:, j]
        correlations[:, k] = covariance / np.where(scale > 0, scale, 1.0)
    return correlations
