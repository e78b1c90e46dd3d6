"""Exact draws of u given y have the mean and covariance of the dense formula."""

import numpy as np
import pytest

import truth
from cases import CASES
from lmmlib.design import Theta
from lmmlib.effects import draw_given_y


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
    one = params.theta(data.design)
    many = Theta(np.tile(one.beta, (S, 1)), tuple(np.tile(r, (S, 1, 1)) for r in one.roots), np.full(S, one.sigma))
    u = draw_given_y(data, many, np.random.default_rng(7))
    mean, cov = truth.effects(data, params)
    variance = np.maximum(np.diag(cov), 1e-12)
    assert np.max(np.abs(u.mean(0) - mean) / np.sqrt(variance / S)) < 5
    spread = np.sqrt((cov**2 + np.outer(variance, variance)) / S)
    assert np.max(np.abs(np.cov(u.T) - cov) / spread) < 5


def test_zero_sd_gives_zero_effects():
    data, params = CASES["zero SD"]()
    one = params.theta(data.design)
    u = draw_given_y(data, Theta(one.beta[None], (one.roots[0][None],), one.sigma[None]), np.random.default_rng(1))
    np.testing.assert_array_equal(u, 0)
