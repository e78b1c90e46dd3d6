"""Replicated responses: of the levels that were seen, or of new ones.

Of the rows that were seen, or of others.
"""

import arviz_base
import numpy as np
import pandas as pd
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.model import Design, RNGLike, Theta, checked_rng
from lmmlib.model.design import checked_rows
from lmmlib.model.options import choice
from lmmlib.simulation import draw_effects, draw_response

LEVELS = ("known", "new")
LEVELS_OF = "lmmlib_levels"


def posterior_predict(
    draws: xr.DataTree,
    design: Design,
    levels: str = "known",
    *,
    rng: RNGLike = None,
    new: pd.DataFrame | Design | None = None,
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
    design : Design
        Design the draws are of.
    levels : {"known", "new"}, default: "known"
        Whether replicates are of the levels that were seen, or of new ones.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.
    new : pandas.DataFrame or Design, optional
        Rows other than those of the draws: a table, where the design comes from a formula, or a
        Design with the same coefficients, terms and effects; its weights, its offset and the known
        covariances of its levels are used.

    Returns
    -------
    xarray.DataTree
        Draws with ``posterior_predictive`` y (chain, draw, row) in response units and, for the rows
        of the draws, their ``observed_data``. Draws of a prior give prior predictive replicates
        under the same name.

    Raises
    ------
    TypeError
        If draws is no DataTree with a posterior, design no Design, or rng no Generator.
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
    >>> from lmmlib.model import Data
    >>> from lmmlib.model import Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> given = {
    ...     "beta": np.zeros((2, 5, 1)),
    ...     "sd": np.ones((2, 5, 1)),
    ...     "sigma": np.ones((2, 5)),
    ...     "u": np.ones((2, 5, 2)),
    ... }
    >>> draws = draws_.as_draws(data=data, **given)
    >>> dict(
    ...     posterior_predict(
    ...         draws, data.design, "new", rng=np.random.default_rng(1)
    ...     ).posterior_predictive.sizes
    ... )
    {'chain': 2, 'draw': 5, 'row': 3}
    >>> rows = Design([[1.0]] * 2, [Term.grouped("g", ["b", "c"])], weights=[1e30, 1e30])
    >>> y = posterior_predict(
    ...     draws, data.design, rng=np.random.default_rng(1), new=rows
    ... ).posterior_predictive.y
    >>> y.sel(row=0).round(9).values[0].tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    levels = choice("levels", levels, LEVELS)
    rng = checked_rng(rng)
    draws = draws_.checked_tree(draws)
    if draws_.log_weight(draws) is not None:
        raise ValueError(
            "the draws are weighted, and replicates of them would not be; resample them: "
            "posterior(..., weighted=False)"
        )
    theta = draws_.theta(draws, checked_rows(design))
    rows = design if new is None else _other_rows(new, design)
    u = (
        _known_effects(draws, rows, theta, rng)
        if levels == "known"
        else draw_effects(rows, theta, rng)
    )
    y = draw_response(rows, theta, u, rng)
    sizes = draws.posterior.sizes
    groups = {"posterior_predictive": {"y": y.reshape(sizes["chain"], sizes["draw"], rows.n)}}
    tree = arviz_base.from_dict(groups, coords={"row": np.arange(rows.n)}, dims=draws_.DIMS)
    if new is None and "observed_data" in draws.children:
        tree["observed_data"] = draws.observed_data
    tree.attrs[LEVELS_OF] = levels
    return tree


def _other_rows(new: pd.DataFrame | Design, design: Design) -> Design:
    """The design of new rows, if it has the coefficients, terms and effects of ``design``."""
    if isinstance(new, pd.DataFrame):
        return design.new_rows(new)
    if not isinstance(new, Design):
        raise ValueError(
            f"new must be a pandas table or a Design, got {type(new).__name__}; give "
            "new=data.design, not the data"
        )
    named = {
        "coefficients": (new.coef, design.coef),
        "terms": tuple([t.name for t in d.terms] for d in (new, design)),
        "effects": (new.effects, design.effects),
        "correlations": (new.pairs, design.pairs),
    }
    for what, (got, expected) in named.items():
        if tuple(got) != tuple(expected):
            told = ", ".join(got) or "none"
            raise ValueError(
                f"the new rows must have the {what} {', '.join(expected) or 'none'}, in this "
                f"order; they have {told}"
            )
    if not new.layout.same_columns(design.layout):
        raise ValueError(
            "the new rows must be made as those of the design were, and their formula took other "
            "means, knots or levels from its own "
            "table; give new=table, or design.new_rows(table)"
        )
    for here, there in zip(new.terms, design.terms, strict=True):
        if (here.level_chol is None) != (there.level_chol is None):
            where = "the draws' design" if here.level_chol is None else "the new rows"
            raise ValueError(
                f"the levels of {here.name!r} have a known covariance in {where} alone; give "
                "both their between"
            )
    return new


def _known_effects(
    draws: xr.DataTree, rows: Design, theta: Theta, rng: np.random.Generator
) -> np.ndarray:
    """Effects (S, K): the drawn u where a level has it, else a new draw.

    The new draws are independent, from N(0, Σ(θ)).
    """
    if "u" not in draws.posterior:
        raise ValueError(
            "the draws hold no u, so no level is known; use levels='new', or make them with "
            "as_draws(u=...)"
        )
    place = {label: k for k, label in enumerate(draws.posterior["ranef"].to_numpy().tolist())}
    wanted = rows.ranef["ranef"]
    known = np.array([label in place for label in wanted])
    _refuse_unknown_relatives(rows, known)
    u = np.zeros((len(theta.sigma), len(wanted))) if known.all() else draw_effects(rows, theta, rng)
    u[:, known] = draws_.flat(draws, "u")[:, [place[label] for label in wanted if label in place]]
    return u


def _refuse_unknown_relatives(rows: Design, known: np.ndarray) -> None:
    names, levels = np.array(rows.ranef["term"]), np.array(rows.ranef["level"])
    for t in rows.terms:
        unknown = list(dict.fromkeys(levels[(names == t.name) & ~known]))
        if t.level_chol is not None and unknown:
            told = ", ".join(unknown[:3]) + (", …" if len(unknown) > 3 else "")
            raise ValueError(
                f"levels {told} of {t.name!r} are not among the draws, and their covariance with "
                "those that are is not given; "
                "leave their rows out, or use levels='new' for a set of levels independent of "
                "the known ones"
            )
