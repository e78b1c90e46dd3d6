"""What is asked of draws before anything is computed from them.

Their kind, their design, their data.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from lmmlib.draws.datatree import FINGERPRINT
from lmmlib.draws.labelled_arrays import SAMPLE_DIMS
from lmmlib.model import Data, Design, checked_data
from lmmlib.model.design import checked_design
from lmmlib.model.row_labels import some

# Attributes of the tree: what the draws are of, and what the user added to a model of ours, with
# what of it depends on u and on y.
DISTRIBUTION = "lmmlib_distribution"
ADDED = "lmmlib_added"
ADDED_ON_U = "lmmlib_added_on_u"
ADDED_ON_Y = "lmmlib_added_on_y"
GROUPS_OF_DRAWS = ("posterior", "sample_stats", "posterior_predictive")


def checked_tree(draws: xr.DataTree) -> xr.DataTree:
    """``draws`` themselves, if they are a tree with a posterior.

    Of one chain or draw, with that dimension.

    Parameters
    ----------
    draws : xarray.DataTree
        What should be draws in the one form.

    Returns
    -------
    xarray.DataTree
        The same, with dimensions ``chain`` and ``draw``.

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
        got = type(draws).__name__
        if isinstance(draws, xr.DataTree):
            got = f"one with {', '.join(draws.children) or 'nothing'}"
        raise TypeError(
            f"draws must be a DataTree with a posterior, got {got}; make them with posterior or "
            "as_draws"
        )
    posterior = draws.posterior
    stacked = [dim for dim in posterior.dims if _is_stacked_of_samples(posterior, str(dim))]
    if stacked:
        raise ValueError(
            f"draws must have dimensions chain and draw, got {stacked[0]}, which holds them; "
            "unstack it"
        )
    missing = [dim for dim in SAMPLE_DIMS if dim not in posterior.dims]
    return _with_dims(draws, missing) if missing else draws


def _is_stacked_of_samples(posterior: xr.Dataset, dim: str) -> bool:
    """Whether a dimension is stacked of chains or draws."""
    index = posterior.indexes.get(dim)
    if index is None or index.nlevels == 1:
        return False
    levels = {str(name) for name in index.names if name != dim}
    return not levels.isdisjoint(SAMPLE_DIMS)


def _with_dims(draws: xr.DataTree, missing: Sequence[str]) -> xr.DataTree:
    """A tree of one chain, or of one draw, as one with that dimension."""
    whole = draws.copy()
    for group in GROUPS_OF_DRAWS:
        if group in whole.children:
            whole[group] = whole[group].to_dataset().expand_dims(list(missing))
    return whole


def check_design(draws: xr.DataTree, design: Design, same_rows: bool = True) -> None:
    """Raise unless the draws are of this design, all labels and its rows in the same order.

    Parameters
    ----------
    draws : xarray.DataTree
        Draws in the one form.
    design : Design
        Design that they should be of.
    same_rows : bool, default: True
        Whether the rows must be the same, too.

    Raises
    ------
    TypeError
        If draws or design are of another kind.
    ValueError
        If names or rows differ, or stand in another order.
    """
    draws = checked_tree(draws)
    _check_labels(draws, {"coef": checked_design(design).coef, "effect": design.effects})
    fingerprint = draws.attrs.get(FINGERPRINT)
    if same_rows and fingerprint is not None and fingerprint != design.fingerprint:
        raise ValueError(
            "the draws were made with another design: other values of X, Z, weights or offset, "
            "or other rows or another order of rows"
        )
    _check_labels(draws, {"effect_pair": design.pairs})
    if "u" in draws.posterior:
        _check_labels(draws, {"ranef": design.ranef["ranef"]})


def _check_labels(draws: xr.DataTree, names: Mapping[str, Sequence[str]]) -> None:
    """Raise unless dimensions bear these labels, in this order."""
    posterior = draws.posterior
    for dim, expected in names.items():
        values = posterior[dim].to_numpy().tolist() if dim in posterior.dims else []
        labels = [str(value) for value in values]
        if labels == list(expected):
            continue
        is_reordered = sorted(labels) == sorted(expected)
        where = " in another order than the design:" if is_reordered else ""
        raise ValueError(
            f"the draws have {dim}{where} {some(labels) or 'none'}; the design has "
            f"{some(expected) or 'none'}"
        )


def check_data(draws: xr.DataTree, data: Data) -> None:
    """Raise unless the draws are of the posterior of this design and this response, row by row.

    Parameters
    ----------
    draws : xarray.DataTree
        Draws in the one form.
    data : Data
        Data that they should be of.

    Raises
    ------
    TypeError
        If draws or data are of another kind.
    ValueError
        If the draws are of the prior, or hold no response, another one, or another design.
    """
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
    _check_response(draws.observed_data["y"].to_numpy(), data.y)
    check_design(draws, data.design)


def _check_response(y: np.ndarray, expected: np.ndarray) -> None:
    """Raise unless the response that the draws hold is that of the data."""
    if y.shape != expected.shape:
        raise ValueError(f"the draws are of {len(y)} rows; the data have {len(expected)}")
    differ = np.flatnonzero(y != expected)
    if not len(differ):
        return
    row = differ[0]
    if np.array_equal(np.sort(y), np.sort(expected)):
        raise ValueError(
            f"the rows are in another order than when the draws were made, from row {row} "
            "on; use the same table"
        )
    raise ValueError(
        f"the draws are of another response: {len(differ)} rows differ, row {row} first "
        f"({y[row]:g}, now {expected[row]:g})"
    )


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
            "parameters any more; leave out rows by route='conditional'"
        )
    added = draws.attrs.get(ADDED)
    if added and refits:
        raise ValueError(
            f"{added} was added to the model, and a refit would not know of it; leave priors= out"
        )
