"""Priors: scaled by the data or given by name, told in words, and refused where they do not fit."""

import re

import numpy as np
import pandas as pd
import pytest

from lmmlib import Data, Design, Priors, ScalePrior, Term

G = ["a", "a", "b", "b"]


def _design():
    return Design(np.ones((4, 1)), [Term.grouped("g", G)])


def _weak_case(X, y, weights=None):
    """Weak priors of rows in four groups with slopes on the last column."""
    z = np.column_stack([np.ones(len(y)), np.sin(np.arange(len(y)))])
    return Priors.weak(
        Data(y, Design(X, [Term.grouped("g", np.arange(len(y)) % 4, z)], weights=weights))
    )


def test_weak_priors_follow_their_definition():
    rng = np.random.default_rng(1)
    x, y = rng.normal(2, 3, 20), rng.normal(5, 7, 20)
    weights = rng.uniform(0.1, 10, 20)
    priors = _weak_case(np.column_stack([np.ones(20), x]), y, weights)
    np.testing.assert_allclose(priors.beta_mean, [y.mean(), 0], rtol=1e-12)
    np.testing.assert_allclose(priors.beta_sd, [10 * y.std(), 10 * y.std() / x.std()], rtol=1e-12)
    np.testing.assert_allclose(priors.beta_transform, [[1, x.mean()], [0, 1]], rtol=1e-12)
    unit = np.sin(np.arange(20)).std()
    assert [priors.sd[name].scale for name in ("g: x1", "g: x2")] == pytest.approx(
        [y.std(), y.std() / unit]
    )
    assert priors.sigma.scale == pytest.approx(y.std() * np.sqrt(weights.mean()))
    assert (priors.sigma.family, priors.cor) == ("half-normal", {"g": 2.0})


_F = np.eye(4)[np.arange(40) % 4]
_YEAR = np.repeat(np.arange(10.0), 4)[:, None]
_NO_CONSTANT = np.column_stack([np.sin(np.arange(40)), np.cos(np.arange(40)) + 2])


@pytest.mark.parametrize(
    ("X", "same"),
    [
        (np.hstack([np.ones((40, 1)), _F[:, 1:]]), _F),  # treatment contrasts, and cell means
        (np.hstack([np.ones((40, 1)), _F[:, 1:]]), _F * [1, 2, 4, 8]),
        (np.hstack([np.ones((40, 1)), _YEAR]), np.hstack([2010 + 3 * _YEAR, np.ones((40, 1))])),
        (
            np.hstack([np.ones((40, 1)), _YEAR, _YEAR**2]),
            np.hstack([np.ones((40, 1)), 2010 + _YEAR, (2010 + _YEAR) ** 2]),
        ),
        (
            np.hstack([np.ones((40, 1)), _YEAR, _F[:, 1:2], _YEAR * _F[:, 1:2]]),  # year * treat
            np.hstack([np.ones((40, 1)), 2010 + _YEAR, _F[:, 1:2], (2010 + _YEAR) * _F[:, 1:2]]),
        ),
        (
            np.column_stack([np.sin(np.arange(40)), 1000 - np.sin(np.arange(40))]),
            np.column_stack([np.ones(40), np.sin(np.arange(40))]),
        ),
        (_NO_CONSTANT, _NO_CONSTANT @ [[1.0, 3.0], [0.5, -2.0]]),
        (np.sqrt(1e-15) * _YEAR + 1e-9, 1e15 * np.sqrt(1e-15) * _YEAR + 1e6),  # one column, scaled
    ],
)
def test_a_weak_prior_depends_on_the_column_space_alone(X, same):
    """Mean Xb and covariance XB₀X' of the fitted values.

    (10 s)² n times the projection onto the space.

    The tolerance is the rounding of a square of (2010/3)² spreads, times a hundred.
    """
    y = 3 + np.cos(np.arange(40))
    moments = []
    for columns in (X, same):
        priors = _weak_case(columns, y)
        root = columns @ priors.coefficients(np.diag(priors.beta_sd)).T
        moments.append((columns @ priors.coefficients(priors.beta_mean), root @ root.T))
    tolerance = 100 * (2010 / 3) ** 2 * np.finfo(float).eps
    np.testing.assert_allclose(moments[0][0], moments[1][0], atol=tolerance * 4)
    basis = np.linalg.qr(X)[0]
    inside = np.allclose(basis @ (basis.T @ np.ones(40)), 1)
    spread = y.std() if inside else np.sqrt(np.mean(y**2))
    np.testing.assert_allclose(moments[0][0], y.mean() if inside else 0.0, rtol=1e-8, atol=1e-12)
    for _, covariance in moments:
        expected = (10 * spread) ** 2 * 40 * basis @ basis.T
        np.testing.assert_allclose(covariance, expected, atol=10 * tolerance * expected.max())


def test_a_prior_without_a_constant_is_not_strong_where_y_lies_far_from_zero():
    """y ~ 0 + x with y = 1000 ± 1: the slope that fits is a tenth of its prior SD from zero."""
    x = np.linspace(1, 2, 40)[:, None]
    y = 1000 + np.cos(np.arange(40))
    priors = _weak_case(x, y)
    assert priors.beta_mean.tolist() == [0.0]
    assert abs(np.linalg.lstsq(x, y, rcond=None)[0][0]) < 0.11 * priors.beta_sd[0]


def test_weak_priors_of_one_data_set_are_equal_and_others_are_not():
    y = np.cos(np.arange(40))
    X = np.hstack([np.ones((40, 1)), _YEAR])
    assert _weak_case(X, y) == _weak_case(X, y)
    assert _weak_case(X, y) != _weak_case(X, 2 * y)
    assert _weak_case(X, y) != "priors"
    assert _weak_case(X, y).differing(_weak_case(np.add(X, [0, 1]), y)) == ["beta_transform"]


def test_priors_are_told_in_words():
    X = np.hstack([np.ones((40, 1)), 2010 + _YEAR])
    design = Design(
        X,
        [
            Term.grouped(
                "g", np.arange(40) % 4, np.column_stack([np.ones(40), np.sin(np.arange(40))])
            )
        ],
        coef=["Intercept", "year"],
    )
    lines = str(Priors.weak(Data(X[:, 1] + np.cos(np.arange(40)), design))).splitlines()
    assert "an intercept is the level at the mean of the covariates" in lines[2]
    assert re.fullmatch(r"    Intercept: mean 201\d, SD \d\d\.\d+", lines[3])
    assert lines[4].startswith("    year: mean 0, SD ")
    assert [line.split(": half-normal(scale ")[0] for line in lines[5:7]] == [
        "  sd of g: x1",
        "  sd of g: x2",
    ]
    assert lines[7] == "  correlations of g: LKJ(2)"
    assert lines[8].startswith("  sigma: half-normal(scale ")
    built = Priors.build(
        design, (0, 2), ScalePrior("exponential", 3.0), ScalePrior("fixed", 0.5), cor=1.0
    )
    assert str(built).splitlines()[1:3] == [
        "  beta, independent normals:",
        "    Intercept: mean 0, SD 2",
    ]
    assert str(built).splitlines()[-1] == "  sigma: fixed at 0.5"
    bare = Priors([1.0], [2.0], {}, ScalePrior("half-Student-t", 1.0, 3), {})
    assert str(bare).splitlines()[2:] == [
        "    coefficient 1: mean 1, SD 2",
        "  sigma: half-Student-t(df 3, scale 1)",
    ]


@pytest.mark.parametrize(
    ("T", "told"),
    [
        ([[1.0, 0.5]], r"beta_transform must have shape \(2, 2\), got \(1, 2\)"),
        (
            [[2.0, 0.5], [0.0, 1.0]],
            "beta_transform must be upper triangular with ones on its diagonal",
        ),
        (
            [[1.0, 0.0], [0.5, 1.0]],
            "beta_transform must be upper triangular with ones on its diagonal",
        ),
        ([[1.0, np.nan], [0.0, 1.0]], "beta_transform must be finite"),
    ],
)
def test_a_transform_is_a_unit_triangle(T, told):
    with pytest.raises(ValueError, match=told):
        Priors([0.0, 0.0], [1.0, 1.0], {}, ScalePrior("half-normal", 1.0), {}, T)


def test_priors_of_other_coefficients_are_refused():
    names = (["Intercept", "x"], ["x", "Intercept"])
    one, other = (
        Design(np.hstack([np.ones((40, 1)), _YEAR]), [Term.grouped("g", np.arange(40) % 4)], coef=c)
        for c in names
    )
    priors = Priors.build(one, (0, 1), ScalePrior("half-normal", 1.0))
    assert priors.checked(one) is priors
    with pytest.raises(
        ValueError,
        match=(
            "priors are of the coefficients Intercept, x; the design has x, Intercept: make them "
            "for this"
        ),
    ):
        priors.checked(other)


def test_priors_do_not_follow_the_data():
    data = Data(np.arange(4.0), _design())
    priors = Priors.weak(data)
    before = priors.beta_sd.copy()
    assert priors.checked(data.with_y(100 * data.y).design) is priors
    np.testing.assert_array_equal(priors.beta_sd, before)


def test_priors_given_as_series_are_read_by_their_labels():
    design = Design(
        np.column_stack([np.ones(4), [0.0, 1, 2, 4]]),
        [Term.grouped("g", list("aabb"))],
        coef=["Intercept", "x"],
    )
    by_label = pd.Series({"x": (1.0, 2.0), "Intercept": (5.0, 10.0)})
    priors = Priors.build(
        design,
        by_label,
        pd.Series({"g: Intercept": ScalePrior("half-normal", 1.0)}),
        ScalePrior("half-normal", 1.0),
    )
    np.testing.assert_array_equal(priors.beta_mean, [5.0, 1.0])
    with pytest.raises(
        ValueError,
        match="beta must be given for Intercept, x; it misses Intercept, x and has unknown 0, 1",
    ):
        Priors.build(design, pd.Series([0.0, 10.0]), ScalePrior("half-normal", 1.0))
