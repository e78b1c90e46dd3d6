"""Folds that a likelihood alone could not be fitted to, and that proper priors can.

Against dense densities and quadrature.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

import truth
from lmmlib import (
    Data,
    Design,
    Params,
    Priors,
    ScalePrior,
    Term,
    conditional_model,
    estimate,
    loglik,
    loo,
    merge_reductions,
    posterior,
)
from lmmlib.crossvalidation.refits import refit_log_density, without_rows

GROUPS = np.repeat(np.arange(5), 4)
RESPONSE = (
    np.random.default_rng(1).normal(size=20) + np.random.default_rng(2).normal(size=5)[GROUPS]
)
COLUMNS = {
    "a factor level in one row": np.arange(20) == 7,
    "a covariate in one row": 3.5 * (np.arange(20) == 7),
    "a factor level in one group": GROUPS == 1,
}


def _data(column, **options):
    return Data(
        RESPONSE,
        Design(np.column_stack([np.ones(20), column]), [Term.grouped("g", GROUPS)], **options),
    )


def _known(data, tau=0.8, sigma=0.7):
    """Priors under which everything has a closed form."""
    return Priors.build(
        data.design,
        (0.5, 2.0),
        {"g: Intercept": ScalePrior("fixed", tau)},
        ScalePrior("fixed", sigma),
    )


def _exact(data, rows, tau=0.8, sigma=0.7):
    """log p(y_I|y_−I) of the joint normal of all rows with β integrated out under N(0.5, 4)."""
    wide = _with_random_coefficients(data)
    return truth.set_left_out(wide, Params([0.5, 0.5], {"g": tau**2, "b": 4.0}, sigma), rows)


def _exact_evidence(data, tau=0.8, sigma=0.7):
    """log p(y) with β integrated out under N(0.5, 4)."""
    wide = _with_random_coefficients(data)
    return truth.marginal(wide, Params([0.5, 0.5], {"g": tau**2, "b": 4.0}, sigma))


def _with_random_coefficients(data):
    """The same rows with β − 0.5 as effects of a dense term."""
    terms = [*data.design.terms, Term.dense("b", data.design.X)]
    return SimpleNamespace(y=data.y, design=Design(data.design.X, terms))


@pytest.mark.parametrize("column", COLUMNS)
def test_a_fold_without_the_rank_of_x_has_its_posterior(column):
    data = _data(COLUMNS[column])
    rows = np.flatnonzero(COLUMNS[column])
    fold = without_rows(data, rows)
    assert fold.design.validation_error.startswith("X must have full column rank; x2 can be made")
    priors = _known(data)
    tree = posterior(fold, priors, 4096, rng=np.random.default_rng(1))
    coefficient = tree.posterior.beta[..., 1].to_numpy().ravel()
    # its prior, as no row tells of it
    assert abs(coefficient.mean() - 0.5) < 5 * 2.0 / np.sqrt(4096)
    assert abs(coefficient.std() - 2.0) < 5 * 2.0 / np.sqrt(2 * 4096)
    got = refit_log_density(data, priors, rows, 4096, np.random.default_rng(2), "it")
    # The error of an average of p(y_I|θ) over 4096 draws of β, from eight more of them; theirs is
    # known to a quarter.
    others = np.array(
        [
            refit_log_density(data, priors, rows, 4096, np.random.default_rng(seed), "it")
            for seed in range(3, 11)
        ]
    )
    assert abs(got - _exact(data, rows)) < 5 * 1.25 * others.std(ddof=1) + 1e-6


@pytest.mark.parametrize("kind", ["weak", "of the SDs alone"])
def test_a_fold_with_unknown_variances(kind):
    """Its evidence is that of the rows with the column left out: no row of the fold has it."""
    data = _data(COLUMNS["a factor level in one row"])
    priors = (
        Priors.weak(data)
        if kind == "weak"
        else Priors.build(data.design, (0.0, 3.0), ScalePrior("half-normal", 1.0))
    )
    fold = without_rows(data, np.array([7]))
    short = Data(fold.y, Design(fold.design.X[:, :1], fold.design.terms))
    # γ = Tβ with β = T⁻¹γ: of the intercept alone the prior is normal with T⁻¹'s first row.
    first = priors.coefficients(np.eye(2))[:, 0]
    mean, spread = float(first @ priors.beta_mean), float(np.linalg.norm(first * priors.beta_sd))
    alone = Priors([mean], [spread], priors.sd, priors.sigma, priors.cor)
    of_fold = posterior(fold, priors, 4096, rng=np.random.default_rng(1)).attrs
    of_short = posterior(short, alone, 4096, rng=np.random.default_rng(1)).attrs
    # the same draws of the variances
    assert of_fold["log_evidence"] == pytest.approx(of_short["log_evidence"], abs=1e-8)


def test_loo_refits_every_row_that_needs_it():
    data = _data(COLUMNS["a factor level in one row"])
    priors = Priors.weak(data)
    rng = np.random.default_rng(3)
    result = loo(posterior(data, priors, rng=rng), data, priors=priors, rng=rng)
    assert "7" in result.refitted  # its leverage is one but for the prior
    assert np.isfinite(result.elpd_i).all()


def test_a_level_that_leaves_with_its_coefficient():
    data = _data(COLUMNS["a factor level in one group"])
    priors = _known(data)
    rng = np.random.default_rng(4)
    result = loo(posterior(data, priors, rng=rng), data, leave="g", priors=priors, rng=rng)
    exact = [_exact(data, np.flatnonzero(j == GROUPS)) for j in range(5)]
    # five levels of four rows, k below 0.7: a twentieth each
    assert result.elpd == pytest.approx(sum(exact), abs=0.3)
    assert abs(float(result.elpd_i[1]) - exact[1]) < 0.1


@pytest.mark.parametrize("kept", [[0], [0, 1], [0, 4]])
def test_folds_of_a_row_or_two(kept):
    """Fewer rows than coefficients, and one level: y ~ N(Xb₀, XB₀X' + V) all the same."""
    data = _data(np.sin(np.arange(20)))
    fold = data.rows(np.array(kept))
    priors = _known(data)
    exact = _exact_evidence(fold)
    for source in (fold, fold.reduction):
        tree = posterior(source, priors, 64, rng=np.random.default_rng(5))
        assert tree.attrs["log_evidence"] == pytest.approx(exact, rel=1e-10)
        assert tree.posterior.u.shape == (4, 16, 5)
    # σ and the SD from so few rows
    weak = posterior(fold, Priors.weak(data), 1024, rng=np.random.default_rng(6))
    assert np.isfinite(weak.attrs["log_evidence"])


def test_a_fold_joins_the_rest_again():
    data = _data(COLUMNS["a factor level in one row"])
    whole = merge_reductions([data.rows(np.arange(7)), data.rows(np.arange(7, 20))])
    assert estimate(whole).deviance == pytest.approx(estimate(data).deviance, rel=1e-10)
    params = estimate(data).params
    assert loglik.restricted(whole, params) == pytest.approx(
        loglik.restricted(data, params), rel=1e-10
    )


@pytest.mark.parametrize(
    "source", [lambda fold: fold, lambda fold: fold.reduction], ids=["Data", "Reduction"]
)
def test_estimates_of_a_fold_without_rank_are_refused(source):
    fold = without_rows(_data(COLUMNS["a factor level in one row"]), np.array([7]))
    with pytest.raises(
        ValueError,
        match="X must have full column rank; x2 can be made from the columns before; drop it",
    ):
        estimate(source(fold))
    with pytest.raises(
        ValueError,
        match="X must have full column rank; x2 can be made from the columns before; drop it",
    ):
        loglik.restricted(source(fold), Params([0.0, 0.0], {"g": 1.0}, 1.0))


def test_a_fold_of_full_rank_is_estimated():
    data = _data(np.sin(np.arange(20)))
    fold = without_rows(data, np.array([7]))
    alone = Data(fold.y, fold.design)
    assert estimate(fold).deviance == pytest.approx(estimate(alone).deviance, rel=1e-12)


def test_a_response_for_a_fold_is_still_checked():
    fold = without_rows(_data(COLUMNS["a factor level in one row"]), np.array([7]))
    assert fold.with_y(np.zeros(19)).y.tolist() == [0.0] * 19
    with pytest.raises(ValueError, match=r"y must have shape \(19,\), got \(20,\)"):
        fold.with_y(np.zeros(20))
    with pytest.raises(
        ValueError, match="X must have full column rank"
    ):  # given by a user, it is refused
        Data(fold.y, fold.design)


def test_a_conditional_model_of_a_fold_can_be_made():
    data = _data(COLUMNS["a factor level in one row"])
    fold = without_rows(data, np.array([7]))
    model = conditional_model(fold, Priors.weak(data))
    assert np.isfinite(model.compile_logp(mode="FAST_COMPILE")(model.initial_point()))


def test_a_fold_that_x_and_the_effects_fit_exactly_is_still_refused():
    """Two rows of one level that are alike.

    As σ goes to zero their density has no bound, whatever the proper priors.
    """
    y = np.where(GROUPS == 0, 1.0, RESPONSE)
    data = Data(y, _data(np.sin(np.arange(20))).design)
    with pytest.raises(ValueError, match="nothing is left for sigma"):
        posterior(data.rows(np.arange(4)), Priors.weak(data), rng=np.random.default_rng(1))


def test_effects_known_to_be_zero_fit_nothing():
    """Two a level and alike: with an SD of zero they are rows of one normal, with a spread."""
    y = [1.0, 1.0, 5.0, 5.0]
    data = Data(y, Design(np.ones((4, 1)), [Term.grouped("g", list("aabb"))]))
    zero = Priors.build(
        data.design,
        (0.0, 5.0),
        {"g: Intercept": ScalePrior("fixed", 0.0)},
        ScalePrior("half-normal", 2.0),
    )
    tree = posterior(data, zero, 4096, rng=np.random.default_rng(1))
    sigma = np.linspace(1e-3, 20, 200_001)
    covariance = [
        stats.multivariate_normal(np.zeros(4), 25 * np.ones((4, 4)) + s**2 * np.eye(4)).pdf(y)
        for s in sigma[::100]
    ]
    exact = np.log(
        np.trapezoid(covariance * stats.halfnorm(scale=2).pdf(sigma[::100]), sigma[::100])
    )
    assert abs(tree.attrs["log_evidence"] - exact) < 5 * tree.attrs["log_evidence_error"] + 1e-4
    free = Priors.build(data.design, (0.0, 5.0), ScalePrior("half-normal", 2.0))
    with pytest.raises(ValueError, match="X and the effects fit y exactly"):
        posterior(data, free, rng=np.random.default_rng(1))
