"""Newton's method uphill from several points at once, one evaluation of a stack of points a step.

Derivatives are differences.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

DIFFERENCE = 1e-3  # between neighbours, in coordinates whose scale is about one
MAX_STEPS = 100
LONGEST_STEP = 2.0  # in these coordinates: a quadratic says little of what is farther away
FLATTEST = 0.05  # curvature that a step reckons with at least
LEAST_GAIN = 1e-3  # of the function that a step must still promise
LEAST_FRACTION = 1e-6  # of a step that is tried before a search ends
SUFFICIENT = 1e-2  # share of the rise predicted by the gradient that a step must bring

Function = Callable[[np.ndarray], np.ndarray]


class ConvergenceWarning(UserWarning):
    """The search for an optimum ended without finding one that can be vouched for."""


@dataclass(frozen=True, eq=False)
class Optima:
    """Points with a function's value and derivatives: the ends of several searches.

    Attributes
    ----------
    x : ndarray, shape (m, d)
        Points.
    value : ndarray, shape (m,)
        Values of the function there.
    gradient : ndarray, shape (m, d)
        Gradients there.
    hessian : ndarray, shape (m, d, d)
        Hessian matrices there.
    """

    x: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray

    def subset(self, chosen: np.ndarray) -> "Optima":
        """Some of the points, by their numbers or a mask (m,)."""
        return Optima(
            self.x[chosen], self.value[chosen], self.gradient[chosen], self.hessian[chosen]
        )

    def replaced(self, numbers: np.ndarray, points: "Optima") -> "Optima":
        """A copy in which other points stand under some numbers (r,)."""
        x = self.x.copy()
        value = self.value.copy()
        gradient = self.gradient.copy()
        hessian = self.hessian.copy()
        x[numbers] = points.x
        value[numbers] = points.value
        gradient[numbers] = points.gradient
        hessian[numbers] = points.hessian
        return Optima(x, value, gradient, hessian)


@dataclass(frozen=True, eq=False)
class _Steps:
    """Newton's steps from m points.

    Attributes
    ----------
    step : ndarray, shape (m, d)
        Steps, none longer than the longest.
    gain : ndarray, shape (m,)
        What the quadratic promises of each before it was shortened.
    rise : ndarray, shape (m,)
        What the gradient predicts of each.
    """

    step: np.ndarray
    gain: np.ndarray
    rise: np.ndarray


def newton_maximize(function: Function, starts: np.ndarray) -> Optima:
    r"""Newton's steps uphill from each start, shortened where they lead down.

    A step is Σ_k a_k (a_k'g) / max(\|λ_k\|, 0.05) over eigenvectors a_k and values λ_k of the
    Hessian, g the gradient: uphill where the function curves up too. A search ends where half the
    step along the gradient, the gain that a quadratic promises, is below a thousandth.

    A step has led up where the function has risen by a hundredth of what the gradient predicts
    (Armijo's rule). No step is tried that promises less than a thousandth, so that a full one has
    to bring 2e-5. That is far beyond rounding, which decides nothing here: neither between a point
    and its mirror image nor on level ground.

    Parameters
    ----------
    function : callable
        Function of points (S, d) that returns values (S,), with coordinates whose scale is about
        one; a value that is not finite means out of bounds.
    starts : ndarray, shape (m, d)
        Points to start from.

    Returns
    -------
    Optima
        One end a start; where no step led up, the start itself.

    References
    ----------
    Dauphin et al. (2014), Adv. Neural Inf. Process. Syst. 27, for the modulus of the eigenvalues;
    Nocedal & Wright (2006), Numerical Optimization, equation 3.4, for the sufficient rise.

    Examples
    --------
    >>> optima = newton_maximize(
    ...     lambda x: -np.cosh(x[:, 0]) - x[:, 1] ** 2, np.array([[3.0, 1.0], [-2.0, 5.0]])
    ... )
    >>> np.abs(optima.x).round(1).tolist(), optima.hessian[0].round(2).tolist()
    ([[0.0, 0.0], [0.0, 0.0]], [[-1.0, 0.0], [0.0, -2.0]])
    """
    points = _evaluated(function, starts)
    fraction = np.ones(len(starts))  # of Newton's step that is tried next
    for _ in range(MAX_STEPS):
        steps = _newton_steps(points)
        moving = np.flatnonzero((steps.gain > LEAST_GAIN) & (fraction > LEAST_FRACTION))
        if not len(moving):
            break

        # Try the steps of all searches that still promise something in one evaluation.
        step = fraction[moving, None] * steps.step[moving]
        trial = _evaluated(function, points.x[moving] + step)

        # Armijo's rule; a shorter step is tried where it, or a derivative, fails.
        required_rise = SUFFICIENT * fraction[moving] * steps.rise[moving]
        rises = trial.value > points.value[moving] + required_rise
        accepted = rises & np.isfinite(trial.hessian).all((1, 2))
        fraction[moving] = np.where(accepted, 1.0, fraction[moving] / 4)
        points = points.replaced(moving[accepted], trial.subset(accepted))
    return points


def _newton_steps(points: Optima) -> _Steps:
    """Steps along the Hessian's eigenvectors, by the modulus of its eigenvalues.

    No direction is taken from a derivative that is not finite.
    """
    hessian = np.where(np.isfinite(points.hessian), points.hessian, 0.0)
    gradient = np.where(np.isfinite(points.gradient), points.gradient, 0.0)
    eigenvalues, axes = np.linalg.eigh(hessian)
    slopes = np.einsum("mij,mi->mj", axes, gradient)
    along_axes = slopes / np.maximum(np.abs(eigenvalues), FLATTEST)
    gain = 0.5 * np.sum(along_axes * slopes, -1)
    length = np.linalg.norm(along_axes, axis=-1)
    shortening = np.minimum(1.0, LONGEST_STEP / np.maximum(length, LONGEST_STEP))
    step = shortening[:, None] * np.einsum("mij,mj->mi", axes, along_axes)
    return _Steps(step, gain, 2 * shortening * gain)


def _evaluated(function: Function, x: np.ndarray) -> Optima:
    """Value, gradient and Hessian at x (m, d) by differences.

    (d + 1)(d + 2) / 2 + d evaluations each.
    """
    m, d = x.shape
    row, column = np.triu_indices(d, 1)
    unit = DIFFERENCE * np.eye(d)

    # The point itself, its neighbours up and down each axis, and one for each pair of axes.
    offsets = np.concatenate([np.zeros((1, d)), unit, -unit, unit[row] + unit[column]])
    values = function((x[:, None] + offsets).reshape(-1, d)).reshape(m, -1)
    centre, up, down, diagonal = np.split(values, [1, d + 1, 2 * d + 1], axis=1)

    second = (up - 2 * centre + down) / DIFFERENCE**2
    mixed = (diagonal - up[:, row] - up[:, column] + centre) / DIFFERENCE**2
    hessian = np.empty((m, d, d))
    hessian[:, range(d), range(d)] = second
    hessian[:, row, column] = mixed
    hessian[:, column, row] = mixed
    return Optima(x.copy(), centre[:, 0].copy(), (up - down) / (2 * DIFFERENCE), hessian)
