"""How an engine names what is drawn, and in which ways one name may be written."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

CATEGORY = re.compile(r"\[(?:T\.)?([^\]]*)\]")  # what formulaic puts behind a categorical covariate

Candidates = tuple[str, ...]  # names that one variable may have, the likeliest first


@dataclass(frozen=True)
class NamingConvention:
    """How an engine names its variables of shape (chains, draws).

    Attributes
    ----------
    engine : str
        Name of the engine.
    coef : callable
        From a coefficient to the names that it may have.
    sd : callable
        From a group and an effect to the names of its SD.
    cor : callable
        From a group and two effects to the names of their correlation.
    ranef : callable
        From a group, a level and an effect to the names of that entry of u.
    level_separator : str
        What stands between the labels of a level of an interaction.
    """

    engine: str
    coef: Callable[[str], Candidates]
    sd: Callable[[str, str], Candidates]
    cor: Callable[[str, str, str], Candidates]
    ranef: Callable[[str, str, str], Candidates]
    level_separator: str


@dataclass(frozen=True)
class CategoricalName:
    """The name of a column of a categorical covariate.

    Attributes
    ----------
    variable : str
        The covariate, or the product of several.
    categories : tuple of str
        The category of each factor in it.
    """

    variable: str
    categories: tuple[str, ...]


def split_categories(name: str) -> CategoricalName:
    """The variable and the categories of a column that formulaic named.

    Examples
    --------
    >>> split_categories("x:f[T.b]")
    CategoricalName(variable='x:f', categories=('b',))
    """
    return CategoricalName(CATEGORY.sub("", name), tuple(CATEGORY.findall(name)))


def name_variants(name: str, replacements: Sequence[tuple[str, Sequence[str]]]) -> Candidates:
    r"""The name with each pattern replaced by each of its replacements, one after the other.

    Parameters
    ----------
    name : str
        Name of a variable.
    replacements : sequence of tuple
        Regular expressions, each with what may stand for its matches.

    Returns
    -------
    tuple of str
        All combinations, without repetitions.

    Examples
    --------
    >>> name_variants("C(k)", [(r"\bC\(", ["C(", "factor("])])
    ('C(k)', 'factor(k)')
    """
    names = [name]
    for pattern, alternatives in replacements:
        names = [re.sub(pattern, text, old) for old, text in product(names, alternatives)]
    return tuple(dict.fromkeys(names))
