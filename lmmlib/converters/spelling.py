"""How engines name what is drawn, and how it is found under these names."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import xarray as xr

from lmmlib.draws import as_draws
from lmmlib.model import Data, Design, Term

CATEGORY = re.compile(r"\[(?:T\.)?([^\]]*)\]")  # what formulaic puts behind a categorical covariate
# Functions of a column that bear one name here and in another engine and make other columns:
# scale() of formulae divides by the SD with n in its denominator, ours and R's by that with n - 1;
# splines have other knots, and orders of columns.
DIFFERING = {
    "Bambi": ("scale", "standardize", "poly", "bs", "cr", "cc", "cs", "lag"),
    "brms": ("cr", "cc", "cs", "lag"),
}

Values = Mapping[str, np.ndarray]
Names = tuple[str, ...]  # any of which may be the engine's


@dataclass(frozen=True)
class Spelling:
    """How an engine names what is (chains, draws) of it.

    Names that it may have, the likeliest first.

    Attributes
    ----------
    engine : str
        Name of the engine.
    coef : callable
        Of a coefficient.
    sd : callable
        Of a group and an effect.
    cor : callable
        Of a group and two effects.
    effect : callable
        Of a group, a level and an effect.
    joint : str
        Between the labels of a level of an interaction.
    """

    engine: str
    coef: Callable[[str], Names]
    sd: Callable[[str, str], Names]
    cor: Callable[[str, str, str], Names]
    effect: Callable[[str, str, str], Names]
    joint: str


def collected(
    values: Values, spelling: Spelling, data: Data, sigma: str, of_no_use: Callable[[str], object]
) -> xr.DataTree:
    """The one form of what is found under the engine's names.

    Raises
    ------
    ValueError
        If a name is missing or left over, or a column is a function that the engine defines
        otherwise; the message names it.
    """
    design = data.design
    _refuse_differing(design, spelling.engine)
    named: dict[str, list[str]] = {
        "beta": [_found(values, spelling.coef(c)) for c in design.coef],
        "sd": [],
        "cor": [],
        "u": [],
    }
    for t in design.terms:
        group, levels = _group(values, spelling, t)
        named["sd"] += [_found(values, spelling.sd(group, e)) for e in t.effects]
        named["cor"] += [
            _found(values, spelling.cor(group, t.effects[j], t.effects[i])) for i, j in t.pairs
        ]
        named["u"] += [
            _found(values, spelling.effect(group, level, e)) for level in levels for e in t.effects
        ]
    if not any(name in values for name in named["u"]):
        del named["u"]
    wanted = [sigma, *(name for names in named.values() for name in names)]
    missing = [name for name in wanted if name not in values]
    left = [name for name in values if name not in set(wanted) and not of_no_use(name)]
    if missing or left:
        problems = [f"lack {_some(missing)}"] * bool(missing) + [
            f"have {_some(left)} that the design has not"
        ] * bool(left)
        advice = "the data must be of the formula and the table that were fitted, or rename them"
        raise ValueError(f"the draws {' and '.join(problems)}; {advice}")
    stacked = {
        name: np.stack([values[n] for n in names], -1) for name, names in named.items() if names
    }
    return as_draws(data=data, sigma=values[sigma], **stacked)


def _found(values: Values, names: Names) -> str:
    """The one of the names that the engine has; the likeliest if it has none."""
    return next((name for name in names if name in values), names[0])


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (
        f" and {len(names) - 3} more" if len(names) > 3 else ""
    )


def _refuse_differing(design: Design, engine: str) -> None:
    """Raise where a column is made by a function that the engine defines otherwise.

    The function has the same name there.
    """
    columns = [*design.coef, *(e for t in design.terms for e in t.effects)]
    for function in DIFFERING[engine]:
        of_it = [c for c in columns if re.search(rf"(?<![\w.]){function}\(", c)]
        if of_it:
            raise ValueError(
                f"{of_it[0]!r} is not the same column in {engine} and here, although its name "
                "is; put the transformed column into the "
                f"table, and fit and read by its name"
            )


def _group(values: Values, spelling: Spelling, term: Term) -> tuple[str, list[str]]:
    """Name of a term's factor and labels of its levels as the engine has them.

    ``batch:cask`` for ``cask:batch``.
    """
    for name in (
        term.name,
        re.sub(r"\.\d+$", "", term.name),
    ):  # a second term on a factor is numbered, a factor may be, too
        factors = name.split(":")
        labels = [level.split(":") if len(factors) > 1 else [level] for level in term.levels]
        for step in (1, -1):
            group = ":".join(factors[::step])
            if any(name in values for name in spelling.sd(group, term.effects[0])):
                return group, [spelling.joint.join(parts[::step]) for parts in labels]
    return ":".join(factors), list(term.levels)


def categories(name: str) -> tuple[str, list[str]]:
    """``x:f[T.b]`` as variable ``x:f`` and categories [b].

    Examples
    --------
    >>> categories("x:f[T.b]")
    ('x:f', ['b'])
    """
    return CATEGORY.sub("", name), CATEGORY.findall(name)


def spellings(name: str, replacements: Sequence[tuple[str, Sequence[str]]]) -> Names:
    r"""The name with each pattern replaced by each of its replacements in turn.

    Without repetitions.

    Examples
    --------
    >>> spellings("C(k)", [(r"\bC\(", ["C(", "factor("])])
    ('C(k)', 'factor(k)')
    """
    names = [name]
    for pattern, others in replacements:
        names = [re.sub(pattern, other, one) for one, other in product(names, others)]
    return tuple(dict.fromkeys(names))
