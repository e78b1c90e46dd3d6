"""Known covariances of levels: matched by their labels, singular or not, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lmmlib import (
    Data,
    Design,
    Params,
    Term,
    estimate,
    held_out,
    loglik,
    moments,
    random_effects,
    simulate,
)

RNG = np.random.default_rng(5)
EIGHT = np.repeat(np.arange(8), 5)
BASIS = RNG.normal(size=(40, 8))
KNOWN = np.cov(RNG.normal(size=(8, 30)))


def _eight(name, **options):
    return Term.grouped(name, EIGHT, **options)


def test_a_known_covariance_is_symmetric_and_its_root_is_one_to_rounding():
    """Inverses are let through and made symmetric.

    Sums of fewer squares than levels get a root of their rank.
    """
    rng = np.random.default_rng(7)
    for _ in range(50):
        Q = rng.normal(size=(8, 8))
        between = np.linalg.inv(Q @ Q.T)
        root = _eight("g", between=between).level_chol
        np.testing.assert_allclose(
            root @ root.T, between, rtol=1e-7, atol=1e-8 * np.abs(between).max()
        )
        few = rng.normal(size=(8, 5)) * 10.0 ** rng.uniform(-3, 3, size=(8, 1))
        root = _eight("g", between=few @ few.T).level_chol
        assert np.count_nonzero(root.any(0)) == 5
        sd = np.linalg.norm(few, axis=1)
        assert (
            np.max(np.abs(root @ root.T - few @ few.T) / np.outer(sd, sd))
            < 100 * np.finfo(float).eps * 8
        )
    skew = np.eye(8) + np.triu(np.full((8, 8), 1e-6), 1)
    with pytest.raises(
        ValueError,
        match=r"between of 'g' must be symmetric, got 1e-06 at \(0, 1\) and 0 at \(1, 0\)$",
    ):
        _eight("g", between=skew)


def test_zeros_between_unrelated_levels_stay_zeros_in_a_singular_root():
    """Four pairs of clones.

    As many columns as pairs, each with entries for its own two levels alone.
    """
    root = _eight("g", between=np.kron(np.eye(4), np.ones((2, 2)))).level_chol
    np.testing.assert_array_equal(root @ root.T, np.kron(np.eye(4), np.ones((2, 2))))
    assert np.count_nonzero(root) == 8


def test_a_singular_covariance_is_what_its_own_root_does_as_a_dense_term():
    """A centred relationship matrix of 40 levels beside its markers.

    One model, so one criterion and one likelihood.
    """
    rng = np.random.default_rng(7)
    markers = rng.binomial(2, 0.4, size=(40, 300)).astype(float)
    markers -= markers.mean(0)
    y = markers @ rng.normal(0, 0.08, 300) + rng.normal(size=40)
    related = Term.grouped("id", np.arange(40), levels=range(40), between=markers @ markers.T / 300)
    by_level, by_marker = (
        Data(y, Design(np.ones((40, 1)), [t]))
        for t in (related, Term.dense("id", markers / np.sqrt(300)))
    )
    fits = [estimate(data) for data in (by_level, by_marker)]
    assert fits[0].deviance == pytest.approx(fits[1].deviance, rel=1e-10)
    assert fits[0].params.cov["id"].item() == pytest.approx(
        fits[1].params.cov["id"].item(), rel=1e-5
    )
    assert fits[0].params.sigma == pytest.approx(fits[1].params.sigma, rel=1e-5)
    params = Params([0.3], {"id": 2.0}, 1.1)
    assert loglik.marginal(by_level, params) == pytest.approx(
        loglik.marginal(by_marker, params), rel=1e-10
    )
    u = moments.effects(by_marker, params)
    scaled = markers / np.sqrt(300)
    np.testing.assert_allclose(
        random_effects.conditional_mean(by_level, params),
        scaled @ u.mean,
        atol=1e-10 * np.abs(u.mean).max() * 300,
    )
    left = random_effects.conditional_covariance(by_level, params)["id"].ravel()
    np.testing.assert_allclose(left, np.einsum("ij,jk,ik->i", scaled, u.cov, scaled), rtol=1e-8)
    np.testing.assert_allclose(
        held_out.rows(by_level, params), held_out.rows(by_marker, params), rtol=1e-9
    )
    drawn = simulate(by_level.design, params, np.random.default_rng(1)).u
    reduction = by_level.reduction
    own = loglik.conditional(by_level, params, drawn)
    assert loglik.conditional(reduction, params, drawn) == pytest.approx(own, rel=1e-8)
    with pytest.raises(
        ValueError, match="u of 'id' has no density: its known covariance is singular"
    ):
        loglik.conditional(reduction, params, drawn + 1.0)


def test_related_effects_that_spread_as_residuals_do_are_refused():
    """A centred identity beside an intercept: σ² + τ² is all that y tells."""
    design = Design(np.ones((12, 1)), [Term.grouped("id", range(12), between=np.eye(12) - 1 / 12)])
    for method in ("reml", "ml"):
        with pytest.raises(
            ValueError, match="their variances and that of the rows cannot be told apart"
        ):
            estimate(Data(np.cos(np.arange(12)), design), method)


def _labelled(order, columns=None):
    A = pd.DataFrame(KNOWN, list("abcdefgh"), list("abcdefgh"))
    return A.loc[list(order), list(order if columns is None else columns)]


LETTERS = np.array(list("abcdefgh"))[EIGHT]


@pytest.mark.parametrize("kind", [lambda A: A, lambda A: xr.DataArray(A, dims=("row", "column"))])
def test_a_labelled_covariance_is_matched_by_its_labels(kind):
    """In any order, the axes in different ones, and with relatives that are no levels, whose
    rows are left out.
    """
    expected = Term.grouped("g", LETTERS, between=KNOWN)
    for between in (_labelled("hgfedcba"), _labelled("hgfedcba", "badcfehg")):
        root = Term.grouped("g", LETTERS, between=kind(between)).level_chol
        np.testing.assert_allclose(root, expected.level_chol, rtol=1e-12)
    some = np.isin(LETTERS, list("bdf"))
    root = Term.grouped("g", LETTERS[some], between=kind(_labelled("hgfedcba"))).level_chol
    np.testing.assert_allclose(root @ root.T, KNOWN[np.ix_([1, 3, 5], [1, 3, 5])], rtol=1e-12)
    columns = pd.DataFrame(BASIS, columns=list("hgfedcba"))
    root = Term.dense("z", columns, between=kind(_labelled("abcdefgh"))).level_chol
    np.testing.assert_allclose(root @ root.T, KNOWN[::-1, ::-1], rtol=1e-12)


def test_labels_of_numbers_are_matched_as_text():
    ids = np.array([1, 2, 10, 11])
    A = np.diag([1.0, 2.0, 3.0, 4.0])
    for codes, index in ((ids, ids.astype(str)), (ids.astype(str), ids), (ids.astype(float), ids)):
        term = Term.grouped(
            "g", np.repeat(codes, 2), between=pd.DataFrame(A, index, index.astype(str))
        )
        variance = dict(zip(term.levels, np.diag(term.level_chol) ** 2, strict=True))
        assert variance == pytest.approx({"1": 1.0, "2": 2.0, "10": 3.0, "11": 4.0})


@pytest.mark.parametrize(
    ("between", "message"),
    [
        (
            _labelled("abcdefg"),
            "between of 'g' has no rows labelled h; it has a, b, c and 4 more; add them, or give "
            "between of 'g' by",
        ),
        (
            _labelled("abcdefgh", "abcdefgg"),
            "the columns of between of 'g' must have distinct labels, got g more than once",
        ),
        (
            pd.DataFrame(KNOWN, list("abcdefgh")),
            "must have the same labels; one axis alone has 0, 1, 2 and 13 more",
        ),
        (
            pd.DataFrame(KNOWN),
            "between of 'g' has no rows labelled a, b, c and 5 more; it has 0, 1, 2 and 5 more",
        ),
        (
            xr.DataArray(KNOWN, dims=("i", "j"), coords={"i": list("abcdefgh")}),
            "labelled along one axis alone; label both",
        ),
    ],
)
def test_labels_of_a_covariance_that_do_not_fit_are_refused(between, message):
    with pytest.raises(ValueError, match=message):
        Term.grouped("g", LETTERS, between=between)
