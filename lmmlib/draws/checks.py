"""What is asked of draws before anything is computed from them.

Their kind, their design, their data.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from lmmlib.draws.arrays import SAMPLED
from lmmlib.draws.form import FINGERPRINT
from lmmlib.model import Data, Design, checked_data
from lmmlib.model.design import checked_design
from lmmlib.model.row_labels import some

DISTRIBUTION = "lmmlib_distribution"
ADDED = (
    "lmmlib_added"  # what the user added to a model of ours, and which of it depends on u and on y
)
ADDED_ON_U = "lmmlib_added_on_u"
ADDED_ON_Y = "lmmlib_added_on_y"
OF_DRAWS = (
    "posterior",
    "sample_stats",
    "posterior_predictive",
)  # groups that have chains and draws


def checked_tree(draws: object) -> xr.DataTree:
    """``draws`` themselves, if they are a tree with a posterior.

    Of one chain or draw, with that dimension.

    Raises
    ------
    TypeError
        If they are anything else.
    ValueError
        If chains and draws were stacked.

    Examples
    --------
    >>> checked_tree({})  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
        ...
    TypeError: draws must be a DataTree with a posterior, got dict; make them with posterior or
    as_draws
    """
    if not isinstance(draws, xr.DataTree) or "posterior" not in draws.children:
        is_tree = isinstance(draws, xr.DataTree)
        kind = (
            f"one with {', '.join(draws.children) or 'nothing'}"
            if is_tree
            else type(draws).__name__
        )
        raise TypeError(
            f"draws must be a DataTree with a posterior, got {kind}; make them with posterior or "
            "as_draws"
        )
    stacked = [
        str(dim) for dim in draws.posterior.dims if {*SAMPLED} & {*_levels(draws.posterior, dim)}
    ]
    if stacked:
        raise ValueError(
            f"draws must have dimensions chain and draw, got {stacked[0]}, which holds them; "
            "unstack it"
        )
    missing = [dim for dim in SAMPLED if dim not in draws.posterior.dims]
    return draws if not missing else _with_dims(draws, missing)


def _levels(posterior: xr.Dataset, dim: str) -> list[str]:
    """Names of what one dimension is stacked of; none for an ordinary one."""
    index = posterior.indexes.get(dim)
    return (
        [str(name) for name in index.names if name != dim]
        if index is not None and index.nlevels > 1
        else []
    )


def _with_dims(draws: xr.DataTree, missing: list[str]) -> xr.DataTree:
    """A tree of one chain, or of one draw, as one with that dimension."""
    whole = draws.copy()
    for group in OF_DRAWS:
        if group in whole.children:
            whole[group] = whole[group].to_dataset().expand_dims(missing)
    return whole


def check_design(draws: xr.DataTree, design: Design, same_rows: bool = True) -> None:
    """Raise unless the draws are of this design, all labels and its rows in the same order."""
    draws = checked_tree(draws)
    _check_labels(draws, {"coef": checked_design(design).coef, "effect": design.effects})
    made_of = draws.attrs.get(FINGERPRINT)
    if same_rows and made_of is not None and made_of != design.fingerprint:
        raise ValueError(
            "the draws were made with another design: other values of X, Z, weights or offset, "
            "or other rows or another order of rows"
        )
    _check_labels(draws, {"effect_pair": design.pairs})
    if "u" in draws.posterior:
        _check_labels(draws, {"ranef": design.ranef["ranef"]})


def _check_labels(draws: xr.DataTree, names: Mapping[str, Sequence[str]]) -> None:
    """Raise unless dimensions bear these labels, in this order."""
    for dim, expected in names.items():
        labels = (
            tuple(map(str, draws.posterior[dim].to_numpy().tolist()))
            if dim in draws.posterior.dims
            else ()
        )
        if labels == tuple(expected):
            continue
        where = " in another order than the design:" if sorted(labels) == sorted(expected) else ""
        raise ValueError(
            f"the draws have {dim}{where} {some(labels) or 'none'}; the design has "
            f"{some(expected) or 'none'}"
        )


def check_data(draws: xr.DataTree, data: Data) -> None:
    """Raise unless the draws are of the posterior of this design and this response, row by row."""
    checked_data(data)
    draws = checked_tree(draws)
    if draws.attrs.get(DISTRIBUTION) == "prior":
        raise ValueError(
            "the draws are of the prior, which no data have informed; draw from the posterior"
        )
    if "observed_data" not in draws.children or "y" not in draws.observed_data:
        raise ValueError(
            "the draws hold no observed_data with y, so it cannot be checked which data they are "
            "of; make them with as_draws"
        )
    y = draws.observed_data["y"].to_numpy()
    if y.shape != data.y.shape:
        raise ValueError(f"the draws are of {len(y)} rows; the data have {len(data.y)}")
    differ = np.flatnonzero(y != data.y)
    if len(differ) and np.array_equal(np.sort(y), np.sort(data.y)):
        raise ValueError(
            f"the rows are in another order than when the draws were made, from row {differ[0]} "
            "on; use the same table"
        )
    if len(differ):
        i = differ[0]
        first = f"row {i} first ({y[i]:g}, now {data.y[i]:g})"
        raise ValueError(f"the draws are of another response: {len(differ)} rows differ, {first}")
    check_design(draws, data.design)


def check_additions(draws: xr.DataTree, integrates_u: bool, refits: bool = False) -> None:
    """Raise where terms that a user added to a model forbid leave-one-out.

    Parameters
    ----------
    draws : xarray.DataTree
        Draws in the one form.
    integrates_u : bool
        Whether u is integrated over N(0, G).
    refits : bool, default: False
        Whether the posterior is drawn anew from data and priors.

    Raises
    ------
    ValueError
        If such a term was added; the message names it.

    Notes
    -----
    A term on θ alone is in the draws of θ, and p(y, u|θ) is what it was. One on u changes the
    distribution of u given θ, but not that of a row given both. One on y is in the density of what
    is left out, and how is not known here.
    """
    on_y = draws.attrs.get(ADDED_ON_Y)
    if on_y:
        raise ValueError(
            f"{on_y} was added to the model and depends on y, so that the density of a row left "
            "out is not known"
        )
    on_u = draws.attrs.get(ADDED_ON_U)
    if on_u and integrates_u:
        raise ValueError(
            f"{on_u} was added to the model and depends on u, which is not N(0, G) given the "
            "parameters any more; "
            "leave out rows by route='conditional'"
        )
    added = draws.attrs.get(ADDED)
    if added and refits:
        raise ValueError(
            f"{added} was added to the model, and a refit would not know of it; leave priors= out"
        )
