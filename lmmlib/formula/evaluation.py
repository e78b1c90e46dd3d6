"""The values of a formula's columns and calls over one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmmlib.formula.columns import Columns
from lmmlib.formula.expression import (
    COMPARISONS,
    Binary,
    Call,
    Expression,
    Literal,
    Name,
    Number,
    Unary,
    displayed,
)
from lmmlib.formula.factors import as_categories, declared_levels, in_levels, with_contrasts
from lmmlib.formula.functions import FACTORS, STATEFUL, elementwise
from lmmlib.formula.table_state import TableState
from lmmlib.formula.transforms import apply_transform
from lmmlib.formula.user_warnings import warn_user
from lmmlib.model.validation import label

if TYPE_CHECKING:
    from formulaic.materializers.types import FactorValues

    type Value = float | np.ndarray | pd.Categorical | FactorValues

TRUTH_VALUES: pd.Index = pd.Index(["False", "True"])
ARITHMETIC = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
    "**": np.power,
}
COMPARE = {
    "==": np.equal,
    "!=": np.not_equal,
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "<": np.less,
    ">": np.greater,
}


class Evaluator:
    """Values of expressions over one table.

    Parameters
    ----------
    columns : Columns
        Columns of the table.
    state : TableState
        What the first table gave.
    is_first : bool, default: False
        Whether this is that table, so that the state is written.
    keeps_unused_levels : bool, default: False
        Whether the first table's categories without rows are kept, as other tables follow.
    """

    def __init__(
        self,
        columns: Columns,
        state: TableState,
        is_first: bool = False,
        keeps_unused_levels: bool = False,
    ) -> None:
        self.columns = columns
        self.state = state
        self.is_first = is_first
        self.keeps_unused_levels = keeps_unused_levels

    def atom(self, node: Expression) -> np.ndarray | pd.Categorical | FactorValues:
        """The values of a column or call among terms, as formulaic takes them.

        Parameters
        ----------
        node : Expression
            The column or call.

        Returns
        -------
        ndarray, pandas.Categorical or FactorValues
            Floats (n,), categories, or several columns that formulaic made.

        Raises
        ------
        ValueError
            If a value is not finite, a category is unknown, or the column is of another kind than
            at first.
        """
        if isinstance(node, Call) and node.function in FACTORS:
            return with_contrasts(node, self._in_known_levels(node, self._factor(node)))
        value = self._value(node)
        if isinstance(value, np.ndarray) and value.dtype == bool:
            value = pd.Categorical.from_codes(value.astype(int), TRUTH_VALUES)
        if isinstance(value, pd.Categorical):
            return self._in_known_levels(node, value)
        if not isinstance(value, dict) and np.ndim(value) == 0:
            raise ValueError(f"the term {node} names no column; 1 stands for the intercept")
        if isinstance(node, Name):
            self._check_stays_numbers(node)
        _check_finite(node, value)
        return value

    def column(self, what: str, node: Expression) -> np.ndarray:
        """An expression that has to be one number a row, truth values as zeros and ones.

        Parameters
        ----------
        what : str
            What messages call it, ``the response`` for one.
        node : Expression
            The expression.

        Returns
        -------
        ndarray, shape (n,)
            Its values.

        Raises
        ------
        ValueError
            If it is text or categories, several columns, a single number, or not finite.
        """
        value = self._value(node)
        named = f"{what} {displayed(node)!r}"
        if isinstance(value, pd.Categorical):
            is_text = isinstance(node, Name) and self.columns.is_text(node.name)
            kind = "text" if is_text else "categories"
            raise ValueError(
                f"{named} is {kind}; convert it to numbers, for instance by pandas.to_numeric, "
                "which names what is no number"
            )
        _check_finite(node, value)
        array = np.asarray(value, float)
        if array.ndim == 0:
            raise ValueError(f"{named} must have a value a row, got one number")
        if array.ndim != 1:
            raise ValueError(f"{named} must be one column of numbers, got {array.shape[1]}")
        return array

    def _value(self, node: Expression) -> Value:
        """The value of an expression, categories and truth values as such."""
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Name):
            return self.columns.values(node.name)
        if isinstance(node, Unary):
            operand = self._numbers(node.operand)
            return -operand if node.sign == "-" else operand
        if isinstance(node, Binary):
            return self._compared(node) if node.sign in COMPARISONS else self._computed(node)
        if isinstance(node, Call):
            return self._called(node)
        raise ValueError(
            f"{node} is no column or number; texts stand in options and in comparisons"
        )

    def _numbers(self, node: Expression) -> np.ndarray:
        """The value of an expression that has to be numbers, truth values as zeros and ones."""
        value = self._value(node)
        if isinstance(value, pd.Categorical):
            raise ValueError(
                f"{displayed(node)!r} is text or categories, and cannot be computed with"
            )
        if isinstance(value, dict) or np.ndim(value) > 1:
            raise ValueError(
                f"{node} makes several columns, and cannot be computed with; let it stand as a term"
            )
        return np.asarray(value, float)

    def _computed(self, node: Binary) -> np.ndarray:
        left = self._numbers(node.left)
        right = self._numbers(node.right)
        with np.errstate(all="ignore"):  # what is not finite is told by row
            return ARITHMETIC[node.sign](left, right)

    def _compared(self, node: Binary) -> np.ndarray:
        """Truth values; levels of a factor are compared with a text, as equal or not."""
        literals = [side for side in (node.left, node.right) if isinstance(side, Literal)]
        if not literals:
            return COMPARE[node.sign](self._numbers(node.left), self._numbers(node.right))
        other = node.right if isinstance(node.left, Literal) else node.left
        factor = self._value(other)
        is_equality = node.sign in ("==", "!=")
        if not isinstance(factor, pd.Categorical) or not is_equality or len(literals) > 1:
            raise ValueError(
                f"{node} compares a text with what is no factor, or otherwise than by == and !="
            )
        is_level = np.asarray(factor) == label(literals[0].value)
        return is_level if node.sign == "==" else ~is_level

    def _called(self, node: Call) -> Value:
        if node.function == "I":
            return self._value(node.arguments[0].value)
        if node.function in FACTORS:
            return self._factor(node)
        if node.function in STATEFUL:
            return self._transformed(node)
        arguments = [self._numbers(argument.value) for argument in node.arguments]
        with np.errstate(all="ignore"):
            return elementwise(node.function).function(*arguments)

    def _transformed(self, node: Call) -> np.ndarray | FactorValues:
        """What one of formulaic's transforms makes, by what it took from the first table."""
        values = self._numbers(node.arguments[0].value)
        state = self.state.transforms.setdefault(node, {})
        return apply_transform(node, values, state, self.is_first)

    def _factor(self, node: Call) -> pd.Categorical:
        """A column or an expression as a factor, with the levels that were asked for."""
        inner = node.arguments[0].value
        if isinstance(inner, Name):
            values = self.columns.categories(inner.name)
        else:
            values = as_categories(np.asarray(self._value(inner)))
        levels = declared_levels(node)
        if levels is None:
            return values
        return in_levels(node, values, levels, "its option levels does not name")

    def _in_known_levels(self, node: Expression, values: pd.Categorical) -> pd.Categorical:
        """Categories with the levels of the first table."""
        if self.is_first:
            if not self.keeps_unused_levels:
                values = values.remove_unused_categories()
            self.state.levels[node] = tuple(values.categories)
            self._warn_of_many_levels(node, values)
            return values
        levels = self.state.levels[node]
        if levels is None:
            raise ValueError(
                f"{displayed(node)!r} was numbers in the first table, and is text or categories "
                "here"
            )
        return in_levels(node, values, levels, "the first table did not have")

    def _check_stays_numbers(self, node: Name) -> None:
        if self.is_first:
            self.state.levels[node] = None
        elif self.state.levels[node] is not None:
            raise ValueError(
                f"{displayed(node)!r} was text or categories in the first table, and is numbers "
                "here"
            )

    def _warn_of_many_levels(self, node: Expression, values: pd.Categorical) -> None:
        """Warn of text with more levels than half the rows: dates or numbers read as text."""
        is_text = isinstance(node, Name) and self.columns.is_text(node.name)
        rows = len(values)
        levels = len(values.categories)
        if is_text and levels > max(2, rows / 2):
            example = ", ".join(map(repr, values.categories[:3]))
            warn_user(
                f"column {displayed(node)!r} is text with {levels} levels in {rows} rows "
                f"({example}, …), and makes a column of each; if it holds dates, read them by "
                "pandas.to_datetime; if it holds numbers, convert it to numbers by "
                "pandas.to_numeric; if it is a grouping, write (1 | ...)"
            )


def _check_finite(node: Expression, value: Value) -> None:
    """Raise unless all numbers of a value are finite."""
    parts = list(value.values()) if isinstance(value, dict) else [value]
    for part in parts:
        array = np.asarray(part, float)
        infinite = np.argwhere(~np.isfinite(array))
        if len(infinite):
            where = f"row {infinite[0][0]}" if array.ndim else "its value"
            raise ValueError(
                f"{displayed(node)!r} must be finite, got {len(infinite)} entries that are not, "
                f"the first in {where}; look at what it is computed from"
            )
