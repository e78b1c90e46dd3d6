"""Moments against their definitions by simulation, and the identities between the densities."""

import numpy as np
import pytest

import truth
from cases import CASES, each_case
from lmmlib import Data, Design, Params, Term, loglik, moments, simulate
from lmmlib.report.experiments import experiment_2


@each_case
def test_effects_given_y_are_the_dense_ones(name):
    data, params = CASES[name]()
    mean, cov = truth.effects(data, params)
    got = moments.effects(data, params)
    np.testing.assert_allclose(got.mean, mean, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(got.cov, cov, rtol=1e-9, atol=1e-12)


@each_case
def test_moments_of_y_are_the_dense_ones(name):
    data, params = CASES[name]()
    a = truth.arrays(data.design, params)
    u = np.random.default_rng(4).normal(size=a.Z.shape[1])
    got = moments.marginal(data.design, params)
    np.testing.assert_allclose(got.mean, a.mean, rtol=1e-12)
    np.testing.assert_allclose(got.cov, a.V, rtol=1e-12, atol=1e-12)
    given_u = moments.conditional(data.design, params, u)
    np.testing.assert_allclose(given_u.mean, a.mean + a.Z @ u, rtol=1e-12)
    np.testing.assert_allclose(given_u.cov, a.R, rtol=1e-12)


@each_case
def test_joint_density_factors_both_ways(name):
    """p(y|u) p(u) = p(y) p(u|y) at any u, in spherical effects where G is singular."""
    data, params = CASES[name]()
    G = moments.effects_covariance(data.design, params)
    if np.linalg.matrix_rank(G) < len(G):
        data, params = _spherical(data, params)
    u = np.random.default_rng(2).normal(size=data.design.Z.shape[1])
    prior = _log_normal(u, np.zeros(len(u)), moments.effects_covariance(data.design, params))
    given_y = moments.effects(data, params)
    left = loglik.conditional(data, params, u) + prior
    right = loglik.marginal(data, params) + _log_normal(u, given_y.mean, given_y.cov)
    np.testing.assert_allclose(left, right, rtol=1e-10)


def _spherical(data, params):
    """The same model in s with u = Λs: dense columns ZΛ and unit covariance σ²."""
    a = truth.arrays(data.design, params)
    size, axes = np.linalg.eigh(a.G)
    columns = (a.Z @ axes * np.sqrt(np.clip(size, 0, None)))[:, size > 1e-12]
    if columns.shape[1] == 0:  # G = 0: an effect that moves nothing but is there
        columns = np.full((data.design.n, 1), 1e-8)
    design = Design(
        data.design.X,
        [Term.dense("s", columns / params.sigma)],
        data.design.weights,
        data.design.offset,
    )
    return Data(data.y, design), Params(params.beta, {"s": params.sigma**2}, params.sigma)


def _log_normal(x, mean, cov):
    L = np.linalg.cholesky(cov)
    z = np.linalg.solve(L, x - mean)
    return -0.5 * (len(x) * np.log(2 * np.pi) + z @ z) - np.log(np.diag(L)).sum()


def test_marginal_exponent_is_the_least_penalised_one():
    data, params = CASES["unbalanced slopes"]()
    a, u = truth.arrays(data.design, params), moments.effects(data, params).mean
    r = data.y - a.mean
    left = r - a.Z @ u
    penalised = left @ np.linalg.solve(a.R, left) + u @ np.linalg.solve(a.G, u)
    np.testing.assert_allclose(penalised, r @ np.linalg.solve(a.V, r), rtol=1e-10)


def test_simulated_moments_converge_on_both():
    """With S draws each entry of a mean has standard error sqrt(V_ii / S), of a covariance about
    sqrt(2) V_ii / sqrt(S).
    """
    data, params = CASES["balanced"]()
    design, rng, S = data.design, np.random.default_rng(5), 20_000
    u = simulate(design, params, rng).u
    simulated = [simulate(design, params, rng) for _ in range(S)]
    exact = moments.marginal(design, params)
    y = np.array([one.y for one in simulated])
    assert np.max(np.abs(y.mean(0) - exact.mean) / np.sqrt(np.diag(exact.cov) / S)) < 5
    spread = np.sqrt((exact.cov**2 + np.outer(np.diag(exact.cov), np.diag(exact.cov))) / S)
    assert np.max(np.abs(np.cov(y.T) - exact.cov) / spread) < 5
    given = moments.conditional(design, params, u)
    random_parts = np.array([design.Z @ one.u for one in simulated])
    noise = y - random_parts - design.fixed_part(params.beta)
    assert np.max(np.abs(noise.mean(0)) / np.sqrt(np.diag(given.cov) / S)) < 5
    np.testing.assert_allclose(given.mean, design.fixed_part(params.beta) + design.Z @ u)


def test_experiment_2_has_its_closed_form():
    """K groups of m rows, κ = mτ²/σ².

    Mutual (K/2) log(1+κ), lautum Kκ minus that, total correlation by hand.
    """
    experiment = experiment_2(np.random.default_rng(1))
    design = experiment.design
    params = Params(experiment.beta, {"group": 0.5}, 1.0)
    K, kappa = 10, 25.0
    mutual = K / 2 * np.log(1 + kappa)
    lautum = K * kappa - mutual
    assert moments.mutual_information(design, params) == pytest.approx(mutual, rel=1e-12)
    assert moments.lautum_information(design, params) == pytest.approx(lautum, rel=1e-12)
    total = 0.5 * (500 * np.log(1.5) - K * np.log(1 + kappa))
    assert moments.total_correlation(design, params) == pytest.approx(total, rel=1e-12)
    assert total == pytest.approx(85.0758, abs=5e-5)


@pytest.mark.parametrize("ratio", [1e4, 1e6, 1e8])
def test_moments_keep_their_digits_where_effects_dwarf_the_rows(ratio):
    """A balanced design.

    û_j = m τ²/(mτ² + σ²) ȳ_j, Var = τ²σ²/(mτ² + σ²), and I = (K/2) log(1 + mτ²/σ²).
    """
    K, m = 3, 4
    design = Design(np.ones((K * m, 1)), [Term.grouped("g", np.repeat(np.arange(K), m))])
    params = Params([0.0], {"g": ratio**2}, 1.0)
    data = Data(simulate(design, params, np.random.default_rng(3)).y, design)
    got = moments.effects(data, params)
    kappa = m * ratio**2
    mean = data.y.reshape(K, m).mean(1) * kappa / (kappa + 1)
    np.testing.assert_allclose(got.mean, mean, rtol=1e-13)
    cov = np.eye(K) * ratio**2 / (kappa + 1)
    np.testing.assert_allclose(got.cov, cov, rtol=1e-10, atol=1e-12)
    mutual = K / 2 * np.log1p(kappa)
    assert moments.mutual_information(design, params) == pytest.approx(mutual, rel=1e-13)
    total = 0.5 * (K * m * np.log1p(ratio**2) - K * np.log1p(kappa))
    assert moments.total_correlation(design, params) == pytest.approx(total, rel=1e-12)


def test_effects_want_a_response():
    data, params = CASES["balanced"]()
    message = r"data must be a Data, got Design; make one with Data\(y, design\)"
    with pytest.raises(TypeError, match=message):
        moments.effects(data.design, params)


def test_large_designs_are_refused():
    design = Design(np.ones((5001, 1)), [Term.grouped("g", np.arange(5001) % 7)])
    with pytest.raises(ValueError, match=r"5,000 rows or fewer, the design has 5,001; use loglik"):
        moments.marginal(design, Params([0.0], {"g": 1.0}, 1.0))
