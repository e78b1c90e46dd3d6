"""Densities against their dense twins, 50-digit arithmetic, published criteria and each other."""

import numpy as np
import pytest

import truth
from cases import CASES, each_case, three_draws
from lmmlib import (
    Data,
    Design,
    Params,
    Term,
    from_formula,
    load_dataset,
    loglik,
    merge_reductions,
    simulate,
)
from lmmlib.linalg import dense


@each_case
def test_marginal_is_the_dense_density(name):
    data, params = CASES[name]()
    np.testing.assert_allclose(
        loglik.marginal(data, params), truth.marginal(data, params), rtol=1e-10
    )


@each_case
def test_conditional_is_the_dense_density(name):
    data, params = CASES[name]()
    u = np.random.default_rng(0).normal(size=data.design.Z.shape[1])
    np.testing.assert_allclose(
        loglik.conditional(data, params, u), truth.conditional(data, params, u), rtol=1e-10
    )


@each_case
@pytest.mark.parametrize("held", [None, 1])
def test_many_draws_at_once_are_one_by_one(name, held, monkeypatch):
    """All draws and blocks in one piece, and one piece for each."""
    if held:
        monkeypatch.setattr("lmmlib.model.reduction.CHUNK", held)
        monkeypatch.setattr(dense, "MAX_ENTRIES", held)
    data, params = CASES[name]()
    many, singles = three_draws(data, params)
    one_by_one = [truth.marginal(data, one) for one in singles]
    np.testing.assert_allclose(loglik.marginal_in_draws(data, many), one_by_one, rtol=1e-10)
    u = np.random.default_rng(0).normal(size=(3, data.design.Z.shape[1]))
    one_by_one = [truth.conditional(data, one, v) for one, v in zip(singles, u, strict=True)]
    by_row = loglik.conditional_in_draws(data, many, u)
    np.testing.assert_allclose(by_row.sum(1), one_by_one, rtol=1e-10)


def _grouped(rng, ratio, offset):
    covariates = np.column_stack([np.ones(24), np.tile(np.arange(4.0), 6)])
    term = Term.grouped("g", np.repeat(np.arange(6), 4), covariates)
    cov = {"g": ratio**2 * np.array([[1.0, 0.3], [0.3, 0.5]])}
    return _simulated(rng, Design(np.ones((24, 1)), [term]), cov, offset)


def _dense(rng, ratio, offset):
    terms = [Term.dense(f"z{k}", rng.uniform(size=(24, 1))) for k in range(3)]
    cov = {f"z{k}": ratio**2 for k in range(3)}
    return _simulated(rng, Design(np.ones((24, 1)), terms), cov, offset)


def _crossed(rng, ratio, offset):
    """Fourteen levels against sixteen.

    A separator wide enough for cross products, and more columns than half the rows.
    """
    terms = [
        Term.grouped("a", np.arange(40) % 16, levels=range(16)),
        Term.grouped("b", rng.integers(14, size=40), levels=range(14)),
    ]
    cov = {"a": ratio**2, "b": 0.3 * ratio**2}
    return _simulated(rng, Design(np.ones((40, 1)), terms), cov, offset)


def _nested(rng, ratio, offset):
    terms = [
        Term.grouped("a", np.repeat(np.arange(3), 8)),
        Term.grouped("b:a", np.repeat(np.arange(9), [3, 3, 2, 1, 6, 1, 2, 2, 4])),
    ]
    cov = {"a": ratio**2, "b:a": 0.3 * ratio**2}
    return _simulated(rng, Design(np.ones((24, 1)), terms), cov, offset)


def _simulated(rng, design, cov, offset):
    params = Params([offset], cov, 1.0)
    return Data(simulate(design, params, rng).y, design), params


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("ratio", [0.0, 1e-6, 1e-3, 1.0, 1e3, 1e4, 1e6])
@pytest.mark.parametrize("make", [_grouped, _dense, _nested, _crossed])
def test_marginal_is_exact_to_what_the_input_allows(make, ratio, offset):
    data, params = make(np.random.default_rng(3), ratio, offset)
    exact, magnitude = truth.marginal_50_digits(data, params)
    allowed = allowance(data, params, crossed=make is _crossed)
    halves = [data.rows(part) for part in (slice(0, None, 2), slice(1, None, 2))]
    for reduction in (data, merge_reductions(halves)):
        assert abs(loglik.marginal(reduction, params) - exact) <= allowed * magnitude


def test_the_two_exact_arithmetics_agree():
    data, params = _nested(np.random.default_rng(3), 1e4, 1e3)
    np.testing.assert_allclose(
        truth.marginal_120_digits(data, params), truth.marginal_50_digits(data, params), rtol=1e-15
    )


def allowance(data, params, crossed):
    """One rounding of each y and of each Xβ, in units of σ.

    No algorithm in double precision can promise less.

    Of crossed columns five times that, or the ten digits that cross products keep of a determinant.
    """
    largest = np.max(np.abs(data.y) + np.abs(data.design.X) @ np.abs(params.beta))
    allowed = max(1e-13, 2.2e-16 * largest / params.sigma)
    return max(5 * allowed, 1e-10) if crossed else allowed


def test_density_does_not_depend_on_the_order_of_rows_or_levels():
    data, params = CASES["unbalanced slopes"]()
    design, order = data.design, np.random.default_rng(1).permutation(data.design.n)
    term = design.terms[0]
    codes = term.Z.indices[::2] // 2
    renamed = np.array([9, 4, 7, 1, 8, 0])[codes][order]
    shuffled = Design(
        design.X[order], [Term.grouped("g", renamed, term.Z.data.reshape(-1, 2)[order])]
    )
    np.testing.assert_allclose(
        loglik.marginal(Data(data.y[order], shuffled), params),
        loglik.marginal(data, params),
        rtol=1e-12,
    )


def test_changing_units_changes_the_density_by_the_jacobian():
    data, params = CASES["weights and offset"]()
    design, c = data.design, 1e3
    scaled = Design(design.X, design.terms, weights=design.weights, offset=c * design.offset)
    scaled_params = Params(c * params.beta, {"g": c**2 * params.cov["g"]}, c * params.sigma)
    there = loglik.marginal(Data(c * data.y, scaled), scaled_params)
    here = loglik.marginal(data, params)
    np.testing.assert_allclose(there, here - design.n * np.log(c), rtol=1e-12)


def test_a_known_covariance_can_be_written_into_the_columns():
    data, params = CASES["known covariance"]()
    term = data.design.terms[0]
    absorbed = Design(data.design.X, [Term.dense("z", term.Z @ term.level_chol)])
    np.testing.assert_allclose(
        loglik.marginal(Data(data.y, absorbed), params), loglik.marginal(data, params), rtol=1e-12
    )


# Published estimates and criteria (-2 log likelihood, ML), from the tests of MixedModels.jl and
# lme4. The criterion is stationary at its optimum: rounding an estimate by d moves it by (d /
# standard error)^2, so 1e-8 where estimates have seven digits; the correlation of sleepstudy has
# four, 5e-5 of a standard error of 0.27: 4e-8.
@pytest.mark.parametrize(
    ("formula", "table", "beta", "cov", "sigma", "criterion", "tolerance"),
    [
        (
            "Yield ~ 1 + (1 | Batch)",
            "Dyestuff",
            [1527.5],
            {"Batch": 37.26034**2},
            49.51010,
            327.32705988,
            1e-8,
        ),
        (
            "Yield ~ 1 + (1 | Batch)",
            "Dyestuff2",
            [5.6656],
            {"Batch": 0.0},
            3.65323135,
            162.87303665,
            1e-8,
        ),
        (
            "Reaction ~ Days + (Days | Subject)",
            "sleepstudy",
            [251.40510485, 10.46728596],
            {
                "Subject": [
                    [23.780664**2, 0.0813 * 23.780664 * 5.7168447],
                    [0.0813 * 23.780664 * 5.7168447, 5.7168447**2],
                ]
            },
            25.5918156,
            1751.93934446,
            1e-7,
        ),
        (
            "strength ~ 1 + (1 | batch/cask)",
            "Pastes",
            [60.0533333333],
            {"cask:batch": 2.9040779**2, "batch": 1.0950608**2},
            0.8234074,
            247.99446586,
            1e-8,
        ),
        (
            "diameter ~ 1 + (1 | plate) + (1 | sample)",
            "Penicillin",
            [22.9722222222],
            {"plate": 0.8455719**2, "sample": 1.7706665**2},
            0.5499319,
            332.18834867,
            1e-8,
        ),
    ],
)
def test_criterion_at_published_estimates(formula, table, beta, cov, sigma, criterion, tolerance):
    data = from_formula(formula, load_dataset(table))
    got = -2 * loglik.marginal(data, Params(beta, cov, sigma))
    assert abs(got - criterion) <= tolerance


def test_sizes_must_fit():
    data, params = CASES["balanced"]()
    with pytest.raises(
        ValueError, match=r"u must have shape \(5,\), got \(4,\); one entry per effect"
    ):
        loglik.conditional(data, params, np.zeros(4))
    with pytest.raises(ValueError, match="cov must be given for g; it misses g and has unknown h"):
        loglik.marginal(data, Params(params.beta, {"h": 1.0}, 1.0))
    with pytest.raises(ValueError, match="beta has 1 entries; the design has 2 columns: x1, x2"):
        loglik.marginal(data, Params([1.0], {"g": 1.0}, 1.0))
