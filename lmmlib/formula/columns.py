"""Columns of a table, each read as numbers, truth values or categories.

The only way from a table into a design.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Real

import numpy as np
import pandas as pd

from lmmlib.model.validation import label

# What pandas' infer_dtype calls a column of objects that are numbers, or dates.
NUMBER_KINDS = ("integer", "floating", "mixed-integer-float", "decimal")
DATE_KINDS = ("date", "datetime", "datetime64", "time", "timedelta", "timedelta64", "period")


class Columns:
    """The columns of one table, by their names as text.

    Parameters
    ----------
    table : pandas.DataFrame
        Table with a row at least.

    Raises
    ------
    TypeError
        If it is no DataFrame.
    ValueError
        If it is empty.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        if not isinstance(table, pd.DataFrame):
            raise TypeError(
                f"a table must be a pandas DataFrame, got {type(table).__name__}; make one with "
                "pandas.DataFrame(...), or of a file with pandas.read_csv(...)"
            )
        if not len(table):
            raise ValueError("the table must have a row at least, got none")
        self.table = table
        self.names = [str(name) for name in table.columns]
        self._positions = {name: position for position, name in enumerate(self.names)}
        self._read: dict[str, pd.Series] = {}

    def __len__(self) -> int:
        return len(self.table)

    def check_names(self, formula: str, wanted: Iterable[str]) -> None:
        """Raise unless the table has all columns wanted, each once.

        Raises
        ------
        ValueError
            If a column is unknown or occurs more than once; the message names it.
        """
        wanted = sorted(wanted)
        unknown = [name for name in wanted if name not in self._positions]
        if unknown:
            raise ValueError(
                f"{formula!r} names unknown columns {', '.join(unknown)}; the table has "
                f"{', '.join(self.names)}{self._hint_of_backticks()}"
            )
        repeated = [name for name in wanted if self.names.count(name) > 1]
        if repeated:
            raise ValueError(
                f"the table must have each column once, got {', '.join(repeated)} more often; "
                "rename them"
            )

    def _hint_of_backticks(self) -> str:
        signs = [name for name in self.names if not name.replace(".", "_").isidentifier()]
        return f"; names with other signs stand in backticks, as in `{signs[0]}`" if signs else ""

    def raw(self, name: str) -> pd.Series:
        """The column as it came, in the byte order of this machine."""
        if name not in self._read:
            column = self.table.iloc[:, self._positions[name]]
            dtype = column.dtype
            if isinstance(dtype, np.dtype) and not dtype.isnative:
                column = column.astype(dtype.newbyteorder("="))
            self._read[name] = column
        return self._read[name]

    def is_text(self, name: str) -> bool:
        """Whether the column holds text, rather than categories that were declared."""
        dtype = self.raw(name).dtype
        return isinstance(dtype, pd.StringDtype) or pd.api.types.is_object_dtype(dtype)

    def values(self, name: str) -> np.ndarray | pd.Categorical:
        """The column as a formula means it.

        Integers become floats, so that no product of them can wrap round; text of any type is
        categories, levels sorted, and declared categories keep their order.

        Parameters
        ----------
        name : str
            Name of the column.

        Returns
        -------
        ndarray, shape (n,), or pandas.Categorical
            Floats, truth values, or categories with text for levels.

        Raises
        ------
        ValueError
            If it holds dates, complex numbers, or values of several kinds, or a number is not
            finite.
        """
        column = self.raw(name)
        dtype = column.dtype
        if isinstance(dtype, pd.CategoricalDtype | pd.StringDtype | pd.IntervalDtype):
            return self.categories(name)
        if pd.api.types.is_object_dtype(dtype):
            return self._values_of_objects(name, column)
        if pd.api.types.is_bool_dtype(dtype):
            return column.to_numpy(bool)
        if pd.api.types.is_complex_dtype(dtype):
            raise ValueError(
                f"column {name!r} must be real numbers, got type {dtype}; convert it first"
            )
        if pd.api.types.is_numeric_dtype(dtype):
            return _finite(name, column.to_numpy(float))
        return self._values_of_extension(name, column)

    def categories(self, name: str) -> pd.Categorical:
        """The column as categories whose levels are text.

        Declared ones in their order, others sorted.

        Raises
        ------
        ValueError
            If two levels have one text.
        """
        column = self.raw(name)
        if isinstance(column.dtype, pd.CategoricalDtype):
            codes = column.cat.codes.to_numpy()
            levels = list(column.cat.categories)
        else:
            codes, distinct = pd.factorize(column, sort=True)
            levels = list(distinct)
        texts = [label(level) for level in levels]
        check_distinct_texts(name, texts, levels)
        index: pd.Index = pd.Index(texts)
        return pd.Categorical.from_codes(codes, index)

    def _values_of_objects(self, name: str, column: pd.Series) -> np.ndarray | pd.Categorical:
        """A column of Python objects, by what they are."""
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind in ("string", "bytes"):
            return self.categories(name)
        if kind == "boolean":
            return column.to_numpy(bool)
        if kind in NUMBER_KINDS or all(map(_is_number, column)):
            return _finite(name, column.to_numpy(float))
        if kind in DATE_KINDS:
            raise _error_of_dates(name)
        if kind == "complex":
            raise ValueError(
                f"column {name!r} must be real numbers, got complex ones; convert it first"
            )
        kinds = ", ".join(sorted({type(value).__name__ for value in column}))
        raise ValueError(
            f"column {name!r} holds values of several kinds, {kinds}; make them all numbers or "
            "all text"
        )

    def _values_of_extension(self, name: str, column: pd.Series) -> pd.Categorical:
        """A column of a type that is neither NumPy's numbers nor declared text.

        Dates, and Arrow's types.
        """
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind in DATE_KINDS or pd.api.types.is_datetime64_any_dtype(column.dtype):
            raise _error_of_dates(name)
        is_arrow_category = str(column.dtype).startswith("dictionary")
        if kind in ("string", "bytes") or is_arrow_category:
            return self.categories(name)
        raise ValueError(
            f"column {name!r} must be numbers or text, got type {column.dtype}; convert it first"
        )


def check_distinct_texts(name: str, texts: Sequence[str], values: Sequence[object]) -> None:
    """Raise if two levels have one text.

    Raises
    ------
    ValueError
        If that is so; the message names both.

    Examples
    --------
    >>> check_distinct_texts("g", ["1", "1"], [1, "1"])
    Traceback (most recent call last):
        ...
    ValueError: levels of 'g' must be distinct as text, got '1' for 1 and '1'; rename them
    """
    value_of: dict[str, object] = {}
    for text, value in zip(texts, values, strict=True):
        if text in value_of:
            raise ValueError(
                f"levels of {name!r} must be distinct as text, got {text!r} for "
                f"{value_of[text]!r} and {value!r}; rename them"
            )
        value_of[text] = value


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _finite(name: str, values: np.ndarray) -> np.ndarray:
    """Numbers, if all are finite."""
    rows = np.flatnonzero(~np.isfinite(values))
    if len(rows):
        raise ValueError(
            f"column {name!r} must be finite, got {len(rows)} entries that are not, the first in "
            f"row {rows[0]}; remove or replace them"
        )
    return values


def _error_of_dates(name: str) -> ValueError:
    return ValueError(
        f"column {name!r} holds dates or times, which are no numbers; make it a number, for "
        f"instance (table[{name!r}] - table[{name!r}].min()).dt.days, or use it as a factor, "
        f"factor({name})"
    )
