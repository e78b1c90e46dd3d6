"""Replicates for known and for new groups have the spread that their names promise."""

import numpy as np
import pytest

from cases import CASES
from lmmlib import as_draws, moments, replicate


@pytest.fixture(scope="module")
def repeated():
    """One value of (θ, u) repeated, so that replicates have exact moments."""
    data, params = CASES["nested"]()
    lead = (4, 5000)
    u = np.random.default_rng(1).normal(size=data.design.Z.shape[1])
    sd = np.sqrt([params.cov["a"][0, 0], params.cov["b:a"][0, 0]])
    arrays = {"beta": params.beta, "sd": sd, "u": u}
    return data, params, u, as_draws(data=data, sigma=np.full(lead, params.sigma), **{k: np.tile(v, (*lead, 1)) for k, v in arrays.items()})


@pytest.mark.parametrize("levels", ["known", "new"])
def test_moments_are_those_of_the_formulation(repeated, levels):
    data, params, u, draws = repeated
    tree = replicate(draws, data.design, levels, rng=np.random.default_rng(2))
    y = tree.posterior_predictive.y.to_numpy().reshape(-1, data.design.n)
    exact = moments.conditional(data.design, params, u) if levels == "known" else moments.marginal(data.design, params)
    variance, S = np.diag(exact.cov), len(y)
    assert np.max(np.abs(y.mean(0) - exact.mean) / np.sqrt(variance / S)) < 5
    assert np.max(np.abs(np.cov(y.T) - exact.cov) / np.sqrt((exact.cov**2 + np.outer(variance, variance)) / S)) < 5
    assert tree.posterior_predictive.y.dims == ("chain", "draw", "row")
    np.testing.assert_array_equal(tree.observed_data.y, data.y)


def test_a_draw_shared_by_all_new_groups_would_be_seen(repeated):
    """The spread between group means of one replicate: shared effects give that of σ alone, ours gives that of τ."""
    data, params, _, draws = repeated
    y = replicate(draws, data.design, "new", rng=np.random.default_rng(3)).posterior_predictive.y.to_numpy()
    means = (y - data.design.fixed_part(params.beta)).reshape(*y.shape[:2], 4, 6).mean(-1)
    between = np.mean(means.var(-1, ddof=1))
    V = moments.marginal(data.design, params).cov
    group = V.reshape(4, 6, 4, 6).mean((1, 3))
    expected = np.trace(group) / 4 - (group.sum() - np.trace(group)) / 12
    shared = np.mean([V[i * 6 : i * 6 + 6, i * 6 : i * 6 + 6].mean() for i in range(4)]) - params.cov["a"][0, 0]
    assert between == pytest.approx(expected, rel=5 * np.sqrt(2 / 3 / 20_000))
    assert shared < 0.8 * expected


def test_the_seed_decides_and_nothing_else(repeated):
    data, _, _, draws = repeated
    first, second = (replicate(draws, data.design, "new", rng=np.random.default_rng(4)).posterior_predictive.y for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_unknown_levels_are_refused(repeated):
    data, _, _, draws = repeated
    with pytest.raises(ValueError, match="levels must be one of known, new, got 'old'"):
        replicate(draws, data.design, "old", rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="the draws have coef x1, x2; the design has x1, x2, x3"):
        replicate(draws, CASES["wide crossed"]()[0].design, rng=np.random.default_rng(1))
