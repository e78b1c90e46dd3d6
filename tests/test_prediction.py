"""Replicates for known and for new levels have the spread that their names promise, and
statistics tell them apart.
"""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import chi2, skew

from cases import CASES
from lmmlib import (
    Data,
    Design,
    Priors,
    ScalePrior,
    Term,
    as_draws,
    from_formula,
    load_dataset,
    moments,
    posterior,
    posterior_epred,
    posterior_predict,
    predictive_check,
    prior_draws,
    simulate,
)
from lmmlib.model import Params
from lmmlib.prediction import STATISTICS

S = 20_000
STRANGE = "new rows must have the "


def _constant(data, params, u=None, S=S):
    """One value of (θ, u) repeated, so that replicates have exact moments."""
    lead = (4, S // 4)
    roots = [params.cov[t.name] for t in data.design.terms]
    sd = np.concatenate([np.sqrt(np.diag(cov)) for cov in roots])
    cor = [
        cov[i, j] / np.sqrt(cov[i, i] * cov[j, j])
        for t, cov in zip(data.design.terms, roots, strict=True)
        for i, j in t.pairs
    ]
    arrays = {"beta": params.beta, "sd": sd, "u": u} | ({"cor": cor} if cor else {})
    tiled = {k: np.tile(v, (*lead, 1)) for k, v in arrays.items() if v is not None}
    return as_draws(data=data, sigma=np.full(lead, params.sigma), **tiled)


def _replicated(tree):
    y = tree.posterior_predictive.y
    return y.to_numpy().reshape(-1, y.sizes["row"])


def _assert_moments(y, mean, cov):
    """Within five standard errors: of a mean V_ii/S, of a covariance (V_ij² + V_ii V_jj)/S."""
    variance = np.diag(cov)
    assert np.max(np.abs(y.mean(0) - mean) / np.sqrt(variance / len(y))) < 5
    assert (
        np.max(
            np.abs(np.cov(y.T) - cov) / np.sqrt((cov**2 + np.outer(variance, variance)) / len(y))
        )
        < 5
    )


@pytest.mark.parametrize("levels", ["known", "new"])
@pytest.mark.parametrize(
    "name",
    [
        "nested",
        "uncorrelated",
        "dense",
        "known covariance of groups",
        "weights and offset",
        "two correlated terms",
    ],
)
def test_moments_are_those_of_the_formulation(name, levels):
    data, params = CASES[name]()
    u = np.random.default_rng(1).normal(size=data.design.Z.shape[1])
    tree = posterior_predict(
        _constant(data, params, u), data.design, levels, rng=np.random.default_rng(2)
    )
    exact = (
        moments.conditional(data.design, params, u)
        if levels == "known"
        else moments.marginal(data.design, params)
    )
    _assert_moments(_replicated(tree), exact.mean, exact.cov)
    assert tree.posterior_predictive.y.dims == ("chain", "draw", "row")
    np.testing.assert_array_equal(tree.observed_data.y, data.y)


@pytest.fixture(scope="module")
def few():
    """Four groups of three rows with intercept and slope, and rows of two known and two unknown
    ones.
    """
    x = np.tile([0.0, 1.0, 2.0], 4)
    design = Design(
        np.column_stack([np.ones(12), x]),
        [Term.grouped("g", np.repeat(list("abcd"), 3), np.column_stack([np.ones(12), x]))],
    )
    params = Params([1.0, -2.0], {"g": [[1.5, 0.6], [0.6, 0.8]]}, 0.7)
    data = Data(simulate(design, params, np.random.default_rng(1)).y, design)
    codes, x = list("ddezezb"), np.array([0.0, 3, 1, 1, 4, 2, 1])
    rows = Design(
        np.column_stack([np.ones(7), x]),
        [Term.grouped("g", codes, np.column_stack([np.ones(7), x]))],
        weights=[1, 2, 1, 4, 1, 1, 0.5],
        offset=np.arange(7.0),
    )
    return data, params, codes, rows


def test_unknown_levels_have_independent_effects_and_known_ones_keep_theirs(few):
    """Var(y) of the new rows, written down row by row.

    Nothing is shared between the unknown levels e and z.
    """
    data, params, codes, rows = few
    u = np.array([[0.3, 1.0], [-2.0, 0.5], [0.0, 0.0], [1.0, -1.0]])  # of a, b, c, d
    tree = posterior_predict(
        _constant(data, params, u.ravel()), data.design, rng=np.random.default_rng(3), new=rows
    )
    effect = {"b": u[1], "d": u[3], "e": np.zeros(2), "z": np.zeros(2)}
    mean = np.array(
        [
            o + x @ (params.beta + effect[g])
            for o, x, g in zip(rows.offset, rows.X, codes, strict=True)
        ]
    )
    cov = np.diag(params.sigma**2 / rows.weights)
    for i, g in enumerate(codes):
        for j, h in enumerate(codes):
            cov[i, j] += rows.X[i] @ params.cov["g"] @ rows.X[j] if g == h and g in "ez" else 0
    _assert_moments(_replicated(tree), mean, cov)
    assert "observed_data" not in tree.children  # these are not the rows of the data


def test_rows_of_an_unknown_level_correlate_and_rows_of_two_do_not():
    """τ²/(τ² + σ²) within a level, zero between levels.

    The SE of a correlation r is (1 − r²)/√S.
    """
    design = Design(np.ones((6, 1)), [Term.grouped("g", list("aabbcc"))])
    data, tau2, sigma2 = Data(np.arange(6.0), design), 2.0, 0.5
    draws = _constant(data, Params([0.0], {"g": tau2}, np.sqrt(sigma2)), np.zeros(3))
    rows = Design(np.ones((4, 1)), [Term.grouped("g", list("xxyy"))])
    cor = np.corrcoef(
        _replicated(posterior_predict(draws, design, rng=np.random.default_rng(4), new=rows)).T
    )
    within = tau2 / (tau2 + sigma2)
    expected = np.kron(np.eye(2), np.full((2, 2), within)) + np.diag(np.full(4, 1 - within))
    assert np.max(
        np.abs(cor - expected)[np.triu_indices(4, 1)] / (1 - expected**2)[np.triu_indices(4, 1)]
    ) < 5 / np.sqrt(S)


def test_all_levels_are_fresh_where_new_ones_are_asked_for(few):
    data, params, codes, rows = few
    tree = posterior_predict(
        _constant(data, params), data.design, "new", rng=np.random.default_rng(5), new=rows
    )
    same = np.array(codes)[:, None] == np.array(codes)
    _assert_moments(
        _replicated(tree),
        rows.fixed_part(params.beta),
        same * (rows.X @ params.cov["g"] @ rows.X.T) + np.diag(params.sigma**2 / rows.weights),
    )


def test_each_draw_keeps_its_own_u(few):
    data, _, _, _ = few
    rng = np.random.default_rng(6)
    u = rng.normal(size=(2, 50, 8))
    given = {
        "beta": np.zeros((2, 50, 2)),
        "sd": np.ones((2, 50, 2)),
        "cor": np.zeros((2, 50, 1)),
        "sigma": np.ones((2, 50)),
    }
    rows = Design(
        [[1.0, 0.0]] * 2, [Term.grouped("g", ["d", "new"], [[1.0, 0.0]] * 2)], weights=[1e30, 1e30]
    )
    tree = posterior_predict(as_draws(data=data, u=u, **given), data.design, rng=rng, new=rows)
    np.testing.assert_allclose(tree.posterior_predictive.y.sel(row=0), u[..., 6], atol=1e-12)


def test_a_draw_shared_by_all_new_levels_is_seen():
    """Spread of J group means of m rows: E s² = τ² + σ²/m with SE √(2/(J−1)/S) of it.

    Shared effects leave σ²/m.
    """
    J, m, tau2, sigma2 = 8, 4, 4.0, 1.0
    design = Design(
        np.ones((J * m, 1)), [Term.grouped("g", np.repeat([f"new {j}" for j in range(J)], m))]
    )
    seen = Data(np.arange(4.0), Design(np.ones((4, 1)), [Term.grouped("g", list("aabb"))]))
    draws = _constant(seen, Params([10.0], {"g": tau2}, np.sqrt(sigma2)), np.zeros(2))
    rng = np.random.default_rng(7)
    ours = posterior_predict(draws, seen.design, rng=rng, new=design)
    data = Data(_replicated(ours)[0], design)
    one_for_all = np.sqrt(tau2) * rng.standard_normal(
        (4, S // 4, 1)
    )  # the habit: one draw for all levels not seen
    noise = np.sqrt(sigma2) * rng.standard_normal((4, S // 4, J * m))
    wrong = xr.DataTree.from_dict(
        {
            "posterior_predictive": xr.Dataset(
                {"y": (("chain", "draw", "row"), 10 + one_for_all + noise)}
            )
        }
    )
    spread, shared = (
        np.mean(predictive_check(tree, data, ["between"]).replicates["between"] ** 2)
        for tree in (ours, wrong)
    )
    step = 5 * np.sqrt(2 / (J - 1) / S)
    assert spread == pytest.approx(tau2 + sigma2 / m, rel=step)
    assert shared == pytest.approx(sigma2 / m, rel=step)
    assert predictive_check(wrong, data, ["between"]).table.loc["between", "p"] < 1e-3
    assert 0.001 < predictive_check(ours, data, ["between"]).table.loc["between", "p"] < 0.999


@pytest.fixture(scope="module")
def by_formula():
    """A categorical covariate, weights and an offset, from a table."""
    rng = np.random.default_rng(8)
    table = pd.DataFrame(
        {
            "dose": np.tile(list("lmh"), 8),
            "who": np.repeat(np.arange(308, 312), 6),
            "w": 2.0,
            "o": 5.0,
            "y": rng.normal(size=24),
        }
    )
    data = from_formula("y ~ dose + (1 | who)", table, weights="w", offset="o")
    u = np.array([1.0, 2.0, -1.0, -2.0])
    params = Params([10.0, 1.0, -3.0], {"who": 4.0}, 0.5)  # Intercept is dose h
    return data, params, u, _constant(data, params, u)


def test_a_table_makes_new_rows(by_formula):
    data, params, u, draws = by_formula
    new = pd.DataFrame(
        {
            "dose": ["m", "m", "l"],
            "who": [311, 999, 999],
            "w": [1.0, 4.0, 4.0],
            "o": [0.0, 100.0, 0.0],
        }
    )
    tree = posterior_predict(draws, data.design, rng=np.random.default_rng(9), new=new)
    mean = np.array([10 - 3 + u[3], 100 + 10 - 3, 10 + 1])
    noise = np.diag(params.sigma**2 / new["w"])
    _assert_moments(
        _replicated(tree), mean, noise + 4.0 * np.array([[0, 0, 0], [0, 1, 1], [0, 1, 1]])
    )  # 311 is known, 999 is not


def test_a_table_that_does_not_fit_is_refused(by_formula):
    data, _, _, draws = by_formula
    other, of_other = CASES["balanced"]()
    bare = _constant(other, of_other, np.zeros(5), 40)
    new = pd.DataFrame({"dose": ["x"], "who": [1], "w": [1.0], "o": [0.0]})
    with pytest.raises(ValueError, match="'dose' has a category that the first table did not have"):
        posterior_predict(draws, data.design, rng=np.random.default_rng(1), new=new)
    with pytest.raises(ValueError, match="names unknown columns dose"):
        posterior_predict(
            draws, data.design, rng=np.random.default_rng(1), new=new.drop(columns="dose")
        )
    with pytest.raises(ValueError, match="only a design made by from_formula can build rows"):
        posterior_predict(bare, other.design, rng=np.random.default_rng(1), new=new)


def test_levels_with_a_known_covariance():
    """Known ones keep their u, new ones have the covariance that comes with them, and a mixture
    is refused.
    """
    data, params = CASES["known covariance of groups"]()
    draws = _constant(data, params, np.arange(12.0))
    A, x = np.array([[1.0, 0.5], [0.5, 2.0]]), np.array([[1.0, 0.0], [1.0, 1.0]])
    rng = np.random.default_rng(10)

    def rows(levels):
        return Design(x, [Term.grouped("g", levels, x, between=A)])

    known = _replicated(posterior_predict(draws, data.design, rng=rng, new=rows(["2", "5"])))
    _assert_moments(
        known, x @ params.beta + np.array([4.0, 10.0 + 11.0]), params.sigma**2 * np.eye(2)
    )
    fresh = _replicated(
        posterior_predict(draws, data.design, "new", rng=rng, new=rows(["2", "new"]))
    )
    _assert_moments(
        fresh, x @ params.beta, A * (x @ params.cov["g"] @ x.T) + params.sigma**2 * np.eye(2)
    )
    with pytest.raises(
        ValueError, match="levels new of 'g' are not among the draws, and their covariance"
    ):
        posterior_predict(draws, data.design, rng=rng, new=rows(["2", "new"]))
    with pytest.raises(
        ValueError,
        match=("levels of 'g' have a known covariance in the model alone; give both their between"),
    ):
        posterior_predict(
            draws, data.design, rng=rng, new=Design(x, [Term.grouped("g", ["2", "5"], x)])
        )
    bare = Design(x, [Term.grouped("g", ["2", "5"], x)])
    of_bare = _constant(Data(np.zeros(2), bare), params, np.zeros(4), 40)
    with pytest.raises(
        ValueError,
        match=(
            "levels of 'g' have a known covariance in the new rows alone; give both their between"
        ),
    ):
        posterior_predict(of_bare, bare, rng=rng, new=rows(["2", "5"]))
    for many, told in (
        (3, "levels new 0, new 1, new 2 of 'g'"),
        (4, "levels new 0, new 1, new 2, … of 'g'"),
    ):
        levels, X = [f"new {i}" for i in range(many)], np.ones((many, 2))
        with pytest.raises(ValueError, match=told):
            posterior_predict(
                draws,
                data.design,
                rng=rng,
                new=Design(X, [Term.grouped("g", levels, X, between=np.eye(many))]),
            )


def test_the_seed_decides_and_nothing_else(few):
    data, params, _, rows = few
    draws = _constant(data, params, np.zeros(8), 40)
    first, second = (
        posterior_predict(
            draws, data.design, rng=np.random.default_rng(4), new=rows
        ).posterior_predictive.y
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def _grouped(name="g", q=2, **options):
    return Term.grouped(name, ["a", "b"], np.ones((2, q)), **options)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (
            Design(np.ones((2, 3)), [_grouped()]),
            STRANGE + "coefficients x1, x2, in this order; they have x1, x2, x3",
        ),
        (Design(np.ones((2, 2)), [_grouped("h")]), STRANGE + "terms g, in this order; they have h"),
        (
            Design(np.ones((2, 2)), [_grouped(q=1)]),
            STRANGE + "effects g: x1, g: x2, in this order; they have g: x1",
        ),
        (
            Design(np.ones((2, 2)), [_grouped(correlated=False)]),
            STRANGE + "correlations g: x1, x2, in this order; they have none",
        ),
        (np.ones((2, 2)), "new must be a pandas table, a Design or a Data, got ndarray"),
    ],
)
def test_rows_of_another_model_are_refused(few, new, message):
    data, params, _, _ = few
    with pytest.raises(ValueError, match=message):
        posterior_predict(
            _constant(data, params, np.zeros(8), 40),
            data.design,
            rng=np.random.default_rng(1),
            new=new,
        )


def test_draws_that_cannot_be_replicated_are_refused(few):
    data, params, _, rows = few
    rng = np.random.default_rng(1)
    draws = _constant(data, params, np.zeros(8), 40)
    with pytest.raises(ValueError, match="levels must be one of known, new, got 'old'"):
        posterior_predict(draws, data.design, "old", rng=rng)
    with pytest.raises(TypeError, match="data must be a Data or a Design, got Params"):
        posterior_predict(draws, params, rng=rng)
    with pytest.raises(TypeError, match="draws must be a DataTree with a posterior, got dict"):
        posterior_predict({}, data.design, rng=rng)
    with pytest.raises(
        TypeError, match=r"rng must be what numpy\.random\.default_rng takes, .*; got 1\.5"
    ):
        posterior_predict(draws, data.design, rng=1.5)
    with pytest.raises(ValueError, match="the draws have coef x1, x2; the design has x1, x2, x3"):
        posterior_predict(draws, CASES["wide crossed"]()[0].design, rng=rng)
    with pytest.raises(ValueError, match="the draws were made with another design"):
        posterior_predict(draws, rows, rng=rng)  # rows go into new=
    with pytest.raises(
        ValueError, match="the draws hold no u, so no level is known; use levels='new'"
    ):
        posterior_predict(_constant(data, params, None, 40), data.design, rng=rng)
    given = {k: draws.posterior[k].to_numpy() for k in ("beta", "sd", "cor", "sigma")}
    weighted = as_draws(data=data, stats={"log_weight": np.zeros((4, 10))}, **given)
    with pytest.raises(
        ValueError, match=r"the draws are weighted.*posterior\(..., weighted=False\)"
    ):
        posterior_predict(weighted, data.design, "new", rng=rng)


def test_data_or_their_design_is_given(few):
    """Known rows, and new ones as a Design, a Data or a table."""
    data, params, _, rows = few
    draws = _constant(data, params, np.zeros(8), 40)
    for predict in (posterior_predict, posterior_epred):
        one = predict(draws, data, rng=1)
        other = predict(draws, data.design, rng=1)
        assert one.posterior_predictive.equals(other.posterior_predictive)
        of_rows = predict(draws, data, new=rows, rng=1).posterior_predictive
        of_data = predict(draws, data, new=Data(np.zeros(7), rows), rng=1).posterior_predictive
        assert of_rows.equals(of_data)


@pytest.mark.parametrize("levels", ["known", "new", "population"])
@pytest.mark.parametrize("name", ["nested", "known covariance of groups", "weights and offset"])
def test_expected_values_are_replicates_without_the_noise_of_their_rows(name, levels):
    """Known levels: a constant; new ones: the spread of Zu; the population: the fixed part."""
    data, params = CASES[name]()
    design = data.design
    u = np.random.default_rng(1).normal(size=design.Z.shape[1])
    tree = posterior_epred(_constant(data, params, u), data, levels, rng=2)
    mu = tree.posterior_predictive["mu"]
    assert mu.dims == ("chain", "draw", "row")
    np.testing.assert_array_equal(tree.observed_data.y, data.y)
    mu = mu.to_numpy().reshape(-1, design.n)
    if levels == "new":
        Z = design.Z.toarray()
        cov = Z @ moments.effects_covariance(design, params) @ Z.T
        _assert_moments(mu, design.fixed_part(params.beta), cov)
    else:
        exact = design.fixed_part(params.beta)
        if levels == "known":
            exact = moments.conditional(design, params, u).mean
        np.testing.assert_allclose(mu, np.tile(exact, (S, 1)), rtol=1e-12, atol=1e-12)


def test_expected_values_share_the_new_effects_of_replicates(few):
    """The same seed draws the same effects: what is left is the noise, N(0, σ²/w)."""
    data, params, _, rows = few
    draws = _constant(data, params, np.zeros(8))
    y = _replicated(posterior_predict(draws, data, new=rows, rng=3))
    mu = posterior_epred(draws, data, new=rows, rng=3).posterior_predictive["mu"].to_numpy()
    noise = y - mu.reshape(S, 7)
    _assert_moments(noise, np.zeros(7), np.diag(params.sigma**2 / rows.weights))


def test_expected_values_of_a_table_match_levels_by_label(by_formula):
    data, _, u, draws = by_formula
    new = pd.DataFrame({"dose": ["m", "l"], "who": [311, 308], "w": 1.0, "o": [0.0, 100.0]})
    mu = posterior_epred(draws, data, new=new).posterior_predictive["mu"].to_numpy()
    np.testing.assert_allclose(
        mu, np.broadcast_to([10 - 3 + u[3], 100 + 10 + 1 + u[0]], mu.shape), rtol=1e-12
    )


def test_the_population_needs_no_effects_and_no_seed(few):
    data, params, _, _ = few
    without_u = _constant(data, params, None, 40)
    mu = posterior_epred(without_u, data, "population").posterior_predictive["mu"]
    assert float(mu.std(("chain", "draw")).max()) == 0
    with pytest.raises(ValueError, match="the draws hold no u, so no level is known"):
        posterior_epred(without_u, data)
    with pytest.raises(ValueError, match="levels must be one of known, new, population, got 'old'"):
        posterior_epred(without_u, data, "old")


def test_a_check_prints_as_its_table():
    data, params = CASES["balanced"]()
    draws = _constant(data, params, S=40)
    check = predictive_check(posterior_predict(draws, data, "new", rng=1), data, ["between"])
    title, header, _, row = repr(check).splitlines()
    assert title == "Predictive check, 40 replicates, new levels, groups by g"
    assert header.split() == ["observed", "mean", "sd", "p"]
    assert row.split()[:2] == ["between", f"{check.table.loc['between', 'observed']:.4g}"]
    assert "<table" in check._repr_html_()


def test_statistics_are_what_their_names_say():
    data, params = CASES["unbalanced slopes"]()
    tree = posterior_predict(
        _constant(data, params, S=40), data.design, "new", rng=np.random.default_rng(11)
    )
    found = predictive_check(tree, data)
    groups = [np.flatnonzero(data.design.level_of_rows("g") == j) for j in range(6)]
    for row, y in [*enumerate(_replicated(tree)), (None, data.y)]:
        got = found.table["observed"] if row is None else found.replicates.loc[row]
        within = np.sqrt(
            sum((len(g) - 1) * np.var(y[g], ddof=1) for g in groups if len(g) > 1)
            / (len(y) - len(groups))
        )
        between = np.std([y[g].mean() for g in groups], ddof=1)
        np.testing.assert_allclose(
            got[list(STATISTICS)], [within, between, y.min(), y.max(), skew(y)], rtol=1e-12
        )
    np.testing.assert_allclose(found.table["mean"], found.replicates.mean())
    np.testing.assert_allclose(found.table["sd"], found.replicates.std())
    np.testing.assert_allclose(
        found.table["p"], (found.replicates > found.table["observed"]).mean()
    )
    assert (found.term, found.levels) == ("g", "new")


def test_ties_count_half():
    data, params = CASES["balanced"]()
    tree = posterior_predict(
        _constant(data, params, S=40), data.design, "new", rng=np.random.default_rng(12)
    )

    def positive(y):
        return float(y[0] > 0)

    above = np.mean(_replicated(tree)[:, 0] > 0)
    expected = above / 2 if data.y[0] > 0 else above + (1 - above) / 2
    assert predictive_check(tree, data, [positive]).table.loc["positive", "p"] == pytest.approx(
        expected
    )
    assert predictive_check(tree, data, [positive]).term is None


def test_what_cannot_be_checked_is_refused():
    data, params = CASES["nested"]()
    draws = _constant(data, params, S=40)
    tree = posterior_predict(draws, data.design, "new", rng=np.random.default_rng(13))
    alone = Data(np.arange(24.0), Design(np.ones((24, 1)), [Term.grouped("g", np.arange(24))]))
    two_groups = Data(
        np.arange(48.0), Design(np.ones((48, 1)), [Term.grouped("g", np.repeat(["a", "b"], 24))])
    )
    one_group = two_groups.rows(np.arange(24))
    dense, of_dense = CASES["dense"]()
    other = posterior_predict(
        _constant(dense, of_dense, S=40), dense.design, "new", rng=np.random.default_rng(13)
    )
    del (bare := tree.copy())["observed_data"]
    with pytest.raises(TypeError, match="data must be a Data, got Design"):
        predictive_check(tree, data.design)
    with pytest.raises(
        TypeError, match="replicates must be a DataTree, got dict; make them with posterior_predict"
    ):
        predictive_check({}, data)
    for call, message in [
        (
            lambda: predictive_check(tree, data, ["range"]),
            "smallest, largest, skewness, or functions of y; got range",
        ),
        (
            lambda: predictive_check(tree, data, "within"),
            r"statistics must be a sequence, got 'within'; give \['within'\]",
        ),
        (
            lambda: predictive_check(tree, data, ["within", lambda y: y[0], lambda y: y[1]]),
            "distinct names, got <lambda> more than once; name functions",
        ),
        (
            lambda: predictive_check(tree, data, [np.sort]),
            r"sort must return one number for a response \(n,\), got shape \(24,\)",
        ),
        (
            lambda: predictive_check(tree, data, [lambda y: np.nan]),
            "<lambda> must be finite, got 40 of 40 values that are not",
        ),
        (
            lambda: predictive_check(tree, data, term="c"),
            "there is no term 'c'; the design has a, b:a",
        ),
        (
            lambda: predictive_check(draws, data),
            "predictive_check needs replicates with posterior_predictive, got posterior, observ",
        ),
        (
            lambda: predictive_check(posterior_epred(draws, data, "population"), data),
            "predictive_check needs replicates of y, got mu; make them with posterior_predict",
        ),
        (
            lambda: predictive_check(tree, dense),
            "the replicates have 24 rows; the data have 20; replicate the rows of the data",
        ),
        (
            lambda: predictive_check(tree, Data(data.y + 1, data.design)),
            "the replicates are of another response",
        ),
        (
            lambda: predictive_check(bare, one_group, ["between"]),
            "between needs two levels of 'g' with rows at least, got 1; give another term",
        ),
        (
            lambda: predictive_check(bare, alone),
            "within needs two rows in some level of 'g', got one in each",
        ),
        (
            lambda: predictive_check(other, dense),
            "within and between need a grouped term, and the design has none",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


PRIOR_DESIGN = Design(np.ones((12, 1)), [Term.grouped("g", np.repeat(np.arange(4), 3))])
PRIORS = Priors.build(
    PRIOR_DESIGN, (1.0, 2.0), ScalePrior("half-normal", 1.0), ScalePrior("exponential", 1.0)
)
WIDER = Priors.build(
    PRIOR_DESIGN, (1.0, 2.0), ScalePrior("half-normal", 3.0), ScalePrior("exponential", 1.0)
)


@pytest.mark.parametrize(("made_with", "uniform"), [(PRIORS, True), (WIDER, False)])
def test_p_values_of_prior_replicates_are_uniform_if_the_priors_are_right(made_with, uniform):
    """99 p of a data set from PRIORS is a rank, uniform on 0 to 99.

    χ² with nine degrees of freedom over ten bins.
    """
    repeats, S, rng = 300, 99, np.random.default_rng(14)
    truths = _replicated(
        posterior_predict(
            prior_draws(PRIOR_DESIGN, PRIORS, repeats, rng=rng), PRIOR_DESIGN, rng=rng
        )
    )
    trees = posterior_predict(
        prior_draws(PRIOR_DESIGN, made_with, repeats * S, rng=rng), PRIOR_DESIGN, rng=rng
    )
    parts = [trees.isel(draw=slice(k * S, (k + 1) * S)) for k in range(repeats)]
    found = [
        predictive_check(part, Data(y, PRIOR_DESIGN)).table["p"]
        for part, y in zip(parts, truths, strict=True)
    ]
    for name in ["within", "between", "smallest", "skewness"]:
        ranks = np.round(S * np.array([p[name] for p in found])).astype(int)
        counts = np.bincount(ranks // 10, minlength=10)
        fits = np.sum((counts - repeats / 10) ** 2 / (repeats / 10)) < chi2.isf(1e-6, 9)
        if uniform or name == "between":
            assert fits == uniform, name


def test_the_figure_shows_every_replicate_and_the_data():
    pytest.importorskip("matplotlib")
    from lmmlib import plots

    data, params = CASES["balanced"]()
    found = predictive_check(
        posterior_predict(
            _constant(data, params, S=200), data.design, "new", rng=np.random.default_rng(15)
        ),
        data,
    )
    fig = plots.statistics(found)
    shown = [ax for ax in fig.axes if ax.get_visible()]
    assert len(shown) == len(found.table)
    for ax, (name, row) in zip(shown, found.table.iterrows(), strict=True):
        assert sum(bar.get_height() for bar in ax.patches) == 200
        assert ax.lines[0].get_xdata()[0] == row["observed"]
        assert (
            ax.get_title("left")
            == f"{name}{' g' if name in ('within', 'between') else ''}, p = {row['p']:.2f}"
        )
    assert [t.get_text() for t in fig.legends[0].get_texts()] == ["replicates, new levels", "data"]


def test_new_rows_that_took_other_means_from_their_own_table_are_refused():
    table = load_dataset("sleepstudy")
    formula = "Reaction ~ scale(Days) + (1 | Subject)"
    data = from_formula(formula, table)
    draws = posterior(data, Priors.weak(data), 64, rng=1)
    later = table[table.Days > 4]
    with pytest.raises(
        ValueError,
        match="took other means, knots or levels from its own table; give the table itself",
    ):
        posterior_predict(draws, data.design, rng=1, new=from_formula(formula, later).design)
    assert posterior_predict(draws, data.design, rng=1, new=later).posterior_predictive.sizes[
        "row"
    ] == len(later)
