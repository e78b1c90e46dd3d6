"""One compiled model fitted to new responses.

Both formulations against the direct posterior, and what it refuses.
"""

import pickle
from dataclasses import replace

import arviz_stats
import numpy as np
import nutpie
import pytest

from lmmlib import (
    Data,
    Design,
    Params,
    Priors,
    ScalePrior,
    from_formula,
    load_dataset,
    posterior,
    simulate,
)
from lmmlib.draws import VARIABLES, check_data
from lmmlib.pymc_models import Refitter, SamplingError, diagnose, refit
from lmmlib.pymc_models.settings import NutsSettings
from lmmlib.report import working_independence_model

SLEEP = from_formula("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy"))
PRIORS = Priors.weak(SLEEP)
TRUTH = Params([250.0, 10.0], {"Subject": np.array([[600.0, 20.0], [20.0, 36.0]])}, 26.0)


def _new(seed):
    return SLEEP.with_y(simulate(SLEEP.design, TRUTH, np.random.default_rng(seed)).y)


@pytest.fixture(scope="module", params=["marginal", "conditional"])
def compiled(request):
    """A Refitter, and how often nutpie has compiled anything since it was begun."""
    calls, compile_model = [], nutpie.compile_pymc_model

    def counted(*args, **options):
        calls.append(args)
        return compile_model(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nutpie, "compile_pymc_model", counted)
        yield Refitter(request.param, SLEEP, PRIORS), calls


@pytest.fixture
def refitter(compiled):
    return compiled[0]


def _moments(tree):
    named = tree.posterior.to_dataset()[list(VARIABLES)]
    return named, named.mean(("chain", "draw")), named.std(("chain", "draw"))


def _worst_gap(tree, direct):
    """The largest difference of a mean or SD in units of both Monte Carlo errors.

    ``direct`` has its own ESS.
    """
    (a, mean_a, sd_a), (b, mean_b, sd_b), ess = (
        _moments(tree),
        _moments(direct),
        direct.attrs["kish_ess"],
    )
    kurtosis = ((b - mean_b) ** 4).mean(("chain", "draw")) / sd_b**4
    of_mean = (mean_a - mean_b) / np.hypot(arviz_stats.mcse(a, method="mean"), sd_b / np.sqrt(ess))
    of_sd = (sd_a - sd_b) / np.hypot(
        arviz_stats.mcse(a, method="sd"), sd_b * np.sqrt((kurtosis - 1) / (4 * ess))
    )
    return max(float(np.abs(gap[name]).max()) for gap in (of_mean, of_sd) for name in VARIABLES)


def test_refits_have_the_direct_posterior_and_compile_nothing(compiled):
    refitter, calls = compiled
    responses = [_new(1), _new(2)]
    trees = [refitter(data, PRIORS, np.random.default_rng(k)) for k, data in enumerate(responses)]
    for k, (data, tree) in enumerate(zip(responses, trees, strict=True)):
        assert diagnose(tree).passed
        check_data(tree, data)
        direct = posterior(data, PRIORS, 8192, rng=np.random.default_rng(k))
        assert _worst_gap(tree, direct) < 5
        assert (
            _worst_gap(trees[1 - k], direct) > 10
        )  # the comparison sees which response was fitted
    assert len(calls) == 1


def test_each_response_has_its_own_parameterisation(compiled):
    """Effects that one response informs well and another does not; each choice is compiled once."""
    refitter, calls = compiled
    before, mixed = len(calls), Params([250.0, 10.0], {"Subject": np.diag([25.0, 100.0])}, 26.0)
    for seed in (1, 2):
        data = SLEEP.with_y(simulate(SLEEP.design, mixed, np.random.default_rng(seed)).y)
        tree = refitter(data, PRIORS, np.random.default_rng(seed))
        assert _worst_gap(tree, posterior(data, PRIORS, 8192, rng=np.random.default_rng(seed))) < 5
    assert len(calls) - before == (refitter.formulation == "conditional")


def test_one_seed_gives_one_set_of_draws(refitter):
    equal = Priors.weak(SLEEP)  # not the same object
    first, again, other = (
        refitter(_new(3), equal, np.random.default_rng(seed)).posterior for seed in (4, 4, 5)
    )
    for name in VARIABLES:
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])


def test_a_failing_fit_is_rerun_once_and_then_raised(refitter, monkeypatch):
    """A few draws by trees of two leaves cannot pass; what is diagnosed is what nutpie noted."""
    asked, seen, sample = [], [], nutpie.sample

    def noted(*args, **options):
        asked.append((options["draws"], options["tune"], options["target_accept"]))
        return sample(*args, **options)

    def watched(tree, **options):
        seen.append((diagnose(tree, **options), tree.sample_stats))
        return seen[-1][0]

    monkeypatch.setattr(nutpie, "sample", noted)
    monkeypatch.setattr(refit, "diagnose", watched)
    monkeypatch.setattr(refit, "MAX_TREE_DEPTH", 1)
    monkeypatch.setattr(refitter, "settings", NutsSettings(50, 500, 4, 0.95))
    advice = {"conditional": "the marginal model, the other value of centered, ", "marginal": ""}[
        refitter.formulation
    ]
    with pytest.raises(
        SamplingError,
        match=rf"failed twice: .* for \d+ parameters .*; what may help: {advice}more draws",
    ):
        refitter(_new(6), PRIORS, np.random.default_rng(6))
    again = (100, 1000, pytest.approx(0.99)) if seen[0][0].divergences else (200, 1000, 0.95)
    assert asked == [(50, 500, 0.95), again]
    for diagnosis, stats in seen:
        assert diagnosis.saturated == float(stats["reached_max_treedepth"].mean()) > 0.5
        assert diagnosis.divergences == int(stats["diverging"].sum())
        assert float(stats["energy"].min()) > 0 > float(stats["lp"].max())  # neither is the other
        kinetic = float(np.abs(stats["energy"] + stats["lp"]).mean())
        assert kinetic < 0.5 * float(
            np.abs(stats["lp"]).mean()
        )  # of another note than energy it would be as large, of another sign twice


def test_another_design_and_other_priors_are_refused(refitter):
    d = SLEEP.design
    rng = np.random.default_rng(7)
    others = {
        "weights": Data(SLEEP.y, Design(d.X, d.terms, weights=np.full(d.n, 2.0), coef=d.coef)),
        "order": from_formula(
            "Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy").iloc[::-1]
        ),
        "terms": from_formula("Reaction ~ Days + (1 | Subject)", load_dataset("sleepstudy")),
    }
    for data in others.values():
        with pytest.raises(
            ValueError, match="data are of another design than the one compiled for"
        ):
            refitter(data, PRIORS, rng)
    wider = replace(PRIORS, beta_sd=2 * PRIORS.beta_sd, sigma=ScalePrior("exponential", 1.0))
    with pytest.raises(
        ValueError, match="priors must be the ones compiled with; beta_sd, sigma differ"
    ):
        refitter(SLEEP, wider, rng)


def test_it_stays_in_its_process(refitter):
    with pytest.raises(
        TypeError,
        match="cannot be sent to another process; give calibrate executor=ThreadPoolExecutor",
    ):
        pickle.dumps(refitter)


def test_a_function_builds_the_model_that_is_refitted():
    """Working independence: the draws differ from the direct posterior's, whose model is right."""
    refitter = Refitter(working_independence_model, SLEEP, PRIORS)
    data = _new(8)
    tree = refitter(data, PRIORS, np.random.default_rng(8))
    assert diagnose(tree).passed
    assert tree.posterior.u.shape[-1] == 36
    assert _worst_gap(tree, posterior(data, PRIORS, 8192, rng=np.random.default_rng(8))) > 10
