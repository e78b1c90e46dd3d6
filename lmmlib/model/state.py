"""State of the frozen dataclasses: set by their constructors, compared by content, pickled bare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def set_fields(instance: DataclassInstance, values: Mapping[str, object]) -> None:
    """Set the fields of a frozen dataclass that is being made: for constructors of its class."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


def stored_state(instance: DataclassInstance) -> dict[str, object]:
    """Values of the fields alone, for ``__getstate__``: what is cached is computed anew.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> term = Term.grouped("g", ["a", "b"])
    >>> term.units.tolist(), "units" in vars(term), "units" in stored_state(term)
    ([1.0], True, False)
    """
    return {field.name: getattr(instance, field.name) for field in fields(instance)}


def restore_state(instance: DataclassInstance, state: Mapping[str, object]) -> None:
    """Set the fields of a copy, for ``__setstate__``; its arrays are read-only again."""
    set_fields(instance, state)
    for value in state.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        elif isinstance(value, csr_array):
            value.data.flags.writeable = False


def same_fields(one: DataclassInstance, other: DataclassInstance, names: Iterable[str]) -> bool:
    """Whether two dataclasses hold the same values in the fields of those names."""
    return all(same_content(getattr(one, name), getattr(other, name)) for name in names)


def same_content(one: object, other: object) -> bool:
    """Whether two values are equal: arrays entry by entry, mappings and tuples by their items.

    Examples
    --------
    >>> same_content({"g": np.eye(2)}, {"g": np.eye(2)}), same_content(np.eye(2), None)
    (True, False)
    """
    if isinstance(one, csr_array) and isinstance(other, csr_array):
        parts = ("data", "indices", "indptr")
        same_entries = all(np.array_equal(getattr(one, p), getattr(other, p)) for p in parts)
        return one.shape == other.shape and same_entries
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_content(one[k], other[k]) for k in one)
    if isinstance(one, tuple) and isinstance(other, tuple):
        same_length = len(one) == len(other)
        return same_length and all(map(same_content, one, other))
    arrays = (csr_array, np.ndarray)
    if isinstance(one, arrays) or isinstance(other, arrays):
        return False
    return bool(one == other)
