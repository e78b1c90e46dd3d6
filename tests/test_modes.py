"""The posterior's derivatives against 100-digit arithmetic, and its modes."""

from dataclasses import replace

import numpy as np
import pytest

import truth
from cases import CASES, each_case
from lmmlib import Data, Design, Priors, ScalePrior, Term, importance, posterior
from lmmlib.importance.log_posterior import log_posterior
from lmmlib.importance.marginal_deviance import MarginalDeviance
from lmmlib.importance.modes import mixture_at_modes, starting_points
from lmmlib.importance.negative_log_posterior import NegativeLogPosterior
from lmmlib.importance.proposal import Mixture
from lmmlib.importance.ratio_nodes import RatioPosterior
from lmmlib.linalg import Evaluation

EXACT = 1e-10  # of the sum of the magnitudes of the two parts of a derivative
LONGEST_EXACT = 10  # rows of a design whose derivatives are taken in 100 digits
SCALES = [
    ScalePrior("half-normal", 1.3),
    ScalePrior("exponential", 0.7),
    ScalePrior("half-Student-t", 1.1, 3),
    ScalePrior("fixed", 0.8),
]


def _priors(design, first):
    """Every family in turn, and a prior of γ = Tβ where β has two entries."""
    layout = design.layout
    p = len(layout.coef)
    of_beta = {name: (0.3 - k, 0.5 + k) for k, name in enumerate(layout.coef)} if p else (0, 1)
    priors = Priors.build(design, of_beta, SCALES[0], SCALES[1], cor=2.0)
    of_sds = {name: SCALES[(first + k) % 4] for k, name in enumerate(layout.effects)}
    T = [[1.0, -3.0], [0.0, 1.0]] if p == 2 else None
    return replace(priors, sd=of_sds, sigma=SCALES[(first + len(of_sds)) % 4], beta_transform=T)


def _assert_exact(data, priors, free):
    """In logarithms a second derivative has a slope as a part, which may cancel all of the rest."""
    evaluation = NegativeLogPosterior(data.reduction, priors)(free)
    gradients, hessians = truth.posterior_derivatives_100_digits(data, priors, free)
    allowed = EXACT * np.abs(gradients).sum(0)
    assert np.all(np.abs(evaluation.gradient - gradients.sum(0)) <= allowed + 1e-300)
    magnitude = np.abs(hessians).sum(0) + np.diag(np.abs(gradients).sum(0))
    size = np.sqrt(np.diag(magnitude))
    allowed = EXACT * np.maximum(np.outer(size, size), magnitude)
    assert np.all(np.abs(evaluation.hessian - hessians.sum(0)) <= allowed + 1e-300)


@pytest.mark.parametrize("first", range(4))
@each_case
def test_derivatives_of_the_posterior_are_exact(name, first):
    data, _ = CASES[name]()
    if len(data.y) > LONGEST_EXACT:
        data = data.rows(np.arange(LONGEST_EXACT))
    priors = _priors(data.design, first)
    d = len(starting_points(data.reduction, priors)[0])
    _assert_exact(data, priors, np.random.default_rng(first).normal(size=d))


@pytest.mark.parametrize("log_sd", [-14.0, 14.0])
@pytest.mark.parametrize("name", ["unbalanced slopes", "crossed", "weights and offset"])
def test_derivatives_are_exact_at_tiny_and_large_sds(name, log_sd):
    data, _ = CASES[name]()
    data = data.rows(np.arange(LONGEST_EXACT))
    priors = Priors.build(data.design, (0.3, 0.5), SCALES[2], SCALES[2])
    free = np.full(starting_points(data.reduction, priors).shape[1], 0.3)
    free[: len(data.design.effects)] = log_sd
    _assert_exact(data, priors, free)


def test_derivatives_are_exact_near_a_correlation_of_one():
    """Three correlated effects, with partial correlations up to 0.9999."""
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(3), 3)
    term = Term.grouped("g", g, rng.normal(size=(9, 3)), effects=["a", "b", "c"])
    data = Data(rng.normal(size=9), Design(np.ones((9, 1)), [term]))
    priors = Priors.build(data.design, (0.0, 1.0), SCALES[0], SCALES[1], cor=1.5)
    _assert_exact(data, priors, np.array([0.2, -0.3, 0.1, 0.4, 5.0, -1.0, 0.0]))


@pytest.mark.parametrize("first", range(4))
@each_case
def test_the_sparse_way_has_the_same_value_and_gradient(name, first):
    """And the same second derivatives in log σ: those of the prior's rows are no averages."""
    data, _ = CASES[name]()
    priors = _priors(data.design, first)
    dense = MarginalDeviance(data.reduction, priors)
    sparse = MarginalDeviance(data.reduction, priors)
    sparse.is_dense = False
    x = np.random.default_rng(first).normal(size=len(dense.scales) + 1)
    exact = dense(x)
    other = sparse(x)
    assert other.value == pytest.approx(exact.value, rel=1e-11)
    size = np.sqrt(np.abs(np.diag(exact.hessian))) + np.abs(exact.gradient)
    assert np.all(np.abs(other.gradient - exact.gradient) <= 1e-9 * size)
    assert np.all(np.abs(other.hessian - exact.hessian)[-1] <= 1e-9 * size * size[-1])


@each_case
def test_it_is_the_density_that_is_sampled(name):
    data, _ = CASES[name]()
    priors = _priors(data.design, 1)
    free = starting_points(data.reduction, priors)
    negative = NegativeLogPosterior(data.reduction, priors)
    values = [-negative(point).value for point in free]
    expected = log_posterior(free, data.reduction, priors).log_density
    np.testing.assert_allclose(values, expected, rtol=1e-11)


@each_case
def test_a_mode_has_no_slope(name):
    """A search ends where a step promises less than 1e-9: half of g'H⁻¹g."""
    data, _ = CASES[name]()
    priors = replace(_priors(data.design, 0), sigma=SCALES[1])
    negative = NegativeLogPosterior(data.reduction, priors)
    mixture = mixture_at_modes(negative, starting_points(data.reduction, priors))
    for mode in mixture.centres:
        here = negative(mode)
        assert 0.5 * here.gradient @ np.linalg.solve(here.hessian, here.gradient) < 1e-9
        assert np.linalg.eigvalsh(here.hessian)[0] > 0


def _two_normals(x):
    """Minus the log density of N(−6, 1)/4 + 3 N(6, ½²)/4, and derivatives."""
    z = np.array([x[0] + 6, (x[0] - 6) / 0.5])
    log_parts = -0.5 * z**2 + np.log([0.25, 0.75 / 0.5])
    value = np.logaddexp.reduce(log_parts)
    share = np.exp(log_parts - value)
    slopes = -z / [1, 0.5]
    slope = share @ slopes
    bend = share @ (slopes**2 - 1 / np.array([1, 0.5]) ** 2) - slope**2
    return Evaluation(-float(value), np.array([-slope]), np.array([[-bend]]))


def test_each_mode_has_a_component():
    mixture = mixture_at_modes(_two_normals, np.array([[-5.0], [5.0], [6.1], [-7.5]]))
    np.testing.assert_allclose(mixture.centres, [[-6], [6]], atol=1e-6)
    np.testing.assert_allclose(mixture.scale_chols.ravel(), [1, 0.5], rtol=1e-6)
    np.testing.assert_allclose(mixture.weights, [0.25, 0.75], rtol=1e-6)


def test_a_start_without_a_density_is_left_out():
    def half_line(x):
        if x[0] > 8:
            return Evaluation(np.nan, np.full(1, np.nan), np.full((1, 1), np.nan))
        return _two_normals(x)

    mixture = mixture_at_modes(half_line, np.array([[9.0], [5.0]]))
    np.testing.assert_allclose(mixture.centres, [[6]], atol=1e-6)
    with pytest.raises(importance.PosteriorError, match="not finite where its mode was to be"):
        mixture_at_modes(half_line, np.array([[9.0]]))


def test_a_flat_direction_has_a_scale_of_one():
    def ridge(x):
        return Evaluation(float(2 * x[0] ** 2), np.array([4 * x[0], 0.0]), np.diag([4.0, 0.0]))

    mixture = mixture_at_modes(ridge, np.array([[1.0, 3.0]]))
    np.testing.assert_allclose(mixture.centres, [[0, 3]], atol=1e-9)
    np.testing.assert_allclose(mixture.scale_chols[0], np.diag([0.5, 1.0]), atol=1e-12)


def test_ratios_are_what_is_left_when_log_sigma_is_taken_off():
    """A linear image has the moments of the images of draws, and of the coordinates' order."""
    data, _ = CASES["unbalanced slopes"]()
    ratios = RatioPosterior(data.reduction, Priors.weak(data))
    point = np.array([2.0, 3.0, 0.5, -0.4])
    image = ratios.ratios_of_free @ point
    np.testing.assert_allclose(image, [1.5, 2.5, -0.4])
    np.testing.assert_allclose(ratios.free(image, np.array([0.5]))[0], point)

    chol = np.tril(np.random.default_rng(3).normal(size=(4, 4))) + 2 * np.eye(4)
    mapped = Mixture(np.ones(1), point[None], chol[None]).linear_image(ratios.ratios_of_free)
    expected = ratios.ratios_of_free @ chol @ chol.T @ ratios.ratios_of_free.T
    np.testing.assert_allclose(mapped.scale_chols[0] @ mapped.scale_chols[0].T, expected)
    np.testing.assert_allclose(mapped.centres, image[None])


def test_correlations_may_be_all_that_is_free():
    """SDs and σ are known: of two effects only their correlation is left, on (−1, 1)."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(12), 6)
    x = rng.normal(size=len(g))
    u = rng.normal(size=(12, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    slopes = np.column_stack([np.ones(len(g)), x])
    y = np.sum(slopes * u[g], 1) + rng.normal(size=len(g))
    data = Data(y, Design(np.ones((len(g), 1)), [Term.grouped("g", g, slopes)]))
    priors = Priors.build(data.design, (0, 3), ScalePrior("fixed", 1.0), ScalePrior("fixed", 1.0))
    tree = posterior(data, priors, rng=np.random.default_rng(1))

    # The same by quadrature over the correlation, which is uniform a priori.
    grid = np.linspace(-0.9995, 0.9995, 2000)
    log_density = log_posterior(np.arctanh(grid)[:, None], data.reduction, priors).log_density
    weight = np.exp(log_density - log_density.max()) / (1 - grid**2)  # dz = dr/(1 − r²)
    mean = weight @ grid / weight.sum()
    sd = np.sqrt(weight @ (grid - mean) ** 2 / weight.sum())
    error = sd / np.sqrt(tree.attrs["kish_ess"])
    assert abs(float(tree.posterior.cor.mean()) - mean) < 5 * error
