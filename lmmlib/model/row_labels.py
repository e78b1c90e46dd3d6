"""Labels that arrays bring along: matched to names or refused, never passed over."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from lmmlib.model.validation import label

NAMED = 3  # labels that an error names before it says how many more there are


def axis_labels(value: object, axis: int) -> tuple[str, ...] | None:
    """Texts of the labels along one axis of a pandas or xarray object; None where it bears none.

    Examples
    --------
    >>> axis_labels(pd.Series([1.0, 2.0], ["b", "a"]), 0), axis_labels([1.0, 2.0], 0)
    (('b', 'a'), None)
    """
    if isinstance(value, pd.DataFrame | pd.Series):
        return tuple(label(entry) for entry in value.axes[axis]) if axis < value.ndim else None
    if isinstance(value, xr.DataArray) and axis < value.ndim:
        dim = value.dims[axis]
        if dim in value.coords:
            return tuple(label(entry) for entry in value.coords[dim].to_numpy().tolist())
    return None


def names_along(value: object, axis: int) -> tuple[str, ...] | None:
    """The same where the labels are names.

    Pandas numbers what was not named, and such numbers are none.
    """
    if isinstance(value, pd.DataFrame | pd.Series) and axis < value.ndim:
        is_numbered = isinstance(value.axes[axis], pd.RangeIndex)
        return None if is_numbered else axis_labels(value, axis)
    return axis_labels(value, axis)


def check_names(what: str, given: Sequence[str] | None, expected: Sequence[str]) -> None:
    """Raise if an array was labelled, and by other names or in another order than its places have.

    Raises
    ------
    ValueError
        If that is so; the message names both.

    Examples
    --------
    >>> check_names("beta", ("x", "Intercept"), ("Intercept", "x"))
    ... # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
        ...
    ValueError: beta is labelled x, Intercept, but its places are those of Intercept, x; bring it
    into this order
    """
    if given is not None and tuple(given) != tuple(expected):
        places = f"its places are those of {', '.join(expected)}"
        raise ValueError(
            f"{what} is labelled {', '.join(given)}, but {places}; bring it into this order"
        )


def check_order(what: str, given: Sequence[str] | None, expected: Sequence[str]) -> None:
    """The same where names may be given anew.

    The same ones in another order are refused, others are new names.

    Raises
    ------
    ValueError
        If that is so; the message names both.
    """
    if given is not None and set(given) == set(expected):
        check_names(what, given, expected)


def row_index(value: object) -> pd.Index | None:
    """Labels of the rows of a pandas object; None for anything else."""
    return value.index if isinstance(value, pd.DataFrame | pd.Series) else None


def check_same_rows(
    what: str, index: pd.Index | None, reference: str, expected: pd.Index | None
) -> None:
    """Raise if two things that are read row by row label their rows differently.

    Raises
    ------
    ValueError
        If labels of rows differ; the message names the first row at which they do.

    Examples
    --------
    >>> check_same_rows("y", pd.Index([1, 0]), "X", pd.Index([0, 1]))
    ... # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
        ...
    ValueError: the rows of y and of X bear different labels, 1 and 0 in row 0; bring both into one
    order, or give y by .to_numpy() if they belong together as they stand
    """
    if index is None or expected is None or len(index) != len(expected) or index.equals(expected):
        return
    different = [i for i, (a, b) in enumerate(zip(index, expected, strict=True)) if a != b]
    if not different:  # labels of another type, 1 and 1.0
        return
    row = different[0]
    raise ValueError(
        f"the rows of {what} and of {reference} bear different labels, {index[row]} and "
        f"{expected[row]} in row {row}; bring both into one order, or give {what} by .to_numpy() "
        "if they belong together as they stand"
    )


def common_index(given: Mapping[str, pd.Index | None]) -> pd.Index | None:
    """The labels that rows have, where some part of a design came with some.

    Raises
    ------
    ValueError
        If two parts label them differently.

    Examples
    --------
    >>> common_index({"X": None, "weights": pd.Index(["a", "b"])}).tolist()
    ['a', 'b']
    """
    labelled = [(what, index) for what, index in given.items() if index is not None]
    if not labelled:
        return None
    reference, common = labelled[0]
    for what, index in labelled[1:]:
        check_same_rows(what, index, reference, common)
    return common


def in_order_of(what: str, matrix: ArrayLike, names: Sequence[str]) -> ArrayLike | pd.DataFrame:
    """A symmetric matrix (m, m) over ``names``, by its labels if it has some.

    More labels than names are left out.

    Raises
    ------
    ValueError
        If one axis alone is labelled, a label occurs twice, the axes differ, or a name is missing.

    Examples
    --------
    >>> A = pd.DataFrame([[1.0, 0.5], [0.5, 2.0]], ["b", "a"], ["b", "a"])
    >>> in_order_of("between", A, ["a", "b"]).to_numpy().tolist()
    [[2.0, 0.5], [0.5, 1.0]]
    """
    rows = axis_labels(matrix, 0)
    columns = axis_labels(matrix, 1)
    if rows is None and columns is None:
        return matrix
    by_position = f"give {what} by .to_numpy() if it is in the order {some(names)}"
    if rows is None or columns is None:
        raise ValueError(f"{what} is labelled along one axis alone; label both, or {by_position}")
    _check_distinct(f"the rows of {what}", rows)
    _check_distinct(f"the columns of {what}", columns)
    unpaired = sorted(set(rows) ^ set(columns))
    if unpaired:
        raise ValueError(
            f"rows and columns of {what} must have the same labels; one axis alone has "
            f"{some(unpaired)}"
        )
    missing = [name for name in names if name not in set(rows)]
    if missing:
        raise ValueError(
            f"{what} has no rows labelled {some(missing)}; it has {some(rows)}; add them, or "
            f"{by_position}"
        )
    row_of = {text: i for i, text in enumerate(rows)}
    column_of = {text: i for i, text in enumerate(columns)}
    chosen_rows = [row_of[name] for name in names]
    chosen_columns = [column_of[name] for name in names]
    if isinstance(matrix, pd.DataFrame):
        return matrix.iloc[chosen_rows, chosen_columns]
    return np.asarray(matrix)[np.ix_(chosen_rows, chosen_columns)]


def _check_distinct(what: str, texts: Sequence[str]) -> None:
    """Raise if a label occurs twice."""
    counts = Counter(texts)
    repeated = sorted(text for text, count in counts.items() if count > 1)
    if repeated:
        raise ValueError(f"{what} must have distinct labels, got {some(repeated)} more than once")


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are.

    Examples
    --------
    >>> some(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    named = ", ".join(map(str, names[:NAMED]))
    more = len(names) - NAMED
    return f"{named} and {more} more" if more > 0 else named
