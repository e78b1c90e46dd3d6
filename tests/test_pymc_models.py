"""Both PyMC models against NumPy, their shared parts, what sampling adds, and the diagnostics."""

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import arviz_stats
import numpy as np
import nutpie
import pymc as pm
import pytest
from scipy import stats

import truth
from cases import CASES
from lmmlib import (
    Data,
    Design,
    Params,
    Priors,
    ScalePrior,
    Term,
    as_draws,
    conditional_model,
    from_formula,
    load_dataset,
    loglik,
    loo,
    marginal_model,
    posterior,
    posterior_predict,
    sample,
    simulate,
    summary,
)
from lmmlib.model import Theta
from lmmlib.pymc_models import (
    Refitter,
    SamplingError,
    SamplingWarning,
    diagnose,
    marginal,
    sampling,
)
from lmmlib.pymc_models.marginal import MarginalDensity, pt
from lmmlib.report import working_independence_model
from lmmlib.simulation import draw_effects

FAST = {"mode": "FAST_COMPILE"}  # seconds instead of minutes
FAMILIES = {
    "half-normal": lambda p: stats.halfnorm(scale=p.scale),
    "half-Student-t": lambda p: stats.t(p.df, scale=p.scale),
    "exponential": lambda p: stats.expon(scale=p.scale),
}


def _priors(design, families=("half-normal",), transformed=False):
    rng = np.random.default_rng(9)
    # 10 has an exact single-precision form, whose logarithm PyTensor takes in single precision if
    # it is let
    made = [
        ScalePrior(
            family,
            10.0 if k == 0 else rng.uniform(1, 2),
            4.0 if family == "half-Student-t" else None,
        )
        for k, family in enumerate(families)
    ]
    sd = {name: made[k % len(made)] for k, name in enumerate(design.effects)}
    priors = Priors.build(design, {name: (0.3, 2.0) for name in design.coef}, sd, made[0], cor=3.0)
    T = np.eye(len(design.coef)) + np.triu(rng.normal(size=(len(design.coef),) * 2), 1)
    return replace(priors, beta_transform=T) if transformed else priors


def _log_prior_and_jacobian(priors, design, values):
    """Of the unconstrained values.

    β as it is, log of SDs, x with ρ = x / √(1 + x²) for a correlation.
    """
    gamma = priors.transform @ values["beta"]  # of determinant one
    total = stats.norm(priors.beta_mean, priors.beta_sd).logpdf(gamma).sum()
    scales = [*(priors.sd[name] for name in design.effects), priors.sigma]
    for prior, log_sd in zip(scales, [*values["log_sd"], values["log_sigma"]], strict=True):
        half = np.log(2) if prior.family == "half-Student-t" else 0.0
        total += FAMILIES[prior.family](prior).logpdf(np.exp(log_sd)) + half + log_sd
    for x, eta in zip(values["x"], priors.cor.values(), strict=True):
        rho = x / np.sqrt(1 + x**2)
        total += stats.beta(eta, eta).logpdf((rho + 1) / 2) - np.log(2) - 1.5 * np.log1p(x**2)
    return total


def _random_point(design, priors, seed):
    rng = np.random.default_rng(seed)
    values = {
        "beta": rng.normal(size=len(design.coef)),
        "log_sd": rng.normal(size=len(design.effects)) / 2,
        "log_sigma": rng.normal() / 2,
        "x": rng.normal(size=len(design.pairs)),
    }
    mixed = len({(p.family, p.df) for p in priors.sd.values()}) > 1
    fixed = (
        {"beta": values["beta"]}
        if priors.beta_transform is None
        else {"gamma": priors.transform @ values["beta"]}
    )
    point = {**(fixed if len(values["beta"]) else {}), "sigma_log__": values["log_sigma"]}
    point |= (
        {f"sd {name}_log__": s for name, s in zip(design.effects, values["log_sd"], strict=True)}
        if mixed
        else {"sd_log__": values["log_sd"]}
    )
    correlated = [t for t in design.terms if t.pairs]
    point |= {
        f"{t.name} cor_factor_cholesky-corr__": np.array([x])
        for t, x in zip(correlated, values["x"], strict=True)
    }
    return values, point


def _theta(design, values):
    roots, first, pair = [], 0, 0
    for t in design.terms:
        q = len(t.effects)
        cor = np.eye(q)
        for i, j in t.pairs:
            cor[i, j] = cor[j, i] = values["x"][pair] / np.sqrt(1 + values["x"][pair] ** 2)
            pair += 1
        roots.append(np.exp(values["log_sd"][first : first + q])[:, None] * np.linalg.cholesky(cor))
        first += q
    return Theta(values["beta"], tuple(roots), np.exp(values["log_sigma"]))


def _shaped(model, point):
    """The point, with scalars in the shape that the model wants."""
    shapes = {name: np.shape(value) for name, value in model.initial_point().items()}
    assert set(point) == set(shapes)
    return {name: np.reshape(value, shapes[name]) for name, value in point.items()}


def _logp(model, point):
    """The compiled log density."""
    return float(model.compile_logp(**FAST)(_shaped(model, point)))


def _effects(model, point):
    """The effects that the model hands out at a point."""
    (u,) = model.replace_rvs_by_values([model["u"]])
    return model.compile_fn(u, inputs=model.value_vars, on_unused_input="ignore", **FAST)(
        _shaped(model, point)
    )


BRIDGE = [
    ("unbalanced slopes", ("half-normal",)),
    ("nested", ("exponential",)),
    ("crossed", ("half-normal", "half-Student-t")),
    ("dense", ("half-Student-t",)),
    ("two correlated terms", ("half-normal",)),
    ("known covariance of groups", ("half-normal",)),
    ("weights and offset", ("half-normal",)),
    ("rows without effects", ("half-normal",)),
]


@pytest.mark.parametrize("transformed", [False, True])
@pytest.mark.parametrize(("name", "families"), BRIDGE)
def test_marginal_model_is_likelihood_times_prior(name, families, transformed):
    data, _ = CASES[name]()
    priors = _priors(data.design, families, transformed)
    model = marginal_model(data, priors)
    assert {"gamma", "beta"} & {v.name for v in model.free_RVs} == {
        "gamma" if transformed else "beta"
    }
    values, point = _random_point(data.design, priors, 3)
    log_density = loglik.marginal_in_draws(data, _theta(data.design, values).repeat(1))[0]
    expected = log_density + _log_prior_and_jacobian(priors, data.design, values)
    np.testing.assert_allclose(_logp(model, point), expected, rtol=1e-10)


def _density_and_slopes(data, params):
    """log p(y|θ) by the tensor, and its derivatives by β, σ and all roots."""
    theta = params.theta(data.design)
    values = [theta.beta, theta.sigma, *theta.effect_chols]
    inputs = [pt.TensorType("float64", np.shape(v))() for v in values]
    value = MarginalDensity(data.design)(pt.constant(data.y), *inputs)
    filled = [
        i for i, v in zip(inputs, values, strict=True) if np.size(v)
    ]  # no derivative by coefficients that are none
    slopes = pt.concatenate([g.ravel() for g in pt.grad(value, filled)])
    given = {i: v for i, v in zip(inputs, values, strict=True) if i in filled}
    found = pt.concatenate([value[None], slopes]).eval(given, mode="FAST_COMPILE")
    return found[0], found[1:]


NARROW = [
    name
    for name in CASES
    if name not in ("known covariance", "known covariance of groups", "wide crossed")
]


@pytest.mark.parametrize("name", NARROW)
def test_the_density_by_columns_and_by_blocks_is_the_dense_one(name, monkeypatch):
    """Both ways through blocks, by columns one column wider than is ever taken; zero SDs and
    perfect correlations among them, where no derivative may be lost.
    """
    data, params = CASES[name]()
    expected = truth.marginal(data, params)
    found = []
    for widest in (0, marginal.WIDEST_UNROLLED + 1):
        monkeypatch.setattr(marginal, "WIDEST_UNROLLED", widest)
        found.append(_density_and_slopes(data, params))
        np.testing.assert_allclose(found[-1][0], expected, rtol=1e-10)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("ratio", [1e-4, 1.0, 1e4, 1e6])
@pytest.mark.parametrize(
    "name", ["balanced", "unbalanced slopes", "more effects than rows", "perfect correlation"]
)
def test_the_density_by_columns_is_exact_at_wide_ratios(name, ratio):
    """Orthogonalisation loses the condition number of [A; I], which is about τ/σ, times the
    precision; 100 for the sizes.
    """
    data, params = CASES[name]()
    params = Params(
        params.beta, {k: np.asarray(c) * ratio**2 for k, c in params.cov.items()}, params.sigma
    )
    exact, magnitude = truth.marginal_50_digits(data, params)
    found, _ = _density_and_slopes(data, params)
    assert abs(found - exact) < 100 * max(ratio, 1.0) * np.finfo(float).eps * magnitude


@pytest.mark.parametrize(("name", "families"), BRIDGE)
@pytest.mark.parametrize("centered", [True, False, "first effects", "other effects"])
def test_conditional_model_is_likelihood_times_priors(name, families, centered):
    data, _ = CASES[name]()
    design = data.design
    priors = _priors(design, families, transformed=centered == "other effects")
    sampled = {
        True: (True, True),
        False: (False, False),
        "first effects": (True, False),
        "other effects": (False, True),
    }[centered]
    itself = {e: sampled[a % 2] for t in design.terms for a, e in enumerate(t.effect_names)}
    values, point = _random_point(design, priors, 4)
    theta = _theta(design, values)
    z = np.random.default_rng(5).normal(size=design.Z.shape[1])
    v, log_root_det, first = [], 0.0, 0
    for t, root in zip(design.terms, theta.effect_chols, strict=True):
        J, q = t.size
        v.append(z[first : first + J * q].reshape(J, q) @ root.T)
        here = np.array([itself[e] for e in t.effect_names])
        log_root_det += J * np.log(np.diag(root))[here].sum()
        standard = z[first : first + J * q].reshape(J, q)
        first += J * q
        if here.all() or not here.any():
            point[f"{t.name} {'v' if here[0] else 'z'}"] = v[-1] if here[0] else standard
        else:
            point |= {
                f"{e} {'v' if h else 'z'}": (v[-1] if h else standard)[:, a]
                for a, (e, h) in enumerate(zip(t.effect_names, here, strict=True))
            }
    u = design.layout.with_known_covariance(np.concatenate([part.ravel() for part in v]))
    residual = data.y - design.fixed_part(theta.beta) - design.random_part(u)
    expected = (
        stats.norm(0, theta.sigma / np.sqrt(design.weights)).logpdf(residual).sum()
        + stats.norm.logpdf(z).sum()
    )
    expected += _log_prior_and_jacobian(priors, design, values) - log_root_det
    model = conditional_model(
        data, priors, centered=centered if isinstance(centered, bool) else itself
    )
    np.testing.assert_allclose(_logp(model, point), expected, rtol=1e-10)
    np.testing.assert_allclose(_effects(model, point), u, rtol=1e-10)  # the density sees Zu alone


def test_correlations_of_three_effects_have_their_prior():
    """Under LKJ(η) each of q(q-1)/2 correlations is 2 Beta(a, a) - 1 with a = η - 1 + q/2."""
    data, _ = CASES["more effects than rows"]()
    with marginal_model(data, _priors(data.design)):
        prior = pm.sample_prior_predictive(4000, random_seed=1, compile_kwargs=FAST).prior
    a = 3.0 - 1 + 3 / 2
    for rho in prior.cor.to_numpy()[0].T:
        assert stats.kstest((rho + 1) / 2, stats.beta(a, a).cdf).pvalue > 1e-6


@pytest.mark.parametrize("name", ["unbalanced slopes", "known covariance of groups"])
def test_prior_predictive_has_the_marginal_covariance(name):
    data, params = CASES[name]()
    t = data.design.terms[0]
    q = len(t.effects)
    sd = np.sqrt(np.diag(params.cov["g"]))
    fixed = {e: ScalePrior("fixed", s) for e, s in zip(data.design.effects, sd, strict=True)}
    priors = Priors.build(data.design, (0.0, 1e-6), fixed, ScalePrior("fixed", params.sigma))
    for model in (marginal_model(data, priors), conditional_model(data, priors, centered=False)):
        with model:
            tree = pm.sample_prior_predictive(4000, random_seed=2, compile_kwargs=FAST)
        y = tree.prior_predictive.y.to_numpy()[0]
        cor = tree.prior.cor.to_numpy()[0]
        mean_cov = np.diag(sd**2).astype(float)
        mean_cov[0, 1] = mean_cov[1, 0] = sd.prod() * cor.mean()
        root = np.linalg.cholesky(mean_cov)
        one = Theta(
            np.zeros((4000, 2)), (np.tile(root, (4000, 1, 1)),), np.full(4000, params.sigma)
        )
        ours = data.design.random_part(draw_effects(data.design, one, np.random.default_rng(3)))
        variance = ours.var(0) + params.sigma**2
        assert np.max(np.abs(y.var(0) / variance - 1)) < 10 * np.sqrt(
            2 / 4000
        )  # two variances, five errors each
        assert q == 2


@pytest.fixture(scope="module")
def small():
    data, _ = CASES["balanced"]()
    return data, Priors.build(data.design, (0, 5), ScalePrior("half-normal", 1.0))


@pytest.fixture(scope="module")
def marginal_draws(small):
    return sample(marginal_model(*small), random_seed=1)


def test_models_have_the_same_names_and_labels(small):
    data, priors = small
    a, c = conditional_model(data, priors, centered=False), marginal_model(data, priors)
    assert {v.name for v in a.unobserved_RVs} - {v.name for v in c.unobserved_RVs} == {"g z", "u"}
    for model in (a, c):
        assert model.named_vars_to_dims["y"] == ("row",)
        assert tuple(model.coords["effect"]) == data.design.effects
        assert [v.name for v in model.observed_RVs] == ["y"]


def test_a_marginal_fit_has_exact_effects(small, marginal_draws):
    data, _ = small
    assert marginal_draws.posterior.u.shape == (4, 1000, 5)
    assert diagnose(marginal_draws).passed
    assert marginal_draws.attrs["sampling_time"] > 0
    np.testing.assert_array_equal(marginal_draws.observed_data.y, data.y)


def test_both_formulations_have_one_posterior(small, marginal_draws):
    other = sample(conditional_model(*small, centered=False), random_seed=2)
    for method in ("mean", "sd"):
        moments = [
            getattr(t.posterior, "std" if method == "sd" else "mean")(("chain", "draw"))
            for t in (marginal_draws, other)
        ]
        errors = [
            arviz_stats.mcse(t.posterior.to_dataset(), method=method)
            for t in (marginal_draws, other)
        ]
        for name in ("beta", "sd", "sigma", "u"):
            gap = np.abs(moments[0][name] - moments[1][name]) / np.hypot(
                errors[0][name], errors[1][name]
            )
            assert float(gap.max()) < 5, (method, name)


def test_exchanged_values_are_the_ones_drawn_for(small):
    data, priors = small
    model = marginal_model(data, priors)
    with model:
        pm.set_data({"y_data": data.y + 100})
    draws = sample(model, random_seed=3)
    np.testing.assert_array_equal(draws.observed_data.y, data.y + 100)
    within = data.y - data.y.reshape(5, 4).mean(1).repeat(4)
    assert (
        np.corrcoef(
            draws.posterior.u.mean(("chain", "draw")), (data.y - within).reshape(5, 4)[:, 0]
        )[0, 1]
        > 0.5
    )


def test_additions_by_the_user_are_kept_and_told(small):
    model = marginal_model(*small)
    with model:
        pm.Deterministic("variance", model["sigma"] ** 2)
    quiet = sample(model, random_seed=4)
    assert "u" in quiet.posterior
    np.testing.assert_allclose(quiet.posterior.variance, quiet.posterior.sigma**2)
    with model:
        pm.Potential("wish", -model["sigma"])
    with pytest.warns(
        SamplingWarning, match="wish was added to the marginal model, so u given y is not known"
    ):
        assert "u" not in sample(model, random_seed=4).posterior


def _random_walks(data, draws):
    """Draws that no diagnostic passes, as a sampler would return them."""
    rng = np.random.default_rng(1)
    design = data.design
    sampled = (4, draws)
    walk = np.cumsum(rng.normal(size=(*sampled, 1)), 1)
    return as_draws(
        data=data,
        beta=np.zeros((*sampled, len(design.coef))) + walk,
        sd=np.exp(walk / 1e3) * np.ones((*sampled, len(design.effects))),
        sigma=np.exp(rng.normal(size=sampled)),
        u=np.zeros((*sampled, design.Z.shape[1])) + walk,
        stats={
            "diverging": np.zeros(sampled, bool),
            "energy": rng.normal(size=sampled),
            "tree_depth": np.full(sampled, 3),
        },
    )


def test_a_failing_fit_is_rerun_and_then_raised_or_handed_back_at_once(small, monkeypatch):
    calls = []

    def poor(model, initvals, seed, settings):
        calls.append((settings.draws, settings.target_accept))
        return _random_walks(small[0], settings.draws)

    monkeypatch.setattr(sampling, "nuts_draws", poor)
    model = conditional_model(*small, centered=False)
    what_failed = r"failed twice: R-hat above 1.01 for \d+ parameters \(beta\[x1\], "
    with pytest.raises(SamplingError, match=what_failed + ".*; what may help: the marginal model"):
        sample(model, random_seed=1)
    assert calls == [(1000, 0.95), (2000, pytest.approx(0.99))]
    calls.clear()
    with pytest.warns(SamplingWarning, match="the fit failed: R-hat above 1.01") as caught:
        handed_back = sample(model, random_seed=1, on_failure="return")
    assert len(caught) == 1
    assert calls == [(1000, 0.95)]
    assert handed_back.attrs["failed_diagnostics"] == "; ".join(diagnose(handed_back).failures)
    with pytest.raises(
        SamplingError, match=r"what may help: more draws, or narrower priors on the SDs$"
    ):  # it is marginal already
        sample(marginal_model(*small), random_seed=1)


def test_diagnostics_see_each_failure(marginal_draws):
    def changed(**stats_or_values):
        tree = marginal_draws.copy()
        for group in ("posterior", "sample_stats"):
            known = {k: v(tree[group][k]) for k, v in stats_or_values.items() if k in tree[group]}
            tree[group] = tree[group].to_dataset().assign(known)
        return diagnose(tree)

    assert changed(diverging=lambda d: d | (d.draw == 7)).failures == ("4 divergent transitions",)
    assert (
        "R-hat above 1.01 for 1 parameters (sigma)"
        in changed(sigma=lambda s: s + (s.chain == 0) * 5).failures[0]
    )
    assert any(
        "ESS below 400" in f
        for f in changed(
            u=lambda u: u.isel(draw=(u.draw // 100 * 100).to_numpy()).assign_coords(draw=u.draw)
        ).failures
    )
    assert changed(tree_depth=lambda t: t * 0 + 10).doubts == (
        "100.0% of the trees reached their largest size",
    )
    assert "E-BFMI" in changed(energy=lambda e: e.cumsum("draw")).doubts[0]


def test_every_entry_of_a_matrix_is_diagnosed(marginal_draws):
    """One stuck entry of a variable with two dimensions; a constant one says nothing."""
    tree = marginal_draws.copy()
    z = np.random.default_rng(1).normal(size=(4, 1000, 3, 2))
    z[..., 0, 1] = 0.0
    z[0, :, 2, 1] += 5
    dims = ("chain", "draw", "level", "column")
    tree["posterior"] = tree.posterior.to_dataset().assign(z=(dims, z))
    failures = diagnose(tree, ["z"]).failures
    assert failures[0].startswith("R-hat above 1.01 for 1 parameters (z[2, 1])")


def test_e_bfmi_is_the_squared_changes_of_energy_over_its_squared_deviations(marginal_draws):
    """Betancourt (2016), equation 6: a ratio of two sums."""
    energy = marginal_draws.sample_stats.energy.to_numpy()
    changes = np.sum(np.diff(energy, axis=1) ** 2, axis=1)
    deviations = np.sum((energy - energy.mean(1, keepdims=True)) ** 2, axis=1)
    expected = np.min(changes / deviations)
    assert diagnose(marginal_draws).bfmi == pytest.approx(expected, rel=1e-12)


STATE = """
import logging, os, sys, warnings
import scipy.sparse, scipy.special  # which SciPy loads when asked, with filters of their own
{imports}
levels = {{name: logging.getLogger(name).level for name in logging.root.manager.loggerDict}}
print(sorted(os.environ.items()))
print(sorted(item for item in levels.items() if item[1]))
print(warnings.filters)
"""


@pytest.mark.parametrize("module", ["pymc_models", "report.discussion_models"])
def test_importing_the_models_changes_no_setting(module):
    """Environment, levels of loggers and filters of warnings are those after ``import pymc``."""
    states = [
        subprocess.run(
            [sys.executable, "-c", STATE.format(imports=imports)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for imports in ("import pymc", f"import pymc, lmmlib.{module}")
    ]
    assert states[0] == states[1]


class _Compiled:
    """Stands for what nutpie compiles: it knows its model and its response."""

    def __init__(self, model, y=None):
        self.model = model
        self.y = y

    def with_data(self, y_data):
        return _Compiled(self.model, y_data)


@pytest.fixture
def stub_nutpie(monkeypatch):
    """nutpie without compilation: it notes what it is asked for, and draws what it is told."""
    stub = SimpleNamespace(compiled=[], fitted=[], divergences=[])

    def compile_model(model, **_):
        stub.compiled.append(model)
        return _Compiled(model)

    def nutpie_sample(compiled, draws, tune, chains, target_accept, **_):
        stub.fitted.append((compiled.model, compiled.y, draws, tune, target_accept))
        data = compiled.model.lmmlib_source.data
        rng = np.random.default_rng(2)
        sampled = (chains, draws)
        stats = {name: np.ones(sampled) for name in ("maxdepth_reached", "n_steps", "step_size")}
        stats |= {name: rng.normal(size=sampled) for name in ("energy", "logp")}
        stats |= {"mean_tree_accept": np.ones(sampled), "depth": np.full(sampled, 3)}
        stats["diverging"] = np.zeros(sampled, bool)
        stats["diverging"][0, : stub.divergences.pop(0)] = True
        return as_draws(
            data=data,
            beta=rng.normal(size=(*sampled, len(data.design.coef))),
            sd=np.exp(rng.normal(size=(*sampled, len(data.design.effects)))),
            sigma=np.exp(rng.normal(size=sampled)),
            stats=stats,
        )

    monkeypatch.setattr(nutpie, "compile_pymc_model", compile_model)
    monkeypatch.setattr(nutpie, "sample", nutpie_sample)
    return stub


@pytest.mark.parametrize("formulation", ["marginal", working_independence_model])
def test_a_refitter_compiles_once_and_draws_u_exactly(small, stub_nutpie, formulation):
    data, priors = small
    refitter = Refitter(formulation, data, priors)
    stub_nutpie.divergences = [0, 0]
    responses = [data.y + 1, data.y - 1]
    for y in responses:
        tree = refitter(data.with_y(y), priors, np.random.default_rng(3))
        assert tree.posterior.u.shape == (4, 1000, 5)
        np.testing.assert_array_equal(tree.observed_data.y, y)
    assert len(stub_nutpie.compiled) == 1
    has_row_sds = "scale" in stub_nutpie.compiled[0].named_vars
    assert has_row_sds == (formulation is working_independence_model)
    for (_, y, draws, tune, target_accept), expected in zip(
        stub_nutpie.fitted, responses, strict=True
    ):
        np.testing.assert_array_equal(y, expected)
        assert (draws, tune, target_accept) == (1000, 500, 0.95)


def test_a_refitter_takes_smaller_steps_after_divergences_alone(small, stub_nutpie):
    data, priors = small
    refitter = Refitter(working_independence_model, data, priors, draws=400)
    stub_nutpie.divergences = [3, 0]
    refitter(data, priors, np.random.default_rng(3))
    runs = [run[2:] for run in stub_nutpie.fitted]
    assert runs == [(400, 500, 0.95), (800, 1000, pytest.approx(0.99))]
    stub_nutpie.fitted.clear()
    stub_nutpie.divergences = [0, 2]
    few = Refitter(working_independence_model, data, priors, draws=50)
    with pytest.raises(SamplingError, match=r"failed twice: 2 divergent .*; what may help: more"):
        few(data, priors, np.random.default_rng(3))
    assert [run[2:] for run in stub_nutpie.fitted] == [(50, 500, 0.95), (200, 1000, 0.95)]


def test_a_refitter_refuses_what_it_was_not_made_for(small):
    data, priors = small
    with pytest.raises(ValueError, match="marginal, conditional or a function, got 'independent'"):
        Refitter("independent", data, priors)
    with pytest.raises(ValueError, match="chains must be a whole number, 1 at least, got 0"):
        Refitter("marginal", data, priors, chains=0)


def test_bad_calls_are_told(small):
    data, priors = small
    with pytest.raises(
        ValueError,
        match=(
            "centered must be True, False, 'auto' or a mapping of g: Intercept to these, got 'yes'"
        ),
    ):
        conditional_model(data, priors, centered="yes")
    with pytest.raises(
        ValueError, match="model must come from conditional_model or marginal_model"
    ):
        sample(pm.Model(), random_seed=1)
    with pytest.raises(ValueError, match="on_failure must be one of raise, return, got 'ignore'"):
        sample(marginal_model(data, priors), random_seed=1, on_failure="ignore")
    other, _ = CASES["unbalanced slopes"]()
    for build in (marginal_model, lambda d, p: conditional_model(d, p, centered=False)):
        with pytest.raises(
            ValueError, match="priors of sd must be given for g: x1, g: x2; it misses"
        ):
            build(other, priors)
    zero = Priors.build(
        data.design,
        (0, 1),
        {"g: Intercept": ScalePrior("fixed", 0.0)},
        ScalePrior("half-normal", 1.0),
    )
    with pytest.raises(
        ValueError, match="an SD fixed at zero gives effects without a density; use centered=False"
    ):
        conditional_model(data, zero, centered=True)


def test_an_sd_fixed_at_zero_is_an_ordinary_value(small):
    data, _ = small
    zero = Priors.build(
        data.design,
        (0, 1),
        {"g: Intercept": ScalePrior("fixed", 0.0)},
        ScalePrior("half-normal", 1.0),
    )
    for model in (marginal_model(data, zero), conditional_model(data, zero, centered=False)):
        assert np.isfinite(model.compile_logp(mode="FAST_COMPILE")(model.initial_point()))


def test_auto_centres_the_effects_that_the_data_inform():
    table = load_dataset("thread_like")
    terms = [Term.dense(f"z{k}", table[[f"z{k}"]].to_numpy()) for k in range(1, 6)]
    data = Data(table.y, Design(table[["x1", "x2", "x3", "x4"]].to_numpy(), terms))
    model = conditional_model(data, Priors.weak(data))
    assert {v.name for v in model.free_RVs} == {
        "gamma",
        "sd",
        "sigma",
        "z1 v",
        "z2 v",
        "z3 v",
        "z4 v",
        "z5 v",
    }
    sleep = from_formula("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy"))
    assert "Subject z" in {v.name for v in conditional_model(sleep, Priors.weak(sleep)).free_RVs}
    mixed = Params([250.0, 10.0], {"Subject": np.diag([0.1, 100.0])}, 2.0)
    mixed = sleep.with_y(simulate(sleep.design, mixed, np.random.default_rng(1)).y)
    assert {"Subject: Intercept z", "Subject: Days v"} < {
        v.name for v in conditional_model(mixed, Priors.weak(sleep)).free_RVs
    }
    zero = {
        "Subject: Intercept": ScalePrior("half-normal", 1.0),
        "Subject: Days": ScalePrior("fixed", 0.0),
    }
    zero = Priors.build(sleep.design, (0, 100), zero, ScalePrior("half-normal", 1.0), cor=2.0)
    assert "Subject z" in {
        v.name for v in conditional_model(mixed, zero).free_RVs
    }  # without a density, whatever the data say


@pytest.mark.parametrize("formulation", ["conditional", "marginal"])
def test_posterior_predictive_sampling_by_pymc_draws_nothing_but_y(formulation):
    """Draws lack no free variable, which PyMC would draw from its prior without a word.

    y then has the right spread.
    """
    data = from_formula("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy"))
    priors = Priors.weak(data)
    model = (
        conditional_model(data, priors)
        if formulation == "conditional"
        else marginal_model(data, priors)
    )
    draws = sample(model, random_seed=5)
    assert {v.name for v in model.free_RVs} <= set(draws.posterior.data_vars)
    with model:
        theirs = pm.sample_posterior_predictive(
            draws, random_seed=1, progressbar=False, compile_kwargs=FAST
        ).posterior_predictive.y
    levels = "known" if formulation == "conditional" else "new"
    ours = posterior_predict(
        draws, data.design, levels, rng=np.random.default_rng(1)
    ).posterior_predictive.y
    ratio = theirs.var(("chain", "draw")) / ours.var(("chain", "draw"))
    # Two variances of 4000 nearly independent draws each; their kurtosis, from the spread of θ, is
    # below 10.
    assert float(np.abs(ratio - 1).max()) < 5 * np.sqrt(2 * 9 / 4000)


def _without_fixed_effects():
    """Six groups of four rows about zero."""
    rng = np.random.default_rng(8)
    design = Design(np.zeros((24, 0)), [Term.grouped("g", np.repeat(np.arange(6), 4))])
    return Data(simulate(design, Params([], {"g": 1.0}, 0.5), rng).y, design)


@pytest.mark.parametrize("formulation", ["conditional", "marginal"])
def test_a_model_without_fixed_effects_has_no_beta(formulation):
    data = _without_fixed_effects()
    priors = _priors(data.design)
    values, point = _random_point(data.design, priors, 6)
    theta = _theta(data.design, values)
    expected = _log_prior_and_jacobian(priors, data.design, values)
    if formulation == "marginal":
        model = marginal_model(data, priors)
        expected += loglik.marginal_in_draws(data, theta.repeat(1))[0]
    else:
        model = conditional_model(data, priors, centered=False)
        z = np.random.default_rng(7).normal(size=6)
        point["g z"] = z[:, None]
        residual = data.y - data.design.random_part(theta.effect_chols[0][0, 0] * z)
        expected += stats.norm(0, theta.sigma).logpdf(residual).sum() + stats.norm.logpdf(z).sum()
    assert not {"beta", "gamma"} & set(model.named_vars)
    np.testing.assert_allclose(_logp(model, point), expected, rtol=1e-10)


def test_draws_without_fixed_effects_serve_everything_after():
    data = _without_fixed_effects()
    priors = Priors.weak(data)
    draws = sample(marginal_model(data, priors), random_seed=8)
    assert "beta" not in draws.posterior
    assert summary(draws).index.tolist() == ["sd[g: Intercept]", "sigma"]
    rng = np.random.default_rng(1)
    direct = posterior(data, priors, rng=rng)
    ours, theirs = (loo(tree, data, priors=priors, rng=rng).elpd for tree in (draws, direct))
    assert (
        abs(ours - theirs) < 0.2
    )  # importance sampling of 24 rows, k below 0.7: a few hundredths a row at worst
    assert posterior_predict(draws, data.design, "new", rng=rng).posterior_predictive.y.shape == (
        4,
        1000,
        24,
    )


def test_a_failed_fit_of_an_effect_a_row_says_what_cannot_be_told_apart(monkeypatch):
    """Whatever NUTS says of such a posterior, more draws are no remedy."""
    rng = np.random.default_rng(9)
    data = Data(rng.normal(size=20), Design(np.ones((20, 1)), [Term.grouped("row", range(20))]))
    priors = Priors.weak(data)
    model = conditional_model(data, priors)  # whose automatic choice has no REML estimate to go by
    assert "row z" in {v.name for v in model.free_RVs}
    monkeypatch.setattr(
        sampling,
        "nuts_draws",
        lambda model, initvals, seed, settings: _random_walks(data, settings.draws),
    )
    with pytest.raises(
        SamplingError,
        match=(
            r"sigma and the SD of 'row: Intercept' cannot be told "
            r"apart: .*drop the term, or give"
        ),
    ):
        sample(model, random_seed=1)
    fixed = Priors.build(
        data.design, (0, 1), ScalePrior("half-normal", 1.0), ScalePrior("fixed", 1.0)
    )
    with pytest.raises(SamplingError, match="what may help: the marginal model"):
        sample(conditional_model(data, fixed), random_seed=1)


def test_a_singular_known_covariance_is_a_model_of_fewer_effects():
    """Four pairs of clones: the densities are those of a term whose four levels are the pairs."""
    pair = np.repeat(np.arange(4), 6)
    y = np.cos(np.arange(24.0))
    clones = Term.grouped(
        "g", np.repeat(np.arange(8), 3), between=np.kron(np.eye(4), np.ones((2, 2)))
    )
    by_clone, by_pair = (
        Data(y, Design(np.ones((24, 1)), [term])) for term in (clones, Term.grouped("g", pair))
    )
    priors = Priors.build(by_pair.design, (0.3, 2.0), ScalePrior("half-normal", 1.5))
    point = {"beta": np.array([0.2]), "sd_log__": np.array([0.3]), "sigma_log__": np.array(-0.1)}
    assert _logp(marginal_model(by_clone, priors), point) == pytest.approx(
        _logp(marginal_model(by_pair, priors), point), rel=1e-10
    )
    z = np.array([[0.5], [-1.0], [0.2], [1.5]])
    spare = np.zeros((8, 1))
    spare[np.flatnonzero(clones.level_chol.any(0))] = z
    conditional = [conditional_model(data, priors, centered=False) for data in (by_clone, by_pair)]
    unused = 4 * stats.norm.logpdf(
        0.0
    )  # standard normals of directions that the clones do not have
    values = [_logp(m, {**point, "g z": at}) for m, at in zip(conditional, (spare, z), strict=True)]
    assert values[0] == pytest.approx(values[1] + unused, rel=1e-10)
    np.testing.assert_allclose(
        _effects(conditional[0], {**point, "g z": spare}),
        np.repeat(np.exp(0.3) * z.ravel(), 2),
        rtol=1e-12,
    )
    with pytest.raises(
        ValueError,
        match=(
            "the known covariance of the levels of 'g' is singular, so that their effects have "
            "no density"
        ),
    ):
        conditional_model(by_clone, priors, centered=True)
    assert "g z" in {v.name for v in conditional_model(by_clone, priors).free_RVs}
