"""Rows with missing values: refused, or dropped where that was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lmmlib.formula.columns import Columns

MISSING = ("raise", "drop")  # as statsmodels and patsy call what is done with such rows


@dataclass(frozen=True)
class MissingValues:
    """How many rows of a table, or of several, have missing values.

    Attributes
    ----------
    total : int
        Rows in all.
    rows : int
        Rows with a missing value in a column of the formula.
    by_column : mapping of str to int
        Missing values of each column that has some.
    """

    total: int
    rows: int
    by_column: Mapping[str, int]

    @property
    def dropped(self) -> str | None:
        """What is said of a fit without these rows, or None where there are none.

        Examples
        --------
        >>> MissingValues(183, 3, {"Days": 2, "Subject": 1}).dropped
        '3 of 183 rows dropped: Days missing in 2, Subject in 1'
        """
        if not self.rows:
            return None
        (name, count), *others = self.by_column.items()
        columns = [f"{name} missing in {count}", *(f"{other} in {k}" for other, k in others)]
        return f"{self.rows} of {self.total} rows dropped: {', '.join(columns)}"


def sum_of_missing(parts: Iterable[MissingValues]) -> MissingValues:
    """The same of several tables together.

    Examples
    --------
    >>> parts = [MissingValues(10, 1, {"x": 1}), MissingValues(10, 2, {"g": 1, "x": 1})]
    >>> sum_of_missing(parts).dropped
    '3 of 20 rows dropped: g missing in 1, x in 2'
    """
    total = 0
    rows = 0
    by_column: Counter[str] = Counter()
    for part in parts:
        total += part.total
        rows += part.rows
        by_column.update(part.by_column)
    return MissingValues(total, rows, dict(sorted(by_column.items())))


class NoRowLeftError(ValueError):
    """Raised where every row of a table has a missing value.

    Parameters
    ----------
    missing : MissingValues
        How many there are.
    counts : str
        Missing values by column, as the message lists them.
    """

    def __init__(self, missing: MissingValues, counts: str) -> None:
        super().__init__(
            f"no row is left: all {missing.total} have missing values ({counts}); impute them, or "
            "leave such a column out of the formula"
        )
        self.missing = missing


@dataclass(frozen=True, eq=False)
class CompleteColumns:
    """The columns of a table without missing values.

    Attributes
    ----------
    columns : Columns
        Rows that have all values, under the labels that the table gave them.
    missing : MissingValues
        The other rows.
    """

    columns: Columns
    missing: MissingValues


def complete_columns(
    columns: Columns, names: Iterable[str], missing: str, advice: str
) -> CompleteColumns:
    """The rows that have a value in each of the columns.

    Parameters
    ----------
    columns : Columns
        Columns of a table.
    names : iterable of str
        Columns that the formula uses.
    missing : {"raise", "drop"}
        Whether rows with missing values are an error, or left out.
    advice : str
        What an error tells to do.

    Returns
    -------
    CompleteColumns
        The rows without missing values, and how many others there are.

    Raises
    ------
    ValueError
        If a value is missing and not to be dropped.
    NoRowLeftError
        If every row would be dropped.

    Examples
    --------
    >>> columns = Columns(pd.DataFrame({"x": [1.0, None, 3.0]}))
    >>> complete = complete_columns(columns, ["x"], "drop", "")
    >>> complete.columns.table.index.tolist(), complete.missing.dropped
    ([0, 2], '1 of 3 rows dropped: x missing in 1')
    """
    is_missing = {name: _is_missing(columns.raw(name)) for name in sorted(names)}
    by_column = {name: int(rows.sum()) for name, rows in is_missing.items() if rows.any()}
    if not by_column:
        return CompleteColumns(columns, MissingValues(len(columns), 0, {}))
    row_is_missing = np.any([is_missing[name] for name in by_column], axis=0)
    missing_values = MissingValues(len(columns), int(row_is_missing.sum()), by_column)
    counts = ", ".join(f"{name}: {count}" for name, count in by_column.items())
    if missing == "raise":
        row = int(row_is_missing.argmax())
        label = columns.table.index[row]
        labelled = "" if label == row else f", labelled {label!r}"
        raise ValueError(
            f"{missing_values.rows} of {missing_values.total} rows have missing values "
            f"({counts}), the first is row {row}{labelled}; {advice}"
        )
    if missing_values.rows == missing_values.total:
        raise NoRowLeftError(missing_values, counts)
    return CompleteColumns(Columns(columns.table[~row_is_missing]), missing_values)


def _is_missing(column: pd.Series) -> np.ndarray:
    """Whether each value is missing: None, NaN, NaT, NA, or no category."""
    missing = column.isna().to_numpy(bool)
    is_extension = not isinstance(column.dtype, np.dtype)
    if is_extension and pd.api.types.is_float_dtype(column.dtype):
        # a nullable type tells NaN, as of 0 / 0, from NA
        missing = missing | np.isnan(column.to_numpy(float, na_value=np.nan))
    return missing
