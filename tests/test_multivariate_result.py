"""The labelled results of several traits: against univariate ones, dense twins, and in print."""

import pickle

import numpy as np
import pandas as pd
import pytest

from cases import CASES as UNIVARIATE
from lmmlib import Data, Design, Term, estimate, from_formula, load_dataset, multivariate
from lmmlib.multivariate import MultivariateData, MultivariateParams
from test_multivariate import CASES, _dense, each_case

SLEEPSTUDY = from_formula("Reaction ~ Days + (1 | Subject)", load_dataset("sleepstudy"))


@each_case
def test_conditional_sds_are_the_dense_ones(name):
    data, params = CASES[name]()
    _, V, covariance = _dense(data.design, params)
    term = data.design.terms[0]
    A = np.eye(term.size[0]) if term.level_chol is None else term.level_chol @ term.level_chol.T
    given_y = np.kron(params.G0, A) - covariance.T @ np.linalg.solve(V, covariance)
    expected = np.diag(given_y).reshape(len(params.G0), -1).T
    got = multivariate.conditional_sd(data, params)
    np.testing.assert_allclose(got**2, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("method", ["ml", "reml"])
def test_one_trait_has_the_results_of_the_univariate_estimate(method):
    """Two searches: variances to 2e-6 (test_multivariate.py), so means to as much."""
    expected = estimate(SLEEPSTUDY, method)
    data = MultivariateData(SLEEPSTUDY.y[:, None], SLEEPSTUDY.design, ["Reaction"])
    fit = multivariate.estimate(data, method)
    assert (fit.npar, fit.nobs) == (expected.npar, expected.nobs)
    for criterion in ("loglik", "aic", "bic"):
        assert getattr(fit, criterion) == pytest.approx(getattr(expected, criterion), rel=1e-11)
    near = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(fit.fixef, expected.fixef, **near)
    np.testing.assert_allclose(fit.ranef, expected.ranef, **near)
    np.testing.assert_allclose(fit.conf_int(0.9), expected.conf_int(0.9), **near)
    numbers = ["vcov", "sdcor"]
    np.testing.assert_allclose(fit.varcorr[numbers], expected.varcorr[numbers], **near)
    np.testing.assert_allclose(fit.fitted["Reaction"], expected.fitted, **near)
    np.testing.assert_allclose(fit.residuals["Reaction"], expected.residuals, **near)
    table = load_dataset("sleepstudy")[:5]
    np.testing.assert_allclose(fit.predict(table)["Reaction"], expected.predict(table), **near)
    only_days = table[["Days"]]
    population = fit.predict(only_days, "new")["Reaction"]
    np.testing.assert_allclose(population, expected.predict(only_days, "new"), **near)


def _two_traits():
    data, _ = CASES["two traits"]()
    return MultivariateData(data.Y, data.design, ["height", "weight"])


def test_tables_are_labelled_by_trait():
    data = _two_traits()
    fit = multivariate.estimate(data)
    B, se = fit.params.B, fit.se
    assert fit.fixef.loc[("weight", "x2")].tolist() == [B[1, 1], se[1, 1], B[1, 1] / se[1, 1]]
    np.testing.assert_array_equal(fit.ranef["value"].unstack("trait"), fit.U)
    assert fit.ranef.index.names == ["trait", "level"]
    components = fit.varcorr.set_index(["term", "trait_1", "trait_2"])
    G0, R0 = fit.params.G0, fit.params.R0
    between = components.loc[("g", "height", "weight")]
    assert between.vcov == G0[0, 1]
    assert between.sdcor == pytest.approx(G0[0, 1] / np.sqrt(G0[0, 0] * G0[1, 1]), rel=1e-12)
    residual = components.loc[("Residual", "height", "weight")]
    assert residual.sdcor == pytest.approx(R0[0, 1] / np.sqrt(R0[0, 0] * R0[1, 1]), rel=1e-12)
    assert fit.npar == 4 + 3 + 3
    np.testing.assert_allclose(fit.fitted + fit.residuals, data.Y, rtol=1e-12)
    chosen = [3, 0, 7]
    some_rows = data.design.rows(np.array(chosen))
    np.testing.assert_allclose(fit.predict(some_rows), fit.fitted.iloc[chosen], rtol=1e-12)


def test_a_summary_shows_both_covariances():
    fit = multivariate.estimate(_two_traits())
    text = str(fit)
    assert "Linear mixed model of 2 traits fitted by REML" in text
    assert "height, weight ~ x1 + x2 + (Intercept | g)" in text
    assert len(text.splitlines()) <= 25
    assert len(text) < 1500
    assert "color" not in fit._repr_html_()
    assert repr(fit) == text


def test_a_singular_covariance_is_told():
    data, _ = CASES["zero G0"]()
    told = "Singular fit: a combination of traits has no variance between levels of g"
    regular = np.array([[1.0, 0.5], [0.5, 1.0]])
    for G0, is_singular in ((0 * regular, True), (np.ones((2, 2)), True), (regular, False)):
        params = MultivariateParams(np.zeros((2, 2)), G0, np.eye(2))
        fit = multivariate.MultivariateEstimate(data, params, np.ones((2, 2)), 0.0, "reml", True)
        assert fit.singular == is_singular
        assert (told in str(fit)) == is_singular


def test_both_doors_have_one_default():
    data = _two_traits()
    assert multivariate.estimate(data).method == estimate(UNIVARIATE["balanced"]()[0]).method
    assert multivariate.estimate(data).method == "reml"


def test_what_is_computed_at_first_use_is_in_no_pickle():
    data = _two_traits()
    fit = multivariate.estimate(data)
    assert fit.U.shape == (6, 2)
    copied = pickle.loads(pickle.dumps(fit))
    assert "U" not in vars(copied)
    assert not {"rotated", "log_weights"} & set(vars(copied.data))
    assert not copied.data.Y.flags.writeable
    np.testing.assert_array_equal(copied.U, fit.U)


def test_values_are_equal_when_equal():
    data, params = CASES["two traits"]()
    same = MultivariateParams(params.B.copy(), params.G0.copy(), params.R0.copy())
    assert same == params
    assert hash(same) == hash(params)
    assert params != MultivariateParams(params.B + 1, params.G0, params.R0)
    assert params != "params"
    assert MultivariateData(data.Y.copy(), data.design) == data
    assert MultivariateData(data.Y, data.design, ["a", "b"]) != data
    assert len({data, MultivariateData(data.Y.copy(), data.design)}) == 1


def test_traits_of_a_table_bear_its_names():
    design = Design(np.ones((6, 1)), [Term.grouped("g", list("aabbcc"))])
    table = pd.DataFrame({"height": np.arange(6.0), "weight": np.arange(6.0) ** 2})
    assert MultivariateData(table, design).traits == ("height", "weight")
    assert MultivariateData(table, design, ["h", "w"]).traits == ("h", "w")
    assert repr(MultivariateData(table, design)) == "MultivariateData: 6 rows of height, weight"


def test_a_univariate_response_is_no_case_of_several_traits():
    one = Data(SLEEPSTUDY.y, SLEEPSTUDY.design)
    with pytest.raises(TypeError, match="data must be a MultivariateData, got Data"):
        multivariate.estimate(one)
