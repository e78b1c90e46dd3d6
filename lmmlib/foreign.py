"""Draws of other engines in the one form: what Bambi and brms call by other names."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from lmmlib.data import Data, checked_data
from lmmlib.design import Term
from lmmlib.design.checks import label
from lmmlib.draws import as_draws

CATEGORY = re.compile(r"\[(?:T\.)?([^\]]*)\]")  # what formulaic puts behind a categorical covariate
# brms::rename, with the brackets around a category left out
BRMS_SIGNS = str.maketrans({**dict.fromkeys(" ()[],\"'?", ""), "+": "P", "-": "M", "*": "MU", "/": "D", "^": "E", "=": "EQ"})
BAMBI_LEVELS = re.compile(r"\|(?!.*_sigma\[).*\[")  # an effect: interactions have one for each combination, found or not
BRMS_OTHERS = re.compile(r"Unnamed: \d+|Intercept|lprior|lp__|\.chain|\.iteration|\.draw|prior_.*|[zL]_\d+.*|")

Values = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Spelling:
    """How an engine names what is (chains, draws) of it.

    Attributes
    ----------
    coef : of a coefficient
    sd : of a group and an effect
    cor : of a group and two effects
    effect : of a group, a level and an effect
    joint : between the labels of a level of an interaction
    """

    coef: Callable[[str], str]
    sd: Callable[[str, str], str]
    cor: Callable[[str, str, str], str]
    effect: Callable[[str, str, str], str]
    joint: str


def from_bambi(tree: xr.DataTree, data: Data) -> xr.DataTree:
    """Draws of a Bambi fit in the one form, so that ``loo``, ``replicate`` and ``summary`` work on them.

    Bambi's effects of one group are independent of each other, whatever is in the parentheses: its ``(Days |
    Subject)`` is lme4's ``(Days || Subject)``, and the data must be of that.

    Parameters
    ----------
    tree : DataTree, or InferenceData, that ``Model.fit`` returned, of a Gaussian family
    data : Data of the same formula, in the notation of :func:`lmmlib.from_formula`, and of the same table

    Returns
    -------
    xarray.DataTree; without u where the tree has no effects of the groups

    Raises
    ------
    ValueError  naming the variable that is missing, or is of no use; if the response is another, or its rows are in
        another order; if the data have correlated effects

    Notes
    -----
    The reported ``Intercept`` is taken as it is: Bambi samples with centred predictors and undoes that afterwards.
    Levels are matched by label. ``weighted()`` multiplies the log density of a row, a weight of ours divides its
    variance: such fits are of another model. The priors are Bambi's: refits by ``loo(priors=...)`` need the same.

    References
    ----------
    Capretto et al. (2022), J. Stat. Softw. 103(15).

    Examples
    --------
    A user writes::

        fit = bambi.Model("Reaction ~ Days + (Days | Subject)", table).fit()
        data = lmm.from_formula("Reaction ~ Days + (Days || Subject)", table)
        lmm.loo(lmm.from_bambi(fit, data), data)

    >>> from lmmlib.design import Design
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])], coef=["Intercept"]))
    >>> posterior = xr.Dataset({name: (("chain", "draw"), np.ones((2, 5))) for name in ("Intercept", "1|g_sigma", "sigma")})
    >>> from_bambi(xr.DataTree.from_dict({"posterior": posterior}), data).posterior.sd.sel(effect="g: Intercept").shape
    (2, 5)
    """
    if not hasattr(tree, "posterior"):
        raise ValueError(f"from_bambi takes what Model.fit returned, with a posterior; got {type(tree).__name__} without one")
    if checked_data(data).design.pairs:
        told = ", ".join(data.design.pairs)
        raise ValueError(f"Bambi's effects are uncorrelated, the data's are not ({told}); make the data with (... || group)")
    _check_response(tree, data)
    values = dict(_flattened(tree.posterior))
    spelling = Spelling(_bambi_name, _bambi_sd, lambda g, a, b: f"{a}, {b}|{g}", _bambi_effect, ":")
    older = [key for key in values if key.endswith("_sigma") and "|" not in key]  # named after the response
    return _collected(values, spelling, data, older[0] if len(older) == 1 else "sigma", BAMBI_LEVELS.search)


def from_brms(frame: pd.DataFrame, data: Data) -> xr.DataTree:
    """Draws of a brms fit in the one form, so that ``loo``, ``replicate`` and ``summary`` work on them.

    Parameters
    ----------
    frame : pandas.DataFrame with the columns of R's ``as_draws_df``: ``b_Intercept``, ``sd_Subject__Days``,
        ``cor_Subject__Intercept__Days``, ``r_Subject[308,Days]``, ``sigma``, ``.chain``, ``.iteration``, …
    data : Data of the same formula, in the notation of :func:`lmmlib.from_formula`, and of the same table

    Returns
    -------
    xarray.DataTree; without u where there is no column ``r_…``

    Raises
    ------
    TypeError  if the frame is no pandas.DataFrame, or data is no Data
    ValueError  naming the column that is missing, or is of no use; if the chains differ in length

    Notes
    -----
    The frame holds no response, so it cannot be checked that the data are those of the fit; levels are matched by
    label. brms' ``weights()`` multiply the log density of a row, ours divide its variance: such fits are of another
    model. The priors are brms's: refits by ``loo(priors=...)`` need the same.

    References
    ----------
    Bürkner (2017), J. Stat. Softw. 80(1).

    Examples
    --------
    A user writes in R ``write.csv(as_draws_df(fit), "draws.csv")``, and then::

        data = lmm.from_formula("Reaction ~ Days + (Days | Subject)", table)
        lmm.loo(lmm.from_brms(pandas.read_csv("draws.csv"), data), data)

    >>> from lmmlib.design import Design
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])], coef=["Intercept"]))
    >>> frame = pd.DataFrame({".chain": [1, 1, 2, 2], ".iteration": [1, 2, 1, 2], "b_Intercept": [0.1, 0.2, 0.3, 0.4]})
    >>> tree = from_brms(frame.assign(sigma=1.0, sd_g__Intercept=2.0), data)
    >>> tree.posterior.beta.sel(coef="Intercept").values.tolist()
    [[0.1, 0.2], [0.3, 0.4]]
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"from_brms takes a pandas DataFrame with the columns of as_draws_df, got {type(frame).__name__}")
    frame = _in_order(frame)
    chains = frame[".chain"].nunique()
    kept = frame.select_dtypes("number")
    values = {str(name): column.to_numpy(float).reshape(chains, -1) for name, column in kept.items()}
    spelling = Spelling(lambda c: f"b_{_brms_name(c)}", _brms_sd, _brms_cor, _brms_effect, "_")
    return _collected(values, spelling, data, "sigma", BRMS_OTHERS.fullmatch)


def _collected(values: Values, spelling: Spelling, data: Data, sigma: str, of_no_use: Callable[[str], object]) -> xr.DataTree:
    """The one form of what is found under the engine's names."""
    design = checked_data(data).design
    named = {"beta": [spelling.coef(c) for c in design.coef], "sd": [], "cor": [], "u": []}
    for t in design.terms:
        group, levels = _group(values, spelling, t)
        named["sd"] += [spelling.sd(group, e) for e in t.effects]
        named["cor"] += [spelling.cor(group, t.effects[j], t.effects[i]) for i, j in t.pairs]
        named["u"] += [spelling.effect(group, level, e) for level in levels for e in t.effects]
    if not any(name in values for name in named["u"]):
        del named["u"]
    wanted = [sigma, *(name for names in named.values() for name in names)]
    missing, left = [n for n in wanted if n not in values], [n for n in values if n not in set(wanted) and not of_no_use(n)]
    if missing or left:
        told = [f"lack {_some(missing)}"] * bool(missing) + [f"have {_some(left)} that the design has not"] * bool(left)
        raise ValueError(f"the draws {' and '.join(told)}; the data must be of the formula and the table that were fitted, or rename them")
    stacked = {name: np.stack([values[n] for n in names], -1) for name, names in named.items() if names}
    return as_draws(data=data, sigma=values[sigma], **stacked)


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _group(values: Values, spelling: Spelling, term: Term) -> tuple[str, list[str]]:
    """Name of a term's factor and labels of its levels as the engine has them: ``batch:cask`` for ``cask:batch``."""
    for name in (term.name, re.sub(r"\.\d+$", "", term.name)):  # a second term on a factor is numbered, a factor may be, too
        factors = name.split(":")
        labels = [level.split(":") if len(factors) > 1 else [level] for level in term.levels]
        for step in (1, -1):
            group = ":".join(factors[::step])
            if spelling.sd(group, term.effects[0]) in values:
                return group, [spelling.joint.join(parts[::step]) for parts in labels]
    return ":".join(factors), list(term.levels)


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
        raise ValueError(f"the response {observed[0].name!r} of the fit is not that of the data; use the same table, in the same order")


def _categories(name: str) -> tuple[str, list[str]]:
    """``x:f[T.b]`` as variable ``x:f`` and categories [b]."""
    return CATEGORY.sub("", name), CATEGORY.findall(name)


def _bambi_name(coef: str) -> str:
    variable, categories = _categories(coef)
    return variable + (f"[{', '.join(categories)}]" if categories else "")


def _bambi_sd(group: str, effect: str) -> str:
    variable, categories = _categories("1" if effect == "Intercept" else effect)
    return f"{variable}|{group}_sigma" + (f"[{', '.join(categories)}]" if categories else "")


def _bambi_effect(group: str, level: str, effect: str) -> str:
    variable, categories = _categories("1" if effect == "Intercept" else effect)
    return f"{variable}|{group}[{', '.join([level, *categories])}]"


def _brms_name(coef: str) -> str:
    return CATEGORY.sub(r"\1", coef).translate(BRMS_SIGNS)


def _brms_sd(group: str, effect: str) -> str:
    return f"sd_{group}__{_brms_name(effect)}"


def _brms_cor(group: str, first: str, second: str) -> str:
    return f"cor_{group}__{_brms_name(first)}__{_brms_name(second)}"


def _brms_effect(group: str, level: str, effect: str) -> str:
    return f"r_{group}[{re.sub(r'\s', '.', level)},{_brms_name(effect)}]"


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows by chain and iteration, all chains of one length."""
    names = [str(c) for c in frame.columns]
    changed = [c for c in names if c == "X.chain" or re.fullmatch(r"r_.*\.", c)]
    if changed:
        raise ValueError(
            f"R has changed the names of the columns, {changed[0]!r} for one; write them by write.csv(as_draws_df(fit), ...), "
            "and in R read them with check.names = FALSE"
        )
    if ".chain" not in names:
        raise ValueError("the frame has no column '.chain'; write it in R by write.csv(as_draws_df(fit), ...)")
    length = frame[".chain"].value_counts().sort_index()
    if length.nunique() != 1:
        told = ", ".join(f"{count} in chain {chain}" for chain, count in length.items())
        raise ValueError(f"chains must be of one length, got {told}; drop what the longer ones have more")
    return frame.sort_values([c for c in (".chain", ".iteration") if c in names], kind="stable")
