"""Exact draws of u given y have the mean and covariance of the dense formula."""

import numpy as np
import pytest

import truth
from cases import CASES
from lmmlib import estimate, from_formula, load_dataset, moments
from lmmlib.random_effects import conditional_draws, shrinkage_information


@pytest.mark.parametrize(
    "name",
    [
        "unbalanced slopes",
        "crossed",
        "nested",
        "dense",
        "known covariance of groups",
        "weights and offset",
        "perfect correlation",
        "levels without rows",
    ],
)
def test_draws_have_the_exact_moments(name):
    data, params = CASES[name]()
    S = 20_000
    u = conditional_draws(data, params.theta(data.design).repeat(S), np.random.default_rng(7))
    mean, cov = truth.effects(data, params)
    variance = np.maximum(np.diag(cov), 1e-12)
    assert np.max(np.abs(u.mean(0) - mean) / np.sqrt(variance / S)) < 5
    spread = np.sqrt((cov**2 + np.outer(variance, variance)) / S)
    assert np.max(np.abs(np.cov(u.T) - cov) / spread) < 5


def test_zero_sd_gives_zero_effects():
    data, params = CASES["zero SD"]()
    u = conditional_draws(data, params.theta(data.design).repeat(1), np.random.default_rng(1))
    np.testing.assert_array_equal(u, 0)


@pytest.mark.parametrize(
    "name",
    [
        "unbalanced slopes",
        "crossed",
        "nested",
        "dense",
        "weights and offset",
        "levels without rows",
        "one zero SD of two",
    ],
)
def test_information_is_the_dense_ratio(name):
    data, params = CASES[name]()
    prior = np.diag(moments.effects_covariance(data.design, params))
    left = np.diag(moments.effects(data, params).cov)
    expected = np.where(prior > 0, 1 - left / np.where(prior > 0, prior, 1), 0)
    np.testing.assert_allclose(
        shrinkage_information(data, params), expected, rtol=1e-10, atol=1e-12
    )


def test_information_tells_experiment_1_from_classic_data():
    table = load_dataset("sleepstudy")
    data = from_formula("Reaction ~ Days + (Days | Subject)", table)
    assert shrinkage_information(data, estimate(data).params).mean() < 0.9
