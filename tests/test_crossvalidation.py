"""Leave-one-out: each density against brute force, the two routes against each other, and what
is refused.
"""

import warnings
from dataclasses import replace

import arviz_stats
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import kstest, norm

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
    compare,
    estimate,
    from_formula,
    held_out,
    linalg,
    load_dataset,
    loglik,
    loo,
    loo_pit,
    posterior,
    simulate,
)
from lmmlib import draws as draws_
from lmmlib.crossvalidation import leave_out, smoothing
from lmmlib.crossvalidation.refits import refit_log_density
from lmmlib.crossvalidation.result import UnitEstimates
from lmmlib.crossvalidation.units import Units
from lmmlib.model import Theta
from lmmlib.random_effects import conditional_draws


@pytest.mark.parametrize("ratio", [1.0, 1e2, 1e4])
def test_left_out_rows_are_exact_with_singletons_and_slopes(ratio):
    """Singleton groups, where 1 - h as a difference has lost eight digits at 1e4."""
    rng = np.random.default_rng(4)
    codes = np.repeat(np.arange(6), [1, 1, 2, 3, 5, 8])
    design = Design(
        np.ones((20, 1)),
        [Term.grouped("g", codes, np.column_stack([np.ones(20), rng.normal(size=20)]))],
    )
    params = Params([0.0], {"g": ratio**2 * np.array([[1.0, 0.2], [0.2, 0.7]])}, 1.0)
    data = Data(simulate(design, params, rng).y, design)
    exact_residual, exact_variance = truth.left_out_50_digits(data, params)
    theta = params.theta(design)
    for batch in design.blocks:
        A = linalg.scale_columns(batch.values, theta.Lam, batch.counts)
        residual, variance = linalg.predict_from_others(A, data.whitened[batch.rows][..., -1])
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
        total += np.sum(1 - 1 / linalg.predict_from_others(A, np.zeros(A.shape[:-1]))[1])
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
    theta = Theta(
        beta, tuple(np.tile(r, (S, 1, 1)) for r in one.effect_chols), np.full(S, one.sigma)
    )
    u = conditional_draws(data, theta, rng).reshape(4, 1000, -1)
    sd = np.full((4, 1000, 1), np.sqrt(0.7))
    return (
        data,
        params,
        as_draws(
            data=data,
            beta=beta.reshape(4, 1000, 2),
            sd=sd,
            sigma=np.full((4, 1000), params.sigma),
            u=u,
        ),
    )


def test_both_routes_reach_the_exact_value(fitted):
    """With known variances and flat β the exact value is that of N(0, V) with X beside Z at
    great variance.
    """
    data, params, draws = fitted
    flat = Design(data.design.X, [*data.design.terms, Term.dense("b", data.design.X)])
    exact = truth.left_out(
        Data(data.y, flat), Params([0.0, 0.0], {**params.cov, "b": 1e6}, params.sigma)
    )
    for route, bound in (("leverage", 0.05), ("conditional", 0.2)):
        result = loo(draws, data, route=route)
        assert (
            abs(result.elpd - exact.sum()) < bound
        )  # importance sampling with k below 0.7: a few hundredths a row at worst
        assert result.task == "row i from all other rows"
        assert result.route == route
    assert loo(draws, data).pareto_k.max() < loo(draws, data, route="conditional").pareto_k.max()


def test_the_result_is_arviz_s_and_its_parts_add_up(fitted):
    data, _, draws = fitted
    result = loo(draws, data)
    assert result.elpd == pytest.approx(float(result.elpd_i.sum()))
    assert result.se == pytest.approx(float(np.sqrt(data.design.n * result.elpd_i.var())))
    assert "Task: row i from all other rows" in str(result)


@pytest.mark.parametrize("weighted", [False, True])
def test_p_is_what_the_rows_gain_by_having_been_seen(weighted):
    """Σ log Σ_s w_s p(y_i|y_−i, θ_s) with the weights of the draws, less the same with those of
    leave-one-out.
    """
    data, _ = CASES["balanced"]()
    priors = Priors.build(data.design, (0.0, 3.0), ScalePrior("half-normal", 1.0))
    draws = posterior(data, priors, 512, rng=np.random.default_rng(1), weighted=weighted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pareto k, which is nothing to the sum
        result = loo(draws, data)
    log_weight = draws_.log_weight(draws) if weighted else np.full(512, -np.log(512))
    seen = sum(
        logsumexp(values + log_weight[:, None], 0).sum()
        for _, values in held_out.rows_in_draws(data, draws_.theta(draws, data.design))
    )
    assert result.p == pytest.approx(seen - result.elpd, rel=1e-9)
    assert 1 < result.p < 8  # of two coefficients, five effects and two SDs


def test_few_draws_want_a_smaller_pareto_k(fitted):
    """1 − 1/log10 S: one half for a hundred draws, and 0.7 from 2,155 on."""
    data, _, draws = fitted
    assert loo(draws, data).good_k == 0.7
    few = draws.isel(chain=slice(0, 2), draw=slice(0, 50))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = loo(few, data)
    assert result.good_k == pytest.approx(0.5)
    assert result.warning == bool((result.pareto_k > 0.5).any())


@pytest.mark.parametrize("size", [1.0, 1e6])
def test_equal_weights_stay_as_they_are(size):
    """Nothing is smoothed where weights differ by the rounding of their logarithms alone."""
    same = size + size * np.finfo(float).eps * np.random.default_rng(2).integers(
        -2, 3, size=(100, 3)
    )
    log_weights, k = smoothing.smoothed_weights(same)
    np.testing.assert_array_equal(log_weights, np.full((100, 3), -np.log(100)))
    assert np.all(k == -np.inf)


def _with_unreliable(count):
    """Twenty units, so many of which have weights that cannot be trusted."""
    pareto_k = np.where(np.arange(20) < count, 0.9, 0.1)
    return UnitEstimates(np.zeros(20), np.zeros(20), pareto_k, np.zeros(20, bool), 4000)


def test_at_most_eight_unreliable_rows_are_named():
    labels = tuple(f"no {i}" for i in range(20))
    rows = Units("row", np.arange(20), labels)
    levels = Units("g", np.arange(20), labels)
    with pytest.warns(
        UserWarning, match=r"in 8 of 20 rows by the leverage route: no 0, .*, no 7; their"
    ):
        leave_out.warn_of_unreliable(rows, "leverage", _with_unreliable(8))
    with pytest.warns(
        UserWarning, match=r"in 9 of 20 levels of g by the leverage route: no 0, .*, no 7, …; their"
    ):
        leave_out.warn_of_unreliable(levels, "leverage", _with_unreliable(9))


def test_relative_efficiency_is_that_of_the_draws(fitted):
    """Independent draws count in full, draws held for four steps a quarter.

    σ and the SD are constants, which count in full.
    """
    data, _, draws = fitted
    one = draws.posterior.beta.to_numpy()
    held = as_draws(
        data=data,
        beta=np.repeat(one[:, :250], 4, 1),
        sd=draws.posterior.sd.to_numpy(),
        sigma=draws.posterior.sigma.to_numpy(),
    )
    plain = as_draws(
        data=data,
        beta=one,
        sd=draws.posterior.sd.to_numpy(),
        sigma=draws.posterior.sigma.to_numpy(),
    )
    assert smoothing.relative_efficiency(plain) == pytest.approx(1, abs=0.05)
    assert smoothing.relative_efficiency(held) == pytest.approx((2 * 0.25 + 2) / 4, abs=0.05)
    assert smoothing.relative_efficiency(held.isel(chain=[0])) == 1


def test_unreliable_rows_are_named(fitted):
    data, _, draws = fitted
    wild = draws.copy()
    wild["posterior"] = wild.posterior.to_dataset().assign(beta=wild.posterior["beta"] * 30)
    with pytest.warns(
        UserWarning, match=r"Pareto k is above 0\.70 in \d+ of 20 rows by the leverage route: "
    ):
        assert loo(wild, data).warning


def test_draws_of_other_data_are_refused(fitted):
    data, _, draws = fitted
    design, order = data.design, np.roll(np.arange(20), 1)
    moved = Design(design.X[order], [Term.grouped("g", np.repeat(np.arange(5), 4)[order])])
    with pytest.raises(
        ValueError,
        match="the rows are in another order than when the draws were made, from row 0 on",
    ):
        loo(draws, Data(data.y[order], moved))
    with pytest.raises(
        ValueError, match="the draws are of another response: 1 rows differ, row 3 first"
    ):
        loo(draws, data.with_y(np.where(np.arange(20) == 3, 7, data.y)))
    with pytest.raises(ValueError, match="the draws were made with another design"):
        loo(
            draws,
            Data(
                data.y,
                Design(design.X, [Term.grouped("g", np.roll(np.repeat(np.arange(5), 4), 1))]),
            ),
        )
    with pytest.raises(
        ValueError, match="the draws have effect g: Intercept; the design has h: Intercept"
    ):
        loo(draws, Data(data.y, Design(design.X, [Term.grouped("h", np.repeat(np.arange(5), 4))])))
    with pytest.raises(ValueError, match="the draws are of 20 rows; the data have 8"):
        loo(draws, CASES["singleton groups"]()[0])


def test_unknown_options_are_refused(fitted):
    data, _, draws = fitted
    with pytest.raises(ValueError, match="leave must be 'row' or a term, g; got 'h'"):
        loo(draws, data, leave="h")
    with pytest.raises(
        ValueError, match="route must be one of leverage, conditional, got 'marginal'"
    ):
        loo(draws, data, route="marginal")
    without = draws.copy()
    without["posterior"] = without.posterior.to_dataset().drop_vars("u")
    with pytest.raises(ValueError, match="the draws have no 'u', only beta, sd, sigma"):
        loo(without, data, route="conditional")
    with pytest.raises(
        ValueError, match="Pareto smoothing needs 25 draws at least, got 24; draw more"
    ):
        loo(draws.isel(chain=[0], draw=slice(24)), data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert loo(draws.isel(chain=[0], draw=slice(25)), data).n_samples == 25
    with pytest.raises(TypeError, match="data must be a Data, got Design"):
        loo(draws, data.design)
    rows = Data(
        data.y, Design(data.design.X, [Term.grouped("row", data.design.level_of_rows("g"))])
    )
    with pytest.raises(
        ValueError, match="a term is named 'row', so that leave='row' has two meanings"
    ):
        loo(draws, rows)
    nameless = draws.copy()
    del nameless["observed_data"]
    with pytest.raises(ValueError, match="it cannot be checked which data they are of"):
        loo(nameless, data)


def _data(formula, table):
    return from_formula(formula, load_dataset(table))


@pytest.mark.parametrize(
    ("formula", "table", "term", "rows", "levels"),
    [
        (
            "Reaction ~ Days + (Days | Subject)",
            "sleepstudy",
            "Subject",
            -855.93501818,
            -875.96967223,
        ),
        ("Yield ~ 1 + (1 | Batch)", "Dyestuff", "Batch", -162.03258013, -163.66352994),
    ],
)
def test_sums_at_the_estimates_are_the_published_ones(formula, table, term, rows, levels):
    data = _data(formula, table)
    params = estimate(data, method="ml").params
    assert held_out.rows(data, params).sum() == pytest.approx(rows, abs=2e-5)
    ((_, values),) = held_out.levels_in_draws(data, params.theta(data.design).repeat(1), term)
    assert values.sum() == pytest.approx(levels, abs=1e-6)
    assert values.sum() == pytest.approx(
        loglik.marginal(data, params), rel=1e-12
    )  # the levels are independent given θ


def test_eight_schools_exact_elpd():
    """By quadrature −30.7418748838; the errors are those of independent replications."""
    y, se = np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    data = Data(y, Design(np.ones((8, 1)), [Term.grouped("school", range(8))], weights=se**-2.0))
    priors = Priors.build(
        data.design, (0.0, 5.0), ScalePrior("half-Student-t", 5.0, df=1), ScalePrior("fixed", 1.0)
    )
    for weighted in (False, True):
        found = []
        for seed in range(8):
            rng = np.random.default_rng(seed)
            draws = posterior(data, priors, 4096, rng=rng, weighted=weighted)
            found += [
                loo(draws, data, leave=leave, priors=priors, rng=rng).elpd
                for leave in ("row", "school")
            ]
        rows, schools = np.array(found).reshape(8, 2).T
        for elpd in (rows, schools):  # a school is a row here
            assert abs(elpd.mean() + 30.7418748838) < 5 * elpd.std(ddof=1) / np.sqrt(8)
        np.testing.assert_allclose(rows, schools, atol=1e-9)


@pytest.fixture(scope="module")
def sleep():
    data = _data("Reaction ~ Days + (Days | Subject)", "sleepstudy")
    priors = Priors.weak(data)
    return data, priors, posterior(data, priors, 4096, rng=np.random.default_rng(3))


def test_one_subject_needs_a_refit_and_gets_it(sleep):
    data, priors, draws = sleep
    with pytest.warns(
        UserWarning,
        match=(
            r"in \d of 18 levels of Subject by the leverage route: .*Give priors= and rng= to "
            r"refit"
        ),
    ):
        smoothed = loo(draws, data, leave="Subject")
    result = loo(draws, data, leave="Subject", priors=priors, rng=np.random.default_rng(1))
    assert 1 <= len(result.refitted) <= 4
    assert not result.warning
    assert f"Refitted: {', '.join(result.refitted)}" in str(result)
    kept = ~np.isin(result.elpd_i.level, result.refitted)
    np.testing.assert_array_equal(result.elpd_i[kept], smoothed.elpd_i[kept])
    exact = [
        refit_log_density(
            data, priors, np.flatnonzero(result.units == i), 4096, np.random.default_rng(i), "it"
        )
        for i in range(18)
    ]
    assert abs(result.elpd - sum(exact)) < 0.2  # over seeds such sums spread by 0.03
    assert np.max(np.abs(result.elpd_i.to_numpy() - exact)) < 0.1


def test_levels_are_what_brute_force_refits_give_in_a_crossed_design():
    data = _data("diameter ~ 1 + (1 | plate) + (1 | sample)", "Penicillin")
    priors = Priors.weak(data)
    draws = posterior(data, priors, 4096, rng=np.random.default_rng(1))
    for term, levels in (("plate", 24), ("sample", 6)):
        result = loo(draws, data, leave=term, priors=priors, rng=np.random.default_rng(2))
        assert result.elpd_i.sizes["level"] == levels
        for i in range(2):
            exact = refit_log_density(
                data,
                priors,
                np.flatnonzero(result.units == i),
                4096,
                np.random.default_rng(i),
                "it",
            )
            assert abs(float(result.elpd_i[i]) - exact) < 0.1
    assert loo(draws, data).elpd_i.sizes["row"] == 144


def test_the_diagonal_of_v_is_not_leave_one_out(fitted):
    """The wrong habit.

    p(y_i|θ) from the diagonal of V forgets that the others of its group tell of a row.
    """
    data, params, draws = fitted
    V, n = truth.arrays(data.design, params).V, data.design.n
    flat = Design(
        data.design.X, [*data.design.terms, Term.dense("b", data.design.X)]
    )  # β integrated, as in the draws
    exact = truth.left_out(
        Data(data.y, flat), Params([0.0, 0.0], {**params.cov, "b": 1e6}, params.sigma)
    ).sum()
    beta = draws.posterior.beta.to_numpy().reshape(-1, 2)
    habit = logsumexp(
        norm(beta @ data.design.X.T, np.sqrt(np.diag(V))).logpdf(data.y), axis=0
    ) - np.log(len(beta))
    assert abs(loo(draws, data).elpd - exact) < 0.1
    assert abs(habit.sum() - exact) > 3
    # Over data of the model, at known parameters, the habit loses ½ Σ log(V_ii [V⁻¹]_ii) in the
    # mean.
    rng, c = np.random.default_rng(1), np.diag(np.linalg.inv(V))
    e = rng.multivariate_normal(np.zeros(n), V, 20_000)
    lost = (
        norm(0, 1 / np.sqrt(c)).logpdf(e @ np.linalg.inv(V) / c)
        - norm(0, np.sqrt(np.diag(V))).logpdf(e)
    ).sum(1)
    assert abs(lost.mean() - 0.5 * np.sum(np.log(np.diag(V) * c))) < 5 * lost.std() / np.sqrt(
        20_000
    )


def test_standard_errors_over_groups(fitted):
    data, _, draws = fitted
    rows, grouped = loo(draws, data), loo(draws, data, by="g")
    sums = grouped.elpd_i.to_numpy().reshape(5, 4).sum(1)
    assert grouped.se == pytest.approx(np.sqrt(5 * sums.var()))
    assert grouped.se_over == "levels of g"
    assert rows.se_over == "rows"
    assert loo(draws, data, by=np.repeat(np.arange(5), 4)).se == grouped.se
    with pytest.raises(
        ValueError,
        match=r"by must name a term or hold one label per row, shape \(20,\), got shape \(3,\)",
    ):
        loo(draws, data, by=[1, 2, 3])
    with pytest.raises(ValueError, match="rows left out together must lie in one group"):
        loo(draws, data, leave="g", by=np.arange(20))


def test_comparison_refuses_what_cannot_be_compared(fitted, sleep):
    data, _, draws = fitted
    a, b = loo(draws, data), loo(draws, data, leave="g")
    worse = draws.copy()
    worse["posterior"] = worse.posterior.to_dataset().assign(beta=worse.posterior["beta"] + 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        c, d = loo(worse, data), loo(worse, data, leave="g", by="g")
    table = compare({"shifted": c, "right": a})
    assert table.index.tolist() == ["right", "shifted"]
    assert table.loc["shifted", "elpd_diff"] == pytest.approx(c.elpd - a.elpd)
    assert table.loc["shifted", "diag_diff"] == "N < 100"
    for others, message in (
        (
            {"a": a, "b": b},
            "'a' and 'b' answer different questions: row i from all other rows; all rows of one g",
        ),
        ({"a": a, "b": replace(a, y=a.y[:-1])}, "are of different data: 20 and 19 rows"),
        (
            {"a": a, "b": replace(a, y=np.roll(a.y, 1))},
            "one response in different orders of rows, from row 0 on",
        ),
        (
            {"a": a, "b": replace(a, y=a.y + (np.arange(20) == 3))},
            "of different responses, from row 3 on",
        ),
        ({"b": b, "d": d}, "standard errors over levels of g and over levels of g"),
        (
            {"d": d, "b": replace(d, groups=d.groups[::-1])},
            "standard errors over levels of g and over levels of g",
        ),
        (
            {"b": b, "d": replace(b, units=np.roll(b.units, 1))},
            "leave out different groups of rows under one name, 'g'",
        ),
        ({"a": a}, "two results at least to compare, got 1"),
        (
            {
                "a": a,
                "b": arviz_stats.utils.ELPDDataLOO(
                    elpd=1,
                    se=1,
                    p=1,
                    n_samples=1,
                    n_data_points=1,
                    scale="log",
                    warning=False,
                    good_k=1,
                ),
            },
            "'b' carries no prediction task",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            compare(others)
    three = compare(
        {"shifted": c, "right": a, "middle": replace(a, elpd=a.elpd - 1, elpd_i=a.elpd_i - 0.05)}
    )
    assert three.index.tolist() == ["right", "middle", "shifted"]
    far = {
        name: replace(r, elpd_i=r.elpd_i - 2000) for name, r in (("shifted", c), ("right", a))
    }  # exp(−2000) is zero
    np.testing.assert_allclose(compare(far)["weight"], table["weight"], atol=1e-6)
    grouped = compare(
        {
            "right": loo(draws, data, by="g"),
            "shifted": replace(c, groups=np.repeat(np.arange(5), 4), se_over="levels of g"),
        }
    )
    sums = (c.elpd_i.to_numpy() - a.elpd_i.to_numpy()).reshape(5, 4).sum(1)
    dse = np.sqrt(5 * sums.var())
    assert grouped.loc["shifted", "dse"] == pytest.approx(dse)
    assert grouped.loc["shifted", "p_worse"] == pytest.approx(norm.cdf((a.elpd - c.elpd) / dse))


def test_pit_is_the_exact_distribution_function(fitted):
    """At known variances and flat β the left-out distribution is normal.

    Each PIT is its distribution function at y.
    """
    data, params, draws = fitted
    flat = Design(data.design.X, [*data.design.terms, Term.dense("b", data.design.X)])
    residual, variance = truth.left_out_50_digits(
        Data(data.y, flat), Params([0.0, 0.0], {**params.cov, "b": 1e6}, params.sigma)
    )
    found = loo_pit(draws, data).to_numpy()
    np.testing.assert_allclose(
        found, norm.cdf(residual / np.sqrt(variance)), atol=0.03
    )  # 4000 draws of weights, k below 0.7


def test_pit_of_one_draw_is_the_normal_distribution_function():
    """Equal draws have equal weights, so that nothing is left but Φ(e_i √w_i / (σ √v_i)), far
    from a unit scale.
    """
    data, params = CASES["weights and offset"]()
    far = Params(params.beta, {"g": 49.0}, 5.0)
    lead = {"beta": far.beta, "sd": np.array([7.0])}
    draws = as_draws(
        data=data,
        sigma=np.full((2, 10), far.sigma),
        **{k: np.tile(v, (2, 10, 1)) for k, v in lead.items()},
    )
    residual, variance = truth.left_out_50_digits(data, far)
    np.testing.assert_allclose(
        loo_pit(draws, data).to_numpy(), norm.cdf(residual / np.sqrt(variance)), rtol=1e-9
    )


def test_pit_of_simulated_data_is_uniform():
    """Data from the prior itself.

    200 replications of a smallest and a middle PIT, against the uniform distribution.
    """
    design = Design(np.ones((12, 1)), [Term.grouped("g", np.repeat(np.arange(4), 3))])
    priors = Priors.build(design, (0.0, 1.0), ScalePrior("half-normal", 1.0))
    pits = []
    for seed in range(60):
        rng = np.random.default_rng([7, seed])
        truth_ = Params(rng.normal(size=1), {"g": abs(rng.normal()) ** 2}, abs(rng.normal()) + 1e-3)
        data = Data(simulate(design, truth_, rng).y, design)
        pits.append(loo_pit(posterior(data, priors, 512, rng=rng), data).to_numpy()[0])
    assert kstest(pits, "uniform").pvalue > 1e-4


def test_levels_want_their_own_route_and_refits_any_rng(fitted):
    data, _, draws = fitted
    priors = Priors.build(data.design, (0.0, 3.0), ScalePrior("half-normal", 1.0))
    other = Data(
        data.y, Design(data.design.X, [Term.grouped("subject", data.design.level_of_rows("g"))])
    )
    for leave, of in (("g", data), ("subject", other)):
        with pytest.raises(ValueError, match="levels can be left out by the leverage route only"):
            loo(draws, of, leave=leave, route="conditional")
    assert np.isfinite(loo(draws, data, priors=priors).elpd)


def test_a_refit_that_fails_names_what_was_left_out():
    """Without row 4 every level is fitted exactly, with rows to spare.

    As σ goes to zero the density has no bound.
    """
    data = Data([1.0, 1, 5, 5, 2, 7], Design(np.ones((6, 1)), [Term.grouped("g", list("aabbcc"))]))
    priors = Priors.build(data.design, (0.0, 3.0), ScalePrior("half-normal", 1.0))
    with pytest.raises(
        ValueError, match="the refit without row 4 failed: X and the effects fit y exactly"
    ):
        refit_log_density(data, priors, np.array([4]), 1024, np.random.default_rng(1), "row 4")
