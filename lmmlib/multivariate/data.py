"""The door for several traits.

Data and parameters, checked, copied and frozen, and the rows reduced once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmmlib import linalg
from lmmlib.model import Design, Term, frozen_array
from lmmlib.model.design import checked_rows
from lmmlib.model.row_labels import check_order, check_same_rows, names_along, row_index
from lmmlib.model.validation import labels, symmetric


@dataclass(frozen=True, eq=False)
class MultivariateParams:  # numpydoc ignore=PR02
    """B, G₀ and R₀ of t traits.

    Parameters
    ----------
    B : array_like, shape (p, t)
        Fixed effects, a column per trait.
    G0 : array_like, shape (t, t)
        Covariance of the effects of one level, positive semi-definite; zero is an ordinary value.
    R0 : array_like, shape (t, t)
        Covariance of the residuals of one row of weight one, positive definite.

    Raises
    ------
    ValueError
        If sizes differ or a matrix is no such covariance.

    Examples
    --------
    >>> MultivariateParams([[1.0, 2.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, 2.0], [2.0, 4.0]])
    ... # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
        ...
    ValueError: R0 must be positive definite, got [[1.0, 2.0], [2.0, 4.0]]; drop traits that others
    determine
    """

    B: np.ndarray
    G0: np.ndarray
    R0: np.ndarray

    def __post_init__(self) -> None:
        B = frozen_array("B", self.B, (None, None), "a row per coefficient, a column per trait")
        object.__setattr__(self, "B", B)
        for name in ("G0", "R0"):
            object.__setattr__(self, name, _symmetric(name, getattr(self, name), B.shape[1]))
        try:
            linalg.cholesky_semidefinite(self.G0)
        except linalg.NotPositiveSemidefiniteError as error:
            raise ValueError(
                f"G0 must be positive semi-definite ({error}), got {self.G0.tolist()}"
            ) from None
        try:
            np.linalg.cholesky(self.R0)
        except np.linalg.LinAlgError:
            raise ValueError(
                f"R0 must be positive definite, got {self.R0.tolist()}; drop traits that others "
                "determine"
            ) from None

    def check(self, design: Design) -> None:
        """Raise unless B has a row for each coefficient of ``design``.

        And unless the design has one term of one effect per level.
        """
        one_term(design)
        if len(self.B) != len(design.coef):
            raise ValueError(
                f"B has {len(self.B)} rows; the design has {len(design.coef)} columns: "
                f"{', '.join(design.coef)}"
            )


@dataclass(frozen=True, eq=False)
class Rotated:
    """Independent rows y_i ~ N(B'x_i, s_i² G₀ + R₀).

    An orthogonal turn of W^½[Z, X, Y] without its rows of zeros.

    Attributes
    ----------
    s : ndarray, shape (r,)
        Singular values of W^½Z times the root of A, and zeros.
    X : ndarray, shape (r, p)
        Rotated columns of the fixed effects.
    Y : ndarray, shape (r, t)
        Rotated responses.
    """

    s: np.ndarray
    X: np.ndarray
    Y: np.ndarray


@dataclass(frozen=True, eq=False)
class MultivariateData:  # numpydoc ignore=PR02
    """Several traits of the same rows, and their design.

    Parameters
    ----------
    Y : array_like, shape (n, t)
        Responses, a column per trait.
    design : Design
        Design with one term of one effect per level, and no offset.
    traits : sequence of str, optional
        Names of the t traits; ``y1`` to ``yt`` if None.

    Raises
    ------
    TypeError
        If the design is no Design.
    ValueError
        If sizes or names do not fit, Y is not finite, or the design is of another kind.

    Examples
    --------
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> MultivariateData([[1.0, 2.0], [2.0, 0.0], [4.0, 1.0]], design).traits
    ('y1', 'y2')
    """

    Y: np.ndarray
    design: Design
    traits: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.design, Design):
            raise TypeError(
                f"design must be a Design, got {type(self.design).__name__}; make one with "
                "Design(X, terms)"
            )
        one_term(self.design)
        n = self.design.n
        check_same_rows("Y", row_index(self.Y), "the design", self.design.index)
        columns = names_along(self.Y, 1)
        Y = frozen_array("Y", self.Y, (n, None), f"the design has {n} rows; a column per trait")
        fault = self.design.validation_error or (
            "" if Y.shape[1] else "Y must have a column at least, got none"
        )
        if fault:
            raise ValueError(fault)
        names = [f"y{k + 1}" for k in range(Y.shape[1])] if self.traits is None else self.traits
        object.__setattr__(self, "Y", Y)
        object.__setattr__(self, "traits", labels("traits", names, Y.shape[1]))
        check_order("Y", columns, self.traits)

    def check(self, params: MultivariateParams) -> None:
        """Raise unless ``params`` are of these traits and this design."""
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
    def rotated(self) -> Rotated:
        """The rows turned block by block at first use.

        Afterwards no evaluation depends on their number.
        """
        sides = np.sqrt(self.design.weights)[:, None] * np.hstack([self.design.X, self.Y])
        c, s, turned = sides.shape[1], [], []
        for arrowhead in linalg.reduce_to_arrowhead(
            self.design.independent, sides, self.design.partition
        ):
            for blocks in arrowhead.diagonal_blocks:
                rows = np.moveaxis(blocks.rows, (0, 1), (-2, -1))
                U, size, _ = np.linalg.svd(rows[..., :-c])
                s.append(size.ravel())
                turned.append((np.swapaxes(U, -1, -2) @ rows[..., -c:]).reshape(-1, c))
            # one term has no separator
            turned.append(np.moveaxis(arrowhead.remainder, -1, 0).reshape(-1, c))
            s.append(np.zeros(len(turned[-1])))
        B, p = np.concatenate(turned), self.design.X.shape[1]
        return Rotated(np.concatenate(s), B[:, :p], B[:, p:])


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


def checked_covariances(params: object) -> MultivariateParams:
    """``params`` themselves, if they are of several traits.

    Raises
    ------
    TypeError
        If they are anything else.
    """
    if not isinstance(params, MultivariateParams):
        raise TypeError(
            f"params must be a MultivariateParams, got {type(params).__name__}; make one with "
            "MultivariateParams(B, G0, R0)"
        )
    return params


def one_term(design: Design) -> Term:
    """The term of a design that the canonical transformation can take.

    Raises
    ------
    ValueError
        If there are several terms, several effects per level, or an offset.

    Examples
    --------
    >>> one_term(Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])).name
    'g'
    """
    if len(checked_rows(design).terms) > 1:
        told = f"got {len(design.terms)}: {', '.join(t.name for t in design.terms)}"
        raise ValueError(
            f"several traits need a design of one random-effects term, {told}; drop terms, or "
            "fit each trait by itself"
        )
    term = design.terms[0]
    if len(term.effects) > 1:
        told = f"{term.name!r} has {len(term.effects)}: {', '.join(term.effects)}"
        raise ValueError(
            f"several traits need a term of one effect per level, {told}; drop effects, or fit "
            "each trait by itself"
        )
    if np.any(design.offset):
        raise ValueError(
            "several traits need a design without offset; subtract each trait's offset from its "
            "column of Y"
        )
    return term


def _symmetric(name: str, value: object, t: int) -> np.ndarray:
    return symmetric(name, frozen_array(name, value, (t, t), f"B has {t} columns, one per trait"))
