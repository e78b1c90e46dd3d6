"""Gradients and Hessians of the deviance against derivatives in 100-digit arithmetic."""

import numpy as np
import pytest

import truth
from cases import CASES, each_case, take_separators_front_by_front
from lmmlib.estimation import derivatives
from lmmlib.estimation.derivatives import DevianceDerivatives
from lmmlib.estimation.deviance import deviance_of, profile_at, relative_factors
from lmmlib.estimation.search import search
from lmmlib.model import Data, Design, Term

METHOD = pytest.mark.parametrize("method", ["ml", "reml"])
# Of the sum of the magnitudes of the two parts of a derivative.
EXACT = 1e-10
LONGEST_EXACT = 13  # rows of a design whose second derivatives are taken in 100 digits


def _points(d, rng):
    """An ordinary point, one with zeros, tiny and large ones, and correlations near one."""
    ordinary = rng.normal(size=d)
    with_zero = np.where(np.arange(d) == d - 1, 0.0, ordinary)
    return {
        "ordinary": ordinary,
        "one at zero": with_zero,
        "all at zero": np.zeros(d),
        "tiny": 1e-6 * ordinary,
        "large": 1e6 * ordinary,
    }


def _assert_exact(data, method, x, is_dense=True):
    deviance = DevianceDerivatives(data.reduction, method)
    deviance.is_dense = is_dense
    evaluation = deviance(x)
    factors = [factor[0] for factor in relative_factors(data.reduction, x[None])]
    gradients, hessians = truth.deviance_derivatives_100_digits(data, factors, method)
    scales = deviance.scales
    gradients = gradients * scales
    hessians = hessians * np.outer(scales, scales)

    allowed = EXACT * np.abs(gradients).sum(0)
    assert np.all(np.abs(evaluation.gradient - gradients.sum(0)) <= allowed + 1e-300)
    if is_dense:
        magnitude = np.abs(hessians).sum(0)
        size = np.sqrt(np.diag(magnitude))
        allowed = EXACT * np.maximum(np.outer(size, size), magnitude)
        assert np.all(np.abs(evaluation.hessian - hessians.sum(0)) <= allowed + 1e-300)


@METHOD
@each_case
def test_derivatives_are_exact(name, method):
    data, _ = CASES[name]()
    if len(data.y) > LONGEST_EXACT:
        data = data.rows(np.arange(LONGEST_EXACT))
    d = len(DevianceDerivatives(data.reduction, method).scales)
    _assert_exact(data, method, np.random.default_rng(4).normal(size=d))


@METHOD
@pytest.mark.parametrize("place", ["one at zero", "all at zero", "tiny", "large"])
@pytest.mark.parametrize("name", ["unbalanced slopes", "crossed", "nested", "weights and offset"])
def test_derivatives_are_exact_at_the_edges(name, place, method):
    data, _ = CASES[name]()
    if len(data.y) > LONGEST_EXACT:
        data = data.rows(np.arange(LONGEST_EXACT))
    d = len(DevianceDerivatives(data.reduction, method).scales)
    _assert_exact(data, method, _points(d, np.random.default_rng(5))[place])


@METHOD
@pytest.mark.parametrize("place", ["ordinary", "one at zero", "all at zero", "tiny", "large"])
def test_small_blocks_keep_the_digits_of_gradients(place, method):
    data, _ = CASES["unbalanced slopes"]()
    data = data.rows(np.arange(LONGEST_EXACT))
    d = len(DevianceDerivatives(data.reduction, method).scales)
    _assert_exact(data, method, _points(d, np.random.default_rng(8))[place], is_dense=False)


@METHOD
def test_derivatives_are_exact_at_a_correlation_near_one(method):
    data, _ = CASES["unbalanced slopes"]()
    data = data.rows(np.arange(LONGEST_EXACT))
    _assert_exact(data, method, np.array([1.0, 0.999, np.sqrt(1 - 0.999**2)]))


@METHOD
@pytest.mark.parametrize("separator", ["dense", "front by front"])
@each_case
def test_the_sparse_way_has_the_same_value_and_gradient(name, separator, method, monkeypatch):
    """Of designs with many effects, whose second derivatives are averages."""
    if separator == "front by front":
        take_separators_front_by_front(monkeypatch)
    data, _ = CASES[name]()
    dense = DevianceDerivatives(data.reduction, method)
    sparse = DevianceDerivatives(data.reduction, method)
    sparse.is_dense = False
    for x in np.random.default_rng(6).normal(size=(3, len(dense.scales))):
        exact = dense(x)
        other = sparse(x)
        assert other.value == pytest.approx(exact.value, rel=1e-11)
        assert sparse.value(x) == pytest.approx(exact.value, rel=1e-11)
        profiled = profile_at(data.reduction, x[None])
        by_profile = deviance_of(profiled, data.reduction, method)[0]
        assert by_profile == pytest.approx(exact.value, rel=1e-11)
        size = np.sqrt(np.abs(np.diag(exact.hessian))) + np.abs(exact.gradient)
        assert np.all(np.abs(other.gradient - exact.gradient) <= 1e-9 * size)


def test_the_average_information_is_the_mean_of_the_hessian():
    """Over responses of the model, for REML with σ known, the traces that it replaces are its mean.

    The mean of 400 differences lies within five of its standard errors of zero.
    """
    rng = np.random.default_rng(7)
    design = Design(
        np.column_stack([np.ones(120), rng.normal(size=120)]),
        [
            Term.grouped("a", rng.integers(20, size=120), levels=range(20)),
            Term.grouped("b", rng.integers(6, size=120), levels=range(6)),
        ],
    )
    x = np.array([0.8, 0.5])
    scaled = design.Z.toarray() @ np.diag(np.repeat(x, [20, 6]))
    differences = []
    for _ in range(400):
        y = scaled @ rng.normal(size=26) + rng.normal(size=120)
        reduction = Data(y, design).reduction
        exact = DevianceDerivatives(reduction, "reml", sigma=1.0)
        average = DevianceDerivatives(reduction, "reml", sigma=1.0)
        average.is_dense = False
        differences.append(average(x).hessian - exact(x).hessian)
    error = np.std(differences, 0) / np.sqrt(len(differences))
    assert np.all(np.abs(np.mean(differences, 0)) <= 5 * error)


@METHOD
def test_both_ways_end_at_one_estimate(method, monkeypatch):
    data, _ = CASES["two correlated terms"]()
    exact = search(DevianceDerivatives(data.reduction, method))
    monkeypatch.setattr(derivatives, "MOST_DENSE_EFFECTS", 0)
    by_average = search(DevianceDerivatives(data.reduction, method))
    deviance = DevianceDerivatives(data.reduction, method)
    at_exact = deviance.value(exact.point)
    assert deviance.value(by_average.point) == pytest.approx(at_exact, rel=1e-11)
