"""The labelled results of an estimate against lme4, and what they print."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from cases import CASES
from lmmlib import Data, Design, Params, Term, estimate, from_formula, load_dataset, simulate
from lmmlib.estimation.singularity import singular_effects

# Written by tests/data/estimates.R, with lme4 1.1-31.
LME4 = pd.read_csv(
    Path(__file__).parent / "data" / "estimates_lme4.csv", keep_default_na=False, na_values=["NA"]
)
FORMULAS = {
    "intercepts": "Reaction ~ Days + (1 | Subject)",
    "uncorrelated": "Reaction ~ Days + (Days || Subject)",
    "slopes": "Reaction ~ Days + (Days | Subject)",
}
TABLE = load_dataset("sleepstudy")
NEW_ROWS = pd.DataFrame({"Days": [0, 10, 3.5], "Subject": ["308", "372", "309"]})
# Both searches end within 1e-8 of the optimum, relative to each entry of the relative covariance
# factor (test_estimation.py). A covariance is a difference of products of them.
FOUND = {"rtol": 1e-7, "atol": 1e-7}

each_fit = pytest.mark.parametrize(
    ("model", "method"), [(model, method) for model in FORMULAS for method in ("ml", "reml")]
)


def _fit(model, method="reml"):
    return estimate(from_formula(FORMULAS[model], TABLE), method)


def _lme4(model, method, quantity):
    """Values of lme4, by label."""
    is_wanted = (LME4.model == model) & (LME4.method == method) & (LME4.quantity == quantity)
    return LME4[is_wanted].set_index("label").value


@each_fit
def test_criteria_are_those_of_lme4(model, method):
    fit = _fit(model, method)
    for quantity in ("loglik", "aic", "bic"):
        (expected,) = _lme4(model, method, quantity)
        assert getattr(fit, quantity) == pytest.approx(expected, rel=1e-10)
    assert fit.npar == _lme4(model, method, "npar").item()
    assert fit.nobs == 180
    assert fit.deviance == -2 * fit.loglik


@each_fit
def test_fixed_effects_are_those_of_lme4(model, method):
    fit = _fit(model, method)
    assert fit.fixef.index.tolist() == ["Intercept", "Days"]
    np.testing.assert_allclose(fit.fixef.estimate, _lme4(model, method, "estimate"), **FOUND)
    np.testing.assert_allclose(fit.fixef.se, _lme4(model, method, "se"), **FOUND)
    np.testing.assert_allclose(fit.fixef.t, fit.fixef.estimate / fit.fixef.se, rtol=1e-14)
    intervals = fit.conf_int(0.9)
    np.testing.assert_allclose(intervals.lower, _lme4(model, method, "lower"), **FOUND)
    np.testing.assert_allclose(intervals.upper, _lme4(model, method, "upper"), **FOUND)


@each_fit
def test_variance_components_are_those_of_lme4(model, method):
    components = _fit(model, method).varcorr
    np.testing.assert_allclose(components.vcov, _lme4(model, method, "vcov"), **FOUND)
    np.testing.assert_allclose(components.sdcor, _lme4(model, method, "sdcor"), **FOUND)
    names = {
        "intercepts": [("Subject", "Intercept", None), ("Residual", None, None)],
        "uncorrelated": [
            ("Subject", "Intercept", None),
            ("Subject.1", "Days", None),
            ("Residual", None, None),
        ],
        "slopes": [
            ("Subject", "Intercept", None),
            ("Subject", "Days", None),
            ("Subject", "Intercept", "Days"),
            ("Residual", None, None),
        ],
    }
    columns = ["term", "effect_1", "effect_2"]
    assert list(components[columns].itertuples(index=False, name=None)) == names[model]


@each_fit
def test_random_effects_are_those_of_lme4(model, method):
    effects = _fit(model, method).ranef
    theirs = {"Intercept": "(Intercept)", "Days": "Days"}
    labels = [f"{level}:{theirs[effect]}" for _, level, effect in effects.index]
    expected = _lme4(model, method, "value").loc[labels]
    np.testing.assert_allclose(effects["value"], expected, **FOUND)
    if model != "uncorrelated":  # lme4 gives no conditional SDs where a factor has several terms
        np.testing.assert_allclose(effects.sd, _lme4(model, method, "sd").loc[labels], **FOUND)


@each_fit
def test_fitted_values_residuals_and_predictions_are_those_of_lme4(model, method):
    fit = _fit(model, method)
    known = fit.predict(NEW_ROWS)
    new = fit.predict(NEW_ROWS[["Days"]], levels="new")
    np.testing.assert_allclose(fit.fitted[:3], _lme4(model, method, "fitted"), **FOUND)
    np.testing.assert_allclose(fit.residuals[:3], _lme4(model, method, "residual"), **FOUND)
    np.testing.assert_allclose(known, _lme4(model, method, "known"), **FOUND)
    np.testing.assert_allclose(new, _lme4(model, method, "new"), **FOUND)


def test_rows_keep_their_labels():
    table = TABLE.set_index(np.arange(180)[::-1] + 1000)
    fit = estimate(from_formula(FORMULAS["slopes"], table))
    for series in (fit.fitted, fit.residuals, fit.predict(table), fit.predict(table, "new")):
        assert series.index.equals(table.index)
    np.testing.assert_allclose(fit.fitted + fit.residuals, table.Reaction, rtol=1e-14)
    np.testing.assert_allclose(fit.predict(table), fit.fitted, rtol=1e-12)
    bare, _ = CASES["unbalanced slopes"]()
    assert estimate(bare).fitted.index.equals(pd.RangeIndex(bare.design.n))


def test_offsets_and_transforms_are_those_of_the_first_table():
    table = TABLE.assign(start=np.linspace(0.0, 50.0, 180))
    data = from_formula("Reaction ~ scale(Days) + (1 | Subject)", table, offset="start")
    fit = estimate(data)
    part = table.iloc[[3, 100]]
    np.testing.assert_allclose(fit.predict(part), fit.fitted.iloc[[3, 100]], rtol=1e-12)
    population = data.design.fixed_part(fit.params.beta)[[3, 100]]
    without_groups = part.drop(columns=["Subject", "Reaction"])
    np.testing.assert_allclose(fit.predict(without_groups, "new"), population, rtol=1e-12)


def test_rows_of_a_design_are_predicted_by_their_labels():
    data, _ = CASES["crossed"]()
    fit = estimate(data)
    order = np.random.default_rng(1).permutation(data.design.n)[:5]
    some_rows = data.design.rows(order)
    np.testing.assert_allclose(fit.predict(some_rows), fit.fitted.iloc[order], rtol=1e-12)
    population = data.design.fixed_part(fit.params.beta)[order]
    np.testing.assert_allclose(fit.predict(some_rows, levels="new"), population, rtol=1e-12)


def test_rows_that_cannot_be_predicted_are_refused():
    fit = _fit("slopes")
    stranger = NEW_ROWS.assign(Subject=["308", "999", "1000"])
    with pytest.raises(ValueError, match="no level 999, 1000 of 'Subject'; give levels='new'"):
        fit.predict(stranger)
    with pytest.raises(ValueError, match="names unknown columns Subject"):
        fit.predict(NEW_ROWS[["Days"]])
    with pytest.raises(ValueError, match="names unknown columns Days"):
        fit.predict(NEW_ROWS[["Subject"]], "new")
    other = Design(np.ones((2, 1)), [Term.grouped("Subject", ["308", "309"])])
    with pytest.raises(ValueError, match="must have the coefficients Intercept, Days"):
        fit.predict(other)
    with pytest.raises(TypeError, match="must be a pandas table or a Design, got Data"):
        fit.predict(fit.data)
    with pytest.raises(ValueError, match="levels must be one of known, new, got 'old'"):
        fit.predict(NEW_ROWS, "old")
    bare, _ = CASES["balanced"]()
    for levels in ("known", "new"):
        with pytest.raises(ValueError, match="only a design made by from_formula"):
            estimate(bare).predict(NEW_ROWS, levels)


def test_a_reduction_has_all_but_rows():
    data = from_formula(FORMULAS["slopes"], TABLE)
    whole, reduced = (estimate(given) for given in (data, data.reduction))
    pd.testing.assert_frame_equal(whole.ranef, reduced.ranef)
    pd.testing.assert_frame_equal(whole.varcorr, reduced.varcorr)
    assert (reduced.aic, reduced.bic, reduced.leverages) == (whole.aic, whole.bic, None)
    np.testing.assert_allclose(reduced.predict(data.design), whole.fitted, rtol=1e-12)
    for wanted in ("fitted", "residuals"):
        with pytest.raises(ValueError, match="a Reduction keeps no rows, so there are no"):
            getattr(reduced, wanted)
    with pytest.raises(ValueError, match="keeps no formula; give a Design"):
        reduced.predict(TABLE)
    assert "y ~ Intercept + Days + (Intercept + Days | Subject)" in str(reduced)


def test_intervals_cover_at_their_level():
    fit = _fit("slopes")
    intervals = fit.conf_int()
    z = norm.ppf(0.975)
    np.testing.assert_allclose(intervals.upper - intervals.lower, 2 * z * fit.se, rtol=1e-12)
    for level in (0, 1, "95%"):
        with pytest.raises((TypeError, ValueError), match="level must be a number between 0 and 1"):
            fit.conf_int(level)


def test_the_summary_of_sleepstudy():
    text = str(_fit("slopes"))
    assert len(text.splitlines()) <= 25
    assert len(text) < 1500
    for shown in (
        "fitted by REML",
        "Reaction ~ Days + (Days | Subject)",
        "REML deviance 1743.63, AIC 1755.63, BIC 1774.79",
        "180 rows; levels: Subject 18",
        "612.09",
        "0.066",
        "251.405",
        "6.77",
        "No degrees of freedom or p values",
    ):
        assert shown in text
    assert repr(_fit("slopes")) == text
    assert "fitted by maximum likelihood" in str(_fit("slopes", "ml"))
    assert "Singular" not in text


def test_the_summary_in_a_notebook_has_no_colours():
    html = _fit("slopes")._repr_html_()
    assert html.count("<table") == 2
    assert "color" not in html
    assert "<td>612.09" in html


def test_many_levels_do_not_lengthen_a_summary():
    J = 3000
    design = Design(np.ones((2 * J, 1)), [Term.grouped("g", np.repeat(np.arange(J), 2))])
    fit = estimate(Data(simulate(design, Params([0.0], {"g": 1.0}, 1.0), rng=2).y, design))
    assert len(str(fit)) < 1000
    assert "6,000 rows; levels: g 3,000" in str(fit)


@pytest.mark.parametrize(
    ("cov", "sentences"),
    [
        ([[1.0, 0.5], [0.5, 1.0]], []),
        ([[0.0, 0.0], [0.0, 1.0]], ["the SD of g: x1 is zero"]),
        ([[1.0, -2.0], [-2.0, 4.0]], ["the correlation of g: x2 with x1 is −1"]),
        ([[1.0, 2.0], [2.0, 4.0]], ["the correlation of g: x2 with x1 is 1"]),
        ([[1.0, 0.0], [0.0, 0.9e-8]], ["the SD of g: x2 is zero"]),
        ([[1.0, 0.0], [0.0, 1.1e-8]], []),
    ],
)
def test_effects_whose_covariance_is_singular_are_named(cov, sentences):
    """As lme4's isSingular with its tolerance of 1e-4, covariates here with an SD of one."""
    z = np.tile([-1.0, 1.0], 4)
    z = np.column_stack([z, np.roll(np.repeat([-1.0, 1.0], 4), 2)])
    design = Design(np.ones((8, 1)), [Term.grouped("g", np.repeat([0, 1], 4), z)])
    assert singular_effects(design.layout, Params([0.0], {"g": cov}, 1.0), 1.0) == sentences


def test_a_singular_fit_is_told():
    fit = estimate(from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff2")))
    assert fit.singular
    assert "Singular fit: the SD of Batch: Intercept is zero." in str(fit)
    assert not _fit("slopes").singular


def test_no_unit_of_weights_makes_a_fit_singular():
    data, _ = CASES["unbalanced slopes"]()
    design = data.design
    weights = np.full(design.n, 1e10)
    heavy = Data(data.y, Design(design.X, design.terms, weights=weights))
    fit = estimate(data)
    same = estimate(heavy)
    assert same.params.sigma == pytest.approx(1e5 * fit.params.sigma, rel=1e-6)
    assert (fit.singular, same.singular) == (False, False)


def test_an_effect_that_others_determine_is_told():
    z = np.column_stack([np.ones(12), np.tile([0.0, 1, 2], 4), np.tile([0.0, 1, 4], 4)])
    design = Design(np.ones((12, 1)), [Term.grouped("g", np.repeat(np.arange(4), 3), z)])
    chol = np.array([[1.0, 0, 0], [0.5, 1.0, 0], [0.3, 0.4, 0]])
    params = Params([0.0], {"g": chol @ chol.T}, 1.0)
    sentences = singular_effects(design.layout, params, 1.0)
    assert sentences == ["g: x3 is a combination of the effects before it"]


def test_what_is_computed_at_first_use_is_in_no_pickle():
    fit = _fit("slopes")
    before = pickle.dumps(fit)
    pd.testing.assert_frame_equal(pickle.loads(before).ranef, fit.ranef)
    assert fit.leverages is not None
    assert {"u", "u_cov", "leverages"} <= set(vars(fit))
    assert not {"u", "u_cov", "leverages"} & set(vars(pickle.loads(pickle.dumps(fit))))


def test_a_dense_term_has_one_effect():
    data, _ = CASES["dense"]()
    fit = estimate(data)
    dense_terms = [term for term in data.design.terms if term.is_dense]
    assert dense_terms
    for term in dense_terms:
        effects = fit.ranef.loc[term.name].index
        assert effects.get_level_values("effect").unique().tolist() == [term.name]
        assert effects.get_level_values("level").tolist() == list(term.levels)


def test_a_model_without_fixed_effects_prints():
    data, _ = CASES["no fixed effects"]()
    fit = estimate(data)
    assert "none" in str(fit)
    assert fit.fixef.empty
    assert fit.conf_int().empty
