"""Newton's method downhill, with derivatives that are given and not differences."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MAX_STEPS = 60
LONGEST_STEP = 2.0  # along an axis of curvature, in units of the coordinates' own size
SMALLEST_SIZE = 0.1  # of a coordinate: what counts as its size near zero
FLAT = 1e-8  # curvature, in these units, below which a direction has none
FLATTEST_SLOPE = 1e-7  # slope along such a direction that is followed all the same
# Gain that a quadratic promises, in units of the function, below which its minimum is reached:
# a step of 1e-9 standard errors of a deviance.
LEAST_GAIN = 1e-18
SUFFICIENT = 1e-4  # share of the decrease that the gradient predicts
SHORTENINGS = 12  # of a step, by a factor of four each
LOW = 12.5  # height in the bowl of a known minimum, five standard errors, where a search ends
DESCRIBED = 1 / 3  # share by which value and slope may miss a quadratic of them; not derived
ROUNDING = 1e-13  # of a value, relative: decreases below it are not told from rounding


class ConvergenceWarning(UserWarning):
    """The search for an optimum ended without finding one that can be vouched for."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A function at one point.

    Attributes
    ----------
    value : float
        Its value.
    gradient : ndarray, shape (d,)
        Its gradient.
    hessian : ndarray, shape (d, d)
        Its Hessian matrix, or one that is near it on average.
    """

    value: float
    gradient: np.ndarray
    hessian: np.ndarray


@dataclass(frozen=True, eq=False)
class Minimum:
    """The end of a search.

    Attributes
    ----------
    x : ndarray, shape (d,)
        Point.
    evaluation : Evaluation
        The function there.
    promised_gain : float
        Decrease that a further step promises; infinite where the function curves down.
    evaluations : int
        How often the function was evaluated.
    in_known_bowl : bool
        Whether the search was given up because it came into the bowl of a known minimum.
    """

    x: np.ndarray
    evaluation: Evaluation
    promised_gain: float
    evaluations: int
    in_known_bowl: bool = False


Function = Callable[[np.ndarray], Evaluation]
Signs = Callable[[np.ndarray], np.ndarray]


def newton_minimize(
    function: Function,
    start: np.ndarray,
    known: Minimum | None = None,
    least_gain: float = LEAST_GAIN,
    signs: Signs | None = None,
    at_start: Evaluation | None = None,
    sizes: np.ndarray | None = None,
) -> Minimum:
    r"""Newton's steps downhill, shortened where they lead up.

    A step is −Σ_k a_k (a_k'g) / \|λ_k\| over eigenvectors a_k and values λ_k of the Hessian: it
    leads down where the function curves down too. Coordinates count in units of their own size,
    and no term of the sum is longer than two of them.
    Where a step promises less than rounding lets values tell, the gradient decides: it has more
    digits.

    Parameters
    ----------
    function : callable
        Function of a point (d,) that returns an :class:`Evaluation`.
    start : ndarray, shape (d,)
        Point to start from.
    known : Minimum, optional
        A minimum found before: a search that comes into its bowl ends there.
    least_gain : float, default: LEAST_GAIN
        Gain that a step must still promise.
    signs : callable, optional
        Signs (d,) of a point that turn it into the one of its mirror images that stands for all:
        the function is the same at each. None where there are no mirror images.
    at_start : Evaluation, optional
        The function at the start, where it has been evaluated already; it is not counted again.
    sizes : ndarray, shape (d,), optional
        Units of the coordinates, where these have no size of their own: logarithms, whose zero is
        anywhere.

    Returns
    -------
    Minimum
        Where the search ended.

    References
    ----------
    Dauphin et al. (2014), Adv. Neural Inf. Process. Syst. 27, for the modulus of the eigenvalues;
    Nocedal & Wright (2006), Numerical Optimization, equation 3.4, for the sufficient decrease.

    Examples
    --------
    >>> def bowl(x):
    ...     return Evaluation(float(np.cosh(x[0])), np.sinh(x), np.cosh(x)[:, None])
    >>> minimum = newton_minimize(bowl, np.array([3.0]))
    >>> bool(abs(minimum.x[0]) < 1e-9), minimum.promised_gain < 1e-18
    (True, True)
    """
    x = np.array(start, float)
    here = function(x) if at_start is None else at_start
    evaluations = 1 if at_start is None else 0
    size = _size(x, sizes)
    newton = _newton_step(size, here)
    in_known_bowl = False
    for _ in range(MAX_STEPS):
        if newton.gain < least_gain:
            break
        if known is not None and _is_in_bowl(x, here, known, signs):
            in_known_bowl = True
            break
        fraction = 1.0
        next_x = None
        for _ in range(SHORTENINGS):
            trial_x = x + fraction * newton.step
            trial = function(trial_x)
            evaluations += 1
            if _leads_down(here, trial, fraction * newton.decrease, size):
                next_x = trial_x
                break
            fraction /= 4
        if next_x is None:
            break
        x = next_x
        here = trial
        size = _size(x, sizes)
        newton = _newton_step(size, here)
    if signs is not None:
        turned = signs(x)
        x = x * turned
        here = Evaluation(
            here.value, here.gradient * turned, here.hessian * np.outer(turned, turned)
        )
    promised_gain = np.inf if newton.curves_down else newton.gain
    return Minimum(x, here, promised_gain, evaluations, in_known_bowl)


@dataclass(frozen=True, eq=False)
class _Step:
    """A step, half the decrease along it, and along Newton's whole one: the gain that it promises.

    Whether the function curves down somewhere.
    """

    step: np.ndarray
    decrease: float
    gain: float
    curves_down: bool


def _size(x: np.ndarray, sizes: np.ndarray | None) -> np.ndarray:
    """Each coordinate's own size, or the one that is given."""
    return np.maximum(np.abs(x), SMALLEST_SIZE) if sizes is None else sizes


def _newton_step(size: np.ndarray, here: Evaluation) -> _Step:
    """Newton's step by the modulus of the curvature, in units of the coordinates' sizes."""
    eigenvalues, axes = np.linalg.eigh(size[:, None] * here.hessian * size)
    slopes = axes.T @ (size * here.gradient)
    flat = FLAT * max(1.0, float(np.abs(eigenvalues).max(initial=0.0)))
    curvature = np.maximum(np.abs(eigenvalues), flat)
    says_nothing = (np.abs(eigenvalues) < flat) & (np.abs(slopes) < FLATTEST_SLOPE)
    along = np.where(says_nothing, 0.0, -slopes / curvature)
    gain = float(-0.5 * slopes @ along)
    # Cut axis by axis: a flat axis would else shorten what the others are sure of.
    along = np.clip(along, -LONGEST_STEP, LONGEST_STEP)
    decrease = float(-0.5 * slopes @ along)
    curves_down = bool(np.any(eigenvalues < -flat * 1e2))
    return _Step(size * (axes @ along), decrease, gain, curves_down)


def _leads_down(here: Evaluation, trial: Evaluation, gain: float, size: np.ndarray) -> bool:
    """Whether a step has brought enough of the gain that was promised."""
    if not np.isfinite(trial.value) or not np.all(np.isfinite(trial.gradient)):
        return False
    rounding = ROUNDING * max(1.0, abs(here.value))
    if gain > 10 * rounding:
        return trial.value < here.value - SUFFICIENT * gain
    shrinks = np.linalg.norm(size * trial.gradient) < np.linalg.norm(size * here.gradient)
    return bool(shrinks and trial.value < here.value + 10 * rounding)


def _is_in_bowl(x: np.ndarray, here: Evaluation, known: Minimum, signs: Signs | None) -> bool:
    """Whether x lies in the bowl of a known minimum: its quadratic describes value and slope at x.

    What the quadratic leaves of either is a share of its own; of the slope, in the units of Ĥ⁻¹.
    Where a direction has no curvature at the minimum, that is no bowl.
    """
    turned = np.ones(len(x)) if signs is None else signs(x)
    difference = x * turned - known.x
    height = float(0.5 * difference @ known.evaluation.hessian @ difference)
    rise = here.value - known.evaluation.value
    if not (0 <= height < LOW and abs(rise - height) <= DESCRIBED * height):
        return False
    curvature, axes = np.linalg.eigh(known.evaluation.hessian)
    if curvature[0] <= FLAT * curvature[-1]:
        return False
    rest = axes.T @ (here.gradient * turned - known.evaluation.hessian @ difference)
    return bool(0.5 * np.sum(rest**2 / curvature) <= DESCRIBED**2 * height)
