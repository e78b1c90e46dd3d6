"""NUTS by NumPyro on compiled densities: its draws, its starts, and what it refuses."""

import arviz_stats
import numpy as np
import pymc as pm
import pytest

from lmmlib.pymc_models.nuts import STATS, nuts_draws
from lmmlib.pymc_models.settings import NutsSettings

SETTINGS = NutsSettings(draws=500, tune=500, chains=2, target_accept=0.9)


@pytest.fixture(scope="module")
def model():
    """Independent variables with known moments, free and transformed, and one made of them."""
    with pm.Model(coords={"pair": ["a", "b"]}) as model:
        x = pm.Normal("x", [1.0, -2.0], [0.1, 5.0], dims="pair")
        positive = pm.Exponential("positive", scale=3.0)
        pm.Deterministic("both", x * positive, dims="pair")
    return model


@pytest.fixture(scope="module")
def draws(model):
    return nuts_draws(model, None, 7, SETTINGS)


def test_the_moments_are_those_of_the_posterior(draws):
    posterior = draws.posterior.to_dataset()
    means = posterior.mean(("chain", "draw"))
    sds = posterior.std(("chain", "draw"))
    errors = arviz_stats.mcse(posterior, method="mean")
    errors_of_sds = arviz_stats.mcse(posterior, method="sd")
    for name, mean, sd in (("x", [1.0, -2.0], [0.1, 5.0]), ("positive", 3.0, 3.0)):
        assert np.all(np.abs(means[name] - mean) < 5 * errors[name])
        assert np.all(np.abs(sds[name] - sd) < 5 * errors_of_sds[name])


def test_all_variables_come_back_as_pymc_gives_them(model, draws):
    """Names, dimensions, labels, and what NUTS notes, with its type."""
    with model:
        theirs = pm.sample(
            50,
            tune=50,
            chains=2,
            nuts_sampler="numpyro",
            random_seed=1,
            quiet=True,
            compute_convergence_checks=False,
        )
    for group in ("posterior", "sample_stats"):
        ours = draws[group].to_dataset()
        expected = theirs[group].to_dataset()
        assert set(ours.data_vars) == set(expected.data_vars)
        for name, array in expected.data_vars.items():
            assert ours[name].dims == array.dims
            assert ours[name].dtype == array.dtype
    assert draws.posterior["pair"].to_numpy().tolist() == ["a", "b"]
    np.testing.assert_allclose(
        draws.posterior["both"], draws.posterior["x"] * draws.posterior["positive"], rtol=1e-12
    )


def test_depth_and_steps_of_a_tree_belong_together(draws):
    steps = draws.sample_stats["n_steps"]
    depth = draws.sample_stats["tree_depth"]
    assert np.all(steps >= 2 ** (depth - 1))
    assert np.all(steps <= 2**depth - 1)


def test_draws_are_a_function_of_the_seed_and_a_single_chain_is_one_of_them(model, draws):
    again = nuts_draws(model, None, 7, SETTINGS)
    np.testing.assert_array_equal(again.posterior["x"], draws.posterior["x"])
    one = nuts_draws(model, None, 8, NutsSettings(draws=500, tune=500, chains=1, target_accept=0.9))
    assert one.posterior["both"].shape == (1, 500, 2)
    assert set(one.sample_stats.data_vars) == {*STATS.values(), "tree_depth"}
    assert not np.array_equal(one.posterior["x"][0], draws.posterior["x"][0])


def test_given_values_are_the_starts_of_all_chains():
    """Where a chain neither adapts nor moves far, it stays near its start."""
    with pm.Model() as model:
        pm.Normal("x", 0.0, 1e6)
    settings = NutsSettings(draws=2, tune=0, chains=2, target_accept=0.9)
    started = nuts_draws(model, {"x": np.array(2e5)}, 1, settings).posterior["x"]
    # A tree has at most 2^10 steps of size one, with momenta of SD one: five of these bound both.
    assert np.all(np.abs(started - 2e5) < 2 * 5 * 2**10)


def test_starts_without_a_density_are_drawn_anew_and_named_if_there_are_none():
    with pm.Model() as half:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Potential("positive", pm.math.where(x > 0, 0.0, -np.inf))
    assert np.all(nuts_draws(half, None, 3, SETTINGS).posterior["x"] > 0)
    with pm.Model() as nowhere:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Potential("impossible", pm.math.where(x > 9, 0.0, -np.inf))
    with pytest.raises(pm.exceptions.SamplingError, match=r"'impossible': .*-inf"):
        nuts_draws(nowhere, None, 3, SETTINGS)


def test_models_without_continuous_variables_are_refused_with_a_reason():
    with pm.Model() as model:
        pm.Normal("x", pm.Poisson("count", 3.0), 1.0)
    with pytest.raises(ValueError, match=r"^count of the model is discrete, .*; sum it out, or"):
        nuts_draws(model, None, 1, SETTINGS)
    with pm.Model() as fixed:
        pm.Normal("y", 0.0, 1.0, observed=[1.0])
    with pytest.raises(pm.exceptions.SamplingError, match="no free variables: all"):
        nuts_draws(fixed, None, 1, SETTINGS)
