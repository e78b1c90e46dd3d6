"""A model without fixed effects in everything after its draws: nothing there may ask for a beta."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cases import CASES
from lmmlib import (
    Params,
    Priors,
    ScalePrior,
    as_draws,
    calibrate,
    draws,
    estimate,
    loo,
    loo_pit,
    merge_reductions,
    posterior,
    posterior_predict,
    summary,
)
from lmmlib.calibration import ImportanceSampler


@pytest.fixture(scope="module")
def data():
    return CASES["no fixed effects"]()[0]


@pytest.fixture(scope="module")
def tree(data):
    return posterior(data, Priors.weak(data), rng=np.random.default_rng(1))


def test_draws_hold_no_beta_and_say_what_theta_is(data, tree):
    assert "beta" not in tree.posterior
    assert "coef" not in tree.posterior.dims
    theta = draws.theta(tree, data.design)
    assert theta.beta.shape == (4096, 0)
    index = [
        *(f"sd[{name}]" for name in data.design.effects),
        *(f"cor[{name}]" for name in data.design.pairs),
        "sigma",
    ]
    assert summary(tree).index.tolist() == index


def test_draws_of_another_engine_come_with_or_without_an_empty_beta(data):
    given = {"sd": np.ones((2, 5, 2)), "sigma": np.ones((2, 5)), "cor": np.zeros((2, 5, 1))}
    for beta in ({}, {"beta": np.zeros((2, 5, 0))}):
        assert set(as_draws(data=data, **beta, **given).posterior.data_vars) == {
            "sd",
            "sigma",
            "cor",
        }
    with pytest.raises(
        ValueError,
        match=r"beta must have shape \(chains, draws, …\) = \(2, 5, 0\), got \(2, 5, 1\)",
    ):
        as_draws(data=data, beta=np.zeros((2, 5, 1)), **given)
    other = CASES["unbalanced slopes"]()[0]
    with pytest.raises(ValueError, match="beta must be given for the coefficients x1, x2"):
        as_draws(data=other, **given)


def test_prediction_and_leave_one_out(data, tree):
    rng = np.random.default_rng(2)
    priors = Priors.weak(data)
    for leave in ("row", "g"):
        assert np.isfinite(loo(tree, data, leave=leave, priors=priors, rng=rng).elpd)
    pit = loo_pit(tree, data).to_numpy()
    assert ((pit > 0) & (pit < 1)).all()
    for levels in ("known", "new"):
        y = posterior_predict(tree, data.design, levels, rng=rng).posterior_predictive.y
        assert y.shape == (4, 1024, 24)


def test_reductions(data):
    merged = merge_reductions([data.rows(np.arange(10)), data.rows(np.arange(10, 24))])
    assert estimate(merged).deviance == pytest.approx(estimate(data).deviance, rel=1e-10)


def test_calibration(data):
    priors = Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    with ThreadPoolExecutor(1) as one:
        result = calibrate(
            data.design, priors, ImportanceSampler(), 3, rng=np.random.default_rng(3), executor=one
        )
    assert np.isfinite(np.asarray(result.ranks)).all()


def test_parameters_of_another_size_are_refused(data):
    with pytest.raises(ValueError, match="beta has 1 entries; the design has 0 columns"):
        Params([1.0], {"g": np.eye(2)}, 1.0).theta(data.design)


def test_weak_priors_are_scaled_by_the_size_of_y(data):
    priors = Priors.weak(data)
    size = np.sqrt(np.mean(data.y**2))
    assert priors.sd["g: x1"].scale == pytest.approx(size)
    assert priors.sigma.scale == pytest.approx(size * np.sqrt(data.design.weights.mean()))
    assert (priors.beta_mean.shape, priors.coef) == ((0,), ())
    assert "beta" not in str(priors)
