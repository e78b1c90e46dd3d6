"""Draws from the priors against SciPy's distributions, and correlations against LKJ's margins
and a rejection sampler.
"""

import numpy as np
import pytest
from scipy import stats

from cases import CASES
from lmmlib import (
    Data,
    Design,
    Priors,
    ScalePrior,
    Term,
    draws,
    posterior,
    posterior_predict,
    prior_draws,
)
from lmmlib.prior_predictive import draw_parameters

S = 40_000


def _design(q=1, **options):
    covariates = np.column_stack([np.ones(12), np.random.default_rng(1).normal(size=(12, q - 1))])
    return Design(
        np.ones((12, 1)), [Term.grouped("g", np.repeat(np.arange(4), 3), covariates, **options)]
    )


def _assert_quantiles(x, quantile):
    """The share below an exact quantile is binomial."""
    for p in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert abs(np.mean(x < quantile(p)) - p) < 5 * np.sqrt(p * (1 - p) / len(x))


@pytest.mark.parametrize(
    ("prior", "quantile"),
    [
        (ScalePrior("half-normal", 2.0), stats.halfnorm(scale=2.0).ppf),
        (ScalePrior("exponential", 2.0), stats.expon(scale=2.0).ppf),
        (
            ScalePrior("half-Student-t", 2.0, 3.0),
            lambda p: stats.t(3.0, scale=2.0).ppf((1 + p) / 2),
        ),  # of |t|
    ],
)
def test_coefficients_and_scales(prior, quantile):
    design = _design()
    tree = prior_draws(
        design, Priors.build(design, (3.0, 5.0), prior), S, rng=np.random.default_rng(2)
    ).posterior
    _assert_quantiles(tree.beta.to_numpy().ravel(), stats.norm(3, 5).ppf)
    sd = tree.sd.to_numpy().ravel()
    sigma = tree.sigma.to_numpy().ravel()
    for x in (sd, sigma):
        _assert_quantiles(x, quantile)
    assert abs(np.mean((sd > np.median(sd)) == (sigma > np.median(sigma))) - 0.5) < 5 * np.sqrt(
        0.25 / S
    )  # independent


@pytest.mark.parametrize(
    ("prior", "draw"),
    [
        (ScalePrior("half-normal", 2.0), stats.halfnorm(scale=2.0).rvs),
        (ScalePrior("exponential", 2.0), stats.expon(scale=2.0).rvs),
        (
            ScalePrior("half-Student-t", 2.0, 3.0),
            lambda size, random_state: np.abs(stats.t(3.0, scale=2.0).rvs(size, random_state)),
        ),
    ],
)
def test_scales_are_the_very_numbers_of_scipy(prior, draw):
    design = _design()
    priors = Priors.build(design, (0, 1), prior)
    drawn = draw_parameters(design.layout, priors, 100, np.random.default_rng(2))
    generator = np.random.default_rng(2)
    generator.standard_normal((100, 1))  # of the coefficient, which comes first
    np.testing.assert_array_equal(drawn.sd[:, 0], draw(100, generator))
    np.testing.assert_array_equal(drawn.theta.sigma, draw(100, generator))


@pytest.mark.parametrize("eta", [0.7, 2.5])
@pytest.mark.parametrize("q", [2, 3, 4])
def test_each_correlation_has_its_margin(q, eta):
    """LKJ(η): (1 + r)/2 ~ Beta(a, a) with a = η + (q − 2)/2 for every pair."""
    design = _design(q)
    priors = Priors.build(design, (0, 1), ScalePrior("half-normal", 1.0), cor=eta)
    cor = prior_draws(design, priors, S, rng=np.random.default_rng(3)).posterior.cor.to_numpy()[0]
    a = eta + (q - 2) / 2
    for r in cor.T:
        _assert_quantiles((1 + r) / 2, stats.beta(a, a).ppf)


def test_correlations_are_joint_draws():
    """LKJ(1) is uniform over correlation matrices.

    Compared with the points of the cube that are one.
    """
    design = _design(3)
    priors = Priors.build(design, (0, 1), ScalePrior("half-normal", 1.0), cor=1.0)
    rng = np.random.default_rng(4)
    ours = prior_draws(design, priors, S, rng=rng).posterior.cor.to_numpy()[0]
    cube = rng.uniform(-1, 1, size=(3 * S, 3))

    def det(r):
        return 1 + 2 * r.prod(1) - np.sum(r**2, 1)

    accepted = cube[det(cube) > 0]
    for function in (det, lambda r: r.prod(1), lambda r: r[:, 0] ** 2 * r[:, 1] ** 2):
        drawn = function(ours)
        expected = function(accepted)
        error = np.sqrt(drawn.var() / len(drawn) + expected.var() / len(expected))
        assert abs(drawn.mean() - expected.mean()) < 5 * error


def test_effects_are_drawn_with_their_own_covariance():
    """With SDs fixed, E u_i u_j = sd_i sd_j E r_ij = 0 and E u_i u_j r_ij = sd_i sd_j E r².

    Levels follow A.
    """
    A = np.array([[1.0, 0.8, 0, 0], [0.8, 1.0, 0, 0], [0, 0, 2.0, 0], [0, 0, 0, 1.0]])
    design = _design(2, between=A)
    sd = {"g: x1": ScalePrior("fixed", 3.0), "g: x2": ScalePrior("fixed", 0.5)}
    priors = Priors.build(design, (0, 1), sd, ScalePrior("fixed", 1.0), cor=2.0)
    tree = prior_draws(design, priors, S, rng=np.random.default_rng(5)).posterior
    u = tree.u.to_numpy()[0]
    r = tree.cor.to_numpy()[0, :, 0]
    assert np.all(tree.sigma == 1)
    exact = np.kron(A, np.diag([9.0, 0.25]))
    products = u[:, :, None] * u[:, None]
    error = products.std(0) / np.sqrt(S)
    assert np.max(np.abs(products.mean(0) - exact) / error) < 5
    with_r = u[:, 0] * u[:, 1] * r  # r = 2B − 1 with B ~ Beta(2, 2): E r² = 1/5
    assert abs(with_r.mean() - 1.5 / 5) < 5 * with_r.std() / np.sqrt(S)


def test_prior_predictive_moments():
    """With SDs fixed y ~ N(Xb₀, XBX' + V)."""
    data, params = CASES["nested"]()
    sd = {
        name: ScalePrior("fixed", float(np.sqrt(params.cov[name.partition(": ")[0]][0, 0])))
        for name in data.design.effects
    }
    priors = Priors.build(
        data.design, {"x1": (3.0, 0.5), "x2": (-1.0, 0.2)}, sd, ScalePrior("fixed", params.sigma)
    )
    rng = np.random.default_rng(6)
    tree = posterior_predict(prior_draws(data, priors, S, rng=rng), data.design, rng=rng)
    y = tree.posterior_predictive.y.to_numpy()[0]
    X = data.design.X
    Z = data.design.Z.toarray()
    G = np.diag(np.repeat([params.cov["a"][0, 0], params.cov["b:a"][0, 0]], [4, 10]))
    V = X @ np.diag([0.25, 0.04]) @ X.T + Z @ G @ Z.T + params.sigma**2 * np.eye(24)
    assert np.max(np.abs(y.mean(0) - X @ [3.0, -1.0]) / np.sqrt(np.diag(V) / S)) < 5
    assert (
        np.max(np.abs(np.cov(y.T) - V) / np.sqrt((V**2 + np.outer(np.diag(V), np.diag(V))) / S)) < 5
    )
    np.testing.assert_array_equal(tree.observed_data.y, data.y)


def test_coefficients_have_the_covariance_of_their_triangle():
    """γ = Tβ ~ N(m, diag(s²)), so that β ~ N(T⁻¹m, T⁻¹diag(s²)T⁻ᵀ)."""
    T = np.array([[1.0, -2.0], [0.0, 1.0]])
    design = Design(
        np.column_stack([np.ones(12), np.arange(12)]),
        [Term.grouped("g", np.repeat(np.arange(4), 3))],
    )
    priors = Priors(
        [1.0, 3.0],
        [2.0, 0.5],
        {"g: Intercept": ScalePrior("fixed", 1.0)},
        ScalePrior("fixed", 1.0),
        {},
        T,
    )
    beta = prior_draws(design, priors, S, rng=np.random.default_rng(8)).posterior.beta.to_numpy()[0]
    inverse = np.linalg.inv(T)
    mean = inverse @ [1.0, 3.0]
    cov = inverse @ np.diag([4.0, 0.25]) @ inverse.T
    assert np.max(np.abs(beta.mean(0) - mean) / np.sqrt(np.diag(cov) / S)) < 5
    assert (
        np.max(
            np.abs(np.cov(beta.T) - cov)
            / np.sqrt((cov**2 + np.outer(np.diag(cov), np.diag(cov))) / S)
        )
        < 5
    )


def test_a_prior_without_fixed_effects():
    design = Design(np.zeros((12, 0)), [Term.grouped("g", np.repeat(np.arange(4), 3))])
    priors = Priors.build(design, (0, 1), ScalePrior("fixed", 1.5))
    tree = prior_draws(design, priors, S, rng=np.random.default_rng(9))
    assert set(tree.posterior.data_vars) == {"sd", "sigma", "u"}
    y = posterior_predict(
        tree, design, rng=np.random.default_rng(1)
    ).posterior_predictive.y.to_numpy()[0]
    assert abs(y.var() / (2 * 1.5**2) - 1) < 5 * np.sqrt(
        2 / S
    )  # twelve rows of four effects: at least as many numbers as S


def test_the_form_is_that_of_the_posterior():
    data, _ = CASES["two correlated terms"]()
    priors = Priors.weak(data)
    ours = prior_draws(data, priors, 64, rng=np.random.default_rng(7))
    theirs = posterior(data, priors, 64, rng=np.random.default_rng(7))
    for name, variable in theirs.posterior.data_vars.items():
        assert ours.posterior[name].dims == variable.dims
    for name in ("coef", "effect", "effect_pair", "ranef"):
        np.testing.assert_array_equal(ours.posterior[name], theirs.posterior[name])
    for name in ("term", "level", "covariate"):
        np.testing.assert_array_equal(ours.constant_data[name], theirs.constant_data[name])
    assert (ours.attrs["lmmlib_distribution"], ours.attrs[draws.FINGERPRINT]) == (
        "prior",
        data.design.fingerprint,
    )
    np.testing.assert_array_equal(ours.observed_data.y, data.y)
    alone = prior_draws(data.design, priors, 64, rng=np.random.default_rng(7))
    assert "observed_data" not in alone.children
    np.testing.assert_array_equal(alone.posterior.u, ours.posterior.u)
    theta = draws.theta(ours, data.design)
    sds = np.split(draws.flat(ours, "sd"), 2, axis=1)
    for chol, sd in zip(theta.effect_chols, sds, strict=True):
        np.testing.assert_allclose(np.sqrt(np.sum(chol**2, -1)), sd)


def test_what_cannot_be_drawn_is_refused():
    design = _design()
    priors = Priors.build(design, (0, 1), ScalePrior("half-normal", 1.0))
    with pytest.raises(ValueError, match="draws must be a whole number, 1 at least, got 0"):
        prior_draws(design, priors, 0, rng=np.random.default_rng(1))
    with pytest.raises(
        TypeError, match="the first argument must be a Data or a Design, got Priors"
    ):
        prior_draws(priors, design, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="priors of sd must be given for g: x1, g: x2"):
        prior_draws(_design(2), priors, rng=np.random.default_rng(1))
    one = prior_draws(Data(np.arange(12.0), design), priors, 1, rng=np.random.default_rng(1))
    assert one.posterior.u.shape == (1, 1, 4)
