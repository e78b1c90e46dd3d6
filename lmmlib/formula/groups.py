"""Levels of grouping factors.

The label of each row, and levels in the order of a design that is known.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lmmlib.formula.columns import Columns, refuse_alike
from lmmlib.formula.expression import Call, Expression
from lmmlib.formula.terms import displayed
from lmmlib.model.validation import label


def labels_of(group: tuple[Expression, ...], columns: Columns) -> np.ndarray:
    """A label for each row: the factor's own, or ``cask:batch`` of an interaction.

    Raises
    ------
    ValueError
        If two combinations have one text.

    Examples
    --------
    >>> table = Columns(pd.DataFrame({"a": ["x", "x"], "b": [1.0, 2.0]}))
    >>> from lmmlib.formula.expression import Name
    >>> labels_of((Name("b"), Name("a")), table).tolist()
    ['1:x', '2:x']
    """
    values = [columns.raw(_column(part)).to_numpy() for part in group]
    if len(group) == 1:
        return values[0]
    factors = [pd.factorize(column) for column in values]
    row = np.zeros(len(values[0]), int)
    for codes, levels in factors:
        row = pd.factorize(row * len(levels) + codes)[0]
    first_rows = np.unique(row, return_index=True)[1]
    combinations = [tuple(levels[codes[i]] for codes, levels in factors) for i in first_rows]
    texts = [":".join(map(label, combination)) for combination in combinations]
    refuse_alike(":".join(map(displayed, group)), texts, combinations)
    return np.array(texts)[row]


def codes_after(
    name: str, labels: np.ndarray, known: tuple[str, ...]
) -> tuple[np.ndarray, list[str]]:
    """Integers that index the known levels, and after them the unknown ones in order of appearance.

    Raises
    ------
    ValueError
        If two labels have one text.

    Examples
    --------
    >>> codes_after("g", np.array(["b", "c"]), ("a", "b"))
    (array([1, 2]), ['a', 'b', 'c'])
    """
    codes, values = pd.factorize(labels)
    texts = [label(value) for value in values]
    refuse_alike(name, texts, list(values))
    levels = list(dict.fromkeys([*known, *texts]))
    place = {level: j for j, level in enumerate(levels)}
    return np.array([place[text] for text in texts])[codes], levels


def _column(part: Expression) -> str:
    """The column of a grouping factor, which may stand in ``factor(...)``."""
    node = part.arguments[0].value if isinstance(part, Call) else part
    return node.name
