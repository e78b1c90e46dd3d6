"""The rebuilt programs of the discussion against bare NumPy and SciPy, and what sampling makes of
them.
"""

import warnings

import numpy as np
import pymc as pm
import pytest
from scipy import stats
from scipy.linalg import block_diag

import truth
from cases import CASES, each_case
from lmmlib import Priors, ScalePrior, loo, marginal_model, sample
from lmmlib.pymc_models import SamplingWarning, diagnose
from lmmlib.report import random_scale_model, variance_form_model, working_independence_model
from lmmlib.report.discussion_models import cholesky_times

FAST = {"mode": "FAST_COMPILE"}  # seconds instead of minutes
NAMES = [
    "crossed",
    "dense",
    "nested",
    "weights and offset",
    "known covariance",
    "rows without effects",
]


def _made(name):
    """Data, priors, and a random point: β, the SDs and what stands for σ on the diagonal."""
    data, _ = CASES[name]()
    rng = np.random.default_rng(7)
    priors = Priors.build(
        data.design,
        (0.3, 2.0),
        ScalePrior("half-normal", 1.5),
        ScalePrior("exponential", 0.7),
        cor=2.0,
    )
    return (
        data,
        priors,
        rng.normal(size=len(data.design.coef)),
        rng.uniform(0.5, 1.5, len(data.design.effects)),
        0.4,
    )


def _covariance(data, sd, diagonal):
    """ZGZ' + diag(diagonal / w) from the terms' own columns; one effect per level."""
    Z = np.hstack([t.Z.toarray() for t in data.design.terms])
    G = [
        s**2 * (np.eye(len(t.levels)) if t.level_chol is None else t.level_chol @ t.level_chol.T)
        for t, s in zip(data.design.terms, sd, strict=True)
    ]
    return Z @ block_diag(*G) @ Z.T + np.diag(diagonal / data.design.weights)


def _log_prior(beta, scales, diagonal):
    """On the unconstrained scale: β as it is, logarithms of everything else."""
    total = (
        stats.norm(0.3, 2).logpdf(beta).sum()
        + stats.halfnorm(scale=1.5).logpdf(scales).sum()
        + np.log(scales).sum()
    )
    return total + stats.expon(scale=0.7).logpdf(diagonal) + np.log(diagonal)


def _log_variances(data, sd):
    """Free variables of a model that has the priors of its SDs on variances."""
    return {
        f"variance {effect}_log__": 2 * np.log(value)
        for effect, value in zip(data.design.effects, sd, strict=True)
    }


def _logp(model, **values):
    point = {
        name: np.reshape(values[name], np.shape(v)) for name, v in model.initial_point().items()
    }
    return float(model.compile_logp(**FAST)(point))


@pytest.mark.parametrize("name", NAMES)
def test_random_scale_is_the_literal_reading(name):
    """z ~ N(0, I), and y_i ~ N(x_i'β, (Lz)_i²) with L the Cholesky factor of V, which has a
    *variance* on its diagonal.
    """
    data, priors, beta, sd, variance = _made(name)
    L = np.linalg.cholesky(_covariance(data, sd, variance))
    scale = np.random.default_rng(8).uniform(0.5, 2, data.design.n)
    z = np.linalg.solve(L, scale)
    expected = (
        stats.norm(data.design.offset + data.design.X @ beta, L @ z).logpdf(data.y).sum()
        + stats.norm.logpdf(z).sum()
    )
    values = {"beta": beta, "sd_log__": np.log(sd), "variance_log__": np.log(variance)}
    model = random_scale_model(data, priors)
    np.testing.assert_allclose(
        _logp(model, **values, z=z), expected + _log_prior(beta, sd, variance), rtol=1e-10
    )
    in_variances = random_scale_model(data, priors, effects_on_variance=True)
    del values["sd_log__"]
    np.testing.assert_allclose(
        _logp(in_variances, **values, **_log_variances(data, sd), z=z),
        expected + _log_prior(beta, sd**2, variance),
        rtol=1e-10,
    )
    scale[3] = -0.01
    outside = np.linalg.solve(L, scale)
    assert _logp(in_variances, **values, **_log_variances(data, sd), z=outside) == -np.inf


def test_cholesky_times_is_the_factor_times_a_vector():
    """At the ratio of SDs of experiment 1, a hundred to one; the factor itself loses as much."""
    rng = np.random.default_rng(2)
    B, d, z = rng.uniform(size=(100, 5)), np.full(100, 1e-4), rng.normal(size=100)
    dense = np.linalg.cholesky(B @ B.T + np.diag(d)) @ z
    np.testing.assert_allclose(cholesky_times(B, d, z).eval(), dense, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_working_independence_keeps_the_diagonal_alone(name):
    data, priors, beta, sd, sigma = _made(name)
    scale = np.sqrt(np.diag(_covariance(data, sd, sigma**2)))
    expected = stats.norm(data.design.offset + data.design.X @ beta, scale).logpdf(
        data.y
    ).sum() + _log_prior(beta, sd, sigma)
    values = {"beta": beta, "sd_log__": np.log(sd), "sigma_log__": np.log(sigma)}
    np.testing.assert_allclose(
        _logp(working_independence_model(data, priors), **values), expected, rtol=1e-10
    )


@each_case
def test_row_products_give_the_diagonal_of_the_covariance(name):
    data, params = CASES[name]()
    ours = params.sigma**2 / data.design.weights
    for term in data.design.terms:
        q = len(term.effects)
        ours = ours + np.einsum(
            "iab,ab->i", term.row_products, np.reshape(params.cov[term.name], (q, q))
        )
    np.testing.assert_allclose(ours, np.diag(truth.arrays(data.design, params).V), rtol=1e-12)


@pytest.mark.parametrize("build", [random_scale_model, working_independence_model])
def test_correlated_effects_enter_the_scales(build):
    """Three or two effects per level, their correlations read from the model itself."""
    for name in ("unbalanced slopes", "more effects than rows"):
        data, _ = CASES[name]()
        priors = Priors.build(data.design, (0.0, 1.0), ScalePrior("half-normal", 1.0), cor=2.0)
        model, names = (
            build(data, priors),
            ["sd", "cor", "sigma", "scale"] + ["z"] * (build is random_scale_model),
        )
        sd, cor, sigma, scale, *z = pm.draw(
            [model[v] for v in names], random_seed=3, mode="FAST_COMPILE"
        )
        C = np.eye(len(sd))
        C[np.tril_indices(len(sd), -1)] = cor
        cov = np.outer(sd, sd) * (C + C.T - np.eye(len(sd)))
        Z = data.design.Z.toarray()
        V = Z @ np.kron(np.eye(Z.shape[1] // len(sd)), cov) @ Z.T + sigma**2 * np.eye(data.design.n)
        np.testing.assert_allclose(
            scale, np.linalg.cholesky(V) @ z[0] if z else np.sqrt(np.diag(V)), rtol=1e-8
        )  # of the dense factor


@pytest.mark.parametrize("name", NAMES)
def test_variance_form_is_the_marginal_density_at_the_root(name):
    """Likelihood alike at the roots of the variances; the priors are on these."""
    data, priors, beta, sd, variance = _made(name)
    model, twin = variance_form_model(data, priors), marginal_model(data, priors)
    variances = {**_log_variances(data, sd), "variance_log__": np.log(variance)}
    roots = {"sd_log__": np.log(sd), "sigma_log__": np.log(variance) / 2}
    point = {
        k: np.reshape(v, np.shape(model.initial_point()[k]))
        for k, v in {"beta": beta, **variances}.items()
    }
    at_root = {
        k: np.reshape(v, np.shape(twin.initial_point()[k]))
        for k, v in {"beta": beta, **roots}.items()
    }
    density = float(model.compile_logp(vars=model["y"], **FAST)(point))
    np.testing.assert_allclose(
        density, float(twin.compile_logp(vars=twin["y"], **FAST)(at_root)), rtol=1e-12
    )
    V = _covariance(data, sd, variance)
    dense = stats.multivariate_normal(data.design.offset + data.design.X @ beta, V).logpdf(data.y)
    np.testing.assert_allclose(density, dense, rtol=1e-9)  # of the dense factor
    np.testing.assert_allclose(
        _logp(model, **point), dense + _log_prior(beta, sd**2, variance), rtol=1e-9
    )


@pytest.fixture(scope="module")
def small():
    data, _ = CASES["balanced"]()
    return data, Priors.build(data.design, (0, 5), ScalePrior("half-normal", 1.0))


def test_the_literal_reading_diverges_and_is_handed_back_all_the_same(small):
    import arviz_stats

    model = random_scale_model(*small)
    with pytest.warns(
        SamplingWarning, match=r"the fit failed: \d+ divergent transitions"
    ) as caught:
        draws = sample(
            model, random_seed=1, draws=100, tune=100, target_accept=0.8, on_failure="return"
        )
    assert len(caught) == 1
    diagnosis = diagnose(draws, list(draws.posterior.data_vars))
    assert diagnosis.divergences == int(draws.sample_stats.diverging.sum()) > 0
    assert not diagnosis.passed
    assert f"{diagnosis.divergences} divergent transitions" in draws.attrs["failed_diagnostics"]
    assert "u" not in draws.posterior
    assert float(draws.posterior.scale.min()) > 0
    np.testing.assert_allclose(draws.posterior.sigma**2, draws.posterior.variance, rtol=1e-12)
    with model:
        pm.compute_log_likelihood(draws, progressbar=False, compile_kwargs=FAST)
    mean = draws.posterior.beta.to_numpy() @ small[0].design.X.T
    given_z = stats.norm(mean, draws.posterior.scale).logpdf(small[0].y)
    np.testing.assert_allclose(draws.log_likelihood.y, given_z, rtol=1e-10)
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Estimated shape parameter of Pareto"
        )  # as the report shows
        assert arviz_stats.loo(draws).n_data_points == small[0].design.n


def test_the_others_pass_their_diagnostics(small):
    data, priors = small
    draws = sample(variance_form_model(*small), random_seed=1)
    assert diagnose(draws).passed
    assert draws.posterior.u.shape[-1] == 5
    # A row's Pareto k is 0.5 to 0.72 from one set of draws to another: refitted where it has to be.
    left_out = loo(draws, data, priors=priors, rng=np.random.default_rng(2))
    assert left_out.n_data_points == data.design.n
    rows = sample(working_independence_model(*small), random_seed=1)
    assert "u" not in rows.posterior


def test_bad_calls_are_told(small):
    data, priors = small
    known = Priors.build(
        data.design, (0, 5), ScalePrior("half-normal", 1.0), ScalePrior("fixed", 0.5)
    )
    for build in (random_scale_model, variance_form_model):
        with pytest.raises(
            ValueError, match=r"sigma must have a prior, got it fixed at 0.5: .* use marginal_model"
        ):
            build(data, known)
    working_independence_model(data, known)
    known_effect = Priors.build(
        data.design, (0, 5), ScalePrior("fixed", 0.5), ScalePrior("half-normal", 1.0)
    )
    with pytest.raises(ValueError, match=r"sd of g: \w+ must have a prior, got it fixed at 0.5"):
        variance_form_model(data, known_effect)
    other, _ = CASES["unbalanced slopes"]()
    for build in (random_scale_model, variance_form_model, working_independence_model):
        with pytest.raises(
            ValueError, match="priors of sd must be given for g: x1, g: x2; it misses"
        ):
            build(other, priors)
    with pytest.raises(
        ValueError, match="model must come from conditional_model or marginal_model"
    ):
        sample(pm.Model(), random_seed=1, on_failure="return")
