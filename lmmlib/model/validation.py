"""What every door asks of an array or a name.

Messages say what, what was expected, what came, and what to do.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from numbers import Real

import numpy as np
import pandas as pd

ASYMMETRY = (
    1e-8  # of √(a_ii a_jj): what inverting a matrix leaves, far below any covariance that was meant
)


class FrozenDict(dict):
    """A mapping that stays as it was made, pickles and copies.

    Examples
    --------
    >>> FrozenDict(a=1)["a"] = 2
    Traceback (most recent call last):
        ...
    TypeError: parameters and priors stay as they were made; make new ones with dataclasses.replace
    """

    def _refuse(self, *_: object, **__: object) -> None:
        raise TypeError(
            "parameters and priors stay as they were made; make new ones with dataclasses.replace"
        )

    __setitem__ = __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _refuse

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
    if raw.ndim != len(shape) or any(
        s is not None and s != got for s, got in zip(shape, raw.shape, strict=True)
    ):
        wanted = (
            "("
            + ", ".join("any" if s is None else str(s) for s in shape)
            + ("," if len(shape) == 1 else "")
            + ")"
        )
        raise ValueError(
            f"{name} must have shape {wanted}, got {raw.shape}{'; ' + hint if hint else ''}"
        )
    array = np.array(raw, float)
    if not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))
        place = tuple(int(i) for i in bad[0])
        raise ValueError(
            f"{name} must be finite, got {len(bad)} entries that are not, the first at {place}; "
            "remove or replace them"
        )
    array.flags.writeable = False
    return array


def numbers(name: str, value: object) -> np.ndarray:
    """``value`` as an array of real numbers.

    Raises
    ------
    ValueError
        If it is not numeric, complex, masked, or its rows differ in length.

    Examples
    --------
    >>> numbers("y", pd.Series([1, 2], dtype="Int64")).tolist()
    [1, 2]
    """
    if np.ma.is_masked(value):
        raise ValueError(
            f"{name} must not be masked, got {int(np.ma.getmaskarray(value).sum())} masked "
            "entries; remove or replace them"
        )
    try:
        raw = np.asarray(value)
    except ValueError:
        raise ValueError(
            f"{name} must be an array of numbers, got rows of different lengths"
        ) from None
    except TypeError:
        raise TypeError(f"{name} must be an array of numbers, got {type(value).__name__}") from None
    if raw.dtype.kind == "O" and isinstance(
        value, pd.DataFrame | pd.Series
    ):  # columns that may hold missing values
        kinds = [
            dtype.kind
            for dtype in (value.dtypes if isinstance(value, pd.DataFrame) else [value.dtype])
        ]
        raw = (
            value.to_numpy(float, na_value=np.nan) if all(kind in "fiub" for kind in kinds) else raw
        )
    if raw.dtype.kind not in "fiub":
        raise ValueError(
            f"{name} must be numbers, got entries of type {raw.dtype}; convert them first"
        )
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
        i, j = (int(k) for k in np.unravel_index(excess.argmax(), excess.shape))
        raise ValueError(
            f"{name} must be symmetric, got {matrix[i, j]:.15g} at ({i}, {j}) and "
            f"{matrix[j, i]:.15g} at ({j}, {i})"
        )
    same = (matrix + matrix.T) / 2
    same.flags.writeable = False
    return same


def positive(name: str, value: object) -> float:
    """``value`` as a float above zero."""
    number = float(frozen_array(name, value, ()))
    if number <= 0:
        raise ValueError(f"{name} must be above zero, got {number:g}")
    return number


def label(value: object) -> str:
    """The text of a label, the same whatever type bears it.

    308 and 308.0, a day as a date or as a time of midnight.

    Examples
    --------
    >>> label(308), label(308.0), label(0.5), label("a"), label(b"a")
    ('308', '308', '0.5', 'a', 'a')
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
    is_whole = (
        isinstance(value, Real | Decimal)
        and not isinstance(value, bool | np.bool_)
        and value == value // 1
    )
    return str(int(value)) if is_whole else str(value)


def _time_label(time: pd.Timestamp) -> str:
    """A day alone where the time is midnight in no zone."""
    is_day = time.tzinfo is None and time == time.normalize()
    return time.date().isoformat() if is_day else time.isoformat(sep=" ")


def labels(name: str, values: Iterable[object], count: int) -> tuple[str, ...]:
    """``values`` as ``count`` distinct strings."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ValueError(f"{name} must be a sequence of {count} labels, got {values!r}")
    given = list(values)
    texts = tuple(label(v) for v in given)
    if len(texts) != count:
        raise ValueError(f"{name} must have {count} labels, got {len(texts)}")
    if len(set(texts)) != count:
        raise ValueError(f"{name} must be distinct, got {_repeated(given, texts)}; rename them")
    return texts


def _repeated(given: Sequence[object], texts: Sequence[str]) -> str:
    """The first labels of one text: ``a more than once``, or ``1 (int) and 1 (str)``."""
    twice = next(t for t in texts if texts.count(t) > 1)
    kinds = sorted({type(v).__name__ for v, t in zip(given, texts, strict=True) if t == twice})
    return (
        f"{twice} more than once"
        if len(kinds) == 1
        else " and ".join(f"{twice} ({kind})" for kind in kinds)
    )


def same_names(what: str, got: Iterable[str], expected: Sequence[str]) -> None:
    """Raise unless both hold the same names."""
    missing, unknown = (
        [e for e in expected if e not in set(got)],
        [g for g in got if g not in set(expected)],
    )
    if missing or unknown:
        told = [f"misses {', '.join(missing)}"] * bool(missing) + [
            f"has unknown {', '.join(map(str, unknown))}"
        ] * bool(unknown)
        raise ValueError(f"{what} must be given for {', '.join(expected)}; it {' and '.join(told)}")
