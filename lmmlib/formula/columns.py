"""Columns of a table, each read as numbers, truth values or categories.

The only way from a table into a design.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from numbers import Real

import numpy as np
import pandas as pd

from lmmlib.model.validation import label

NUMBERS = (
    "integer",
    "floating",
    "mixed-integer-float",
    "decimal",
)  # what pandas finds in a column of objects
DATES = ("date", "datetime", "datetime64", "time", "timedelta", "timedelta64", "period")
DAYS = (
    "make it a number, for instance (table[{name!r}] - table[{name!r}].min()).dt.days, or use it "
    "as a factor"
)


class Columns:
    """The columns of one table, found by their names as text.

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

    def __init__(self, table: object) -> None:
        if not isinstance(table, pd.DataFrame):
            advice = "make one with pandas.DataFrame(...)"
            raise TypeError(
                f"a table must be a pandas DataFrame, got {type(table).__name__}; {advice}"
            )
        if not len(table):
            raise ValueError("the table must have a row at least, got none")
        self.table = table
        self.names = [str(name) for name in table.columns]
        self._taken: dict[str, pd.Series] = {}

    @cached_property
    def places(self) -> dict[str, int]:
        """Place of each column, by name."""
        return {name: place for place, name in enumerate(self.names)}

    def check(self, formula: str, wanted: Iterable[str]) -> None:
        """Raise unless the table has all columns wanted, each once and without missing values.

        Raises
        ------
        ValueError
            If a column is unknown, occurs more than once or has missing values; the message names
            the columns, and how many rows have missing values.
        """
        wanted = sorted(wanted)
        unknown = [name for name in wanted if name not in self.places]
        if unknown:
            told = (
                f"{formula!r} names unknown columns {', '.join(unknown)}; the table has "
                f"{', '.join(self.names)}"
            )
            signs = [name for name in self.names if not name.replace(".", "_").isidentifier()]
            hint = (
                f"; names with other signs stand in backticks, as in `{signs[0]}`" if signs else ""
            )
            raise ValueError(told + hint)
        twice = [name for name in wanted if self.names.count(name) > 1]
        if twice:
            raise ValueError(
                f"the table must have each column once, got {', '.join(twice)} more often; "
                "rename them"
            )
        self._refuse_missing(wanted)

    def raw(self, name: str) -> pd.Series:
        """The column as it came, in the byte order of this machine."""
        if name not in self._taken:
            column = self.table.iloc[:, self.places[name]]
            is_foreign = isinstance(column.dtype, np.dtype) and not column.dtype.isnative
            self._taken[name] = (
                column.astype(column.dtype.newbyteorder("=")) if is_foreign else column
            )
        return self._taken[name]

    def is_text(self, name: str) -> bool:
        """Whether the column holds text, rather than categories that were declared."""
        column = self.raw(name)
        return isinstance(column.dtype, pd.StringDtype) or pd.api.types.is_object_dtype(
            column.dtype
        )

    def values(self, name: str) -> np.ndarray | pd.Categorical:
        """The column as a formula means it.

        Floats (n,), truth values (n,), or categories with text for levels.

        Integers become floats, so that no product of them can wrap round; text of any type is
        categories, levels sorted, and declared categories keep their order.

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
            return self._objects(name, column)
        if pd.api.types.is_bool_dtype(dtype):
            return column.to_numpy(bool)
        if pd.api.types.is_complex_dtype(dtype):
            raise ValueError(
                f"column {name!r} must be real numbers, got type {dtype}; convert it first"
            )
        if pd.api.types.is_numeric_dtype(dtype):
            return _finite(name, column.to_numpy(float))
        return self._extension(name, column)

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
            codes, unique = pd.factorize(column, sort=True)
            levels = list(unique)
        texts = [label(level) for level in levels]
        refuse_alike(name, texts, levels)
        return pd.Categorical.from_codes(codes, texts)

    def _objects(self, name: str, column: pd.Series) -> np.ndarray | pd.Categorical:
        """A column of Python objects, by what they are."""
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind in ("string", "bytes"):
            return self.categories(name)
        if kind == "boolean":
            return column.to_numpy(bool)
        if kind in NUMBERS or all(
            isinstance(value, Real) and not isinstance(value, bool) for value in column
        ):
            return _finite(name, column.to_numpy(float))
        if kind in DATES:
            raise _dates(name)
        if kind == "complex":
            raise ValueError(
                f"column {name!r} must be real numbers, got complex ones; convert it first"
            )
        kinds = ", ".join(sorted({type(value).__name__ for value in column}))
        raise ValueError(
            f"column {name!r} holds values of several kinds, {kinds}; make them all numbers or "
            "all text"
        )

    def _extension(self, name: str, column: pd.Series) -> np.ndarray | pd.Categorical:
        """A column of a type that is neither NumPy's numbers nor declared text.

        Dates, and Arrow's types.
        """
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind in DATES or pd.api.types.is_datetime64_any_dtype(column.dtype):
            raise _dates(name)
        if kind in ("string", "bytes") or str(column.dtype).startswith(
            "dictionary"
        ):  # Arrow's categories
            return self.categories(name)
        raise ValueError(
            f"column {name!r} must be numbers or text, got type {column.dtype}; convert it first"
        )

    def _refuse_missing(self, names: list[str]) -> None:
        missing = {name: self.raw(name).isna().to_numpy() for name in names}
        counts = {name: int(rows.sum()) for name, rows in missing.items() if rows.any()}
        if not counts:
            return
        rows = int(np.any([missing[name] for name in counts], axis=0).sum())
        where = ", ".join(f"{name}: {count}" for name, count in counts.items())
        advice = "drop them with table.dropna(subset=…) or impute them"
        raise ValueError(
            f"{rows} of {len(self.table)} rows have missing values ({where}); {advice}"
        )


def refuse_alike(name: str, texts: list[str], values: list[object]) -> None:
    """Raise if two levels have one text.

    Raises
    ------
    ValueError
        If that is so; the message names both.

    Examples
    --------
    >>> refuse_alike("g", ["1", "1"], [1, "1"])
    Traceback (most recent call last):
        ...
    ValueError: levels of 'g' must be distinct as text, got '1' for 1 and '1'; rename them
    """
    first: dict[str, object] = {}
    for text, value in zip(texts, values, strict=True):
        if text in first:
            both = f"{first[text]!r} and {value!r}"
            raise ValueError(
                f"levels of {name!r} must be distinct as text, got {text!r} for {both}; rename them"
            )
        first[text] = value


def _finite(name: str, values: np.ndarray) -> np.ndarray:
    """Numbers, if all are finite."""
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        told = f"got {len(bad)} entries that are not, the first in row {bad[0]}"
        raise ValueError(f"column {name!r} must be finite, {told}; remove or replace them")
    return values


def _dates(name: str) -> ValueError:
    return ValueError(
        f"column {name!r} holds dates or times, which are no numbers; {DAYS.format(name=name)}, "
        f"factor({name})"
    )
