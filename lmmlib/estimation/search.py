"""The search for the least of a criterion, and what a further step would promise."""

import numpy as np
from scipy.optimize import minimize

from lmmlib import linalg
from lmmlib.estimation.deviance import Criteria

STEP = 1e-3  # of differences, for ratios of about one
AT_ZERO = (
    1e-3  # a ratio below it is compared with zero itself, where the criterion may be lower still
)
# of Newton's steps from the best end, at most: where a ratio is large, a descent ends far off
POLISH = 30
GAIN = 1e-6  # of the criterion that a step from the end of a search may still promise
CURVED = 1e-4  # curvature of the criterion below which a direction counts as flat


def search(criteria: Criteria, starts: np.ndarray) -> tuple[np.ndarray, float]:
    """The best end of several descents, polished by Newton steps, with ratios of zero tried.

    And the gain still promised.

    The criterion does not change with the sign of a column of Λ, so that zero is no boundary.
    """
    ends = np.array([_descend(criteria, start) for start in starts])
    best = _first_of_least(criteria, ends)
    for _ in range(POLISH):
        step, promised = _newton(criteria, best)
        # Values with an error of r tell points apart down to √(r/curvature), slopes over STEP down
        # to r/(STEP curvature), which is nearer as long as r < STEP² curvature: where values do not
        # tell, the full step, which comes from slopes, is the best known.
        candidates = np.array([best + step, best + step / 4, best])
        moved = _first_of_least(criteria, candidates)
        stays = np.array_equal(moved, best)
        best = moved
        if promised < 1e-3 * GAIN or stays:
            break
    zeroed = np.where(np.abs(best) < AT_ZERO, 0.0, best)
    best = _first_of_least(criteria, np.array([zeroed, best]))
    return best, _newton(criteria, best)[1]


def _first_of_least(criteria: Criteria, points: np.ndarray) -> np.ndarray:
    """The first of the points (m, d) with the least criterion.

    Values that differ by rounding are alike.
    """
    values = criteria(points)
    least = points[np.argmin(values)]
    return points[
        linalg.first_minimum(values, linalg.rounding_error(criteria, least, _scale(least)))
    ]


def _scale(x: np.ndarray) -> np.ndarray:
    """Each entry's own size, in which slopes and curvatures are measured."""
    return np.maximum(np.abs(x), 0.1)


def _descend(criteria: Criteria, start: np.ndarray) -> np.ndarray:
    def with_slope(x: np.ndarray) -> tuple[float, np.ndarray]:
        h = STEP / 10 * np.diag(_scale(x))
        values = criteria(np.concatenate([x[None], x + h, x - h]))
        return float(values[0]), np.subtract(*values[1:].reshape(2, -1)) / (2 * np.diag(h))

    return minimize(with_slope, start, jac=True, method="BFGS", options={"gtol": 1e-4}).x


def _newton(criteria: Criteria, x: np.ndarray) -> tuple[np.ndarray, float]:
    """Newton's step from x, and the gain it promises; infinite where the criterion curves down."""
    d, scale = len(x), _scale(x)
    unit = STEP * np.diag(scale)
    pairs = [(i, j) for i in range(d) for j in range(i)]
    across = [
        s * unit[i] + t * unit[j] for i, j in pairs for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1))
    ]
    along = [k * unit[i] for i in range(d) for k in (-1, -2, 2, 1)]
    values = criteria(x + np.array([np.zeros(d), *along, *across]))
    low, lower, higher, high = values[1 : 4 * d + 1].reshape(d, 4).T
    slope = (8 * (high - low) - (higher - lower)) / (12 * STEP)
    curvature = np.diag((16 * (high + low) - (higher + lower) - 30 * values[0]) / (12 * STEP**2))
    for (i, j), (a, b, c, e) in zip(pairs, values[4 * d + 1 :].reshape(-1, 4), strict=True):
        curvature[i, j] = curvature[j, i] = (a - b - c + e) / (4 * STEP**2)
    size, axes = np.linalg.eigh(curvature)
    along_axes = axes.T @ slope
    steps = np.where(size > CURVED, -along_axes / np.maximum(size, CURVED), 0.0)
    flat = np.abs(along_axes[np.abs(size) <= CURVED]).sum()
    promised = np.inf if np.any(size < -CURVED) else -0.5 * along_axes @ steps + flat
    return scale * (axes @ steps), float(promised)
