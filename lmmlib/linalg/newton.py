"""Climbing a smooth function from several points at once.

One evaluation of a stack of points a step.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

STEP = 1e-3  # of differences, in coordinates whose scale is about one
STEPS = 100
LONGEST = 2.0  # step, in these coordinates: a quadratic says little of what is farther away
FLATTEST = 0.05  # curvature that a step reckons with at least
GAIN = 1e-3  # of the function that a step must still promise
SHORTEST = 1e-6  # share of a step that is tried before a climb ends
SUFFICIENT = 1e-2  # share of the rise foretold by the slope that a step must bring

Function = Callable[[np.ndarray], np.ndarray]


class ConvergenceWarning(UserWarning):
    """The search for an optimum ended without finding one that can be vouched for."""


@dataclass(frozen=True, eq=False)
class Optima:
    """Ends of several climbs.

    Attributes
    ----------
    x : ndarray, shape (m, d)
        Points at the ends of the climbs.
    value : ndarray, shape (m,)
        Values of the function there.
    slope : ndarray, shape (m, d)
        Gradients there.
    hessian : ndarray, shape (m, d, d)
        Hessian matrices there.
    """

    x: np.ndarray
    value: np.ndarray
    slope: np.ndarray
    hessian: np.ndarray

    def at(self, part: object) -> "Optima":
        """The same for some of the climbs."""
        return Optima(self.x[part], self.value[part], self.slope[part], self.hessian[part])


def newton_maximize(function: Function, starts: np.ndarray) -> Optima:
    r"""Newton's steps uphill from each start, shortened where they lead down.

    A step is Σ_k a_k (a_k's)/max(\|λ_k\|, 0.05) over eigenvectors a_k and values λ_k of the
    Hessian, s the slope: uphill where the function curves up too. A climb ends where half the step
    along the slope, the gain that a quadratic promises, is below a thousandth.

    A step has led up where the function has risen by a hundredth of what the slope foretells
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
        Where no step led up, the start itself.

    References
    ----------
    Dauphin et al. (2014), Adv. Neural Inf. Process. Syst. 27, for the modulus of the eigenvalues;
    Nocedal & Wright (2006), Numerical Optimization, equation 3.4, for the sufficient rise.

    Examples
    --------
    >>> found = newton_maximize(
    ...     lambda x: -np.cosh(x[:, 0]) - x[:, 1] ** 2, np.array([[3.0, 1.0], [-2.0, 5.0]])
    ... )
    >>> np.abs(found.x).round(1).tolist(), found.hessian[0].round(2).tolist()
    ([[0.0, 0.0], [0.0, 0.0]], [[-1.0, 0.0], [0.0, -2.0]])
    """
    found, share = _looked(function, starts), np.ones(len(starts))
    for _ in range(STEPS):
        step, promised, foretold = _newton(found)
        moving = np.flatnonzero((promised > GAIN) & (share > SHORTEST))
        if not len(moving):
            break
        tried = _looked(function, found.x[moving] + share[moving, None] * step[moving])
        rises = tried.value > found.value[moving] + SUFFICIENT * share[moving] * foretold[moving]
        better = rises & np.isfinite(tried.hessian).all((1, 2))
        share[moving] = np.where(better, 1.0, share[moving] / 4)
        for own, new in zip(vars(found).values(), vars(tried).values(), strict=True):
            own[moving[better]] = new[better]
    return found


def _newton(at: Optima) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps (m, d), none longer than the longest.

    The gain (m,) a quadratic promises of each before it was shortened; its slope's (m,).
    """
    size, axes = np.linalg.eigh(np.where(np.isfinite(at.hessian), at.hessian, 0.0))
    along = np.einsum("mij,mi->mj", axes, np.where(np.isfinite(at.slope), at.slope, 0.0))
    steps = along / np.maximum(np.abs(size), FLATTEST)
    promised = 0.5 * np.sum(steps * along, -1)
    shorter = np.minimum(1.0, LONGEST / np.maximum(np.linalg.norm(steps, axis=-1), LONGEST))
    return shorter[:, None] * np.einsum("mij,mj->mi", axes, steps), promised, 2 * shorter * promised


def _looked(function: Function, x: np.ndarray) -> Optima:
    """Value, slope and Hessian at x (m, d) by differences.

    (d + 1)(d + 2) / 2 + d evaluations each.
    """
    m, d = x.shape
    first, second = np.triu_indices(d, 1)
    unit = STEP * np.eye(d)
    offsets = np.concatenate([np.zeros((1, d)), unit, -unit, unit[first] + unit[second]])
    values = function((x[:, None] + offsets).reshape(-1, d)).reshape(m, -1)
    here, up, down, both = (
        values[:, :1],
        values[:, 1 : d + 1],
        values[:, d + 1 : 2 * d + 1],
        values[:, 2 * d + 1 :],
    )
    hessian = np.empty((m, d, d))
    hessian[:, range(d), range(d)] = (up - 2 * here + down) / STEP**2
    hessian[:, first, second] = hessian[:, second, first] = (
        both - up[:, first] - up[:, second] + here
    ) / STEP**2
    return Optima(x.copy(), here[:, 0].copy(), (up - down) / (2 * STEP), hessian)
