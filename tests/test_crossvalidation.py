"""Leave-one-out: each density against brute force, the two routes against each other, and what is refused."""

import numpy as np
import pytest

import truth
from cases import CASES
from lmmlib import Data, Design, Params, Term, as_draws, linalg, loo, simulate
from lmmlib.design import Theta
from lmmlib.effects import draw_given_y


@pytest.mark.parametrize("ratio", [1.0, 1e2, 1e4])
def test_left_out_rows_are_exact_with_singletons_and_slopes(ratio):
    """Singleton groups, where 1 - h as a difference has lost eight digits at 1e4."""
    rng = np.random.default_rng(4)
    codes = np.repeat(np.arange(6), [1, 1, 2, 3, 5, 8])
    design = Design(np.ones((20, 1)), [Term.grouped("g", codes, np.column_stack([np.ones(20), rng.normal(size=20)]))])
    params = Params([0.0], {"g": ratio**2 * np.array([[1.0, 0.2], [0.2, 0.7]])}, 1.0)
    data = Data(simulate(design, params, rng).y, design)
    exact_residual, exact_variance = truth.left_out_50_digits(data, params)
    theta = params.theta(design)
    for batch in design.blocks:
        A = linalg.scale_columns(batch.values, theta.Lam, batch.counts)
        residual, variance = linalg.left_out(A, data.whitened[batch.rows][..., -1])
        real = batch.rows < design.n
        np.testing.assert_allclose(variance[real], exact_variance[batch.rows[real]], rtol=1e-12)
        scale = np.sqrt(exact_variance[batch.rows[real]])
        assert np.max(np.abs(residual[real] - exact_residual[batch.rows[real]]) / scale) < 1e-9


def test_leverages_sum_to_the_trace():
    """Σ h_i = tr(Z(Z'Z + σ²G⁻¹)⁻¹Z')."""
    data, params = CASES["balanced"]()
    theta = params.theta(data.design)
    total = 0.0
    for batch in data.design.blocks:
        A = linalg.scale_columns(batch.values, theta.Lam, batch.counts)
        total += np.sum(1 - 1 / linalg.left_out(A, np.zeros(A.shape[:-1]))[1])
    a = truth.arrays(data.design, params)
    H = a.Z @ np.linalg.inv(a.Z.T @ a.Z + params.sigma**2 * np.linalg.inv(a.G)) @ a.Z.T
    assert total == pytest.approx(np.trace(H), rel=1e-12)


@pytest.fixture(scope="module")
def fitted():
    """Exact posterior draws at known variances: β from its normal, u given β and y."""
    data, params = CASES["balanced"]()
    V, X = truth.arrays(data.design, params).V, data.design.X
    precision = X.T @ np.linalg.solve(V, X)
    mean = np.linalg.solve(precision, X.T @ np.linalg.solve(V, data.y))
    rng, S = np.random.default_rng(11), 4000
    beta = mean + rng.normal(size=(S, 2)) @ np.linalg.cholesky(np.linalg.inv(precision)).T
    one = params.theta(data.design)
    theta = Theta(beta, tuple(np.tile(r, (S, 1, 1)) for r in one.roots), np.full(S, one.sigma))
    u = draw_given_y(data, theta, rng).reshape(4, 1000, -1)
    sd = np.full((4, 1000, 1), np.sqrt(0.7))
    return data, params, as_draws(data=data, beta=beta.reshape(4, 1000, 2), sd=sd, sigma=np.full((4, 1000), params.sigma), u=u)


def test_both_routes_reach_the_exact_value(fitted):
    """With known variances and flat β the exact value is that of N(0, V) with X beside Z at great variance."""
    data, params, draws = fitted
    flat = Design(data.design.X, [*data.design.terms, Term.dense("b", data.design.X)])
    exact = truth.left_out(Data(data.y, flat), Params([0.0, 0.0], {**params.cov, "b": 1e6}, params.sigma))
    for route, bound in (("leverage", 0.05), ("conditional", 0.2)):
        result = loo(draws, data, route=route)
        assert abs(result.elpd - exact.sum()) < bound  # importance sampling with k below 0.7: a few hundredths a row at worst
        assert result.task == "row i from all other rows"
        assert result.route == route
    assert loo(draws, data).pareto_k.max() < loo(draws, data, route="conditional").pareto_k.max()


def test_the_result_is_arviz_s_and_its_parts_add_up(fitted):
    data, _, draws = fitted
    result = loo(draws, data)
    assert result.elpd == pytest.approx(float(result.elpd_i.sum()))
    assert result.se == pytest.approx(float(np.sqrt(data.design.n * result.elpd_i.var())))
    assert result.kind == "loo_row"
    assert "Task: row i from all other rows" in str(result)


def test_unreliable_rows_are_named(fitted):
    data, _, draws = fitted
    wild = draws.copy()
    wild["posterior"] = wild.posterior.to_dataset().assign(beta=wild.posterior["beta"] * 30)
    with pytest.warns(UserWarning, match=r"Pareto k is above 0\.70 in \d+ of 20 rows by the leverage route: "):
        assert loo(wild, data).warning


def test_draws_of_other_data_are_refused(fitted):
    data, _, draws = fitted
    design, order = data.design, np.roll(np.arange(20), 1)
    moved = Design(design.X[order], [Term.grouped("g", np.repeat(np.arange(5), 4)[order])])
    with pytest.raises(ValueError, match="the rows are in another order than when the draws were made, from row 0 on"):
        loo(draws, Data(data.y[order], moved))
    with pytest.raises(ValueError, match="the draws are of another response: 1 rows differ, row 3 first"):
        loo(draws, data.with_y(np.where(np.arange(20) == 3, 7, data.y)))
    with pytest.raises(ValueError, match="the draws were made with another design"):
        loo(draws, Data(data.y, Design(design.X, [Term.grouped("g", np.roll(np.repeat(np.arange(5), 4), 1))])))
    with pytest.raises(ValueError, match="the draws have effect g: Intercept; the design has h: Intercept"):
        loo(draws, Data(data.y, Design(design.X, [Term.grouped("h", np.repeat(np.arange(5), 4))])))
    with pytest.raises(ValueError, match="the draws are of 20 rows; the data have 8"):
        loo(draws, CASES["singleton groups"]()[0])


def test_unknown_options_are_refused(fitted):
    data, _, draws = fitted
    with pytest.raises(ValueError, match="leave must be 'row', got 'g'"):
        loo(draws, data, leave="g")
    with pytest.raises(ValueError, match="route must be one of leverage, conditional, got 'marginal'"):
        loo(draws, data, route="marginal")
    without = draws.copy()
    without["posterior"] = without.posterior.to_dataset().drop_vars("u")
    with pytest.raises(ValueError, match="the draws have no 'u', only beta, sd, sigma"):
        loo(without, data, route="conditional")
    nameless = draws.copy()
    del nameless["observed_data"]
    with pytest.raises(ValueError, match="it cannot be checked which data they are of"):
        loo(nameless, data)
