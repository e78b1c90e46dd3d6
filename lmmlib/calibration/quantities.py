"""What is ranked: parameters, log densities, and one quantity across new levels."""

import numpy as np
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.loglik import conditional_in_draws, marginal_in_draws
from lmmlib.model import Data, Theta
from lmmlib.simulation import draw_effects


def names(data: Data) -> tuple[str, ...]:
    """Quantities in the order of :func:`measured`.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> names(Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])))
    ... # doctest: +NORMALIZE_WHITESPACE
    ('x1', 'sd g: Intercept', 'sigma', 'log p(y)', 'log p(y|u)', 'spread of new levels: g:
    Intercept')
    """
    d = data.design
    scales = [f"sd {e}" for e in d.effects] + [f"cor {pair}" for pair in d.pairs] + ["sigma"]
    return (
        *d.coef,
        *scales,
        "log p(y)",
        "log p(y|u)",
        *(f"spread of new levels: {e}" for e in d.effects),
    )


def measured(
    data: Data, theta: Theta, u: np.ndarray, rng: np.random.Generator, shared: bool = False
) -> np.ndarray:
    """The quantities at S draws of (θ, u), (S, Q).

    The last ones of effects that are drawn afresh for as many levels.

    Parameters
    ----------
    data : Data
        Response and design, of which the two log densities are.
    theta : Theta
        Parameters with one leading axis.
    u : ndarray, shape (S, K)
        Effects, a row per draw.
    shared : bool, default: False
        Whether all new levels are given one draw, which is wrong.

    Notes
    -----
    log p(y|θ) and log p(y|u,θ) depend on the data, and so see errors to which every parameter by
    itself is blind.

    References
    ----------
    Modrák et al. (2025), Bayesian Anal. 20(2), for data-dependent test quantities.
    """
    d = data.design
    sd = [np.linalg.norm(root, axis=-1) for root in theta.effect_chols]
    cor = [
        np.sum(root[:, i] * root[:, j], -1)
        / np.where(s[:, i] * s[:, j] > 0, s[:, i] * s[:, j], 1.0)
        for t, root, s in zip(d.terms, theta.effect_chols, sd, strict=True)
        for i, j in t.pairs
    ]
    given_u = conditional_in_draws(data, theta, u).sum(1)
    fresh = d.layout.split(draw_effects(d, theta, rng))
    spreads = [np.std(part[:, :1] if shared else part, axis=1) for part in fresh]
    columns = [
        theta.beta,
        *sd,
        *(c[:, None] for c in cor),
        theta.sigma[:, None],
        marginal_in_draws(data, theta)[:, None],
        given_u[:, None],
        *spreads,
    ]
    return np.concatenate(columns, 1)


def in_draws(data: Data, draws: xr.DataTree, count: int, rng: np.random.Generator) -> np.ndarray:
    """The quantities at ``count`` of the draws, chosen at random without replacement, (count, Q).

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
    return measured(data, theta, u[chosen], rng, draws.attrs.get("shared_new_level", False))
