"""Columns of a table: checked, and made to a matrix by formulaic."""

from __future__ import annotations

import keyword
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from formulaic import ModelSpec  # slow to import, and needed only here


def checked_table(table: object) -> pd.DataFrame:
    """``table`` itself, if it is one of pandas with a row at least.

    Raises
    ------
    TypeError  if it is no DataFrame
    ValueError  if it is empty
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"a table must be a pandas DataFrame, got {type(table).__name__}; make one with pandas.DataFrame(...)")
    if not len(table):
        raise ValueError("the table must have a row at least, got none")
    return table


def observed(table: object) -> pd.DataFrame:
    """The table with the categories that have rows.

    Examples
    --------
    >>> observed(pd.DataFrame({"f": pd.Categorical(["a"], ["a", "b"])}))["f"].cat.categories.tolist()
    ['a']
    """
    kept = checked_table(table).copy(deep=False)
    for i in np.flatnonzero([isinstance(dtype, pd.CategoricalDtype) for dtype in kept.dtypes]):
        kept.isetitem(i, kept.iloc[:, i].cat.remove_unused_categories())
    return kept


def check_columns(formula: str, table: object, sides: Iterable[str], others: Iterable[str]) -> None:
    """Raise unless the table has all columns that a formula names, each once and without missing values."""
    from formulaic import Formula  # slow to import, and needed only here

    known = [str(c) for c in checked_table(table).columns]
    wanted = set(others)
    for side in sides:
        with _told(side):
            wanted |= {str(name) for name in Formula(side).required_variables}
    unknown, twice = sorted(wanted - set(known)), sorted(name for name in wanted if known.count(name) > 1)
    if unknown:
        raise ValueError(f"{formula!r} names unknown columns {', '.join(unknown)}; the table has {', '.join(known)}")
    if twice:
        raise ValueError(f"the table must have each column once, got {', '.join(twice)} more often; rename them")
    _refuse_missing(table[sorted(wanted)])


def _refuse_missing(table: pd.DataFrame) -> None:
    missing = table.isna()
    rows = int(missing.any(axis=1).sum())
    if rows:
        where = ", ".join(f"{c}: {k}" for c, k in missing.sum().items() if k)
        raise ValueError(f"{rows} of {len(table)} rows have missing values ({where}); drop them with table.dropna(subset=…) or impute them")


def specification(side: str, table: pd.DataFrame) -> ModelSpec:
    """How formulaic makes the matrix of one side, with the categories and means of this table."""
    from formulaic import model_matrix

    with _told(side):
        return model_matrix(side, table, context={}, na_action="raise").model_spec


def matrix(spec: ModelSpec, table: pd.DataFrame) -> pd.DataFrame:
    """The matrix of one side, with the categories and means that the specification holds."""
    from formulaic.errors import DataMismatchWarning

    side = str(spec.formula)
    with warnings.catch_warnings(), _told(side):
        warnings.simplefilter("error", DataMismatchWarning)
        try:
            return pd.DataFrame(spec.get_model_matrix(observed(table), context={}))
        except DataMismatchWarning:
            raise ValueError(
                f"a column of {side!r} has a category that the first table did not have; give it all its categories there"
            ) from None


def floats(columns: pd.DataFrame) -> np.ndarray:
    """The columns as real numbers.

    Raises
    ------
    ValueError  naming a column that has others

    Examples
    --------
    >>> floats(pd.DataFrame({"x": [1j]}))
    Traceback (most recent call last):
        ...
    ValueError: column 'x' must be real numbers, got type complex128; convert it first
    """
    strange = [(name, dtype) for name, dtype in columns.dtypes.items() if dtype.kind not in "fiub"]
    if strange:
        raise ValueError(f"column {str(strange[0][0])!r} must be real numbers, got type {strange[0][1]}; convert it first")
    return columns.to_numpy(float)


def refuse_text(name: str, table: pd.DataFrame) -> None:
    """Raise if the response is a column of something other than numbers: formulaic would make a column of each value."""
    if name in table.columns and table[name].dtype.kind not in "fiub":
        kind = pd.api.types.infer_dtype(table[name])
        told = {"string": "text", "categorical": "categories"}.get(kind, f"of type {table[name].dtype}")
        raise ValueError(f"the response {name!r} is {told}; convert it to numbers")


@contextmanager
def _told(side: str) -> Iterator[None]:
    """Formulaic's errors as a sentence that names what could not be read."""
    from formulaic.errors import FormulaicError

    try:
        yield
    except (FormulaicError, SyntaxError) as error:
        plain = error.msg if isinstance(error, SyntaxError) else re.sub(r"\x1b\[[\d;]*m", "", str(error)).partition("\n")[0]
        words = [word for word in re.findall(r"\w+", side) if keyword.iskeyword(word)]
        hint = f"; rename column {words[0]!r}, which is a word of Python's" if isinstance(error, SyntaxError) and words else ""
        raise ValueError(f"{side.removesuffix(' - 1')!r} cannot be read as part of a formula: {plain}{hint}") from None
