"""The search for the least deviance, and the gain that a further step would promise."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from lmmlib import linalg
from lmmlib.estimation.deviance import DevianceFunction

STEP = 1e-3  # of differences, for entries of about one
DESCENT_STEP = STEP / 10
# An entry below it is compared with zero itself, where the deviance may be lower still.
NEAR_ZERO = 1e-3
# Newton's steps from the best end, at most: where a ratio is large, a descent ends far off.
MAX_NEWTON_STEPS = 30
GAIN = 1e-6  # of the deviance that a step from the end of a search may still promise
FLAT = 1e-4  # curvature of the deviance below which a direction counts as flat
SMALLEST_SCALE = 0.1


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The end of a search.

    Attributes
    ----------
    point : ndarray, shape (d,)
        The best point.
    promised_gain : float
        What a further Newton step promises to take from the deviance; infinite where it curves
        down.
    """

    point: np.ndarray
    promised_gain: float


@dataclass(frozen=True, eq=False)
class NewtonStep:
    """A Newton step from a point, and the gain that it promises.

    Attributes
    ----------
    step : ndarray, shape (d,)
        Step to the minimum of the local quadratic.
    promised_gain : float
        Decrease of that quadratic; infinite where it curves down.
    """

    step: np.ndarray
    promised_gain: float


def search(deviance: DevianceFunction, starts: np.ndarray) -> SearchResult:
    """Minimise by several descents, Newton steps from the best end, and entries set to zero.

    The deviance does not change with the sign of a column of Λ, so that zero is no boundary.
    """
    ends = np.array([_descend(deviance, start) for start in starts])
    best = _first_of_least(deviance, ends)
    for _ in range(MAX_NEWTON_STEPS):
        newton = newton_step(deviance, best)
        # Values with an error of r tell points apart down to √(r/curvature), slopes over STEP down
        # to r/(STEP curvature), which is nearer as long as r < STEP² curvature: where values do not
        # tell, the full step, which comes from slopes, is the best known.
        candidates = np.array([best + newton.step, best + newton.step / 4, best])
        next_best = _first_of_least(deviance, candidates)
        has_ended = np.array_equal(next_best, best)
        best = next_best
        if newton.promised_gain < 1e-3 * GAIN or has_ended:
            break
    with_zeros = np.where(np.abs(best) < NEAR_ZERO, 0.0, best)
    best = _first_of_least(deviance, np.array([with_zeros, best]))
    return SearchResult(best, newton_step(deviance, best).promised_gain)


def newton_step(deviance: DevianceFunction, x: np.ndarray) -> NewtonStep:
    """Newton's step from x (d,), with slope and curvature by differences of fourth order."""
    d = len(x)
    scale = _scale(x)
    steps = STEP * np.diag(scale)
    pairs = [(i, j) for i in range(d) for j in range(i)]

    # Values along each axis, at -1, -2, 2 and 1 steps, and at the corners of each pair of axes.
    along = [k * steps[i] for i in range(d) for k in (-1, -2, 2, 1)]
    corners = [
        sign_i * steps[i] + sign_j * steps[j]
        for i, j in pairs
        for sign_i, sign_j in ((1, 1), (1, -1), (-1, 1), (-1, -1))
    ]
    values = deviance(x + np.array([np.zeros(d), *along, *corners]))
    center = values[0]
    minus_1, minus_2, plus_2, plus_1 = values[1 : 1 + 4 * d].reshape(d, 4).T
    at_corners = values[1 + 4 * d :].reshape(-1, 4)

    # Slope and curvature in units of `scale`.
    slope = (8 * (plus_1 - minus_1) - (plus_2 - minus_2)) / (12 * STEP)
    second = (16 * (plus_1 + minus_1) - (plus_2 + minus_2) - 30 * center) / (12 * STEP**2)
    curvature = np.diag(second)
    for (i, j), (both_up, up_down, down_up, both_down) in zip(pairs, at_corners, strict=True):
        mixed = (both_up - up_down - down_up + both_down) / (4 * STEP**2)
        curvature[i, j] = mixed
        curvature[j, i] = mixed

    # Newton's step along the axes of the curvature, none along flat ones.
    eigenvalues, axes = np.linalg.eigh(curvature)
    slope_along = axes.T @ slope
    curves_up = eigenvalues > FLAT
    step_along = np.where(curves_up, -slope_along / np.maximum(eigenvalues, FLAT), 0.0)
    step = scale * (axes @ step_along)
    if np.any(eigenvalues < -FLAT):
        return NewtonStep(step, np.inf)
    gain_of_flat = np.abs(slope_along[np.abs(eigenvalues) <= FLAT]).sum()
    return NewtonStep(step, float(-0.5 * slope_along @ step_along + gain_of_flat))


def _descend(deviance: DevianceFunction, start: np.ndarray) -> np.ndarray:
    """The end of a BFGS descent whose slopes are central differences."""

    def value_and_slope(x: np.ndarray) -> tuple[float, np.ndarray]:
        steps = DESCENT_STEP * np.diag(_scale(x))
        values = deviance(np.concatenate([x[None], x + steps, x - steps]))
        after, before = values[1:].reshape(2, -1)
        return float(values[0]), (after - before) / (2 * np.diag(steps))

    return minimize(value_and_slope, start, jac=True, method="BFGS", options={"gtol": 1e-4}).x


def _first_of_least(deviance: DevianceFunction, points: np.ndarray) -> np.ndarray:
    """The first of the points (m, d) with the least deviance.

    Values that differ by rounding are alike.
    """
    values = deviance(points)
    lowest = points[np.argmin(values)]
    rounding = linalg.rounding_error(deviance, lowest, _scale(lowest))
    return points[linalg.first_minimum(values, rounding)]


def _scale(x: np.ndarray) -> np.ndarray:
    """Each entry's own size, in which slopes and curvatures are measured."""
    return np.maximum(np.abs(x), SMALLEST_SCALE)
