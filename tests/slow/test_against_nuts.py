"""Three engines, one posterior: both PyMC models by NUTS and the direct posterior.

And what leave-one-out makes of them.
"""

import warnings

import arviz_stats
import numpy as np
import pytest

from lmmlib import (
    Data,
    Design,
    Priors,
    ScalePrior,
    Term,
    conditional_model,
    from_formula,
    load_dataset,
    loo,
    marginal_model,
    posterior,
    sample,
)
from lmmlib.draws import VARIABLES


def _thread_like():
    table = load_dataset("thread_like")
    terms = [Term.dense(f"z{k}", table[[f"z{k}"]].to_numpy()) for k in range(1, 6)]
    data = Data(table.y, Design(table[["x1", "x2", "x3", "x4"]].to_numpy(), terms))
    return data, Priors.build(data.design, (0, 10), ScalePrior("half-normal", 1.0))


def _from(formula, table):
    data = from_formula(formula, load_dataset(table))
    return data, Priors.weak(data)


DATA = {
    "sleepstudy": lambda: _from("Reaction ~ Days + (Days | Subject)", "sleepstudy"),
    "Penicillin": lambda: _from("diameter ~ 1 + (1 | plate) + (1 | sample)", "Penicillin"),
    "thread_like": _thread_like,
}


def _moments_and_errors(tree, ess=None):
    """Posterior means and SDs with Monte Carlo errors.

    ArviZ's, or those of ``ess`` independent draws.
    """
    named = [
        name for name in VARIABLES if name in tree.posterior
    ]  # a correlation factor has constant entries besides
    posterior_, over = tree.posterior.to_dataset()[named], ("chain", "draw")
    mean, sd = posterior_.mean(over), posterior_.std(over)
    if ess is None:
        return (mean, sd), tuple(
            arviz_stats.mcse(posterior_, method=method) for method in ("mean", "sd")
        )
    kurtosis = ((posterior_ - mean) ** 4).mean(over) / sd**4
    return (mean, sd), (sd / np.sqrt(ess), sd * np.sqrt((kurtosis - 1) / (4 * ess)))


@pytest.mark.parametrize("name", DATA)
def test_three_engines_agree(name):
    data, priors = DATA[name]()
    direct = posterior(data, priors, 8192, rng=np.random.default_rng(1))
    found = {
        "direct": _moments_and_errors(direct, ess=direct.attrs["kish_ess"]),
        "marginal": _moments_and_errors(sample(marginal_model(data, priors), random_seed=1)),
        "conditional": _moments_and_errors(sample(conditional_model(data, priors), random_seed=1)),
    }
    for first, second in (
        ("direct", "marginal"),
        ("direct", "conditional"),
        ("marginal", "conditional"),
    ):
        for a, b, ea, eb in zip(
            found[first][0], found[second][0], found[first][1], found[second][1], strict=True
        ):
            for variable in a.data_vars:
                gap = np.abs(a[variable] - b[variable]) / np.hypot(ea[variable], eb[variable])
                assert float(gap.max()) < 5, (name, first, second, variable)


def test_leverage_route_has_fewer_unreliable_rows_on_sleepstudy():
    """Over five seeds the median number of rows with k above 0.7.

    At most one by leverage, more through p(y_i|u,θ).
    """
    data, priors = DATA["sleepstudy"]()
    high = {"leverage": [], "conditional": []}
    for seed in range(5):
        draws = sample(marginal_model(data, priors), random_seed=seed)
        for route, counts in high.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                counts.append(int((loo(draws, data, route=route).pareto_k > 0.7).sum()))
    assert np.median(high["leverage"]) <= 1 < np.median(high["conditional"])


def test_leave_one_out_of_experiment_1_is_the_reference():
    data, priors = DATA["thread_like"]()
    for model in (marginal_model(data, priors), conditional_model(data, priors, centered=True)):
        draws = sample(model, random_seed=2)
        for route in ("leverage", "conditional"):
            assert abs(loo(draws, data, route=route).elpd - 317.0) < 0.3
