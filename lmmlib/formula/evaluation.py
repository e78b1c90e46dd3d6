"""The values of a formula's columns and calls.

All that they take from the first table is remembered.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmmlib.formula.columns import Columns
from lmmlib.formula.expression import (
    COMPARISONS,
    Binary,
    Call,
    Expression,
    Listing,
    Literal,
    Name,
    Number,
    Unary,
)
from lmmlib.formula.functions import FACTORS, STATEFUL, elementwise
from lmmlib.formula.terms import displayed
from lmmlib.model.validation import label

if TYPE_CHECKING:
    from formulaic.materializers.types import FactorValues

Memory = dict[
    Expression, object
]  # levels of factors, and what formulaic's transforms took from the first table
ARITHMETIC = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
    "**": np.power,
}
COMPARE = dict(
    zip(
        COMPARISONS,
        (np.equal, np.not_equal, np.less_equal, np.greater_equal, np.less, np.greater),
        strict=True,
    )
)
BASES = ("poly", "bs", "cr", "cs", "cc")  # of curves, with a column for each degree of freedom
NUMERIC = "numbers"  # what is remembered of a column of numbers


class Evaluator:
    """Values of expressions over one table.

    Parameters
    ----------
    columns : Columns
        Columns of the table.
    memory : Memory
        What the first table gave.
    is_first : bool, default: False
        Whether this is that table, so that the memory is written.
    declared : bool, default: False
        Whether categories without rows are kept, as for a table that others follow.
    """

    def __init__(
        self, columns: Columns, memory: Memory, is_first: bool = False, declared: bool = False
    ) -> None:
        self.columns = columns
        self.memory = memory
        self.is_first = is_first
        self.declared = declared

    def factor(self, node: Expression) -> object:
        """The values of a column or call among terms, as formulaic takes them.

        Returns
        -------
        object
            Floats (n,), categories, or several columns that formulaic made.

        Raises
        ------
        ValueError
            If a value is not finite, a category is unknown, or the column is of another kind than
            at first.
        """
        if isinstance(node, Call) and node.function in FACTORS:
            return self._factor_call(node)
        value = self._value(node)
        if isinstance(value, np.ndarray) and value.dtype == bool:
            value = pd.Categorical.from_codes(value.astype(int), ["False", "True"])
        if isinstance(value, pd.Categorical):
            return self._remembered(node, value)
        if not isinstance(value, dict) and np.ndim(value) == 0:
            raise ValueError(f"the term {node} names no column; 1 stands for the intercept")
        self._remember_numbers(node)
        return self._finite(node, value)

    def response(self, node: Expression) -> np.ndarray:
        """The response (n,), truth values as zeros and ones.

        Raises
        ------
        ValueError
            If it is text or categories, or not finite.
        """
        value = self._value(node)
        told = displayed(node)
        if isinstance(value, pd.Categorical):
            kind = (
                "text"
                if isinstance(node, Name) and self.columns.is_text(node.name)
                else "categories"
            )
            raise ValueError(f"the response {told!r} is {kind}; convert it to numbers")
        array = np.asarray(self._finite(node, value), float)
        if array.ndim == 0:
            raise ValueError(f"the response {told!r} must have a value a row, got one number")
        if array.ndim != 1:
            raise ValueError(
                f"the response {told!r} must be one column of numbers, got {array.shape[1]}"
            )
        return array

    def _value(self, node: Expression) -> object:
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
        numbers = np.asarray(value, float) if not isinstance(value, dict) else np.empty((0, 0))
        if numbers.ndim > 1:
            raise ValueError(
                f"{node} makes several columns, and cannot be computed with; let it stand as a term"
            )
        return numbers

    def _computed(self, node: Binary) -> np.ndarray:
        left = self._numbers(node.left)
        right = self._numbers(node.right)
        with np.errstate(all="ignore"):  # what is not finite is told by row
            return ARITHMETIC[node.sign](left, right)

    def _compared(self, node: Binary) -> np.ndarray:
        """Truth values; levels of a factor are compared with a text, as equal or not."""
        texts = [side.value for side in (node.left, node.right) if isinstance(side, Literal)]
        if not texts:
            return COMPARE[node.sign](self._numbers(node.left), self._numbers(node.right))
        other = node.right if isinstance(node.left, Literal) else node.left
        categories = self._value(other)
        if (
            not isinstance(categories, pd.Categorical)
            or node.sign not in ("==", "!=")
            or len(texts) > 1
        ):
            raise ValueError(
                f"{node} compares a text with what is no factor, or otherwise than by == and !="
            )
        is_level = categories.codes == categories.categories.get_indexer([label(texts[0])])[0]
        return is_level if node.sign == "==" else ~is_level

    def _called(self, node: Call) -> object:
        name = node.function
        first = node.arguments[0].value
        if name == "I":
            return self._value(first)
        if name in STATEFUL:
            return self._stateful(node)
        if name in FACTORS:
            return self._levels_of(node)
        function, _ = elementwise(name)
        arguments = [self._numbers(argument.value) for argument in node.arguments]
        with np.errstate(all="ignore"):
            return function(*arguments)

    def _stateful(self, node: Call) -> FactorValues:
        """What one of formulaic's transforms makes, by what it took from the first table."""
        from formulaic.transforms import TRANSFORMS  # slow to import

        state = self.memory.setdefault(node, {}) if self.is_first else dict(self.memory[node])
        positional = [_option(a.value) for a in node.arguments[1:] if a.name is None]
        named = {a.name: _option(a.value) for a in node.arguments[1:] if a.name is not None}
        numbers = self._numbers(node.arguments[0].value)
        if self.is_first:
            _refuse_too_many(node, numbers, [*positional, *named.values()])
        try:
            with np.errstate(all="ignore"):
                return TRANSFORMS[node.function](numbers, *positional, _state=state, **named)
        except (
            TypeError,
            ValueError,
            LookupError,
            ArithmeticError,
            np.linalg.LinAlgError,
        ) as error:
            raise ValueError(f"{node} cannot be computed: {error}") from None

    def _levels_of(self, node: Call) -> pd.Categorical:
        """A column or a comparison as a factor, with the levels that were asked for."""
        inner = node.arguments[0].value
        if isinstance(inner, Name):
            values = self.columns.categories(inner.name)
        else:
            values = pd.Series(np.asarray(self._value(inner)))
            codes, unique = pd.factorize(values, sort=True)
            values = pd.Categorical.from_codes(codes, [label(level) for level in unique])
        levels = [a.value for a in node.arguments[1:] if isinstance(a.value, Listing)]
        if not levels:
            return values
        texts = [label(_option(item)) for item in levels[0].items]
        return _in_levels(node, values, tuple(texts), "its option levels does not name")

    def _factor_call(self, node: Call) -> object:
        """``C``, ``factor`` or ``as.factor``, with contrasts if any are given."""
        from formulaic.transforms import C  # slow to import

        values = self._remembered(node, self._levels_of(node))
        given = [a.value for a in node.arguments[1:] if isinstance(a.value, Name | Call)]
        if not given:
            return values
        return C(values, _contrasts(given[0], values.categories), levels=list(values.categories))

    def _remembered(self, node: Expression, values: pd.Categorical) -> pd.Categorical:
        """Categories with the levels of the first table."""
        if self.is_first:
            kept = values if self.declared else values.remove_unused_categories()
            self.memory[node] = tuple(kept.categories)
            self._warn_of_many(node, kept)
            return kept
        levels = self.memory[node]
        if levels == NUMERIC:
            raise ValueError(
                f"{displayed(node)!r} was numbers in the first table, and is text or categories "
                "here"
            )
        return _in_levels(node, values, levels, "the first table did not have")

    def _remember_numbers(self, node: Expression) -> None:
        if not isinstance(node, Name):
            return
        if self.is_first:
            self.memory[node] = NUMERIC
        elif self.memory[node] != NUMERIC:
            raise ValueError(
                f"{displayed(node)!r} was text or categories in the first table, and is numbers "
                "here"
            )

    def _warn_of_many(self, node: Expression, values: pd.Categorical) -> None:
        """Warn of text with more levels than half the rows.

        Dates and numbers that were read as text.
        """
        is_text = isinstance(node, Name) and self.columns.is_text(node.name)
        rows = len(values)
        levels = len(values.categories)
        if is_text and levels > max(2, rows / 2):
            example = ", ".join(map(repr, values.categories[:3]))
            warnings.warn(
                f"column {node.name!r} is text with {levels} levels in {rows} rows ({example}, "
                "…), and makes a column of each; "
                "if it holds numbers or dates, convert it to numbers; if it is a grouping, write "
                "(1 | ...)",
                stacklevel=2,
            )

    def _finite(self, node: Expression, value: object) -> object:
        """A value, if all of its numbers are finite."""
        parts = list(value.values()) if isinstance(value, dict) else [value]
        for part in parts:
            array = np.asarray(part, float)
            bad = np.argwhere(~np.isfinite(array))
            if len(bad):
                where = f"row {bad[0][0]}" if array.ndim else "its value"
                told = f"got {len(bad)} entries that are not, the first in {where}"
                raise ValueError(
                    f"{displayed(node)!r} must be finite, {told}; look at what it is computed from"
                )
        return value


def _in_levels(
    node: Expression, values: pd.Categorical, levels: tuple[str, ...], lacking: str
) -> pd.Categorical:
    """The same categories in given levels; ``lacking`` says why there are no others."""
    there = values.remove_unused_categories().categories
    unknown = [level for level in there if level not in levels]
    if unknown:
        told = ", ".join(map(repr, unknown[:3])) + (", …" if len(unknown) > 3 else "")
        raise ValueError(
            f"{displayed(node)!r} has a category that {lacking}, {told}; "
            f"give it all its categories there, as {', '.join(map(repr, levels[:5]))} were"
        )
    return values.set_categories(list(levels))


def _refuse_too_many(node: Call, numbers: np.ndarray, options: list[object]) -> None:
    """Raise where a polynomial or a spline is asked for more columns than the column has values."""
    asked = [
        option for option in options if isinstance(option, int) and not isinstance(option, bool)
    ]
    distinct = len(np.unique(numbers))
    if node.function in BASES and asked and max(asked) >= max(2, distinct):
        raise ValueError(
            f"{node} asks for {max(asked)} columns of a column with {distinct} distinct values; "
            "ask for fewer"
        )


def _option(node: Expression) -> object:
    """The value of an option: a number, a text, a truth value, or a list of these."""
    if isinstance(node, Listing):
        return [_option(item) for item in node.items]
    if isinstance(node, Unary):
        value = node.operand.value
        return -value if node.sign == "-" else value
    value = node.value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _contrasts(node: Name | Call, levels: pd.Index) -> object:
    """Formulaic's contrasts of one of the names of ``functions.CONTRASTS``."""
    from formulaic.transforms import TRANSFORMS

    name = node.name if isinstance(node, Name) else node.function
    options = node.arguments if isinstance(node, Call) else ()
    positional = [_option(a.value) for a in options if a.name is None]
    named = {a.name: _option(a.value) for a in options if a.name is not None}
    if name in ("contr.treatment", "Treatment"):
        positional, named = [label(v) for v in positional], {k: label(v) for k, v in named.items()}
        unknown = [base for base in (*positional, *named.values()) if base not in levels]
        if unknown:
            raise ValueError(f"{node} names no level; there are {', '.join(map(repr, levels))}")
    maker = (
        getattr(TRANSFORMS["contr"], name.removeprefix("contr."))
        if name.startswith("contr.")
        else TRANSFORMS[name]
    )
    return maker(*positional, **named)
