"""A known residual SD, as in a meta-analysis: against metafor, against dense densities."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import truth
from cases import CASES
from lmmlib import Data, Design, Params, Term, estimate, from_formula, loglik, simulate

# Thirteen trials of the BCG vaccine, tuberculosis in treated (t) and in controls (c), and the
# latitude: Colditz et al. (1994), JAMA 271(9), 698-702, as dat.bcg in the R package metafor.
COUNTS = pd.read_csv(Path(__file__).parent / "data" / "bcg.csv")


def _log_risk_ratios():
    """Log risk ratios, and their weights 1/SE², of the trials."""
    treated = COUNTS.tpos + COUNTS.tneg
    controls = COUNTS.cpos + COUNTS.cneg
    log_ratio = np.log(COUNTS.tpos / treated) - np.log(COUNTS.cpos / controls)
    variance = 1 / COUNTS.tpos - 1 / treated + 1 / COUNTS.cpos - 1 / controls
    return COUNTS.assign(log_ratio=log_ratio, weight=1 / variance)


TRIALS = _log_risk_ratios()

# metafor 3.8-1: rma(yi, vi, mods = ~ …, data = escalc("RR", …), method = …,
#   control = list(REMLf = FALSE, threshold = 1e-14, maxiter = 1000)). Viechtbauer (2005), J. Educ.
# Behav. Stat. 30(3), has τ² of the first model; REMLf = FALSE leaves out ½ log|X'X|.
METAFOR = [
    ("1", "reml", 0.313243258136, [-0.714532342158], [0.179781516105], -13.484846094224),
    ("1", "ml", 0.280028137269, [-0.711199135474], [0.171896808777], -12.665076348277),
    (
        "ablat",
        "reml",
        0.0763479639552,
        [0.2514682100074, -0.0291017250116],
        [0.2490953966168, 0.0071953272209],
        -13.2824634791,
    ),
    (
        "ablat",
        "ml",
        0.03435144248124,
        [0.28210717389620, -0.02950933538845],
        [0.18718455633435, 0.00548773630754],
        -7.68566552841413,
    ),
]


@pytest.mark.parametrize(("fixed", "method", "tau2", "beta", "se", "log_likelihood"), METAFOR)
def test_a_meta_analysis_is_that_of_metafor(fixed, method, tau2, beta, se, log_likelihood):
    """Its scoring ends where τ² moves by 1e-14, our search where curvature allows."""
    data = from_formula(f"log_ratio ~ {fixed} + (1 | trial)", TRIALS, weights="weight")
    fit = estimate(data, method, sigma=1.0)
    assert fit.converged
    assert fit.params.sigma == 1.0
    assert fit.loglik == pytest.approx(log_likelihood, rel=1e-10)
    assert fit.params.cov["trial"][0, 0] == pytest.approx(tau2, rel=1e-6)
    np.testing.assert_allclose(fit.params.beta, beta, rtol=1e-6)
    np.testing.assert_allclose(fit.se, se, rtol=1e-6)
    assert fit.npar == len(beta) + 1


def test_criteria_and_effects_of_a_meta_analysis():
    """AIC(rma(…, method = "ML")) and BIC of it; means of blup(rma(…, method = "REML"))."""
    data = from_formula("log_ratio ~ 1 + (1 | trial)", TRIALS, weights="weight")
    ml = estimate(data, "ml", sigma=1.0)
    assert ml.aic == pytest.approx(29.3301526966, rel=1e-10)
    assert ml.bic == pytest.approx(30.4600514115, rel=1e-10)
    reml = estimate(data, "reml", sigma=1.0)
    expected = [-0.8002, -1.2517, -0.9869, -1.3979, -0.2874, -0.7846, -1.2440]
    np.testing.assert_allclose(reml.fitted[:7], expected, atol=6e-5)


@pytest.mark.parametrize("method", ["ml", "reml"])
@pytest.mark.parametrize(
    "name",
    ["unbalanced slopes", "crossed", "weights and offset", "known covariance of groups", "dense"],
)
def test_the_deviance_is_the_dense_one_and_nothing_nearby_is_better(name, method):
    data, params = CASES[name]()
    fit = estimate(data, method, sigma=params.sigma)
    dense = {"ml": truth.marginal, "reml": truth.restricted}[method]
    density = {"ml": loglik.marginal, "reml": loglik.restricted}[method]
    assert fit.converged
    assert fit.params.sigma == params.sigma
    assert fit.deviance == pytest.approx(-2 * dense(data, fit.params), rel=1e-10)
    best = density(data, fit.params)
    for factor in (0.98, 1.02):
        for term, cov in fit.params.cov.items():
            scaled = {**fit.params.cov, term: factor * cov}
            other = Params(fit.params.beta, scaled, params.sigma)
            assert density(data, other) <= best + 1e-9


@pytest.mark.parametrize("method", ["ml", "reml"])
def test_the_estimated_sigma_given_as_known_gives_the_same_estimates(method):
    data, _ = CASES["unbalanced slopes"]()
    free = estimate(data, method)
    known = estimate(data, method, sigma=free.params.sigma)
    assert known.deviance == pytest.approx(free.deviance, rel=1e-10)
    assert known.npar == free.npar - 1
    np.testing.assert_allclose(known.params.cov["g"], free.params.cov["g"], rtol=1e-5)


def test_a_balanced_layout_has_a_closed_form():
    """One way, J groups of m: τ² = max(0, variance of the means − σ²/m), with J − 1 or J."""
    J, m, sigma = 8, 5, 2.0
    design = Design(np.ones((J * m, 1)), [Term.grouped("g", np.repeat(np.arange(J), m))])
    y = simulate(design, Params([1.0], {"g": 4.0}, sigma), rng=5).y
    means = y.reshape(J, m).mean(1)
    for method, ddof in (("reml", 1), ("ml", 0)):
        fit = estimate(Data(y, design), method, sigma=sigma)
        expected = means.var(ddof=ddof) - sigma**2 / m
        assert fit.params.cov["g"][0, 0] == pytest.approx(expected, rel=1e-6)
        assert fit.params.beta[0] == pytest.approx(means.mean(), rel=1e-10)
    none = estimate(Data(y, design), sigma=100.0)
    assert none.params.cov["g"][0, 0] == 0.0
    assert none.singular


def test_what_only_an_unknown_sigma_makes_impossible_is_fitted():
    """An effect a row of equal weight, and a response that the effects fit exactly."""
    y = np.array([1.0, 3.0, 2.0, 5.0, 4.0, 9.0])
    an_effect_a_row = Data(y, Design(np.ones((6, 1)), [Term.grouped("row", range(6))]))
    fit = estimate(an_effect_a_row, sigma=1.0)
    assert fit.params.cov["row"][0, 0] == pytest.approx(y.var(ddof=1) - 1, rel=1e-6)
    design = Design(np.ones((4, 1)), [Term.grouped("g", list("aabb"))])
    exact = estimate(Data([1.0, 1.0, 5.0, 5.0], design), sigma=2.0)
    assert exact.params.cov["g"][0, 0] == pytest.approx(8.0 - 2.0, rel=1e-6)


def test_the_summary_says_that_sigma_is_known():
    data = from_formula("log_ratio ~ 1 + (1 | trial)", TRIALS, weights="weight")
    assert "The residual SD is known." in str(estimate(data, sigma=1.0))
    assert "The residual SD is known." not in str(estimate(data))


@pytest.mark.parametrize("sigma", [0.0, -1.0, np.nan, "one", [1.0, 2.0]])
def test_a_sigma_that_is_none_is_refused(sigma):
    data, _ = CASES["balanced"]()
    with pytest.raises((TypeError, ValueError), match="sigma must"):
        estimate(data, sigma=sigma)
