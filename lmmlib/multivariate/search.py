"""The search for the covariances of several traits with the least deviance."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import minimize

from lmmlib import linalg
from lmmlib.estimation.search import GAIN
from lmmlib.multivariate.canonical import diagonalized
from lmmlib.multivariate.deviance import (
    FramedDeviance,
    PointFunction,
    flattened,
    lower_factor,
    triangles,
)
from lmmlib.multivariate.rotation import RotatedRows

# SDs of the effects relative to that of the residuals, in a direction, to start from.
FEW_EFFECTS = 0.1
MANY_EFFECTS = 1.0
NEARLY_ALL_EFFECTS = 10.0
STEP = 1e-4  # of differences of slopes, for entries of about one
MAX_NEWTON_STEPS = 20
FLAT = 1e-4  # curvature of the deviance below which a direction counts as flat
HALVINGS = 6  # lengths of a Newton step that are tried


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
    """

    factors: np.ndarray
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


def search(deviance: FramedDeviance, rows: RotatedRows, spread: np.ndarray, n: int) -> SearchResult:
    """Minimise by several descents, and Newton steps from the best end.

    Each Newton step has the canonical directions that it starts from as its axes and their SDs as
    units: SDs may differ by orders of magnitude, and a triangle that begins with an SD of zero
    would be at a corner.

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
    # Descents, in a frame in which a first step of one is about a standard error.
    standard_error = spread / np.sqrt(2 * n)
    frame = np.array([standard_error, standard_error])
    in_frame = partial(deviance, frame)
    starts = [np.linalg.solve(frame, factors) for factors in _starts(rows, spread, n)]
    ends = [_descend(in_frame, flattened(start)) for start in starts]
    x = _first_of_least(in_frame, np.array(ends))

    for _ in range(MAX_NEWTON_STEPS):
        # The frame of the canonical directions at x.
        G0_factor, R0_chol = frame @ triangles(x)
        independent = diagonalized(G0_factor, R0_chol)
        # An SD that would be noticed, where there is none.
        noticed_sd = np.sqrt(independent.D + 1 / rows.s.max() ** 2)
        directions = np.linalg.inv(independent.transform).T
        frame = np.array([directions * noticed_sd, R0_chol])
        x = flattened(
            np.array([np.diag(np.sqrt(independent.D) / noticed_sd), np.eye(len(R0_chol))])
        )
        in_frame = partial(deviance, frame)

        newton = newton_step(in_frame, x)
        # The full step comes first: near the end values differ by rounding, and slopes, from which
        # the step comes, know more.
        shortened = [x + newton.step / 2**k for k in range(HALVINGS)]
        next_x = _first_of_least(in_frame, np.array([*shortened, x]))
        has_ended = np.array_equal(next_x, x)
        x = next_x
        if newton.promised_gain < 1e-6 * GAIN or has_ended:
            break
    return SearchResult(frame @ triangles(x), newton.promised_gain)


def newton_step(function: PointFunction, x: np.ndarray) -> NewtonStep:
    """Newton's step from x (d,), downhill in any case, with curvature by differences of slopes.

    Examples
    --------
    >>> from lmmlib.multivariate.deviance import ValueAndGradient
    >>> bowl = lambda x: ValueAndGradient(float(x @ x), 2 * x)
    >>> newton_step(bowl, np.array([3.0])).step.round(6).tolist()
    [-3.0]
    """
    steps = STEP * np.eye(len(x))
    slopes_after = np.array([function(x + step).gradient for step in steps])
    slopes_before = np.array([function(x - step).gradient for step in steps])
    differences = (slopes_after - slopes_before) / (2 * STEP)
    eigenvalues, axes = np.linalg.eigh((differences + differences.T) / 2)
    slope_along = axes.T @ function(x).gradient
    step_along = -slope_along / np.maximum(np.abs(eigenvalues), FLAT)
    step = axes @ step_along
    if np.any(eigenvalues < -FLAT):
        return NewtonStep(step, np.inf)
    return NewtonStep(step, float(-0.5 * slope_along @ step_along))


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


def _descend(function: PointFunction, start: np.ndarray) -> np.ndarray:
    """The end of a BFGS descent."""

    def value_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        result = function(x)
        return result.value, result.gradient

    return minimize(value_and_gradient, start, jac=True, method="BFGS", options={"gtol": 1e-4}).x


def _first_of_least(function: PointFunction, points: np.ndarray) -> np.ndarray:
    """The first of the points (m, d) with the least value.

    Values that differ by rounding are alike.
    """

    def values_at(x: np.ndarray) -> np.ndarray:
        return np.array([function(point).value for point in x])

    values = values_at(points)
    rounding = linalg.rounding_error(values_at, points[np.argmin(values)])
    return points[linalg.first_minimum(values, rounding)]
