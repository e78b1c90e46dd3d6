"""Four routes to one leave-one-out density.

p(y|u, θ) smoothed, p(y_i|y_-i, θ) smoothed, direct refits, refits by NUTS.
"""

import warnings

import numpy as np
import pytest
from scipy.special import logsumexp

from lmmlib import (
    Data,
    Design,
    Priors,
    ScalePrior,
    Term,
    draws,
    from_formula,
    load_dataset,
    loo,
    marginal_model,
    posterior,
    sample,
)
from lmmlib.crossvalidation.refits import refit_log_density, without_rows
from lmmlib.held_out import set_in_draws

SEEDS = range(5)


def _sleepstudy():
    data = from_formula("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy"))
    return data, Priors.weak(data)


def _thread_like():
    table = load_dataset("thread_like")
    terms = [Term.dense(f"z{k}", table[[f"z{k}"]].to_numpy()) for k in range(1, 6)]
    data = Data(table.y, Design(table[["x1", "x2", "x3", "x4"]].to_numpy(), terms))
    return data, Priors.build(data.design, (0, 10), ScalePrior("half-normal", 1.0))


def _smoothed(data, priors, seed):
    tree = posterior(data, priors, 4000, rng=np.random.default_rng(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {route: loo(tree, data, route=route) for route in ("leverage", "conditional")}


@pytest.mark.parametrize("make", [_sleepstudy, _thread_like])
def test_four_routes_lead_to_one_number(make):
    data, priors = make()
    refits = np.array(
        [
            refit_log_density(
                data, priors, np.array([i]), 4096, np.random.default_rng(i), f"row {i}"
            )
            for i in range(data.design.n)
        ]
    )
    found = [_smoothed(data, priors, seed) for seed in SEEDS]
    errors, high = {}, {}
    for route in ("leverage", "conditional"):
        errors[route] = np.array([f[route].elpd for f in found]) - refits.sum()
        high[route] = sum(int((f[route].pareto_k > f[route].good_k).sum()) for f in found)
    assert np.mean(errors["leverage"] ** 2) <= np.mean(errors["conditional"] ** 2)
    assert high["leverage"] <= high["conditional"]
    assert np.abs(errors["leverage"]).max() < 1.0
    if make is _sleepstudy:
        assert high["leverage"] < high["conditional"]
    worst = np.argsort(refits)[:2]  # brute force by NUTS where it is hardest
    for i in worst:
        tree = sample(marginal_model(without_rows(data, np.array([i])), priors), random_seed=int(i))
        theta = draws.theta(tree, data.design, same_rows=False)
        density = set_in_draws(data, theta, np.array([i]))
        by_nuts = logsumexp(density) - np.log(len(density))
        error = (
            np.std(np.exp(density - density.max()))
            / np.mean(np.exp(density - density.max()))
            / np.sqrt(400)
        )  # the smallest ESS that passes
        assert abs(by_nuts - refits[i]) < 5 * np.hypot(error, error / 3)


def test_refitted_rows_bring_the_conditional_route_home():
    """Rows above the threshold are refitted; what is left is the error of rows below it."""
    data, priors = _sleepstudy()
    exact = np.array(
        [
            refit_log_density(
                data, priors, np.array([i]), 4096, np.random.default_rng(i), f"row {i}"
            )
            for i in range(180)
        ]
    ).sum()
    plain, mended = [], []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        tree = posterior(data, priors, 4000, rng=rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plain.append(loo(tree, data, route="conditional").elpd - exact)
        result = loo(tree, data, route="conditional", priors=priors, rng=rng)
        assert not result.warning
        mended.append(result.elpd - exact)
    assert np.mean(np.square(mended)) < np.mean(np.square(plain))


def test_groups_are_eighteen_refits():
    """Leave-one-group-out with refits where k is high, against refits of all, in Monte Carlo
    errors from repetition.
    """
    data, priors = _sleepstudy()
    units = data.design.level_of_rows("Subject")
    refits, smoothed = [], []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        refits.append(
            sum(
                refit_log_density(data, priors, np.flatnonzero(units == j), 4096, rng, str(j))
                for j in range(18)
            )
        )
        smoothed.append(
            loo(
                posterior(data, priors, 4096, rng=rng),
                data,
                leave="Subject",
                priors=priors,
                rng=rng,
            ).elpd
        )
    error = np.hypot(np.std(refits, ddof=1), np.std(smoothed, ddof=1)) / np.sqrt(len(SEEDS))
    assert abs(np.mean(refits) - np.mean(smoothed)) < 5 * error
