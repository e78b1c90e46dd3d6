"""Likelihood-ratio tests against lme4's anova, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from lmmlib import Data, Design, Term, anova, estimate, from_formula, load_dataset
from test_estimation_result import FORMULAS, LME4, TABLE

FIXED = "Reaction ~ {} + (1 | Subject)"


def _fit(formula, method="ml", table=TABLE, **options):
    return estimate(from_formula(formula, table, **options), method)


@pytest.mark.parametrize("method", ["ml", "reml"])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_the_table_is_that_of_lme4(method, order):
    """Whatever the order of the arguments; criteria to 1e-10, and their differences to 1e-6."""
    formulas = list(FORMULAS.values())
    tests = anova(*[_fit(formulas[k], method) for k in order])
    of_lme4 = LME4[(LME4.model == "anova") & (LME4.method == method)]
    for name, theirs in {"p": "Pr(>Chisq)"}.items() | {
        (same, same) for same in ("npar", "AIC", "BIC", "logLik", "deviance", "Chisq", "Df")
    }:
        expected = of_lme4[of_lme4.quantity == theirs].value.to_numpy(float)
        tolerance = {"Chisq": 1e-6, "p": 1e-6}.get(name, 1e-10)
        got = tests.table[name].to_numpy(float, na_value=np.nan)
        np.testing.assert_allclose(got, expected, rtol=tolerance)
    assert list(tests.formulas.values()) == formulas


def test_a_test_of_fixed_effects():
    small, large = (_fit(FIXED.format(x)) for x in ("1", "Days"))
    table = anova(small, large).table
    chisq = small.deviance - large.deviance
    assert table.Chisq.iloc[1] == chisq
    assert table.p.iloc[1] == pytest.approx(chi2.sf(chisq, 1), rel=1e-14)
    assert table.Df.iloc[1] == 1
    assert pd.isna(table.p.iloc[0])


def test_what_is_printed():
    tests = anova(*[_fit(formula) for formula in FORMULAS.values()])
    text = str(tests)
    for shown in (
        "fit 3: Reaction ~ Days + (Days | Subject)",
        "42.075",
        "8.78e-11",
        "conservative",
    ):
        assert shown in text
    assert repr(tests) == text
    assert "nan" not in text.lower()
    html = tests._repr_html_()
    assert "42.075" in html
    assert "color" not in html
    restricted = anova(_fit(FORMULAS["intercepts"], "reml"), _fit(FORMULAS["slopes"], "reml"))
    assert "restricted likelihoods" in str(restricted)


def test_fits_by_different_methods_are_refused():
    with pytest.raises(ValueError, match="are by ml and by reml; refit both with method='ml'"):
        anova(_fit(FORMULAS["intercepts"]), _fit(FORMULAS["slopes"], "reml"))


def test_reml_fits_of_different_x_are_refused():
    small, large = (_fit(FIXED.format(x), "reml") for x in ("1", "Days"))
    with pytest.raises(ValueError, match=r"REML fits of different X, .* refit with method='ml'"):
        anova(small, large)
    moved = _fit("Reaction ~ I(Days - 1) + (Days | Subject)", "reml")
    with pytest.raises(ValueError, match="REML fits of different X"):
        anova(_fit(FORMULAS["intercepts"], "reml"), moved)


@pytest.mark.parametrize(
    ("table", "options", "difference"),
    [
        (TABLE.iloc[:-1], {}, "179 rows|180 and 179"),
        (TABLE.assign(Reaction=TABLE.Reaction + 1), {}, "the responses differ"),
        (TABLE.assign(w=2.0), {"weights": "w"}, "the weights differ"),
        (TABLE.assign(o=1.0), {"offset": "o"}, "the offsets differ"),
    ],
)
def test_fits_of_different_data_are_refused(table, options, difference):
    other = _fit(FORMULAS["slopes"], table=table, **options)
    with pytest.raises(ValueError, match=f"are of different data: .*({difference})"):
        anova(_fit(FORMULAS["intercepts"]), other)


def test_fits_that_are_not_nested_are_refused():
    by_days = _fit(FIXED.format("Days"))
    with pytest.raises(ValueError, match="not nested: both have 4 parameters"):
        anova(by_days, _fit(FIXED.format("np_sqrt").replace("np_sqrt", "sqrt(Days)")))
    noise = TABLE.assign(a=np.tile([0.0, 1.0], 90), b=np.repeat([0.0, 1.0], 90))
    by_noise = _fit(FIXED.format("a + b"), table=noise)
    with pytest.raises(ValueError, match="not nested: the one with more parameters"):
        anova(by_days, by_noise)


def test_fits_of_reductions_are_compared_by_what_they_keep():
    small, large = (from_formula(FORMULAS[model], TABLE) for model in ("intercepts", "slopes"))
    of_rows = anova(estimate(small), estimate(large)).table
    of_reductions = anova(estimate(small.reduction), estimate(large.reduction)).table
    mixed = anova(estimate(small), estimate(large.reduction)).table
    pd.testing.assert_frame_equal(of_rows, of_reductions)
    pd.testing.assert_frame_equal(of_rows, mixed)
    moved = from_formula(FORMULAS["slopes"], TABLE.assign(Reaction=TABLE.Reaction + 1))
    with pytest.raises(ValueError, match="the responses, weights or offsets differ"):
        anova(estimate(small.reduction), estimate(moved.reduction))
    other_x = from_formula("Reaction ~ I(2 * Days) + (Days | Subject)", TABLE)
    with pytest.raises(ValueError, match="REML fits of different X"):
        anova(estimate(small.reduction), estimate(other_x.reduction))


def test_known_residual_sds_must_be_one():
    y = load_dataset("Dyestuff").Yield.to_numpy(float)
    term = Term.grouped("Batch", load_dataset("Dyestuff").Batch)
    days = np.arange(30.0)
    small = Data(y, Design(np.ones((30, 1)), [term]))
    large = Data(y, Design(np.column_stack([np.ones(30), days]), [term]))
    known = anova(estimate(small, "ml", sigma=50.0), estimate(large, "ml", sigma=50.0))
    assert known.table.npar.tolist() == [2, 3]
    with pytest.raises(ValueError, match="different known residual SDs, 50 and 40"):
        anova(estimate(small, "ml", sigma=50.0), estimate(large, "ml", sigma=40.0))


def test_what_is_no_fit_is_refused():
    fit = _fit(FORMULAS["slopes"])
    with pytest.raises(TypeError, match="anova compares results of estimate, got Data"):
        anova(fit, fit.data)
    with pytest.raises(ValueError, match="not nested: both have 6 parameters"):
        anova(fit, fit)
