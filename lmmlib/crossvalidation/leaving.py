"""Leave-one-out of rows and of levels.

In closed form given the draws, with refits where their weights fail.
"""

import warnings
from collections.abc import Iterator

import numpy as np
import xarray as xr
from scipy.special import logsumexp

from lmmlib import draws as draws_
from lmmlib import linalg
from lmmlib.crossvalidation.refits import refitted
from lmmlib.crossvalidation.result import TaskLOO, collected
from lmmlib.crossvalidation.smoothing import relative_efficiency, smoothed_weights
from lmmlib.held_out import levels_in_draws, rows_in_draws
from lmmlib.loglik import conditional_in_draws
from lmmlib.model import Data, Priors, RNGLike, checked_data, checked_rng
from lmmlib.model.options import choice, in_brief
from lmmlib.model.priors import checked_priors

ROUTES = ("leverage", "conditional")
FEWEST = 25  # draws, below which the largest weights are no tail

Densities = Iterator[tuple[np.ndarray, np.ndarray]]


@linalg.one_thread()
def loo(
    draws: xr.DataTree,
    data: Data,
    leave: str = "row",
    route: str = "leverage",
    *,
    priors: Priors | None = None,
    rng: RNGLike = None,
    by: object = None,
) -> TaskLOO:
    r"""Expected log predictive density of what is left out, given all the rest.

    The quantity, log p(y_I|y_−I) for a row or for the rows I of a level, belongs to the joint model
    and is the same for both formulations. ``leverage`` weights draws of θ by 1/p(y_I|y_−I,θ), which
    is exact in u: for a row, y_i|y_−i,θ ~ N(y_i − e_i, σ²v_i/w_i) with e_i the residual of row i
    predicted from the others and 1/v_i = 1 − h_i its leverage's complement. ``conditional`` weights
    draws of (θ, u) by 1/p(y_i|u,θ), which is the plain way, and the noisier one: at fixed θ its
    weights have Pareto shape h_i.

    Parameters
    ----------
    draws : xarray.DataTree
        Draws in the one form, of any engine; ``conditional`` needs u among them.
    data : Data
        Data the draws are of.
    leave : str, default: "row"
        What is left out: ``"row"``, or the name of a grouped term, one level of which is left out
        at a time, its rows jointly.
    route : {"leverage", "conditional"}, default: "leverage"
        Density whose weights are smoothed; ``conditional`` is for rows only.
    priors : Priors, optional
        The priors of the draws; with them, whatever Pareto k finds unreliable is left out by an
        exact refit.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator of the refits, as ``numpy.random.default_rng`` takes it.
    by : str or array_like, shape (n,), optional
        Name of a term, or a label for each row: the groups of rows that the standard error takes
        for independent.

    Returns
    -------
    TaskLOO
        An ArviZ ELPD object; p is the in-sample minus the left-out log density of the chosen route.

    Raises
    ------
    TypeError
        If draws, data or priors are of another kind.
    ValueError
        If the draws are of other data, another design or another order of rows, or are fewer than
        25; if an option is unknown, or a term is named ``row``; if the model was added to in a way
        that forbids the route, or a refit.

    Warns
    -----
    UserWarning
        If something has a Pareto k above min(1 − 1/log10 S, 0.7) and was not refitted; the message
        names it.

    Notes
    -----
    No n × n matrix; rows are worked through block by block, and weights are not kept. The standard
    error takes rows (or levels, or the groups of ``by``) for independent draws from a population;
    rows of one group are not. The priors must be such that p(θ|y_−I) is proper for every I, and are
    unchanged when something is left out.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), Stat. Comput. 27(5); Li, Qiu, Zhang & Feng (2016), Stat. Comput.
    26(4), for integrated importance sampling; equation :eq:`eq-left-out`.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> rng = np.random.default_rng(1)
    >>> data = Data(
    ...     rng.normal(size=20),
    ...     Design(np.ones((20, 1)), [Term.grouped("g", np.repeat(list("abcd"), 5))]),
    ... )
    >>> spread = rng.uniform(0.9, 1.1, size=(2, 100))
    >>> draws = draws_.as_draws(
    ...     data=data, beta=rng.normal(0, 0.3, size=(2, 100, 1)), sd=spread[..., None], sigma=spread
    ... )
    >>> result = loo(draws, data)
    >>> result.task, result.elpd_i.sizes["row"]
    ('row i from all other rows', 20)
    >>> loo(draws, data, leave="g").task
    'all rows of one g from the rows of all others'
    """
    draws = draws_.checked_tree(draws)
    route = choice("route", route, ROUTES)
    _check_options(checked_data(data), leave, route)
    rng = checked_rng(rng)
    if priors is not None:
        checked_priors(priors, data.design)
    draws_.check_data(draws, data)
    draws_.check_additions(draws, integrates_u=route == "leverage", refits=priors is not None)
    theta = draws_.theta(draws, data.design)
    if len(theta.sigma) < FEWEST:
        raise ValueError(
            f"Pareto smoothing needs {FEWEST} draws at least, got {len(theta.sigma)}; draw more"
        )
    units, labels = _units(data, leave)
    if route == "conditional":
        densities = iter([(units, conditional_in_draws(data, theta, draws_.flat(draws, "u")))])
    elif leave == "row":
        densities = rows_in_draws(data, theta)
    else:
        unit_of_level = dict(
            zip(data.design.level_of_rows(leave).tolist(), units.tolist(), strict=True)
        )
        densities = (
            ([unit_of_level[j] for j in found.tolist()], v)
            for found, v in levels_in_draws(data, theta, leave)
        )
    found = _smoothed(densities, len(labels), relative_efficiency(draws), draws_.log_weight(draws))
    S = len(theta.sigma)
    good_k = min(1 - 1 / np.log10(S), 0.7)
    high = np.flatnonzero(~(found["pareto_k"] <= good_k))
    if priors is None:
        _warn(high, labels, leave, route, good_k)
    else:
        for unit in high:
            found["elpd_i"][unit] = refitted(
                data, priors, np.flatnonzero(units == unit), S, rng, labels[unit]
            )
        found["refitted"][high] = True
    return collected(data, leave, route, units, labels, by, found, S, good_k)


def _check_options(data: Data, leave: str, route: str) -> None:
    terms = [t.name for t in data.design.terms]
    if "row" in terms:
        raise ValueError(
            "a term is named 'row', so that leave='row' has two meanings; give that column "
            "another name"
        )
    if not isinstance(leave, str) or leave not in ("row", *terms):
        raise ValueError(
            f"leave must be 'row' or a term, {', '.join(terms)}; got {in_brief(leave)}"
        )
    if leave != "row" and route == "conditional":
        raise ValueError(
            "levels can be left out by the leverage route only: p(y|u, θ) with u drawn from "
            "these very rows tells nothing of them"
        )


def _units(data: Data, leave: str) -> tuple[np.ndarray, list[str]]:
    """Number of the unit with which each row is left out, and the units' labels.

    Levels without rows are none.
    """
    if leave == "row":
        return np.arange(data.design.n), [str(i) for i in range(data.design.n)]
    present, units = np.unique(data.design.level_of_rows(leave), return_inverse=True)
    return units, [data.design.term(leave).levels[j] for j in present]


def _smoothed(
    densities: Densities, count: int, r_eff: float, log_weight: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Left-out and in-sample log density and Pareto k of every unit."""
    found = {name: np.empty(count) for name in ("elpd_i", "in_sample", "pareto_k")} | {
        "refitted": np.zeros(count, bool)
    }
    for units, log_density in densities:
        log_weights, found["pareto_k"][units] = smoothed_weights(log_density, r_eff, log_weight)
        found["elpd_i"][units] = logsumexp(log_weights + log_density, axis=0)
        own = -np.log(len(log_density)) if log_weight is None else log_weight[:, None]
        found["in_sample"][units] = logsumexp(log_density + own, axis=0)
    return found


def _warn(high: np.ndarray, labels: list[str], leave: str, route: str, good_k: float) -> None:
    if len(high):
        named = ", ".join(labels[i] for i in high[:8]) + (", …" if len(high) > 8 else "")
        what = "rows" if leave == "row" else f"levels of {leave}"
        warnings.warn(
            f"Pareto k is above {good_k:.2f} in {len(high)} of {len(labels)} {what} by the "
            f"{route} route: {named}; "
            "their elpd may be far off. Give priors= and rng= to refit without them",
            stacklevel=4,  # past the decorator of loo
        )
