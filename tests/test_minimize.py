"""Newton's method downhill: where it ends, what it counts, and when it is given up."""

import numpy as np
import pytest

from lmmlib import linalg
from lmmlib.estimation.derivatives import DevianceDerivatives
from lmmlib.estimation.search import search, starting_points
from lmmlib.linalg import Evaluation, newton_minimize
from lmmlib.model import Data, Design, Term
from noise import with_last_digits_of

ROUNDING = 1e-12  # of a deviance, relative


def _two_hollows(x):
    """−20 and −60 times normal curves at (−2.5, −2.5) and (2.5, 2.5); no value beyond 8."""
    if x[0] > 8:
        return Evaluation(np.nan, np.full(2, np.nan), np.full((2, 2), np.nan))
    value = 0.0
    gradient = np.zeros(2)
    hessian = np.zeros((2, 2))
    for place, depth in ((-2.5, 20.0), (2.5, 60.0)):
        away = x - place
        curve = depth * np.exp(-0.5 * away @ away)
        value -= curve
        gradient += curve * away
        hessian += curve * (np.eye(2) - np.outer(away, away))
    return Evaluation(value, gradient, hessian)


@pytest.mark.parametrize(
    ("start", "place", "depth"),
    [([-4.0, -4.2], -2.5, 20.0), ([4.5, 4.0], 2.5, 60.0), ([2.0, 5.5], 2.5, 60.0)],
)
def test_a_search_ends_in_the_hollow_below_its_start(start, place, depth):
    """From where the function curves down too. At a distance of seven the other is 1e-9 of it."""
    start = np.array(start)
    end = newton_minimize(_two_hollows, start, sizes=np.ones(2))
    np.testing.assert_allclose(end.x, place, atol=1e-8)
    assert end.evaluation.value == pytest.approx(-depth, rel=1e-8)
    np.testing.assert_allclose(end.evaluation.hessian, depth * np.eye(2), rtol=1e-6, atol=1e-6)
    assert end.promised_gain < linalg.LEAST_GAIN
    assert not end.in_known_bowl


def test_a_start_is_not_written_into():
    start = np.array([1.0, 2.0])
    newton_minimize(_two_hollows, start)
    np.testing.assert_array_equal(start, [1.0, 2.0])


@pytest.mark.parametrize(
    ("start", "steps"), [([0.0, 0.0], 0), ([1.2, -1.6], 1), ([3.0, 4.0], 3), ([30.0, 0.0], 12)]
)
def test_a_quadratic_takes_as_many_steps_as_its_length_wants(start, steps):
    """In units that are given no step is longer than two along an axis of curvature."""
    axes = np.array([[0.8, 0.6], [-0.6, 0.8]])
    curvature = axes @ np.diag([0.5, 2.0]) @ axes.T

    def bowl(x):
        return Evaluation(0.5 * float(x @ curvature @ x), curvature @ x, curvature)

    end = newton_minimize(bowl, np.array(start), sizes=np.ones(2))
    np.testing.assert_allclose(end.x, 0, atol=1e-9)
    assert end.evaluations == steps + 1


def test_logarithms_may_have_their_zero_anywhere():
    """Coordinates with sizes of their own: a search does not change when all of them are moved."""

    def bowl(x):
        return Evaluation(float(np.cosh(x).sum()), np.sinh(x), np.diag(np.cosh(x)))

    start = np.array([3.0, -5.0])
    end = newton_minimize(bowl, start, sizes=np.ones(2))
    for moved in (-40.0, 1.0, 700.0):
        other = newton_minimize(lambda x, m=moved: bowl(x - m), start + moved, sizes=np.ones(2))
        assert other.evaluations == end.evaluations
        np.testing.assert_allclose(other.x, moved, rtol=1e-12, atol=1e-9)


def test_a_step_that_leads_up_is_shortened():
    """Full steps overshoot a cusp that is a little rounded; level ground gives no step at all."""

    def cusp(x):
        square = x @ x + 1e-2
        gradient = 0.6 * square**-0.7 * x
        hessian = 0.6 * square**-0.7 * np.eye(2) - 0.84 * square**-1.7 * np.outer(x, x)
        return Evaluation(float(square**0.3), gradient, hessian)

    for start in ([0.4, 0.3], [1.0, -1.0]):
        end = newton_minimize(cusp, np.array(start))
        np.testing.assert_allclose(end.x, 0, atol=1e-8)
    level = newton_minimize(
        lambda _: Evaluation(0.0, np.zeros(2), np.zeros((2, 2))), np.array([1.0, 1.0])
    )
    np.testing.assert_array_equal(level.x, [1.0, 1.0])


@pytest.mark.parametrize("start", [0.3, 1.0, 3.0])
def test_a_point_as_low_is_no_step_down(start):
    """Newton's step on |x|^1.5 leads from x to −x, as low but for rounding, which decides nothing.

    A search ends where half the slope times the step, 1.5 |x|^1.5, is below a thousandth.
    """

    def values(x):
        return np.abs(x) ** 1.5

    for noisy in (values, *(with_last_digits_of(seed, values) for seed in range(5))):

        def kink(x, noisy=noisy):
            slope = 1.5 * np.sign(x) * np.sqrt(np.abs(x))
            return Evaluation(float(noisy(x)[0]), slope, np.diag(0.75 / np.sqrt(np.abs(x))))

        end = newton_minimize(kink, np.array([start]), None, 1e-3, sizes=np.ones(1))
        assert 1.5 * abs(end.x.item()) ** 1.5 < 1e-3
        assert end.evaluations < 30


def test_a_search_is_given_up_in_the_bowl_of_a_known_minimum():
    known = newton_minimize(_two_hollows, np.array([2.0, 2.0]), sizes=np.ones(2))
    near = newton_minimize(_two_hollows, np.array([2.8, 2.7]), known, sizes=np.ones(2))
    assert near.in_known_bowl
    assert near.evaluations == 1
    elsewhere = newton_minimize(_two_hollows, np.array([-3.0, -2.7]), known, sizes=np.ones(2))
    assert not elsewhere.in_known_bowl
    np.testing.assert_allclose(elsewhere.x, -2.5, atol=1e-8)


def test_a_value_that_the_quadratic_gives_by_chance_is_no_bowl():
    """x² (x − 3)² + x²/4 has a second minimum, and the values of x² 37/4 where that is steep."""

    def two_minima(x):
        t = x.item()
        value = t**2 * (t - 3) ** 2 + 0.25 * t**2
        slope = 4 * t**3 - 18 * t**2 + 18 * t + 0.5 * t
        bend = 12 * t**2 - 36 * t + 18.5
        return Evaluation(value, np.array([slope]), np.array([[bend]]))

    known = newton_minimize(two_minima, np.array([0.1]), sizes=np.ones(1))
    assert known.x.item() == pytest.approx(0, abs=1e-8)
    for start in np.arange(-2.0, 6.0, 0.05):
        end = newton_minimize(two_minima, np.array([start]), known, sizes=np.ones(1))
        if end.in_known_bowl:  # and a search from there does end in it
            end = newton_minimize(two_minima, end.x, sizes=np.ones(1))
            assert end.x.item() == pytest.approx(0, abs=1e-8)


def test_a_valley_is_no_bowl():
    """Along a direction without curvature a point may be as low as the minimum, and far from it."""

    def valley(x):
        slope = np.array([0.0, 2 * x[1]])
        if x[0] > 3:
            slope[0] = -1.0
        value = float(x[1] ** 2) - max(0.0, x[0] - 3)
        return Evaluation(value, slope, np.diag([0.0, 2.0]))

    known = linalg.Minimum(np.zeros(2), valley(np.zeros(2)), 0.0, 1)
    end = newton_minimize(valley, np.array([10.0, 0.5]), known, sizes=np.ones(2))
    assert not end.in_known_bowl


def _few_rows(seed):
    """Correlated slopes in few groups of few rows, and a crossed factor of five levels."""
    rng = np.random.default_rng(seed)
    groups, rows = rng.integers([3, 2], [10, 6])
    g = np.repeat(np.arange(groups), rows)
    h = np.arange(len(g)) % 5
    x = rng.normal(size=len(g))
    slopes = np.column_stack([np.ones(len(g)), x])
    sds = 10 ** rng.uniform(-1.5, 0.5, size=3)
    effects = sds[:2] * rng.normal(size=(groups, 2))
    y = np.sum(slopes * effects[g], 1) + sds[2] * rng.normal(size=5)[h] + rng.normal(size=len(g))
    terms = [Term.grouped("g", g, slopes, effects=["one", "x"]), Term.grouped("h", h)]
    return Data(y, Design(np.ones((len(g), 1)), terms))


# Designs of several minima where values alone, or values and slopes along the way, told of a bowl
# that was none; and the first dozen.
TOLD_WRONG = (94, 605, 643, 676, 688, 731, 782, 800, 930, 979, 1032, 1255)


@pytest.mark.parametrize("seed", [*range(12), *TOLD_WRONG])
def test_giving_up_loses_no_lower_minimum(seed):
    """What the searches from all starts find when none of them is given up."""
    data = _few_rows(seed)
    for method in ("ml", "reml"):
        deviance = DevianceDerivatives(data.reduction, method)
        ends = [
            newton_minimize(deviance, start, signs=deviance.signs).evaluation.value
            for start in starting_points(deviance.layout)
        ]
        found = deviance(search(deviance).point).value
        assert found <= min(ends) + ROUNDING * max(1.0, abs(found))
