"""What every door asks of an array or a name: messages say what, what was expected, what came, and what to do."""

from collections.abc import Iterable, Sequence

import numpy as np


def frozen_array(name: str, value: object, shape: tuple[int | None, ...], hint: str = "") -> np.ndarray:
    """A read-only float copy of ``value``; None in ``shape`` means any length.

    Raises
    ------
    ValueError  if it is not numeric, not finite, or of another shape

    Examples
    --------
    >>> frozen_array("y", [1, 2], (2,)).tolist()
    [1.0, 2.0]
    """
    raw = np.asarray(value)
    if raw.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be numbers, got entries of type {raw.dtype}; convert them first")
    if raw.ndim != len(shape) or any(s is not None and s != got for s, got in zip(shape, raw.shape, strict=True)):
        wanted = "(" + ", ".join("any" if s is None else str(s) for s in shape) + ("," if len(shape) == 1 else "") + ")"
        raise ValueError(f"{name} must have shape {wanted}, got {raw.shape}{'; ' + hint if hint else ''}")
    array = np.array(raw, float)
    if not np.isfinite(array).all():
        bad = np.argwhere(~np.isfinite(array))
        place = tuple(int(i) for i in bad[0])
        raise ValueError(f"{name} must be finite, got {len(bad)} entries that are not, the first at {place}; remove or replace them")
    array.flags.writeable = False
    return array


def symmetric(name: str, matrix: np.ndarray) -> None:
    """Raise unless ``matrix`` equals its transpose to rounding."""
    if not np.allclose(matrix, matrix.T, rtol=1e-12, atol=0):
        raise ValueError(f"{name} must be symmetric, got {matrix.tolist()}")


def positive(name: str, value: object) -> float:
    """``value`` as a float above zero."""
    number = float(frozen_array(name, value, ()))
    if number <= 0:
        raise ValueError(f"{name} must be above zero, got {number:g}")
    return number


def labels(name: str, values: Iterable[object], count: int) -> tuple[str, ...]:
    """``values`` as ``count`` distinct strings."""
    texts = tuple(str(v) for v in values)
    if len(texts) != count:
        raise ValueError(f"{name} must have {count} labels, got {len(texts)}")
    if len(set(texts)) != count:
        twice = sorted({t for t in texts if texts.count(t) > 1})
        raise ValueError(f"{name} must be distinct, got {', '.join(twice[:3])} more than once; rename them")
    return texts


def same_names(what: str, got: Iterable[str], expected: Sequence[str]) -> None:
    """Raise unless both hold the same names."""
    missing, unknown = [e for e in expected if e not in set(got)], [g for g in got if g not in set(expected)]
    if missing or unknown:
        told = [f"misses {', '.join(missing)}"] * bool(missing) + [f"has unknown {', '.join(map(str, unknown))}"] * bool(unknown)
        raise ValueError(f"{what} must be given for {', '.join(expected)}; it {' and '.join(told)}")
