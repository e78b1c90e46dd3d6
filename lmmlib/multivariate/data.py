"""Responses of several traits bound to their design, checked against each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from lmmlib.model import Design, frozen_array
from lmmlib.model.row_labels import check_order, check_same_rows, names_along, row_index
from lmmlib.model.validation import labels
from lmmlib.multivariate.one_term import one_term
from lmmlib.multivariate.params import MultivariateParams, checked_covariances
from lmmlib.multivariate.rotation import RotatedRows, rotated_rows


@dataclass(frozen=True, eq=False, init=False, repr=False)
class MultivariateData:
    """Several traits of the same rows, and their design.

    Parameters
    ----------
    Y : array_like, shape (n, t)
        Responses, a column per trait.
    design : Design
        Design with one term of one effect per level, and no offset.
    traits : sequence of str, optional
        Names of the t traits; if None those of the columns of a table, else ``y1`` to ``yt``.

    Raises
    ------
    TypeError
        If the design is no Design.
    ValueError
        If sizes or names do not fit, Y is not finite, or the design is of another kind.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> MultivariateData([[1.0, 2.0], [2.0, 0.0], [4.0, 1.0]], design).traits
    ('y1', 'y2')
    """

    Y: np.ndarray
    design: Design
    traits: tuple[str, ...]

    def __init__(self, Y: ArrayLike, design: Design, traits: Sequence[str] | None = None) -> None:
        if not isinstance(design, Design):
            raise TypeError(
                f"design must be a Design, got {type(design).__name__}; make one with "
                "Design(X, terms)"
            )
        one_term(design)
        check_same_rows("Y", row_index(Y), "the design", design.index)
        column_names = names_along(Y, 1)
        rows = f"the design has {design.n} rows; a column per trait"
        responses = frozen_array("Y", Y, (design.n, None), rows)
        if design.validation_error:
            raise ValueError(design.validation_error)
        t = responses.shape[1]
        if t == 0:
            raise ValueError("Y must have a column at least, got none")
        default = [f"y{k + 1}" for k in range(t)] if column_names is None else column_names
        names = labels("traits", default if traits is None else traits, t)
        check_order("Y", column_names, names)
        object.__setattr__(self, "Y", responses)
        object.__setattr__(self, "design", design)
        object.__setattr__(self, "traits", names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MultivariateData):
            return NotImplemented
        same_names = self.traits == other.traits
        return same_names and self.design == other.design and np.array_equal(self.Y, other.Y)

    def __hash__(self) -> int:
        return hash((self.traits, self.Y.tobytes()))

    def __repr__(self) -> str:
        return f"MultivariateData: {self.design.n:,} rows of {', '.join(self.traits)}"

    def __reduce__(self) -> tuple[type, tuple[np.ndarray, Design, tuple[str, ...]]]:
        return MultivariateData, (self.Y, self.design, self.traits)

    def check(self, params: MultivariateParams) -> None:
        """Raise unless ``params`` are of these traits and this design.

        Parameters
        ----------
        params : MultivariateParams
            Fixed effects and covariances.

        Raises
        ------
        TypeError
            If they are no MultivariateParams.
        ValueError
            If they have other coefficients or another number of traits.
        """
        checked_covariances(params).check(self.design)
        if params.B.shape[1] != self.Y.shape[1]:
            raise ValueError(
                f"B has {params.B.shape[1]} columns; Y has {self.Y.shape[1]} traits: "
                f"{', '.join(self.traits)}"
            )

    @cached_property
    def log_weights(self) -> float:
        """Σ log w over rows."""
        return float(np.log(self.design.weights).sum())

    @cached_property
    def rotated(self) -> RotatedRows:
        """The rows rotated to few at first use: no evaluation depends on their number then."""
        return rotated_rows(self.Y, self.design)


def checked_traits(data: object) -> MultivariateData:
    """``data`` themselves, if they are of several traits.

    Raises
    ------
    TypeError
        If they are anything else.
    """
    if not isinstance(data, MultivariateData):
        raise TypeError(
            f"data must be a MultivariateData, got {type(data).__name__}; make one with "
            "MultivariateData(Y, design)"
        )
    return data
