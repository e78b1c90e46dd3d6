"""Draws of Bambi in the one form."""

import re
from collections.abc import Iterator

import numpy as np
import xarray as xr

from lmmlib.converters.matching import draws_by_name
from lmmlib.converters.naming import (
    Candidates,
    CategoricalName,
    NamingConvention,
    name_variants,
    split_categories,
)
from lmmlib.model import Data, checked_data
from lmmlib.model.validation import label

# An entry of the effects: Bambi has one for each combination of an interaction, with rows or not.
EFFECT = re.compile(r"\|(?!.*_sigma\[).*\[")
# What R writes otherwise: factor(), and powers.
REPLACEMENTS = [
    (r"(?<![\w.])(as\.)?factor\(", ["C("]),
    (r" *(\*\*|\^) *", [" ** ", "**"]),
]


def from_bambi(tree: xr.DataTree, data: Data) -> xr.DataTree:
    """Draws of a Bambi fit in the one form that all functions of this package take.

    Bambi's effects of one group are independent of each other, whatever is in the parentheses: its
    ``(Days | Subject)`` is lme4's ``(Days || Subject)``, and the data must be of that.

    Parameters
    ----------
    tree : xarray.DataTree or InferenceData
        What ``Model.fit`` returned, of a Gaussian family.
    data : Data
        Data of the same formula, in the notation of :func:`lmmlib.from_formula`, and of the same
        table.

    Returns
    -------
    xarray.DataTree
        Draws in the one form; without u where the tree has no effects of the groups.

    Raises
    ------
    ValueError
        If a variable is missing or of no use (the message names it), the response is another, its
        rows are in another order, or the data have correlated effects.

    Notes
    -----
    The reported ``Intercept`` is taken as it is: Bambi samples with centred predictors and undoes
    that afterwards. Levels are matched by label. ``weighted()`` multiplies the log density of a
    row, a weight of ours divides its variance: such fits are of another model. The priors are
    Bambi's: refits by ``loo(priors=...)`` need the same.

    References
    ----------
    Capretto et al. (2022), J. Stat. Softw. 103(15).

    Examples
    --------
    A user writes::

        fit = bambi.Model("Reaction ~ Days + (Days | Subject)", table).fit()
        data = lmm.from_formula("Reaction ~ Days + (Days || Subject)", table)
        lmm.loo(lmm.from_bambi(fit, data), data)

    >>> from lmmlib.model import Design, Term
    >>> data = Data(
    ...     [1.0, 2.0, 4.0],
    ...     Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])], coef=["Intercept"]),
    ... )
    >>> posterior = xr.Dataset(
    ...     {
    ...         name: (("chain", "draw"), np.ones((2, 5)))
    ...         for name in ("Intercept", "1|g_sigma", "sigma")
    ...     }
    ... )
    >>> from_bambi(xr.DataTree.from_dict({"posterior": posterior}), data).posterior.sd.sel(
    ...     effect="g: Intercept"
    ... ).shape
    (2, 5)
    """
    if not hasattr(tree, "posterior"):
        raise ValueError(
            "from_bambi takes what Model.fit returned, with a posterior; got "
            f"{type(tree).__name__} without one"
        )
    pairs = checked_data(data).design.pairs
    if pairs:
        raise ValueError(
            f"Bambi's effects are uncorrelated, the data's are not ({', '.join(pairs)}); make the "
            "data with (... || group)"
        )
    _check_response(tree, data)
    variables = dict(_entries(tree.posterior))
    return draws_by_name(variables, BAMBI, data, _name_of_sigma(variables), EFFECT.search)


def _entries(posterior: xr.Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Each entry of each variable of a posterior, ``1|g[a]``, but for fitted values of rows."""
    for name, variable in posterior.data_vars.items():
        dims = [dim for dim in variable.dims if dim not in ("chain", "draw")]
        if "__obs__" in dims or str(name).endswith("_offset"):
            continue
        array = variable.transpose("chain", "draw", *dims).to_numpy()
        labels_of_dims = [[label(value) for value in variable[dim].values] for dim in dims]
        for position in np.ndindex(array.shape[2:]):
            labels = [texts[i] for texts, i in zip(labels_of_dims, position, strict=True)]
            entry = f"{name}[{', '.join(labels)}]" if labels else str(name)
            yield entry, array[(..., *position)]


def _name_of_sigma(variables: dict[str, np.ndarray]) -> str:
    """The residual SD, which older versions named after the response."""
    older = [name for name in variables if name.endswith("_sigma") and "|" not in name]
    return older[0] if len(older) == 1 else "sigma"


def _check_response(tree: xr.DataTree, data: Data) -> None:
    """Raise where the tree holds a response that is not the data's."""
    responses = list(tree.observed_data.values()) if hasattr(tree, "observed_data") else []
    if responses and not np.array_equal(responses[0].to_numpy(), data.y):
        raise ValueError(
            f"the response {responses[0].name!r} of the fit is not that of the data; use the same "
            "table, in the same order"
        )


def _variants(effect: str) -> list[CategoricalName]:
    """Names that a variable may have, each with the categories of its column."""
    column = split_categories("1" if effect == "Intercept" else effect)
    names = name_variants(column.variable, REPLACEMENTS)
    return [CategoricalName(name, column.categories) for name in names]


def _coef_names(coef: str) -> Candidates:
    if coef == "Intercept":
        return ("Intercept",)
    return tuple(f"{name.variable}{_index(name.categories)}" for name in _variants(coef))


def _sd_names(group: str, effect: str) -> Candidates:
    return tuple(
        f"{name.variable}|{group}_sigma{_index(name.categories)}" for name in _variants(effect)
    )


def _cor_names(group: str, first: str, second: str) -> Candidates:
    """Of no variable: Bambi has no correlations."""
    return (f"{first}, {second}|{group}",)


def _ranef_names(group: str, level: str, effect: str) -> Candidates:
    return tuple(
        f"{name.variable}|{group}{_index((level, *name.categories))}" for name in _variants(effect)
    )


def _index(labels: tuple[str, ...]) -> str:
    """Labels in brackets, nothing where there are none."""
    return f"[{', '.join(labels)}]" if labels else ""


BAMBI = NamingConvention(
    engine="Bambi",
    coef=_coef_names,
    sd=_sd_names,
    cor=_cor_names,
    ranef=_ranef_names,
    level_separator=":",
)
