"""Formulaic's transforms that take means, SDs or knots from the first table and keep them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lmmlib.formula.calls import Option, options_of
from lmmlib.formula.expression import Call

if TYPE_CHECKING:
    from formulaic.materializers.types import FactorValues

BASES = ("poly", "bs", "cr", "cs", "cc")  # of curves, with a column for each degree of freedom
CANNOT_COMPUTE = (TypeError, ValueError, LookupError, ArithmeticError, np.linalg.LinAlgError)


def apply_transform(
    node: Call, values: np.ndarray, state: dict[str, object], is_first: bool
) -> np.ndarray | FactorValues:
    """What one of formulaic's transforms makes of a column.

    Parameters
    ----------
    node : Call
        Call of the transform, with its options.
    values : ndarray, shape (n,)
        Values of its first argument.
    state : dict
        What the transform took from the first table.
    is_first : bool
        Whether this is that table, so that the transform writes into ``state``.

    Returns
    -------
    ndarray, shape (n,), or FactorValues
        One column, or several.

    Raises
    ------
    ValueError
        If more columns are asked for than there are distinct values, or formulaic cannot make them.

    Examples
    --------
    >>> from lmmlib.formula.expression import Argument, Name
    >>> state = {}
    >>> center = Call("center", (Argument(None, Name("x")),))
    >>> apply_transform(center, np.array([1.0, 3.0]), state, is_first=True).tolist()
    [-1.0, 1.0]
    >>> apply_transform(center, np.array([3.0]), state, is_first=False).tolist()
    [1.0]
    """
    from formulaic.transforms import TRANSFORMS  # slow to import

    options = options_of(node.arguments[1:])
    if is_first:
        _check_size_of_basis(node, values, options.values)
    transform = TRANSFORMS[node.function]
    memory = state if is_first else dict(state)
    try:
        with np.errstate(all="ignore"):
            return transform(values, *options.positional, _state=memory, **options.named)
    except CANNOT_COMPUTE as error:
        raise ValueError(f"{node} cannot be computed: {error}") from None


def _check_size_of_basis(node: Call, values: np.ndarray, options: Sequence[Option]) -> None:
    """Raise where a polynomial or a spline is asked for more columns than the column has values."""
    counts: list[int] = []
    for option in options:
        if isinstance(option, int) and not isinstance(option, bool):
            counts.append(option)
    distinct = len(np.unique(values))
    if node.function in BASES and counts and max(counts) >= max(2, distinct):
        raise ValueError(
            f"{node} asks for {max(counts)} columns of a column with {distinct} distinct values; "
            "ask for fewer"
        )
