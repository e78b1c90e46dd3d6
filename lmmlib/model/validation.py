"""What every door asks of an array or a name.

Messages say what, what was expected, what came, and what to do.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from numbers import Integral, Real
from typing import NoReturn

import numpy as np
import pandas as pd

from lmmlib.model.options import in_brief

# of √(a_ii a_jj): what inverting a matrix leaves, far below any covariance that was meant
ASYMMETRY = 1e-8
NUMERIC_KINDS = "fiub"  # kinds of NumPy types: floats, whole numbers, truth values


class FrozenDict[Key, Value](dict[Key, Value]):
    """A mapping that stays as it was made, pickles and copies.

    Examples
    --------
    >>> FrozenDict(a=1)["a"] = 2
    Traceback (most recent call last):
        ...
    TypeError: parameters and priors stay as they were made; make new ones with dataclasses.replace
    """

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(
            "parameters and priors stay as they were made; make new ones with dataclasses.replace"
        )

    __setitem__ = _refuse
    __delitem__ = _refuse
    __ior__ = _refuse
    update = _refuse
    setdefault = _refuse
    pop = _refuse
    popitem = _refuse
    clear = _refuse

    def __reduce__(self) -> tuple[object, ...]:
        return FrozenDict, (dict(self),)


def frozen_array(
    name: str, value: object, shape: tuple[int | None, ...], hint: str = ""
) -> np.ndarray:
    """A read-only float copy of ``value``; None in ``shape`` means any length.

    Raises
    ------
    ValueError
        If it is not numeric, masked, not finite, or of another shape.

    Examples
    --------
    >>> frozen_array("y", [1, 2], (2,)).tolist()
    [1.0, 2.0]
    """
    raw = numbers(name, value)
    expected_sizes = [
        got if size is None else size for size, got in zip(shape, raw.shape, strict=False)
    ]
    if raw.ndim != len(shape) or list(raw.shape) != expected_sizes:
        advice = f"; {hint}" if hint else ""
        raise ValueError(f"{name} must have shape {_shape_text(shape)}, got {raw.shape}{advice}")
    array = np.array(raw, float)
    is_finite = np.isfinite(array)
    if not is_finite.all():
        places = np.argwhere(~is_finite)
        first_place = tuple(places[0].tolist())
        raise ValueError(
            f"{name} must be finite, got {len(places)} entries that are not, the first at "
            f"{first_place}; remove or replace them"
        )
    array.flags.writeable = False
    return array


def _shape_text(shape: tuple[int | None, ...]) -> str:
    """A shape as Python writes it, with any length as ``any``."""
    sizes = ["any" if size is None else str(size) for size in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def masked_entries(value: object) -> int:
    """How many entries of a masked array are masked; none of anything else."""
    return int(np.ma.count_masked(value)) if isinstance(value, np.ma.MaskedArray) else 0


def numbers(name: str, value: object) -> np.ndarray:
    """``value`` as an array of real numbers.

    Raises
    ------
    TypeError
        If it makes no array at all.
    ValueError
        If it is not numeric, complex, masked, or its rows differ in length.

    Examples
    --------
    >>> numbers("y", pd.Series([1, 2], dtype="Int64")).tolist()
    [1, 2]
    """
    masked = masked_entries(value)
    if masked:
        raise ValueError(
            f"{name} must not be masked, got {masked} masked entries; remove or replace them"
        )
    try:
        raw = np.asarray(value)
    except ValueError:
        raise ValueError(
            f"{name} must be an array of numbers, got rows of different lengths"
        ) from None
    except TypeError:
        raise TypeError(f"{name} must be an array of numbers, got {type(value).__name__}") from None
    if raw.dtype.kind == "O" and isinstance(value, pd.DataFrame | pd.Series):
        raw = _nullable_numbers(value, raw)
    if raw.dtype.kind not in NUMERIC_KINDS:
        raise ValueError(
            f"{name} must be numbers, got entries of type {raw.dtype}; convert them first"
        )
    return raw


def _nullable_numbers(table: pd.DataFrame | pd.Series, raw: np.ndarray) -> np.ndarray:
    """Columns of pandas' nullable types as floats; ``raw`` where one is no number."""
    dtypes = table.dtypes if isinstance(table, pd.DataFrame) else [table.dtype]
    if all(dtype.kind in NUMERIC_KINDS for dtype in dtypes):
        return table.to_numpy(float, na_value=np.nan)
    return raw


def symmetric(name: str, matrix: np.ndarray) -> np.ndarray:
    """``matrix`` made symmetric exactly, read-only.

    Raises
    ------
    ValueError
        If a pair of entries differs by more than ``ASYMMETRY`` √(a_ii a_jj).

    Examples
    --------
    >>> symmetric("A", np.array([[1.0, 0.5 + 1e-12], [0.5, 1.0]]))[0, 1] == 0.5 + 5e-13
    np.True_
    """
    size = np.sqrt(np.abs(np.diag(matrix)))
    excess = np.abs(matrix - matrix.T) - ASYMMETRY * np.outer(size, size)
    if excess.size and excess.max() > 0:
        i, j = np.unravel_index(excess.argmax(), excess.shape)
        raise ValueError(
            f"{name} must be symmetric, got {matrix[i, j]:.15g} at ({i}, {j}) and "
            f"{matrix[j, i]:.15g} at ({j}, {i})"
        )
    mean = (matrix + matrix.T) / 2
    mean.flags.writeable = False
    return mean


def positive(name: str, value: object) -> float:
    """``value`` as a float above zero.

    Raises
    ------
    ValueError
        If it is no finite number, or not above zero.
    """
    number = float(frozen_array(name, value, ()))
    if number <= 0:
        raise ValueError(f"{name} must be above zero, got {number:g}")
    return number


def label(value: object) -> str:
    """The text of a label, the same whatever type bears it.

    308 and 308.0, a day as a date or as a time of midnight.

    Examples
    --------
    >>> label(308), label(308.0), label(0.5), label(True), label("a"), label(b"a")
    ('308', '308', '0.5', 'True', 'a', 'a')
    >>> (
    ...     label(np.datetime64("2020-01-31")),
    ...     label(pd.Timestamp("2020-01-31 00:00")),
    ...     label(pd.Timestamp("2020-01-31 12:30")),
    ... )
    ('2020-01-31', '2020-01-31', '2020-01-31 12:30:00')
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, datetime | date | np.datetime64):
        return _time_label(pd.Timestamp(value))
    if isinstance(value, timedelta | np.timedelta64):
        return str(pd.Timedelta(value))
    is_truth_value = isinstance(value, bool)  # which Python counts among the whole numbers
    if isinstance(value, Integral) and not is_truth_value:
        return str(int(value))
    if isinstance(value, Real | Decimal) and not is_truth_value and value == value // 1:
        return str(math.floor(value))
    return str(value)


def label_texts(values: Sequence[object]) -> Sequence[str]:
    """The texts of many labels, at once where all are text or all whole numbers.

    Examples
    --------
    >>> label_texts([1, 2]), label_texts([1, 2.0])
    (['1', '2'], ['1', '2'])
    """
    kinds = set(map(type, values))
    if kinds == {str}:
        return [str(value) for value in values]
    if kinds == {int}:
        return list(map(str, values))
    return list(map(label, values))


def _time_label(time: pd.Timestamp) -> str:
    """A day alone where the time is midnight in no zone."""
    is_day = time.tzinfo is None and time == time.normalize()
    return time.date().isoformat() if is_day else time.isoformat(sep=" ")


def labels(name: str, values: Iterable[object], count: int) -> tuple[str, ...]:
    """``values`` as ``count`` distinct strings.

    Raises
    ------
    ValueError
        If they are no sequence, or as strings not as many or not distinct.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ValueError(f"{name} must be a sequence of {count} labels, got {in_brief(values)}")
    given = list(values)
    texts = tuple(label_texts(given))
    if len(texts) != count:
        raise ValueError(f"{name} must have {count} labels, got {len(texts)}")
    if len(set(texts)) != count:
        raise ValueError(f"{name} must be distinct, got {_repeated(given, texts)}; rename them")
    return texts


def _repeated(given: Sequence[object], texts: Sequence[str]) -> str:
    """The labels of one text: ``a more than once``, or ``1 (int) and 1 (str)``."""
    repeated = next(text for text in texts if texts.count(text) > 1)
    types = set()
    for value, text in zip(given, texts, strict=True):
        if text == repeated:
            types.add(type(value).__name__)
    if len(types) == 1:
        return f"{repeated} more than once"
    return " and ".join(f"{repeated} ({kind})" for kind in sorted(types))


def same_names(what: str, got: Iterable[str], expected: Sequence[str]) -> None:
    """Raise unless both hold the same names.

    Raises
    ------
    ValueError
        If one is missing or unknown; the message names them.
    """
    given = list(got)
    missing = [name for name in expected if name not in set(given)]
    unknown = [str(name) for name in given if name not in set(expected)]
    problems = []
    if missing:
        problems.append(f"misses {', '.join(missing)}")
    if unknown:
        problems.append(f"has unknown {', '.join(unknown)}")
    if problems:
        raise ValueError(
            f"{what} must be given for {', '.join(expected)}; it {' and '.join(problems)}"
        )
