"""Data: a response bound to its design, checked against each other."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np

from lmmlib import linalg
from lmmlib.model.design import Design
from lmmlib.model.far_covariates import far_covariates
from lmmlib.model.reduction import Reduction, reduction_of, whitened_rows
from lmmlib.model.row_labels import check_same_rows, row_index
from lmmlib.model.validation import frozen_array


@dataclass(frozen=True, eq=False)
class Data:  # numpydoc ignore=PR02
    """A response and its design, checked against each other.

    Parameters
    ----------
    y : array_like, shape (n,)
        Response, in its own units.
    design : Design
        Design of the rows.

    Raises
    ------
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
    >>> Data([1, 2], design)
    Traceback (most recent call last):
        ...
    ValueError: y must have shape (3,), got (2,); the design has 3 rows
    """

    y: np.ndarray
    design: Design

    def __post_init__(self) -> None:
        if not isinstance(self.design, Design):
            raise TypeError(
                f"design must be a Design, got {type(self.design).__name__}; make one with "
                "Design(X, terms)"
            )
        n = self.design.n
        check_same_rows("y", row_index(self.y), "the design", self.design.index)
        object.__setattr__(self, "y", frozen_array("y", self.y, (n,), f"the design has {n} rows"))
        if self.design.validation_error:
            raise ValueError(self.design.validation_error)
        for sentence in far_covariates(self.design.terms):
            warnings.warn(sentence, stacklevel=3)  # past the constructor of the dataclass

    def rows(self, chosen: np.ndarray) -> "Data":
        """Some of the rows, with all levels.

        Their X may lack rank, which proper priors make up for.
        """
        return _unjudged(self.y[chosen], self.design.rows(chosen))

    def with_y(self, y: object) -> "Data":
        """The same design with another response."""
        return _unjudged(y, self.design)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of y, the design and the order of their rows."""
        return sha256(self.design.fingerprint.encode() + self.y.tobytes()).hexdigest()[:16]

    @cached_property
    def whitened(self) -> np.ndarray:
        """(n + 1, p + 1): W^½ [X, y − offset] and a row of zeros for the padding of blocks."""
        return np.vstack([whitened_rows(self.y, self.design), np.zeros(self.design.X.shape[1] + 1)])

    @cached_property
    def reduction(self) -> Reduction:
        """One orthogonal elimination, block by block, made at first use."""
        return reduction_of(self.y, self.design)

    @cached_property
    def component_arrowheads(self) -> tuple[linalg.Arrowhead, ...]:
        """The same with every component's remainder by itself: what each says alone."""
        return linalg.reduce_to_arrowhead(
            self.design.independent, self.whitened[:-1], self.design.component_partition
        )


def _unjudged(y: object, design: Design) -> Data:
    """Data of a design that is not asked whether any response can be fitted to it.

    It, or what it is part of, has been.
    """
    check_same_rows("y", row_index(y), "the design", design.index)
    data = object.__new__(Data)
    object.__setattr__(
        data, "y", frozen_array("y", y, (design.n,), f"the design has {design.n} rows")
    )
    object.__setattr__(data, "design", design)
    return data


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
