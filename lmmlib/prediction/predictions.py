"""Predictions of a posterior: replicated responses and expected values."""

import arviz_base
import numpy as np
import pandas as pd
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.model import Data, Design, RNGLike, checked_rng
from lmmlib.model.options import choice
from lmmlib.prediction.effects import effects_of_levels
from lmmlib.prediction.new_rows import design_of, rows_to_predict
from lmmlib.simulation import draw_response

LEVELS = ("known", "new")
LEVELS_OF_EXPECTED = ("known", "new", "population")
LEVELS_OF = "lmmlib_levels"


def posterior_predict(
    draws: xr.DataTree,
    data: Data | Design,
    levels: str = "known",
    *,
    new: pd.DataFrame | Data | Design | None = None,
    rng: RNGLike = None,
) -> xr.DataTree:
    r"""One replicated response y ~ N(offset + Xβ + Zu, σ²W⁻¹) for each draw of (θ, u).

    ``known``: a level of which there are draws of u keeps them, whatever row it is in; each other
    level gets effects of its own, u_j ~ N(0, Σ(θ)), one independent draw for each level and each
    draw of θ. ``new``: every level is such a level, as in a repetition of the experiment with other
    subjects. The two answer different questions.

    Parameters
    ----------
    draws : xarray.DataTree
        Draws in the one form, of equal weight; ``known`` needs u among them.
    data : Data or Design
        Data the draws are of, or their design.
    levels : {"known", "new"}, default: "known"
        Whether replicates are of the levels that were seen, or of new ones.
    new : pandas.DataFrame, Data or Design, optional
        Rows other than those of the draws: a table, where the design comes from a formula, or rows
        with the same coefficients, terms and effects; their weights, their offset and the known
        covariances of their levels are used, and a response is not.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.

    Returns
    -------
    xarray.DataTree
        Draws with ``posterior_predictive`` y (chain, draw, row) in response units and, for the rows
        of the draws, their ``observed_data``. Draws of a prior give prior predictive replicates
        under the same name.

    Raises
    ------
    TypeError
        If draws is no DataTree with a posterior, data neither Data nor Design, or rng no Generator.
    ValueError
        If the draws are of another design, weighted, or without the u that is needed; if the new
        rows have other coefficients or terms, or unknown levels in a term whose levels have a known
        covariance.

    Notes
    -----
    Levels are matched by label: a level "308" of new rows is the one of the data. One draw shared
    by all new levels would be right for each of them alone and wrong for every statistic across
    levels.

    References
    ----------
    Gelman, Meng & Stern (1996), Statistica Sinica 6(4).

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> given = {
    ...     "beta": np.zeros((2, 5, 1)),
    ...     "sd": np.ones((2, 5, 1)),
    ...     "sigma": np.ones((2, 5)),
    ...     "u": np.ones((2, 5, 2)),
    ... }
    >>> draws = draws_.as_draws(data=data, **given)
    >>> replicates = posterior_predict(draws, data, "new", rng=1)
    >>> dict(replicates.posterior_predictive.sizes)
    {'chain': 2, 'draw': 5, 'row': 3}
    >>> new = Design([[1.0]] * 2, [Term.grouped("g", ["b", "c"])], weights=[1e30, 1e30])
    >>> y = posterior_predict(draws, data, new=new, rng=1).posterior_predictive["y"]
    >>> y.sel(row=0).round(9).values[0].tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    levels = choice("levels", levels, LEVELS)
    rng = checked_rng(rng)
    draws = _equally_weighted(draws)
    design = design_of(data)
    theta = draws_.theta(draws, design)
    rows = rows_to_predict(design, new)
    u = effects_of_levels(draws, rows, theta, levels, rng)
    y = draw_response(rows, theta, u, rng)
    return _predictions(draws, "y", y, levels, is_of_new_rows=new is not None)


def posterior_epred(
    draws: xr.DataTree,
    data: Data | Design,
    levels: str = "known",
    *,
    new: pd.DataFrame | Data | Design | None = None,
    rng: RNGLike = None,
) -> xr.DataTree:
    r"""Expected response μ = offset + Xβ + Zu for each draw of (θ, u), without the rows' noise.

    ``known`` and ``new`` take u as :func:`lmmlib.posterior_predict` does: the drawn effects of
    known levels and new draws for all others, or new draws for every level. ``population`` leaves
    u out, μ = offset + Xβ: the mean over all levels that there could be.

    Parameters
    ----------
    draws : xarray.DataTree
        Draws in the one form, of equal weight; ``known`` needs u among them.
    data : Data or Design
        Data the draws are of, or their design.
    levels : {"known", "new", "population"}, default: "known"
        Which levels the expectation is of.
    new : pandas.DataFrame, Data or Design, optional
        Rows other than those of the draws, as for :func:`lmmlib.posterior_predict`.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator of the effects of new levels, as ``numpy.random.default_rng`` takes it.

    Returns
    -------
    xarray.DataTree
        Draws with ``posterior_predictive`` mu (chain, draw, row) in response units and, for the
        rows of the draws, their ``observed_data``.

    Raises
    ------
    TypeError
        If draws is no DataTree with a posterior, data neither Data nor Design, or rng no Generator.
    ValueError
        If the draws are of another design, weighted, or without the u that is needed; if the new
        rows have other coefficients or terms, or unknown levels in a term whose levels have a known
        covariance.

    Notes
    -----
    In brms, ``known`` is ``posterior_epred`` with ``allow_new_levels = TRUE`` and
    ``sample_new_levels = "gaussian"``, and ``population`` is ``re_formula = NA``; in Bambi,
    ``predict(kind="response_params")`` with ``sample_new_groups=True``, and with
    ``include_group_specific=False``. Over draws, ``new`` has the mean of ``population`` and the
    spread between levels on top. ``Estimate.predict`` gives population means under ``new``.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> given = {
    ...     "beta": np.full((2, 5, 1), 3.0),
    ...     "sd": np.ones((2, 5, 1)),
    ...     "sigma": np.ones((2, 5)),
    ...     "u": np.tile([1.0, 2.0], (2, 5, 1)),
    ... }
    >>> draws = draws_.as_draws(data=data, **given)
    >>> for levels in ("known", "population"):
    ...     mu = posterior_epred(draws, data, levels).posterior_predictive["mu"]
    ...     mu.mean(("chain", "draw")).values.tolist()
    [4.0, 5.0, 5.0]
    [3.0, 3.0, 3.0]
    """
    levels = choice("levels", levels, LEVELS_OF_EXPECTED)
    rng = checked_rng(rng)
    draws = _equally_weighted(draws)
    design = design_of(data)
    theta = draws_.theta(draws, design)
    rows = rows_to_predict(design, new)
    mu = rows.fixed_part(theta.beta)
    if levels != "population":
        mu = mu + rows.random_part(effects_of_levels(draws, rows, theta, levels, rng))
    return _predictions(draws, "mu", mu, levels, is_of_new_rows=new is not None)


def _equally_weighted(draws: xr.DataTree) -> xr.DataTree:
    """The draws themselves, if they are draws and none counts more than another."""
    draws = draws_.checked_tree(draws)
    if draws_.log_weight(draws) is not None:
        raise ValueError(
            "the draws are weighted, and replicates of them would not be; resample them: "
            "posterior(..., weighted=False)"
        )
    return draws


def _predictions(
    draws: xr.DataTree, name: str, values: np.ndarray, levels: str, is_of_new_rows: bool
) -> xr.DataTree:
    """A tree with one predicted variable (S, n), and the response where it is of the same rows."""
    sizes = draws.posterior.sizes
    n = values.shape[-1]
    by_chain = values.reshape(sizes["chain"], sizes["draw"], n)
    tree = arviz_base.from_dict(
        {"posterior_predictive": {name: by_chain}},
        coords={"row": np.arange(n)},
        dims={name: ["row"]},
    )
    if not is_of_new_rows and "observed_data" in draws.children:
        tree["observed_data"] = draws.observed_data
    tree.attrs[LEVELS_OF] = levels
    return tree
