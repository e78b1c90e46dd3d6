"""A grouping of rows: the level of each row, and its covariates."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lmmlib.model.options import in_brief
from lmmlib.model.row_labels import check_order, names_along
from lmmlib.model.validation import frozen_array, labels, masked_entries


@dataclass(frozen=True, eq=False)
class Codes:
    """The level of each row.

    Attributes
    ----------
    level : ndarray, shape (n,)
        Integers that index the levels.
    levels : sequence
        Levels as they were given, labels of any kind.
    """

    level: np.ndarray
    levels: Sequence[object]


def codes_of(name: str, codes: ArrayLike, levels: Iterable[object] | None) -> Codes:
    """Levels of the rows of term ``name``.

    Parameters
    ----------
    name : str
        Name of the term, for messages.
    codes : array_like, shape (n,)
        Labels of any kind; integers where ``levels`` are given.
    levels : iterable or None
        What the integers index; None for the sorted labels themselves.

    Raises
    ------
    TypeError
        If codes come as a mapping.
    ValueError
        If a code is missing, or no index of the levels.

    Examples
    --------
    >>> codes = codes_of("g", ["b", "a", "b"], None)
    >>> codes.level.tolist(), codes.levels
    ([1, 0, 1], ['a', 'b'])
    """
    if levels is None and isinstance(codes, pd.Categorical) and not codes.isna().any():
        return _codes_of_categories(name, codes)
    given = _one_label_a_row(name, codes)
    if levels is None:
        level, distinct = pd.factorize(given, sort=True)
        # Python's own numbers, of which a hundred thousand become text at once.
        is_whole = distinct.dtype.kind in "iu"
        return Codes(level, distinct.tolist() if is_whole else list(distinct))
    if isinstance(levels, str) or not isinstance(levels, Iterable):
        raise ValueError(f"levels of {name!r} must be a sequence of labels, got {in_brief(levels)}")
    declared = list(levels)
    if given.dtype.kind not in "iu":
        raise ValueError(
            f"codes of {name!r} must be integers that index levels, got type {given.dtype}; "
            "leave levels out to use labels"
        )
    if given.min() < 0 or given.max() >= len(declared):
        raise ValueError(
            f"codes of {name!r} must lie in 0 to {len(declared) - 1}, got {given.min()} to "
            f"{given.max()}"
        )
    return Codes(given.astype(np.int64), declared)


def _codes_of_categories(name: str, codes: pd.Categorical) -> Codes:
    """The same of categories, whose labels are sorted once each and not once a row."""
    has_rows = np.zeros(len(codes.categories), bool)
    has_rows[codes.codes] = True
    used = np.flatnonzero(has_rows)
    of_used = codes_of(name, codes.categories[used].to_numpy(), None)
    level_of_category = np.zeros(len(codes.categories), np.int64)
    level_of_category[used] = of_used.level
    return Codes(level_of_category[codes.codes], of_used.levels)


def checked_covariates(name: str, covariates: ArrayLike, n: int) -> np.ndarray:
    """Covariates (n, q) of a term, one column at least."""
    x = frozen_array(f"covariates of {name!r}", covariates, (None, None))
    if len(x) != n:
        raise ValueError(f"term {name!r} has {n} codes; its covariates have {len(x)} rows")
    if x.shape[1] == 0:
        raise ValueError(
            f"covariates of {name!r} must have a column at least, got none; leave them out for "
            "an intercept"
        )
    return x


def effect_labels(
    name: str, effects: Sequence[str] | None, covariates: ArrayLike | None, q: int
) -> tuple[str, ...]:
    """Names of the q effects of a term, in the order of its covariates."""
    if effects is None:
        effects = ["Intercept"] if covariates is None else [f"x{i + 1}" for i in range(q)]
    named = labels(f"effects of {name!r}", effects, q)
    check_order(f"covariates of {name!r}", names_along(covariates, 1), named)
    return named


def _one_label_a_row(name: str, codes: ArrayLike) -> np.ndarray:
    """Labels as an array that keeps them apart: NumPy makes one string of 1 and "1"."""
    if isinstance(codes, Mapping):
        raise TypeError(f"codes of {name!r} must be one label per row, got {type(codes).__name__}")
    array = np.asarray(codes)
    is_text = array.dtype.kind in "US"
    if is_text and not hasattr(codes, "dtype"):
        array = np.asarray(codes, object)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"codes of {name!r} must be one label per row, got shape {array.shape}")
    missing = masked_entries(codes) or int(pd.isna(array).sum())
    if missing:
        raise ValueError(
            f"codes of {name!r} must not be missing, got {missing} missing of {len(array)}; drop "
            "those rows or give them a level"
        )
    return array
