"""Profile intervals against lme4 and a dense density, and errors of variances against theory."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq, minimize
from scipy.stats import chi2, multivariate_normal

from cases import CASES
from lmmlib import Data, Design, Params, Term, estimate, from_formula, load_dataset
from lmmlib.estimation.constrained_deviance import ConstrainedDeviance
from lmmlib.estimation.full_deviance import FullDeviance

# Written by tests/data/profiles.R, with lme4 1.1-31.
LME4 = pd.read_csv(Path(__file__).parent / "data" / "profiles_lme4.csv")
MODELS = {
    "slopes": ("Reaction ~ Days + (Days | Subject)", "sleepstudy", "ml"),
    "reml": ("Reaction ~ Days + (Days | Subject)", "sleepstudy", "reml"),
    "uncorrelated": ("Reaction ~ Days + (Days || Subject)", "sleepstudy", "ml"),
    "dyestuff": ("Yield ~ 1 + (1 | Batch)", "Dyestuff", "ml"),
    "singular": ("Yield ~ 1 + (1 | Batch)", "Dyestuff2", "ml"),
    "pastes": ("strength ~ 1 + (1 | sample) + (1 | batch)", "Pastes", "ml"),
    "penicillin": ("diameter ~ 1 + (1 | plate) + (1 | sample)", "Penicillin", "ml"),
}
# lme4 reads ends off a spline through points of the profile: by up to 1e-4 of an interval's length,
# and ten times that where another SD reaches or leaves zero along the profile, which has a jump of
# its second derivative there: Dyestuff2, and Pastes, whose SD of batches may be zero.
SPLINE = 2e-4
SPLINE_ACROSS_ZERO = 2e-3


def _fit(model):
    formula, table, method = MODELS[model]
    return estimate(from_formula(formula, load_dataset(table)), method)


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("model", MODELS)
def test_intervals_are_those_of_lme4(model, level):
    theirs = LME4[(LME4.model == model) & (LME4.level == level)]
    ours = _fit(model).conf_int(level, "all", "profile")
    if model in ("slopes", "reml"):  # lme4 has the correlation between the SDs
        order = ["sd(Subject: Intercept)", "cor(Subject: Intercept, Days)", "sd(Subject: Days)"]
        ours = ours.loc[[*order, "sigma", "Intercept", "Days"]]
    else:
        p = len(_fit(model).se)
        ours = pd.concat([ours[p:], ours[:p]])
    share = SPLINE_ACROSS_ZERO if model in ("singular", "pastes") else SPLINE
    tolerance = share * (theirs.upper - theirs.lower).to_numpy()
    assert np.all(np.abs(ours.lower.to_numpy() - theirs.lower) <= tolerance)
    assert np.all(np.abs(ours.upper.to_numpy() - theirs.upper) <= tolerance)


def _dense_deviance(data, beta, cov, sigma):
    """−2 log density of y, by its dense covariance."""
    design = data.design
    V = sigma**2 * np.diag(1 / design.weights)
    for term in design.terms:
        Z = term.Z.toarray()
        V = V + Z @ np.kron(np.eye(len(term.levels)), cov) @ Z.T
    mean = design.X @ beta + design.offset
    return -2 * multivariate_normal(mean, V).logpdf(data.y)


def _small_slopes():
    """Eight groups with slopes, the SDs well away from zero."""
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(8), 6)
    z = np.column_stack([np.ones(48), np.tile(np.linspace(-1, 1, 6), 8)])
    u = rng.normal(size=(8, 2)) @ np.array([[2.0, 0.6], [0.0, 2.0]])
    y = 1.0 + 0.5 * z[:, 1] + np.sum(z * u[g], 1) + 0.5 * rng.normal(size=48)
    return Data(y, Design(z, [Term.grouped("g", g, z)]))


@pytest.mark.parametrize("number", range(6))
def test_ends_are_those_of_a_dense_profile(number):
    """Over β, log SDs, the correlation's inverse tanh and log σ, by differences."""
    data = _small_slopes()
    fit = estimate(data, "ml")
    ends = fit.conf_int(0.9, "all", "profile").iloc[number]
    sds = np.sqrt(np.diag(fit.params.cov["g"]))
    correlation = fit.params.cov["g"][1, 0] / sds.prod()
    optimum = np.array(
        [*fit.params.beta, *np.log(sds), np.arctanh(correlation), np.log(fit.params.sigma)]
    )

    def deviance(point):
        sd = np.exp(point[2:4])
        covariance = np.tanh(point[4]) * sd.prod()
        cov = np.array([[sd[0] ** 2, covariance], [covariance, sd[1] ** 2]])
        return _dense_deviance(data, point[:2], cov, np.exp(point[5]))

    to_point = [lambda v: v] * 2 + [np.log] * 2 + [np.arctanh, np.log]
    for end in ends:
        value = to_point[number](end)
        others = np.delete(optimum, number)
        lowest = minimize(lambda v: deviance(np.insert(v, number, value)), others, method="BFGS")  # noqa: B023
        # A search by differences ends within about 1e-7 of the least value.
        assert lowest.fun - fit.deviance == pytest.approx(chi2.ppf(0.9, 1), abs=1e-5)


def test_ends_of_a_balanced_one_way_layout_are_exact():
    """The profile of σ has a closed form while the groups' mean square exceeds σ²."""
    table = load_dataset("Dyestuff")
    batches = table.groupby("Batch").Yield
    within = len(table) - batches.ngroups
    variance = float(np.sum((table.Yield - batches.transform("mean")) ** 2) / within)

    def excess(sigma):
        ratio = variance / sigma**2
        return within * (ratio - 1 - np.log(ratio)) - chi2.ppf(0.95, 1)

    exact = [brentq(excess, 20, 49), brentq(excess, 50, 120)]
    ends = _fit("dyestuff").conf_int(parm="variances", method="profile").loc["sigma"]
    # Held to the precision of root finding, 1e-10, with the rounding of a deviance's difference.
    np.testing.assert_allclose(ends, exact, rtol=1e-8)


def test_an_sd_that_may_be_zero_begins_there_and_a_correlation_spans_all():
    intervals = _fit("singular").conf_int(parm="variances", method="profile")
    assert intervals.lower.iloc[0] == 0.0
    data, _ = CASES["one zero SD of two"]()
    correlation = estimate(data, "ml").conf_int(parm="variances", method="profile").iloc[2]
    assert correlation.tolist() == [-1.0, 1.0]


def test_a_correlation_may_end_at_one():
    data, _ = CASES["two correlated terms"]()
    intervals = estimate(data, "ml").conf_int(parm="variances", method="profile")
    assert intervals.upper["cor(g: x1, x2)"] == 1.0
    assert intervals.lower["cor(g: x1, x2)"] > -1.0


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("method", ["ml", "reml"])
@pytest.mark.parametrize("case", ["two correlated terms", "weights and offset", "crossed"])
def test_derivatives_of_the_full_deviance_in_any_order_of_effects(case, method, dense):
    data, params = CASES[case]()
    orders = {t.name: range(len(t.effects))[::-1] for t in data.design.terms}
    deviance = FullDeviance(data.reduction, method, orders)
    deviance.is_dense = dense
    x = deviance.point(params)
    h = 1e-5
    around = [(deviance(x + h * e), deviance(x - h * e)) for e in np.eye(len(x))]
    gradient = [(up.value - down.value) / (2 * h) for up, down in around]
    # Rounding of a deviance over h, and the third derivative times h².
    np.testing.assert_allclose(deviance(x).gradient, gradient, atol=1e-6)
    if dense:  # else the Hessian is an average one
        hessian = [(up.gradient - down.gradient) / (2 * h) for up, down in around]
        np.testing.assert_allclose(deviance(x).hessian, hessian, atol=1e-5, rtol=1e-7)
    if method == "ml" and case == "crossed":
        assert deviance(x).value == pytest.approx(FullDeviance(data.reduction, "ml")(x).value)


@pytest.mark.parametrize(
    ("kind", "entry", "value"), [("sd", 0, 0.7), ("correlation", 2, -0.3), ("sigma", 0, 0.9)]
)
def test_derivatives_of_the_constrained_deviance(kind, entry, value):
    data = _small_slopes()
    params = Params([0.0, 0.0], {"g": [[1.0, 0.2], [0.2, 2.0]]}, 0.6)
    deviance = FullDeviance(data.reduction, "ml", {"g": [1, 0]})
    constrained = ConstrainedDeviance(deviance, kind, entry, value, None)
    v = constrained.start(params)
    h = 1e-5
    around = [(constrained(v + h * e), constrained(v - h * e)) for e in np.eye(len(v))]
    gradient = [(up.value - down.value) / (2 * h) for up, down in around]
    hessian = [(up.gradient - down.gradient) / (2 * h) for up, down in around]
    np.testing.assert_allclose(constrained(v).gradient, gradient, atol=1e-6, rtol=1e-7)
    np.testing.assert_allclose(constrained(v).hessian, hessian, atol=1e-5, rtol=1e-7)


def test_errors_of_a_balanced_one_way_layout_are_those_of_theory():
    """Var σ̂² = 2σ⁴/(J(n−1)), and that of τ̂² from two independent mean squares, by REML."""
    fit = estimate(from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff")))
    J, n = 6, 5
    within = fit.params.sigma**2
    between = within + n * fit.params.cov["Batch"].item()
    var_within = 2 * within**2 / (J * (n - 1))
    var_between = 2 * between**2 / (J - 1)
    expected = np.sqrt([(var_between + var_within) / n**2, var_within])
    errors = fit.variance_errors
    np.testing.assert_allclose(errors.se_vcov, expected, rtol=1e-8)
    np.testing.assert_allclose(errors.se_sdcor, expected / (2 * errors.sdcor), rtol=1e-8)


def test_errors_of_correlated_effects_are_those_of_a_dense_hessian():
    data = _small_slopes()
    fit = estimate(data, "ml")
    cov = fit.params.cov["g"]
    at = np.array([*fit.params.beta, cov[0, 0], cov[1, 1], cov[1, 0], fit.params.sigma**2])

    def deviance(t):
        return _dense_deviance(data, t[:2], np.array([[t[2], t[4]], [t[4], t[3]]]), np.sqrt(t[5]))

    h = 1e-3 * np.eye(6) * np.abs(at)
    hessian = np.array(
        [
            [
                deviance(at + a + b)
                - deviance(at + a - b)
                - deviance(at - a + b)
                + deviance(at - a - b)
                for b in h
            ]
            for a in h
        ]
    ) / (4 * np.outer(np.diag(h), np.diag(h)))
    expected = np.sqrt(np.diag(2 * np.linalg.inv(hessian)))[2:]
    # Differences of second order, steps of a thousandth: 1e-6 times fourth derivatives.
    np.testing.assert_allclose(fit.variance_errors.se_vcov, expected, rtol=1e-4)


def test_a_reduction_and_a_known_sigma_have_intervals():
    data = _small_slopes()
    whole = estimate(data).conf_int(parm="all", method="profile")
    reduced = estimate(data.reduction).conf_int(parm="all", method="profile")
    pd.testing.assert_frame_equal(whole, reduced, rtol=1e-9)
    known = estimate(data, sigma=0.5)
    intervals = known.conf_int(parm="variances", method="profile")
    assert "sigma" not in intervals.index
    assert len(intervals) == 3
    assert known.variance_errors.se_sdcor.iloc[-1] == 0.0


def test_what_cannot_be_had_is_told():
    fit = _fit("singular")
    with pytest.raises(ValueError, match="Wald intervals are of the fixed effects alone; give"):
        fit.conf_int(parm="variances")
    with pytest.raises(ValueError, match=r"the SD of Batch: Intercept is zero.*method='profile'"):
        _ = fit.variance_errors
    with pytest.raises(ValueError, match="parm must be one of beta, variances, all, got 'sd'"):
        fit.conf_int(parm="sd")
    with pytest.raises(ValueError, match="method must be one of wald, profile, got 'boot'"):
        fit.conf_int(method="boot")
