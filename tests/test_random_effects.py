"""Random effects given y, and leverages, are those of the dense formulas."""

import numpy as np
import pytest

import truth
from cases import CASES, each_case
from lmmlib import estimate, from_formula, load_dataset
from lmmlib.random_effects import (
    conditional_covariance,
    conditional_draws,
    conditional_mean,
    leverages,
    shrinkage_information,
)


@each_case
def test_mean_and_covariance_are_the_dense_ones(name):
    data, params = CASES[name]()
    mean, cov = truth.effects(data, params)
    for source in (data, data.reduction):
        np.testing.assert_allclose(conditional_mean(source, params), mean, rtol=1e-9, atol=1e-11)
        start = 0
        for blocks in conditional_covariance(source, params).values():
            for block in blocks:
                stop = start + len(block)
                expected = cov[start:stop, start:stop]
                np.testing.assert_allclose(block, expected, rtol=1e-8, atol=1e-11)
                start = stop
        assert start == len(mean)


@each_case
def test_leverages_are_the_dense_diagonal(name):
    """Of the matrix that maps y − offset to Xβ̂ + Zû: X(X'V⁻¹X)⁻¹X'V⁻¹ and ZGZ'V⁻¹ of the rest."""
    data, params = CASES[name]()
    a = truth.arrays(data.design, params)
    X = data.design.X
    inverse = np.linalg.inv(a.V)
    fixed = X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse)
    random = a.Z @ a.G @ a.Z.T @ inverse @ (np.eye(data.design.n) - fixed)
    expected = np.diag(fixed + random)
    np.testing.assert_allclose(leverages(data, params), expected, rtol=1e-9, atol=1e-11)


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
    prior = np.diag(truth.arrays(data.design, params).G)
    posterior = np.diag(truth.effects(data, params)[1])
    expected = np.where(prior > 0, 1 - posterior / np.where(prior > 0, prior, 1), 0)
    np.testing.assert_allclose(
        shrinkage_information(data, params), expected, rtol=1e-10, atol=1e-12
    )


def test_information_tells_experiment_1_from_classic_data():
    table = load_dataset("sleepstudy")
    data = from_formula("Reaction ~ Days + (Days | Subject)", table)
    assert shrinkage_information(data, estimate(data).params).mean() < 0.9
