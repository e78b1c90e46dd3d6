"""Leave-one-out of rows and of levels.

In closed form given the draws, with refits where their weights fail.
"""

import warnings
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from lmmlib import draws as draws_
from lmmlib import linalg
from lmmlib.crossvalidation.densities import UnitDensities, unit_densities
from lmmlib.crossvalidation.refits import refit_log_density
from lmmlib.crossvalidation.result import TaskLOO, UnitEstimates, task_loo
from lmmlib.crossvalidation.smoothing import relative_efficiency, smoothed_weights
from lmmlib.crossvalidation.units import Units, units_of
from lmmlib.model import Data, Priors, RNGLike, checked_data, checked_rng
from lmmlib.model.options import choice
from lmmlib.model.priors import checked_priors

ROUTES = ("leverage", "conditional")
MIN_DRAWS = 25  # below which the largest weights are no tail
MOST_NAMED = 8  # units that a warning names


@linalg.one_thread()
def loo(
    draws: xr.DataTree,
    data: Data,
    leave: str = "row",
    route: str = "leverage",
    *,
    priors: Priors | None = None,
    rng: RNGLike = None,
    by: str | ArrayLike | None = None,
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
    # Whether the options make sense, and whether the draws are of these data.
    draws = draws_.checked_tree(draws)
    route = choice("route", route, ROUTES)
    units = _checked_units(checked_data(data), leave, route)
    rng = checked_rng(rng)
    if priors is not None:
        checked_priors(priors, data.design)
    theta = draws_.theta_of_data(draws, data)
    draws_.check_additions(draws, integrates_u=route == "leverage", refits=priors is not None)
    n_draws = len(theta.sigma)
    if n_draws < MIN_DRAWS:
        raise ValueError(
            f"Pareto smoothing needs {MIN_DRAWS} draws at least, got {n_draws}; draw more"
        )

    # Importance sampling: every unit's density, averaged with smoothed weights.
    densities = unit_densities(draws, data, theta, units, route)
    r_eff = relative_efficiency(draws)
    log_weight = draws_.log_weight(draws)
    estimates = _importance_estimates(densities, len(units.labels), n_draws, r_eff, log_weight)

    # What the weights cannot answer is named, or refitted.
    if priors is None:
        warn_of_unreliable(units, route, estimates)
    else:
        estimates = _with_refits(data, priors, units, estimates, rng)
    return task_loo(data, units, route, by, estimates)


def _checked_units(data: Data, leave: str, route: str) -> Units:
    """What is left out, if there is such a thing and it can be left out by this route."""
    units = units_of(data, leave)
    if route == "conditional" and not units.are_rows:
        raise ValueError(
            "levels can be left out by the leverage route only: p(y|u, θ) with u drawn from "
            "these very rows tells nothing of them"
        )
    return units


def _importance_estimates(
    densities: Iterable[UnitDensities],
    n_units: int,
    n_draws: int,
    r_eff: float,
    log_weight: np.ndarray | None,
) -> UnitEstimates:
    """Left-out and in-sample log density and Pareto k of every unit.

    log Σ_s w_s p_s, once with the smoothed weights w ∝ 1/p, and once with those of the draws.
    """
    elpd_i = np.empty(n_units)
    in_sample = np.empty(n_units)
    pareto_k = np.empty(n_units)
    own_log_weight = -np.log(n_draws) if log_weight is None else log_weight[:, None]
    for part in densities:
        smoothed, pareto_k[part.units] = smoothed_weights(part.log_density, r_eff, log_weight)
        elpd_i[part.units] = np.logaddexp.reduce(smoothed + part.log_density, axis=0)
        in_sample[part.units] = np.logaddexp.reduce(part.log_density + own_log_weight, axis=0)
    return UnitEstimates(elpd_i, in_sample, pareto_k, np.zeros(n_units, bool), n_draws)


def _with_refits(
    data: Data, priors: Priors, units: Units, estimates: UnitEstimates, rng: np.random.Generator
) -> UnitEstimates:
    """The estimates with those of unreliable units replaced by exact refits."""
    elpd_i = estimates.elpd_i.copy()
    is_refitted = np.zeros(len(elpd_i), bool)
    for unit in estimates.unreliable:
        rows = np.flatnonzero(units.of_rows == unit)
        label = units.labels[unit]
        elpd_i[unit] = refit_log_density(data, priors, rows, estimates.n_draws, rng, label)
        is_refitted[unit] = True
    return replace(estimates, elpd_i=elpd_i, is_refitted=is_refitted)


def warn_of_unreliable(units: Units, route: str, estimates: UnitEstimates) -> None:
    """Warn of the units whose weights cannot be trusted, and name some of them."""
    unreliable = estimates.unreliable
    if not len(unreliable):
        return
    names = [units.labels[i] for i in unreliable[:MOST_NAMED]]
    if len(unreliable) > MOST_NAMED:
        names.append("…")
    warnings.warn(
        f"Pareto k is above {estimates.good_k:.2f} in {len(unreliable)} of {len(units.labels)} "
        f"{units.plural} by the {route} route: {', '.join(names)}; their elpd may be far off. "
        "Give priors= and rng= to refit without them",
        stacklevel=4,  # past the decorator of loo
    )
