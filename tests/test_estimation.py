"""ML and REML against published results, against the dense criterion, and at the edges."""

import numpy as np
import pytest

import truth
from cases import CASES, each_case
from lmmlib import (
    Data,
    Design,
    Params,
    Term,
    estimate,
    estimation,
    from_formula,
    load_dataset,
    loglik,
    random_effects,
    simulate,
)
from lmmlib.estimation.derivatives import DevianceDerivatives
from lmmlib.estimation.search import SearchResult
from lmmlib.linalg import Evaluation

DAYS = "Reaction ~ Days + "
SLOPES = DAYS + "(Days | Subject)"
ROWS = load_dataset("published_fits").astype({"value": float})


def _published(rows):
    """Criterion, SDs by effect, correlation, σ, β and its standard errors (None where not
    published) of one fit.
    """
    value = rows.set_index("quantity").value
    sds, beta, se = (
        value[value.index.str.startswith(f"{kind}[")].tolist() for kind in ("sd", "beta", "se")
    )
    cor = value[value.index.str.startswith("cor[")]
    return (
        value["criterion"],
        sds,
        cor.iloc[0] if len(cor) else None,
        value["sigma"],
        (beta, se) if beta else None,
    )


# From the tests of MixedModels.jl and lme4; digits as published, so half a unit of the last is
# allowed.
PUBLISHED = [
    (formula, table, method, *_published(rows))
    for (table, formula, method), rows in ROWS.groupby(["table", "formula", "method"], sort=False)
]


@pytest.mark.parametrize(
    ("formula", "table", "method", "criterion", "sds", "cor", "sigma", "fixed"), PUBLISHED
)
def test_published_results(formula, table, method, criterion, sds, cor, sigma, fixed):
    data = from_formula(formula, load_dataset(table))
    fit = estimate(data, method=method)
    assert fit.converged
    assert fit.deviance == pytest.approx(
        criterion, rel=1e-8 if criterion != 1743.62827 else 5e-6 / criterion
    )
    variances = np.concatenate([np.diag(fit.params.cov[t.name]) for t in data.design.terms])
    # lme4 and MixedModels.jl stop where the criterion is flat: two of their SDs are 1.1e-5 from the
    # optimum. None is better. All but the criterion follow from SDs and are as far off, or by half
    # a unit of the last digit that is published.
    np.testing.assert_allclose(np.sqrt(variances), sds, rtol=2e-5, atol=1e-6)
    theirs = np.split(
        np.array(sds) ** 2, np.cumsum([len(t.effects) for t in data.design.terms])[:-1]
    )
    cov = {t.name: np.diag(v) for t, v in zip(data.design.terms, theirs, strict=True)}
    if cor is not None:
        cov["Subject"][0, 1] = cov["Subject"][1, 0] = cor * sds[0] * sds[1]
    density = {"ml": loglik.marginal, "reml": loglik.restricted}[method]
    assert density(data, Params(fit.params.beta, cov, sigma)) <= -0.5 * fit.deviance + 1e-9
    assert fit.params.sigma == pytest.approx(sigma, rel=1e-5)
    if cor is not None:
        ours = fit.params.cov["Subject"]
        assert ours[0, 1] / np.sqrt(ours[0, 0] * ours[1, 1]) == pytest.approx(cor, abs=5e-5)
    if fixed is not None:
        np.testing.assert_allclose(fit.params.beta, fixed[0], rtol=1e-6)
        np.testing.assert_allclose(fit.se, fixed[1], rtol=1e-5)


@pytest.mark.parametrize(("ratio", "criterion"), [(0.0, 326.02323216), (1.0, 319.79238904)])
def test_restricted_likelihood_away_from_its_optimum(ratio, criterion):
    """At a given ratio σ² = ρ²/(n − p) is the best, and −2 log restricted likelihood is
    published.
    """
    data = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    at = loglik.profile(data.reduction, [np.array([[[ratio]]])])
    sigma = float(np.sqrt(at.pwrss[0] / 29))
    assert -2 * loglik.restricted(
        data, Params([0.0], {"Batch": (ratio * sigma) ** 2}, sigma)
    ) == pytest.approx(criterion, rel=1e-9)


@pytest.mark.parametrize(
    "name",
    [
        "unbalanced slopes",
        "crossed",
        "nested",
        "weights and offset",
        "known covariance of groups",
        "zero SD",
    ],
)
def test_restricted_likelihood_is_the_dense_one(name):
    data, params = CASES[name]()
    np.testing.assert_allclose(
        loglik.restricted(data, params), truth.restricted(data, params), rtol=1e-10
    )


def test_restricted_likelihood_is_the_limit_of_wide_priors():
    """p(y) under β ~ N(0, b² I), times (2π b²)^(p/2), goes to the restricted likelihood as b
    grows.
    """
    data, params = CASES["balanced"]()
    b = 1e5
    wide = Design(data.design.X, [*data.design.terms, Term.dense("b", data.design.X)])
    with_prior = loglik.marginal(
        Data(data.y, wide), Params([0.0, 0.0], {**params.cov, "b": b**2}, params.sigma)
    )
    np.testing.assert_allclose(
        with_prior + np.log(2 * np.pi * b**2), loglik.restricted(data, params), rtol=1e-6
    )


@pytest.mark.parametrize("method", ["ml", "reml"])
@pytest.mark.parametrize(
    "name",
    [
        "unbalanced slopes",
        "crossed",
        "nested",
        "weights and offset",
        "known covariance of groups",
        "uncorrelated",
        "dense",
    ],
)
def test_nothing_nearby_is_better(name, method):
    data, _ = CASES[name]()
    fit = estimate(data, method=method)
    density = {"ml": loglik.marginal, "reml": loglik.restricted}[method]
    best = density(data, fit.params)
    np.testing.assert_allclose(-2 * best, fit.deviance, rtol=1e-10)
    for factor in (0.98, 1.02):
        others = [Params(fit.params.beta, fit.params.cov, factor * fit.params.sigma)]
        others += [
            Params(fit.params.beta, {**fit.params.cov, k: factor * v}, fit.params.sigma)
            for k, v in fit.params.cov.items()
        ]
        assert all(density(data, other) <= best + 1e-9 for other in others)


def test_without_fixed_effects_both_methods_are_one():
    """No β to integrate out: REML is ML.

    And fixed effects that are all zero are no part of the result.
    """
    data, _ = CASES["no fixed effects"]()
    ml, reml = (estimate(data, method) for method in ("ml", "reml"))
    assert ml.deviance == pytest.approx(-2 * truth.marginal(data, ml.params), rel=1e-10)
    assert reml.deviance == pytest.approx(ml.deviance, rel=1e-10)
    assert (ml.params.beta.shape, ml.se.shape) == ((0,), (0,))
    assert loglik.restricted(data, ml.params) == pytest.approx(
        loglik.marginal(data, ml.params), rel=1e-12
    )
    np.testing.assert_allclose(ml.u, truth.effects(data, ml.params)[0], rtol=1e-8, atol=1e-10)
    with pytest.raises(ValueError, match="the fixed effects fit the data exactly"):
        estimate(data.with_y(np.zeros(24)))


def test_estimates_solve_henderson_s_equations():
    data, _ = CASES["unbalanced slopes"]()
    fit = estimate(data)
    a = truth.arrays(data.design, fit.params)
    X, Ri, Gi = data.design.X, np.linalg.inv(a.R), np.linalg.inv(a.G)
    left = np.block([[X.T @ Ri @ X, X.T @ Ri @ a.Z], [a.Z.T @ Ri @ X, a.Z.T @ Ri @ a.Z + Gi]])
    solution = np.linalg.solve(left, np.concatenate([X.T @ Ri @ data.y, a.Z.T @ Ri @ data.y]))
    np.testing.assert_allclose(
        np.concatenate([fit.params.beta, fit.u]), solution, rtol=1e-8, atol=1e-10
    )
    np.testing.assert_allclose(fit.se**2, np.diag(np.linalg.inv(left))[:2], rtol=1e-8)


@pytest.mark.parametrize("ratio", [1e3, 1e5, 1e6])
def test_a_large_ratio_is_the_anova_estimate(ratio):
    """One way, balanced.

    REML is the analysis of variance, τ² = (MSB − MSE)/m and σ² = MSE, in closed form.

    Rows of size τ leave residuals that are known to ε(τ/σ) relative to σ, and a criterion known to
    r = 2 · 39 ε(τ/σ) = 2e-8 at the largest ratio. Its slope over 1e-3 is known to 1.5e3 r; the
    curvature by log τ/σ is 23, so that the ratio is known to 1.5e3 · 2e-8 / 23 = 1.3e-6, and σ,
    which hardly depends on it, to 2 ε(τ/σ).
    """
    J, m = 8, 5
    design = Design(np.ones((J * m, 1)), [Term.grouped("g", np.repeat(np.arange(J), m))])
    y = simulate(design, Params([0.0], {"g": ratio**2}, 1.0), np.random.default_rng(5)).y
    means = y.reshape(J, m).mean(1)
    within = np.sum((y.reshape(J, m) - means[:, None]) ** 2) / (J * (m - 1))
    fit = estimate(Data(y, design))
    between = means.var(ddof=1) - within / m
    exact = Params([means.mean()], {"g": between}, np.sqrt(within))
    assert fit.converged
    assert fit.deviance == pytest.approx(-2 * loglik.restricted(Data(y, design), exact), rel=1e-10)
    assert fit.params.sigma == pytest.approx(exact.sigma, rel=1e-8)
    assert np.sqrt(fit.params.cov["g"][0, 0]) == pytest.approx(np.sqrt(between), rel=2e-6)


# Derivatives err by some units in their last place, so that a step of Newton's from nearby
# ends within 1e-9 of the minimum, relative to each entry, on any processor.
SLOPES_KNOWN_TO = 1e-9


def _balanced_slopes(N):
    """β, its standard errors, G and σ by closed form.

    σ² from separate fits, G the covariance of their coefficients less σ²(X'X)⁻¹.
    """
    y = load_dataset("sleepstudy").Reaction.to_numpy().reshape(18, 10)
    X = np.column_stack([np.ones(10), np.arange(10.0)])
    b, inverse = np.linalg.lstsq(X, y.T, rcond=None)[0].T, np.linalg.inv(X.T @ X)
    variance = np.sum((y - b @ X.T) ** 2) / (18 * 8)
    spread = (b - b.mean(0)).T @ (b - b.mean(0)) / N
    exact = Params(b.mean(0), {"Subject": spread - variance * inverse}, np.sqrt(variance))
    return exact, np.sqrt(np.diag(spread) / 18)


def _assert_balanced_slopes(method, N):
    exact, se = _balanced_slopes(N)
    data = from_formula(SLOPES, load_dataset("sleepstudy"))
    fit = estimate(data, method=method)
    density = {"ml": loglik.marginal, "reml": loglik.restricted}[method]
    assert fit.converged
    # The criterion of the exact estimates, not of a search.
    assert fit.deviance == pytest.approx(-2 * density(data, exact), rel=1e-12)
    assert fit.params.sigma == pytest.approx(exact.sigma, rel=SLOPES_KNOWN_TO)
    np.testing.assert_allclose(
        fit.params.cov["Subject"], exact.cov["Subject"], rtol=SLOPES_KNOWN_TO
    )
    np.testing.assert_allclose(fit.params.beta, exact.beta, rtol=SLOPES_KNOWN_TO)
    np.testing.assert_allclose(fit.se, se, rtol=SLOPES_KNOWN_TO)


BALANCED = pytest.mark.parametrize(("method", "N"), [("ml", 18), ("reml", 17)])


@BALANCED
def test_balanced_slopes_have_a_closed_form(method, N):
    _assert_balanced_slopes(method, N)


@BALANCED
@pytest.mark.parametrize("seed", range(12))
def test_the_last_digit_of_the_criterion_decides_nothing(monkeypatch, method, N, seed):
    """Some units in the last place, up or down, as another processor would have them.

    The search ends at the minimum all the same.
    """

    class OtherProcessor(DevianceDerivatives):
        def __call__(self, x):
            here = super().__call__(x)
            rng = np.random.default_rng([seed, *x.view(np.uint32)])
            size = np.abs(here.gradient).max() + np.abs(np.diag(here.hessian))
            return Evaluation(
                here.value + rng.integers(-4, 5) * np.spacing(here.value),
                here.gradient + rng.integers(-4, 5, size=len(x)) * np.spacing(size),
                here.hessian * (1 + 1e-14 * rng.normal()),
            )

    monkeypatch.setattr("lmmlib.estimation.fit.DevianceDerivatives", OtherProcessor)
    _assert_balanced_slopes(method, N)


def test_one_kind_of_effects_that_x_holds_is_told():
    """Intercepts of groups that X has as columns, beside slopes that it has not."""
    rng = np.random.default_rng(6)
    codes, x = np.repeat(np.arange(4), 5), rng.normal(size=20)
    X = np.column_stack([np.eye(4)[codes], x])
    data = Data(
        rng.normal(size=20),
        Design(X, [Term.grouped("g", codes, np.column_stack([np.ones(20), x]))]),
    )
    with pytest.raises(ValueError, match="the effects 'g: x1' are combinations of columns of X"):
        estimate(data)


def test_an_effect_a_row_is_told_without_a_dense_matrix():
    """Thirty thousand rows: a matrix of all pairs would take seven gigabytes."""
    n = 30_000
    with pytest.raises(ValueError, match="30000 effects for 30000 rows"):
        estimate(
            Data(
                np.random.default_rng(7).normal(size=n),
                Design(np.ones((n, 1)), [Term.grouped("row", np.arange(n))]),
            )
        )


@each_case
def test_conditional_covariances_are_symmetric(name):
    for cov in random_effects.conditional_covariance(*CASES[name]()).values():
        np.testing.assert_array_equal(cov, np.swapaxes(cov, -1, -2))


def test_conditional_covariances_keep_their_digits():
    """Intercept and slope of a group with many rows, τ/σ = 1e6.

    The inverse of Z'Z/σ² + G⁻¹, which is well conditioned.
    """
    z = np.column_stack([np.ones(10), np.linspace(-1, 1, 10)])
    G = 1e12 * np.array([[1.0, 0.9], [0.9, 1.0]])
    design = Design(
        np.ones((20, 1)), [Term.grouped("g", np.repeat([0, 1], 10), np.tile(z, (2, 1)))]
    )
    got = random_effects.conditional_covariance(
        Data(np.arange(20.0), design), Params([0.0], {"g": G}, 1.0)
    )["g"]
    exact = np.linalg.inv(z.T @ z + np.linalg.inv(G))
    np.testing.assert_allclose(got, [exact, exact], rtol=1e-9, atol=1e-9 * exact.max())


def test_a_failed_search_is_told(monkeypatch):
    data, _ = CASES["balanced"]()
    monkeypatch.setattr(
        "lmmlib.estimation.fit.search",
        lambda deviance: SearchResult(np.array([0.3]), promised_gain=0.5),
    )
    with pytest.warns(
        estimation.ConvergenceWarning,
        match="ended where a further step promises a gain of 0.5 in the deviance",
    ):
        assert not estimate(data).converged


def test_bad_calls_are_told():
    data, _ = CASES["balanced"]()
    with pytest.raises(ValueError, match="method must be one of reml, ml, got 'bayes'"):
        estimate(data, method="bayes")
    exact = Data(
        [1.0, 2.0, 3.0],
        Design(
            np.column_stack([np.ones(3), np.eye(3)[:, :2]]), [Term.grouped("g", ["a", "b", "b"])]
        ),
    )
    with pytest.raises(ValueError, match="the fixed effects fit the data exactly"):
        estimate(exact)


@pytest.mark.parametrize(
    ("y", "terms", "message"),
    [
        (
            [1.0, 1, 1, 5, 5, 5],
            lambda: [Term.grouped("g", list("aaabbb"))],
            "X and the effects fit y exactly, so that nothing is left for sigma",
        ),
        (
            range(6),
            lambda: [Term.grouped("g", range(6))],
            "term 'g' has 6 effects for 6 rows: their variances and that of the rows",
        ),
        (
            [1.0, 3, 2, 5, 4, 7],
            lambda: [Term.dense("z", np.ones((6, 1)))],
            "the effects 'z' are combinations of columns of X",
        ),
    ],
)
def test_what_cannot_be_estimated_is_told(y, terms, message):
    data = Data(list(y), Design(np.ones((6, 1)), terms()))
    with pytest.raises(ValueError, match=message):
        estimate(data)


def test_leverages_and_their_published_sums():
    for formula, table, total in (
        (SLOPES, "sleepstudy", 28.6116),
        ("Yield ~ 1 + (1 | Batch)", "Dyestuff", 4.69516026),
    ):
        fit = estimate(from_formula(formula, load_dataset(table)), method="ml")
        assert fit.leverages.sum() == pytest.approx(total, abs=6e-5)
        assert 0 < fit.leverages.min() <= fit.leverages.max() < 1


@pytest.mark.parametrize(
    "name",
    [
        "unbalanced slopes",
        "crossed",
        "nested",
        "weights and offset",
        "known covariance of groups",
        "dense",
        "rows without effects",
    ],
)
def test_leverages_are_the_slopes_of_the_fit(name):
    """h_i is what the fitted value of row i gains where y_i gains one, at known variances.

    By Henderson's equations.
    """
    data, params = CASES[name]()
    a, X = truth.arrays(data.design, params), data.design.X
    W, Ri, Gi = np.hstack([X, a.Z]), np.linalg.inv(a.R), np.zeros((len(a.G) + X.shape[1],) * 2)
    Gi[X.shape[1] :, X.shape[1] :] = np.linalg.inv(a.G)
    expected = np.diag(W @ np.linalg.solve(W.T @ Ri @ W + Gi, W.T @ Ri))
    np.testing.assert_allclose(random_effects.leverages(data, params), expected, rtol=1e-9)


@each_case
def test_conditional_covariances_are_the_dense_blocks(name):
    data, params = CASES[name]()
    cov, first = truth.effects(data, params)[1], 0
    found = random_effects.conditional_covariance(data, params)
    for t, (J, q) in zip(data.design.terms, data.design.shapes, strict=True):
        dense = np.array([cov[first + j * q :][:q, first + j * q :][:, :q] for j in range(J)])
        np.testing.assert_allclose(found[t.name], dense, rtol=1e-8, atol=1e-10)
        first += J * q


def test_effects_of_a_row_each_are_told_from_residuals_by_unequal_weights_alone():
    """Equal weights of any size leave nothing to tell.

    Unequal ones do, be their logarithms' sum zero.
    """
    y = [1.0, 3.0, 2.0, 5.0, 4.0, 9.0]
    term = Term.grouped("g", range(6))
    with pytest.raises(ValueError, match="term 'g' has 6 effects for 6 rows"):
        estimate(Data(y, Design(np.ones((6, 1)), [term], weights=np.full(6, 2.0))))
    fit = estimate(
        Data(y, Design(np.ones((6, 1)), [term], weights=[4.0, 0.25, 2.0, 0.5, 8.0, 0.125]))
    )
    assert np.isfinite(fit.deviance)
