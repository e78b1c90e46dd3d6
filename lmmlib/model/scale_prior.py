"""The prior of one standard deviation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from lmmlib.model.options import choice
from lmmlib.model.rng import RNGLike, checked_rng
from lmmlib.model.state import set_fields
from lmmlib.model.validation import frozen_array, positive

FAMILIES = ("half-normal", "half-Student-t", "exponential", "fixed")


@dataclass(frozen=True)
class ScalePrior:  # numpydoc ignore=PR02
    """Prior of one SD.

    Parameters
    ----------
    family : {"half-normal", "half-Student-t", "exponential", "fixed"}
        Family of the prior, in upper or lower case.
    scale : float
        Scale, mean (exponential) or value (fixed), in the SD's own units.
    df : float, optional
        Degrees of freedom of the half-Student-t.

    Raises
    ------
    ValueError
        If the family is unknown, or a scale is not above zero.

    Examples
    --------
    >>> ScalePrior("half-normal", 1.0)
    ScalePrior(family='half-normal', scale=1.0, df=None)
    """

    family: str
    scale: float
    df: float | None = None

    def __post_init__(self) -> None:
        family = choice("family", self.family, FAMILIES)
        if (family == "half-Student-t") != (self.df is not None):
            raise ValueError(
                f"df belongs to the half-Student-t and to no other family, got df={self.df} with "
                f"{family}"
            )
        what = f"scale of the {family} prior"
        scale = float(frozen_array(what, self.scale, ()))
        is_known_zero = family == "fixed" and scale == 0  # which is an ordinary value of an SD
        if not is_known_zero:
            positive(what, scale)
        df = None if self.df is None else positive("df", self.df)
        set_fields(self, {"family": family, "scale": scale, "df": df})

    def log_density(self, sd: ArrayLike) -> np.ndarray:
        """Log density at ``sd`` above zero.

        Raises
        ------
        ValueError
            If the SD is fixed.

        Examples
        --------
        >>> ScalePrior("exponential", 2.0).log_density(np.array([2.0])).round(6).tolist()
        [-1.693147]
        """
        x = np.asarray(sd) / self.scale
        if self.family == "half-normal":
            return 0.5 * np.log(2 / np.pi) - np.log(self.scale) - 0.5 * x**2
        if self.family == "exponential":
            return -np.log(self.scale) - x
        if self.family == "half-Student-t" and self.df is not None:
            constant = (
                np.log(2)
                + gammaln((self.df + 1) / 2)
                - gammaln(self.df / 2)
                - 0.5 * np.log(self.df * np.pi)
            )
            return constant - np.log(self.scale) - 0.5 * (self.df + 1) * np.log1p(x**2 / self.df)
        raise ValueError("a fixed SD has no density")

    def log_scale_derivatives(self, sd: float) -> tuple[float, float]:
        """First and second derivative of the log density of log SD, in log SD.

        The density of log SD is that of the SD times the SD.

        Raises
        ------
        ValueError
            If the SD is fixed.

        Examples
        --------
        >>> ScalePrior("exponential", 2.0).log_scale_derivatives(2.0)
        (0.0, -1.0)
        """
        x = sd / self.scale
        if self.family == "half-normal":
            return 1 - x**2, -2 * x**2
        if self.family == "exponential":
            return 1 - x, -x
        if self.family == "half-Student-t" and self.df is not None:
            share = x**2 / (self.df + x**2)
            return 1 - (self.df + 1) * share, -2 * (self.df + 1) * share * (1 - share)
        raise ValueError("a fixed SD has no density")

    def draw(self, draws: int, rng: RNGLike = None) -> np.ndarray:
        """Draws of the SD, (draws,).

        NumPy's generator is asked directly: the distributions of scipy.stats ask it for the same
        numbers, and have no half-Student-t.

        Examples
        --------
        >>> ScalePrior("fixed", 2.0).draw(3, np.random.default_rng(1)).tolist()
        [2.0, 2.0, 2.0]
        """
        rng = checked_rng(rng)
        if self.family == "half-normal":
            return self.scale * np.abs(rng.standard_normal(draws))
        if self.family == "exponential":
            return rng.exponential(self.scale, draws)
        if self.family == "half-Student-t" and self.df is not None:
            return self.scale * np.abs(rng.standard_t(self.df, draws))
        return np.full(draws, self.scale)

    def __str__(self) -> str:
        """The prior in words.

        Examples
        --------
        >>> print(ScalePrior("half-Student-t", 2.5, 3), "|", ScalePrior("fixed", 1.0))
        half-Student-t(df 3, scale 2.5) | fixed at 1
        """
        if self.family == "fixed":
            return f"fixed at {self.scale:.4g}"
        if self.family == "exponential":
            return f"exponential(mean {self.scale:.4g})"
        df = "" if self.df is None else f"df {self.df:.4g}, "
        return f"{self.family}({df}scale {self.scale:.4g})"
