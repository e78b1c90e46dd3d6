"""The search for the covariances of several traits with the least deviance."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from lmmlib import linalg
from lmmlib.estimation.search import ESCAPE, ROUNDING
from lmmlib.multivariate.canonical import diagonalized
from lmmlib.multivariate.deviance import (
    FramedDeviance,
    flattened,
    lower_factor,
    triangles,
)
from lmmlib.multivariate.rotation import RotatedRows

# SDs of the effects relative to that of the residuals, in a direction, to start from.
FEW_EFFECTS = 0.1
MANY_EFFECTS = 1.0
NEARLY_ALL_EFFECTS = 10.0
MOST_FRAMES = 8
# Gain that a step must still promise: one of 1e-11 standard errors of the covariances.
LEAST_GAIN = 1e-22


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The end of a search.

    Attributes
    ----------
    factors : ndarray, shape (2, t, t)
        Factors of G₀ and R₀.
    promised_gain : float
        What a further Newton step promises to take from the deviance; infinite where it curves
        down.
    value : float
        Deviance less its constant.
    """

    factors: np.ndarray
    promised_gain: float
    value: float


def search(deviance: FramedDeviance, rows: RotatedRows, spread: np.ndarray, n: int) -> SearchResult:
    """Minimise by Newton's method from several starts.

    Parameters
    ----------
    deviance : callable
        Deviance in a frame.
    rows : RotatedRows
        The rotated rows.
    spread : ndarray, shape (t, t)
        Lower factor of the covariance that X leaves of Y.
    n : int
        Number of rows before the rotation.

    Returns
    -------
    SearchResult
        Factors of G₀ and R₀.
    """
    ends = [minimum(deviance, rows, factors) for factors in _starts(rows, spread, n)]
    best = ends[0]
    for end in ends[1:]:
        # Values that differ by rounding are alike.
        if end.value < best.value - ROUNDING * max(1.0, abs(best.value)):
            best = end
    return best


def minimum(deviance: FramedDeviance, rows: RotatedRows, factors: np.ndarray) -> SearchResult:
    """The end of a search from factors of both covariances.

    Newton's steps have the canonical directions that they start from as their axes and their SDs as
    units: SDs may differ by orders of magnitude, and a triangle that begins with an SD of zero
    would be at a corner. They go on in the frame of their end, until nothing moves there.
    """
    for _ in range(MOST_FRAMES):
        independent = diagonalized(*factors)
        # An SD that would be noticed, where there is none.
        noticed_sd = np.sqrt(independent.D + 1 / rows.s.max() ** 2)
        directions = np.linalg.inv(independent.transform).T
        frame = np.array([directions * noticed_sd, factors[1]])
        relative_sd = np.sqrt(independent.D) / noticed_sd
        x = flattened(np.array([np.diag(relative_sd), np.eye(len(relative_sd))]))
        end = linalg.newton_minimize(partial(deviance, frame), x, None, LEAST_GAIN)

        point = end.x
        if np.isinf(end.promised_gain):  # beside a point where the deviance curves down
            _, axes = np.linalg.eigh(end.evaluation.hessian)
            point = end.x + ESCAPE * axes[:, 0]
        elif np.array_equal(end.x, x):
            break
        factors = frame @ triangles(point)
    return SearchResult(frame @ triangles(end.x), end.promised_gain, end.evaluation.value)


def _starts(rows: RotatedRows, spread: np.ndarray, n: int) -> list[np.ndarray]:
    """Factors (2, t, t) of covariances that add up to what X leaves of Y.

    Few or many of its directions are due to effects, taken by the share that rows with effects
    have in them: a likelihood may have an optimum for each rank.
    """
    t = len(spread)
    basis_of_X = np.linalg.qr(rows.X)[0]
    residual = rows.Y - basis_of_X @ (basis_of_X.T @ rows.Y)
    standardized = np.linalg.solve(spread, residual.T)
    _, directions = np.linalg.eigh((standardized * rows.s**2) @ standardized.T)
    root_mean_square_s = np.sqrt(np.sum(rows.s**2) / n)
    ratios = [np.where(np.arange(t) < count, FEW_EFFECTS, MANY_EFFECTS) for count in range(t + 1)]
    ratios.append(np.full(t, NEARLY_ALL_EFFECTS))
    starts = []
    for ratio in ratios:
        share_of_effects = ratio / root_mean_square_s / np.hypot(ratio, 1)
        share_of_residuals = 1 / np.hypot(ratio, 1)
        G0_factor = lower_factor(spread @ directions * share_of_effects)
        R0_chol = lower_factor(spread @ directions * share_of_residuals)
        starts.append(np.array([G0_factor, R0_chol]))
    return starts
