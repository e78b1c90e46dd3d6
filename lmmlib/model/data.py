"""Data: a response bound to its design, checked against each other."""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from lmmlib import linalg
from lmmlib.model.descriptions import describe_rows
from lmmlib.model.design import Design, checked_rows
from lmmlib.model.far_covariates import far_covariates
from lmmlib.model.fingerprints import fingerprint_of_data
from lmmlib.model.reduction import Reduction, reduction_of, whitened_rows
from lmmlib.model.row_labels import check_same_rows, row_index
from lmmlib.model.state import restore_state, same_fields, set_fields, stored_state
from lmmlib.model.validation import frozen_array


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Data:
    """A response and its design, checked against each other.

    Two are equal where they hold the same names and numbers.

    Parameters
    ----------
    y : array_like, shape (n,)
        Response, in its own units.
    design : Design
        Design of the rows.

    Raises
    ------
    TypeError
        If ``design`` is no Design.
    ValueError
        If y is not n finite numbers, X is rank deficient (its columns are named), a grouping has
        one level, an effect touches no row, or two terms do the same to all rows.

    Warns
    -----
    UserWarning
        Where a random slope's covariate lies far from zero: here every path to a result starts, and
        only once.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> Data([1, 2, 4], design)
    Data: 3 rows
    coefficients: x1
    g: 2 levels, Intercept
    >>> Data([1, 2], design)
    Traceback (most recent call last):
        ...
    ValueError: y must have shape (3,), got (2,); the design has 3 rows
    """

    y: np.ndarray
    design: Design

    def __init__(self, y: ArrayLike, design: Design) -> None:
        response = _checked_response(y, checked_rows(design))
        if design.validation_error:
            raise ValueError(design.validation_error)
        for sentence in far_covariates(design.terms):
            warnings.warn(sentence, stacklevel=2)
        set_fields(self, {"y": response, "design": design})

    __getstate__ = stored_state
    __setstate__ = restore_state

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Data):
            return NotImplemented
        return same_fields(self, other, ("y", "design"))

    def __hash__(self) -> int:
        return hash(self.design)

    def __repr__(self) -> str:
        return describe_rows("Data", self.design)

    def rows(self, chosen: np.ndarray) -> "Data":
        """Some of the rows, with all levels.

        Their X may lack rank, which proper priors make up for.
        """
        return self._of_judged_design(self.y[chosen], self.design.rows(chosen))

    def with_y(self, y: ArrayLike) -> "Data":
        """The same design with another response."""
        return self._of_judged_design(y, self.design)

    @classmethod
    def _of_judged_design(cls, y: ArrayLike, design: Design) -> "Data":
        """Data of a design that has been judged, or is part of one that has."""
        data = object.__new__(cls)
        set_fields(data, {"y": _checked_response(y, design), "design": design})
        return data

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of y, the design and the order of their rows."""
        return fingerprint_of_data(self.y, self.design)

    @cached_property
    def whitened(self) -> np.ndarray:
        """(n + 1, p + 1): W^½ [X, y − offset] and a row of zeros for the padding of blocks."""
        rows = whitened_rows(self.y, self.design)
        padding = np.zeros(rows.shape[1])
        return np.vstack([rows, padding])

    @cached_property
    def reduction(self) -> Reduction:
        """One orthogonal elimination, block by block, made at first use."""
        return reduction_of(self.y, self.design)

    @cached_property
    def component_arrowheads(self) -> tuple[linalg.Arrowhead, ...]:
        """The same with every component's remainder by itself: what each says alone."""
        return linalg.rotate_to_arrowheads(
            self.design.independent, self.whitened[:-1], self.design.component_partition
        )


def _checked_response(y: ArrayLike, design: Design) -> np.ndarray:
    """A response (n,) whose rows are those of the design."""
    check_same_rows("y", row_index(y), "the design", design.index)
    return frozen_array("y", y, (design.n,), f"the design has {design.n} rows")


def as_reduction(data: Data | Reduction) -> Reduction:
    """The reduction of ``data``, which may be one already.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(data, Reduction):
        return data
    if isinstance(data, Data):
        return data.reduction
    raise TypeError(
        f"data must be a Data or a Reduction, got {type(data).__name__}; make one with Data(y, "
        "design) or from_formula"
    )


def checked_data(data: object) -> Data:
    """``data`` itself, if it is a Data: what needs rows cannot do with a design or a reduction.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    if not isinstance(data, Data):
        raise TypeError(
            f"data must be a Data, got {type(data).__name__}; make one with Data(y, design) or "
            "from_formula"
        )
    return data
