"""Variables of another engine, matched by name to the entries of a design."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from lmmlib.converters.naming import Candidates, NamingConvention
from lmmlib.draws import as_draws
from lmmlib.model import Data, Design, Term

# Functions of a column that bear one name here and in another engine and make other columns:
# scale() of formulae divides by the SD with n in its denominator, ours and R's by that with n - 1;
# splines have other knots, and orders of columns.
DIFFERING_FUNCTIONS = {
    "Bambi": ("scale", "standardize", "poly", "bs", "cr", "cc", "cs", "lag"),
    "brms": ("cr", "cc", "cs", "lag"),
}
NUMBER_OF_TERM = re.compile(r"\.\d+$")  # lme4's, of a second term on one factor
SHOWN = 3  # names that a message lists

Variables = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class EngineGroup:
    """A grouping factor as the engine names it.

    Attributes
    ----------
    name : str
        ``batch:cask`` where the design has ``cask:batch``.
    levels : tuple of str
        Labels of the levels, in the order of the term's.
    """

    name: str
    levels: tuple[str, ...]


def draws_by_name(
    variables: Variables,
    convention: NamingConvention,
    data: Data,
    sigma: str,
    is_ignored: Callable[[str], object],
) -> xr.DataTree:
    """Draws in the one form from variables under an engine's names.

    Parameters
    ----------
    variables : mapping of str to ndarray, shape (chains, draws)
        Each entry of each variable by itself.
    convention : NamingConvention
        How the engine names them.
    data : Data
        Data of the same formula and table.
    sigma : str
        Name of the residual SD.
    is_ignored : callable
        Whether a variable may be left over.

    Returns
    -------
    xarray.DataTree
        Draws in the one form, without u where the engine has no effects.

    Raises
    ------
    ValueError
        If a name is missing or left over, or a column is a function that the engine defines
        otherwise; the message names it.
    """
    design = data.design
    _check_functions(design, convention.engine)
    # the engine's name of each entry, in the order of the design's
    names: dict[str, list[str]] = {"beta": [], "sd": [], "cor": [], "u": []}
    names["beta"] = [_present_name(variables, convention.coef(c)) for c in design.coef]
    for term in design.terms:
        for variable, entries in _names_of_term(variables, convention, term).items():
            names[variable] += entries
    if not any(name in variables for name in names["u"]):
        del names["u"]
    # each of them there, and nothing else
    wanted = [sigma, *(name for entries in names.values() for name in entries)]
    _check_names(variables, wanted, is_ignored)
    arrays = {
        variable: np.stack([variables[name] for name in entries], -1)
        for variable, entries in names.items()
        if entries
    }
    return as_draws(
        data=data,
        sd=arrays["sd"],
        sigma=variables[sigma],
        beta=arrays.get("beta"),
        cor=arrays.get("cor"),
        u=arrays.get("u"),
    )


def _names_of_term(
    variables: Variables, convention: NamingConvention, term: Term
) -> dict[str, list[str]]:
    """The engine's names of SDs, correlations and effects of one term."""
    group = _engine_group(variables, convention, term)
    sd = [convention.sd(group.name, effect) for effect in term.effects]
    cor = [convention.cor(group.name, term.effects[j], term.effects[i]) for i, j in term.pairs]
    u = [
        convention.ranef(group.name, level, effect)
        for level in group.levels
        for effect in term.effects
    ]
    candidates = {"sd": sd, "cor": cor, "u": u}
    return {
        variable: [_present_name(variables, names) for names in entries]
        for variable, entries in candidates.items()
    }


def _present_name(variables: Variables, candidates: Candidates) -> str:
    """The one of the names that the engine has; the likeliest if it has none."""
    return next((name for name in candidates if name in variables), candidates[0])


def _engine_group(variables: Variables, convention: NamingConvention, term: Term) -> EngineGroup:
    """The factor of a term as the engine names it: ``batch:cask`` for ``cask:batch``."""
    # a second term on a factor is numbered, and the name of a factor may end in a number, too
    unnumbered = NUMBER_OF_TERM.sub("", term.name)
    for name in (term.name, unnumbered):
        for group in _orders_of_factors(name, term.levels, convention.level_separator):
            if any(sd in variables for sd in convention.sd(group.name, term.effects[0])):
                return group
    return EngineGroup(unnumbered, term.levels)


def _orders_of_factors(
    name: str, levels: tuple[str, ...], separator: str
) -> tuple[EngineGroup, EngineGroup]:
    """An interaction with its factors as they are, and the other way round."""
    factors = name.split(":")
    labels = [level.split(":") if len(factors) > 1 else [level] for level in levels]
    as_they_are = EngineGroup(name, tuple(separator.join(parts) for parts in labels))
    reversed_name = ":".join(reversed(factors))
    reversed_levels = tuple(separator.join(reversed(parts)) for parts in labels)
    return as_they_are, EngineGroup(reversed_name, reversed_levels)


def _check_names(
    variables: Variables, wanted: Sequence[str], is_ignored: Callable[[str], object]
) -> None:
    """Raise unless exactly the wanted names are there, but for those to be ignored."""
    missing = [name for name in wanted if name not in variables]
    unknown = [name for name in variables if name not in set(wanted) and not is_ignored(name)]
    problems = []
    if missing:
        problems.append(f"lack {_listed(missing)}")
    if unknown:
        problems.append(f"have {_listed(unknown)} that the design has not")
    if problems:
        raise ValueError(
            f"the draws {' and '.join(problems)}; the data must be of the formula and the table "
            "that were fitted, or rename them"
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more


def _check_functions(design: Design, engine: str) -> None:
    """Raise where a column is made by a function that the engine defines otherwise.

    The function has the same name there.
    """
    columns = [*design.coef, *(effect for term in design.terms for effect in term.effects)]
    for function in DIFFERING_FUNCTIONS[engine]:
        call = re.compile(rf"(?<![\w.]){function}\(")
        for column in columns:
            if call.search(column):
                raise ValueError(
                    f"{column!r} is not the same column in {engine} and here, although its name "
                    "is; put the transformed column into the table, and fit and read by its name"
                )
