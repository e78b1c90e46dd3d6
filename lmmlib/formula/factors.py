"""Factors: categories in given levels, and their contrasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmmlib.formula.calls import option_value, options_of
from lmmlib.formula.expression import Call, Expression, Listing, Name, displayed
from lmmlib.model.validation import label

if TYPE_CHECKING:
    from formulaic.materializers.types import FactorValues
    from formulaic.transforms.contrasts import Contrasts

TREATMENT = ("contr.treatment", "Treatment")  # of the contrasts, those that may name a level
SHOWN = 5  # levels that a message names


def as_categories(values: np.ndarray) -> pd.Categorical:
    """Numbers or truth values as categories, sorted.

    Examples
    --------
    >>> as_categories(np.array([2.0, 1.0])).categories.tolist()
    ['1', '2']
    """
    codes, distinct = pd.factorize(pd.Series(values), sort=True)
    levels: pd.Index = pd.Index([label(value) for value in distinct])
    return pd.Categorical.from_codes(codes, levels)


def declared_levels(node: Call) -> tuple[str, ...] | None:
    """The option ``levels`` of a factor, or None where it is not given."""
    for argument in node.arguments[1:]:
        if isinstance(argument.value, Listing):
            return tuple(label(option_value(item)) for item in argument.value.items)
    return None


def in_levels(
    node: Expression, values: pd.Categorical, levels: tuple[str, ...], reason: str
) -> pd.Categorical:
    """The same categories in given levels.

    Parameters
    ----------
    node : Expression
        The factor, which messages name.
    values : pandas.Categorical
        Categories of the rows.
    levels : tuple of str
        All levels, in order.
    reason : str
        Why there are no others, as the end of a sentence on a category that is not among them.

    Returns
    -------
    pandas.Categorical
        The categories of the rows, in these levels.

    Raises
    ------
    ValueError
        If a row has another category.
    """
    present = values.remove_unused_categories().categories
    unknown = [level for level in present if level not in levels]
    if unknown:
        named = ", ".join(map(repr, unknown[:3]))
        more = ", …" if len(unknown) > 3 else ""
        raise ValueError(
            f"{displayed(node)!r} has a category that {reason}, {named}{more}; "
            f"give it all its categories there, as {', '.join(map(repr, levels[:SHOWN]))} were"
        )
    return values.set_categories(list(levels))


def with_contrasts(node: Call, values: pd.Categorical) -> pd.Categorical | FactorValues:
    """Categories with the contrasts that a call of ``C`` names, if it names some."""
    from formulaic.transforms import C  # slow to import

    given = [a.value for a in node.arguments[1:] if isinstance(a.value, Name | Call)]
    if not given:
        return values
    contrasts = _contrasts(given[0], values.categories)
    return C(values, contrasts, levels=list(values.categories))


def _contrasts(node: Name | Call, levels: pd.Index) -> Contrasts:
    """Formulaic's contrasts of one of the names of ``functions.CONTRASTS``."""
    from formulaic.transforms import TRANSFORMS  # slow to import

    name = node.name if isinstance(node, Name) else node.function
    options = options_of(node.arguments if isinstance(node, Call) else ())
    positional = list(options.positional)
    named = dict(options.named)
    if name in TREATMENT:  # whose one option is a level
        positional = [label(value) for value in positional]
        named = {key: label(value) for key, value in named.items()}
        unknown = [base for base in (*positional, *named.values()) if base not in levels]
        if unknown:
            raise ValueError(f"{node} names no level; there are {', '.join(map(repr, levels))}")
    if name.startswith("contr."):
        make = getattr(TRANSFORMS["contr"], name.removeprefix("contr."))
    else:
        make = TRANSFORMS[name]
    return make(*positional, **named)
