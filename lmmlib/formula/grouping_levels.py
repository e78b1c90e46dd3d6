"""Levels of grouping factors: the label of each row, and levels in the order of a known design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lmmlib.formula.columns import Columns, check_distinct_texts
from lmmlib.formula.expression import Call, Expression, Name, displayed
from lmmlib.formula.grouping import Grouping
from lmmlib.model.validation import label


@dataclass(frozen=True, eq=False)
class CodedLevels:
    """The level of each row.

    Attributes
    ----------
    codes : ndarray, shape (n,)
        Integers that index the levels.
    levels : list of str
        Labels of the levels.
    """

    codes: np.ndarray
    levels: list[str]


def row_labels(group: Grouping, columns: Columns) -> np.ndarray | pd.Categorical:
    """A label for each row: the factor's own, or ``cask:batch`` of an interaction.

    Parameters
    ----------
    group : tuple of Expression
        The factor, or the factors of an interaction.
    columns : Columns
        Columns of the table.

    Returns
    -------
    ndarray or pandas.Categorical, shape (n,)
        Values of the column, categories as such, or texts.

    Raises
    ------
    ValueError
        If two combinations have one text.

    Examples
    --------
    >>> table = Columns(pd.DataFrame({"a": ["x", "x"], "b": [1.0, 2.0]}))
    >>> row_labels((Name("b"), Name("a")), table).tolist()
    ['1:x', '2:x']
    """
    raw = [columns.raw(_column_name(factor)) for factor in group]
    if len(group) == 1 and isinstance(raw[0].dtype, pd.CategoricalDtype):
        return raw[0].array
    values = [column.to_numpy() for column in raw]
    if len(group) == 1:
        return values[0]
    # number the combinations in order of appearance, one factor after the other
    factors = [pd.factorize(column) for column in values]
    combination = np.zeros(len(columns), int)
    for codes, levels in factors:
        combination = pd.factorize(combination * len(levels) + codes)[0]
    # the text of each, from the first row that has it
    first_rows = np.unique(combination, return_index=True)[1]
    distinct = [tuple(levels[codes[row]] for codes, levels in factors) for row in first_rows]
    texts = [":".join(map(label, parts)) for parts in distinct]
    check_distinct_texts(":".join(map(displayed, group)), texts, distinct)
    return np.array(texts)[combination]


def code_known_levels(
    name: str, labels: np.ndarray | pd.Categorical, known: Sequence[str]
) -> CodedLevels:
    """The level of each row among known levels, with unknown ones after them as they appear.

    Parameters
    ----------
    name : str
        Name of the grouping, which messages quote.
    labels : ndarray or pandas.Categorical, shape (n,)
        Label of each row.
    known : sequence of str
        Levels that come first.

    Returns
    -------
    CodedLevels
        Codes of the rows, and all levels.

    Raises
    ------
    ValueError
        If two labels have one text.

    Examples
    --------
    >>> coded = code_known_levels("g", np.array(["b", "c"]), ("a", "b"))
    >>> coded.codes.tolist(), coded.levels
    ([1, 2], ['a', 'b', 'c'])
    """
    codes, values = pd.factorize(labels)
    texts = [label(value) for value in values]
    check_distinct_texts(name, texts, list(values))
    levels = list(dict.fromkeys([*known, *texts]))
    position = {level: j for j, level in enumerate(levels)}
    code_of_value = np.array([position[text] for text in texts])
    return CodedLevels(code_of_value[codes], levels)


def _column_name(factor: Expression) -> str:
    """The column of a grouping factor, which may stand in ``factor(...)``."""
    node = factor.arguments[0].value if isinstance(factor, Call) else factor
    if not isinstance(node, Name):
        raise TypeError(f"a grouping factor must be a column, got {node}")
    return node.name
