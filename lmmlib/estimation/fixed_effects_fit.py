"""How exactly the fixed effects alone fit a response."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from lmmlib import linalg
from lmmlib.model import Reduction

# Share of the numbers that make up a residual below which it has too few digits to tell an SD from.
EXACT = 1e-13
# The same, below which a search cannot vouch for its end.
TOO_CLOSE_FOR_CURVATURE = 1e-8


@dataclass(frozen=True)
class FixedEffectsFit:
    """What X alone leaves of y.

    Attributes
    ----------
    residual : float
        Root mean square of the residual.
    largest : float
        Root mean square of the largest of the numbers that the residual is a difference of.
    """

    residual: float
    largest: float

    @property
    def is_exact(self) -> bool:
        """Whether the residual is no more than rounding."""
        return self.residual <= EXACT * self.largest

    @property
    def is_close(self) -> bool:
        """Whether the residual has too few digits for a search to vouch for its end."""
        return self.residual <= TOO_CLOSE_FOR_CURVATURE * self.largest

    @property
    def sentence(self) -> str:
        """The sizes in words."""
        return (
            "the fixed effects fit the data exactly but for rounding: they leave an SD of "
            f"{self.residual:.2g} of numbers of the size "
            f"{self.largest:.2g}"
        )

    @property
    def advice(self) -> str:
        """What to do."""
        return (
            "drop columns of X, add rows, or subtract a constant from a response or covariate "
            "that lies far from zero"
        )


def fixed_effects_fit(reduction: Reduction) -> FixedEffectsFit:
    """How exactly X alone fits y.

    A residual errs by the precision times the y and x_j β_j that it is made of.

    Parameters
    ----------
    reduction : Reduction
        Response and design.

    Returns
    -------
    FixedEffectsFit
        Sizes of the residual and of the largest part, in units of the response.

    Examples
    --------
    >>> from lmmlib.model import Data, Design, Term
    >>> design = Design([[1.0]] * 4, [Term.grouped("g", ["a", "a", "b", "b"])])
    >>> fit = fixed_effects_fit(Data([9.0, 11.0, 9.0, 11.0], design).reduction)
    >>> round(fit.residual, 6), fit.is_exact
    (1.0, False)
    """
    columns = reduction.independent_columns
    _, B = reduction.rows
    lengths = np.linalg.norm(B, axis=0)  # of the columns of X, and of y
    triangle = linalg.merge([B[:, [*columns, -1]]])
    beta = solve_triangular(triangle[:-1, :-1], triangle[:-1, -1])
    parts = np.append(np.abs(beta) * lengths[columns], lengths[-1])
    # of a column of ones, whitened
    length_of_one = np.sqrt(reduction.n) * reduction.sqrt_mean_weight
    residual = abs(triangle[-1, -1]) / length_of_one
    return FixedEffectsFit(float(residual), float(parts.max() / length_of_one))
