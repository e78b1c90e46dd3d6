"""What a point of the deviance is made of."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmmlib.model import Reduction


@dataclass(frozen=True, eq=False)
class Projections:
    """What one point of the deviance is made of.

    Attributes
    ----------
    log_det : float
        Half of log|V|.
    triangle : ndarray, shape (p + 1, p + 1)
        Upper triangle of [X, y] after the elimination of the effects.
    sums : list of ndarray
        S_k (q, q) of each term; of P for REML.
    g : ndarray, shape (K,)
        Z'V⁻¹(y − Xβ̂).
    of_fixed : ndarray, shape (K, p)
        Z'V⁻¹XR⁻¹, R being the triangle's first p rows and columns.
    apply : callable
        Z'PZ times columns (K, d).
    trace : callable
        tr(Z'QZ Σ_a Z'QZ Σ_b) for all pairs of entries, (d, d), Q being V⁻¹, and P for REML; or its
        average over responses, which is the argument: g'Σ_a Z'PZ Σ_b g / σ².
    """

    log_det: float
    triangle: np.ndarray
    sums: list[np.ndarray]
    g: np.ndarray
    of_fixed: np.ndarray
    apply: Callable[[np.ndarray], np.ndarray]
    trace: Callable[[np.ndarray], np.ndarray]


def independent_columns(reduction: Reduction) -> np.ndarray:
    """Combinations (p + 1, c) of the columns [X, y]: those of X that are independent, and y."""
    columns = [*reduction.independent_columns, len(reduction.layout.coef)]
    return np.eye(len(reduction.layout.coef) + 1)[:, columns]
