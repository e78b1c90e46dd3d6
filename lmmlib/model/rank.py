"""The message about a matrix of fixed effects without full rank."""

from collections.abc import Sequence

import numpy as np

# SDs of a column from zero, from where on rounding may take it, or its square, for a combination of
# others
FAR = 1e4


def rank_error(coef: Sequence[str], dependent: Sequence[int], X: np.ndarray | None = None) -> str:
    """A message about columns that are combinations of those before.

    About their place too, where the rows X are known.

    Examples
    --------
    >>> rank_error(["Intercept", "x"], [1], np.array([[1.0, 1e16], [1.0, 1e16 + 2]])).partition(
    ...     "; "
    ... )[2]
    ... # doctest: +NORMALIZE_WHITESPACE
    'x can be made from the columns before to the rounding of its entries; x lies far from zero:
    subtract a constant'
    """
    named = ", ".join(coef[j] for j in dependent)
    message = f"X must have full column rank; {named} can be made from the columns before"
    far = [] if X is None else [coef[j] for j in _far_columns(X[:, : max(dependent) + 1])]
    if not far:
        return f"{message}; drop it"
    return (
        f"{message} to the rounding of its entries; {', '.join(far)} lies far from zero: "
        "subtract a constant"
    )


def _far_columns(X: np.ndarray) -> np.ndarray:
    """Columns that vary, and whose mean is ``FAR`` of their SDs from zero."""
    largest = np.abs(X).max(0)
    scaled = X / np.where(largest > 0, largest, 1.0)  # a square may overflow
    spread = scaled.std(0)
    return np.flatnonzero((spread > 0) & (np.abs(scaled.mean(0)) > FAR * spread))
