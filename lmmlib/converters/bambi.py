"""Draws of Bambi in the one form."""

import re
from collections.abc import Iterator

import numpy as np
import xarray as xr

from lmmlib.converters.spelling import Names, Spelling, categories, collected, spellings
from lmmlib.model import Data, checked_data
from lmmlib.model.validation import label

LEVELS = re.compile(
    r"\|(?!.*_sigma\[).*\["
)  # an effect: interactions have one for each combination, found or not
OTHERS = [
    (r"(?<![\w.])(as\.)?factor\(", ["C("]),
    (r" *(\*\*|\^) *", [" ** ", "**"]),
]  # R's factor(), and powers


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
    if checked_data(data).design.pairs:
        told = ", ".join(data.design.pairs)
        raise ValueError(
            f"Bambi's effects are uncorrelated, the data's are not ({told}); make the data with "
            "(... || group)"
        )
    _check_response(tree, data)
    values = dict(_flattened(tree.posterior))
    spelling = Spelling("Bambi", _coef, _sd, lambda g, a, b: (f"{a}, {b}|{g}",), _effect, ":")
    older = [
        key for key in values if key.endswith("_sigma") and "|" not in key
    ]  # named after the response
    return collected(
        values, spelling, data, older[0] if len(older) == 1 else "sigma", LEVELS.search
    )


def _flattened(posterior: xr.Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Each entry of each variable of a posterior, ``1|g[a]``, but for fitted values of rows."""
    for name, variable in posterior.data_vars.items():
        dims = [d for d in variable.dims if d not in ("chain", "draw")]
        if "__obs__" in dims or name.endswith("_offset"):
            continue
        array = variable.transpose("chain", "draw", *dims).to_numpy()
        for place in np.ndindex(array.shape[2:]):
            labels = [label(variable[d].values[i]) for d, i in zip(dims, place, strict=True)]
            yield f"{name}[{', '.join(labels)}]" if labels else str(name), array[(..., *place)]


def _check_response(tree: xr.DataTree, data: Data) -> None:
    """Raise where the tree holds a response that is not the data's."""
    observed = list(tree.observed_data.data_vars.values()) if hasattr(tree, "observed_data") else []
    if observed and not np.array_equal(observed[0].to_numpy(), data.y):
        raise ValueError(
            f"the response {observed[0].name!r} of the fit is not that of the data; use the same "
            "table, in the same order"
        )


def _variables(effect: str) -> list[tuple[str, str]]:
    """Names that a variable may have, each with the labels of its categories."""
    variable, labels = categories(effect)
    return [(name, ", ".join(labels)) for name in spellings(variable, OTHERS)]


def _coef(coef: str) -> Names:
    return tuple(name + (f"[{labels}]" if labels else "") for name, labels in _variables(coef))


def _sd(group: str, effect: str) -> Names:
    variables = _variables("1" if effect == "Intercept" else effect)
    return tuple(
        f"{name}|{group}_sigma" + (f"[{labels}]" if labels else "") for name, labels in variables
    )


def _effect(group: str, level: str, effect: str) -> Names:
    variables = _variables("1" if effect == "Intercept" else effect)
    return tuple(
        f"{name}|{group}[{level}{f', {labels}' if labels else ''}]" for name, labels in variables
    )
