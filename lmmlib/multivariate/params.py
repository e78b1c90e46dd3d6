"""Fixed effects and covariances of several traits, checked, copied and frozen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmmlib import linalg
from lmmlib.model import Design, frozen_array
from lmmlib.model.validation import symmetric
from lmmlib.multivariate.one_term import one_term


@dataclass(frozen=True, eq=False, init=False)
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

    def __init__(self, B: ArrayLike, G0: ArrayLike, R0: ArrayLike) -> None:
        fixed_effects = frozen_array(
            "B", B, (None, None), "a row per coefficient, a column per trait"
        )
        traits = fixed_effects.shape[1]
        object.__setattr__(self, "B", fixed_effects)
        object.__setattr__(self, "G0", _symmetric("G0", G0, traits))
        object.__setattr__(self, "R0", _symmetric("R0", R0, traits))
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

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MultivariateParams):
            return NotImplemented
        mine = (self.B, self.G0, self.R0)
        theirs = (other.B, other.G0, other.R0)
        return all(map(np.array_equal, mine, theirs))

    def __hash__(self) -> int:
        return hash((self.B.tobytes(), self.G0.tobytes(), self.R0.tobytes()))

    def __reduce__(self) -> tuple[type, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        return MultivariateParams, (self.B, self.G0, self.R0)

    def check(self, design: Design) -> None:
        """Raise unless the design has one term of one effect, and B a row for each coefficient.

        Parameters
        ----------
        design : Design
            Design that the parameters are for.

        Raises
        ------
        ValueError
            If it is of another kind, or has more or fewer coefficients.
        """
        one_term(design)
        coef = design.layout.coef
        if len(self.B) != len(coef):
            raise ValueError(
                f"B has {len(self.B)} rows; the design has {len(coef)} columns: {', '.join(coef)}"
            )


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


def _symmetric(name: str, value: ArrayLike, t: int) -> np.ndarray:
    matrix = frozen_array(name, value, (t, t), f"B has {t} columns, one per trait")
    return symmetric(name, matrix)
