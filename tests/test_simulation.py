"""Simulated effects and responses, and the experiments as the discussion describes them."""

import numpy as np
import pytest

import truth
from cases import CASES
from lmmlib import simulate
from lmmlib.report.experiments import experiment_1, experiment_2


def test_one_stream_one_result():
    data, params = CASES["nested"]()
    first, second = (simulate(data.design, params, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.y, second.y)


@pytest.mark.parametrize("name", ["known covariance of groups", "perfect correlation", "nested"])
def test_effects_have_their_covariance(name):
    data, params = CASES[name]()
    rng, S = np.random.default_rng(6), 5000
    u = np.array([simulate(data.design, params, rng).u for _ in range(S)])
    G = truth.arrays(data.design, params).G
    spread = np.sqrt((G**2 + np.outer(np.diag(G), np.diag(G))) / S)
    assert np.max(np.abs(u.T @ u / S - G) / np.maximum(spread, 1e-12)) < 5


def test_experiment_1_is_made_as_described():
    experiment = experiment_1(np.random.default_rng(1))
    design = experiment.design
    Z = design.Z.toarray()
    assert (design.n, design.X.shape[1], Z.shape[1], experiment.sigma) == (100, 4, 5, 0.01)
    assert np.all(design.X[:, 0] == 1)
    assert 0 < Z.min() < Z.max() < 1
    noise = experiment.y - design.X @ experiment.beta - Z @ experiment.u
    assert abs(noise.std() - 0.01) < 5 * 0.01 / np.sqrt(200)


def test_effects_of_experiment_1_have_precision_q():
    """u'Qu is chi-squared with five degrees of freedom whatever Q was drawn."""
    values = []
    for seed in range(2000):
        W = np.random.default_rng(seed).standard_normal((5, 5))  # the generator's first draw
        u = experiment_1(np.random.default_rng(seed), n=6).u
        values.append(u @ W @ W.T @ u)
    assert abs(np.mean(values) - 5) < 5 * np.sqrt(10 / 2000)


def test_experiment_2_is_made_as_described():
    design = experiment_2(np.random.default_rng(1)).design
    assert design.Z.sum(0).tolist() == [50] * 10
    assert design.X.shape == (500, 5)
    with pytest.raises(ValueError, match="n must be a multiple of groups"):
        experiment_2(np.random.default_rng(1), n=501)
