"""The door: what is refused, in which words, and that nothing given is changed."""

import copy
import pickle
import re
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lmmlib import (
    Data,
    Design,
    Params,
    Priors,
    ScalePrior,
    Term,
    estimate,
    estimation,
    held_out,
    loglik,
)

G = ["a", "a", "b", "b"]
ONES = np.ones((4, 1))
SCALE = ScalePrior("half-normal", 1.0)


def _design(**options):
    return Design(ONES, [Term.grouped("g", G)], **options)


def _data(*terms, X=ONES, **options):
    return Data(np.arange(float(len(X))), Design(X, terms or [Term.grouped("g", G)], **options))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Data([1, 2, 3], _design()),
            r"y must have shape \(4,\), got \(3,\); the design has 4 rows",
        ),
        (
            lambda: Data([1, 2, np.nan, 3], _design()),
            r"y must be finite, got 1 entries that are not, the first at \(2,\)",
        ),
        (
            lambda: Data(list("1234"), _design()),
            "y must be numbers, got entries of type <U1; convert them first",
        ),
        (lambda: Design(np.ones((3, 1)), [Term.grouped("g", G)]), "term 'g' has 4 rows; X has 3"),
        (
            lambda: _data(X=np.column_stack([ONES, 2 * ONES]), coef=["a", "b"]),
            "X must have full column rank; b can be made from the columns before",
        ),
        (lambda: Design(ONES, []), "needs one random-effects term"),
        (
            lambda: Design(ONES, [Term.grouped("g", G), Term.grouped("g", G)]),
            "names of the terms must be distinct, got g more than once",
        ),
        (lambda: _design(weights=[1, 1, 0, 1]), "weights must be above zero, got 0 in row 2"),
        (
            lambda: _design(offset=[1, 1]),
            r"offset must have shape \(4,\), got \(2,\); X has 4 rows",
        ),
        (lambda: _design(coef=["a", "b"]), "coef must have 1 labels, got 2"),
        (
            lambda: _data(Term.grouped("g", ["a"] * 4)),
            "grouping 'g' must have two levels or more, got 1",
        ),
        (
            lambda: Term.grouped("g", []),
            r"codes of 'g' must be one label per row, got shape \(0,\)",
        ),
        (
            lambda: Term.grouped("g", ["a", None, "b"]),
            "codes of 'g' must not be missing, got 1 missing of 3",
        ),
        (
            lambda: Term.grouped("g", [0.0, 1.0], levels=["a", "b"]),
            "codes of 'g' must be integers that index levels, got type float64",
        ),
        (
            lambda: Term.grouped("g", [0, 2], levels=["a", "b"]),
            "codes of 'g' must lie in 0 to 1, got 0 to 2",
        ),
        (
            lambda: Term.grouped("g", np.array([0, 2**63 + 1], np.uint64), levels=["a", "b"]),
            "codes of 'g' must lie in 0 to 1, got 0 to 9223372036854775809",
        ),
        (
            lambda: Term.grouped("g", G, np.ones((3, 1))),
            "term 'g' has 4 codes; its covariates have 3 rows",
        ),
        (
            lambda: _data(Term.grouped("g", G, np.zeros((4, 1)))),
            "each column of 'g' must have an entry other than zero, column 0 is",
        ),
        (lambda: Term.grouped("g", G, levels=["a", "a"]), "codes of 'g' must be integers"),
        (
            lambda: Term.grouped("g", [0, 1], levels=["a", "a"]),
            "levels of 'g' must be distinct, got a more than once",
        ),
        (
            lambda: Term.grouped("g", G, between=[[1, 2], [2, 1]]),
            "between of 'g' must be positive semi-definite, its corr.* eigenvalue of -1",
        ),
        (
            lambda: Term.grouped("g", G, between=np.zeros((2, 2))),
            "between of 'g' must not be zero everywhere",
        ),
        (
            lambda: Term.grouped("g", G, between=np.diag([1, -1])),
            "no variance below zero, got -1 for level b",
        ),
        (
            lambda: Term.grouped("g", G, between=np.array([[1.0, 0.5], [0.2, 1.0]])),
            "between of 'g' must be symmetric",
        ),
        (
            lambda: Term.dense("z", np.ones((4, 0))),
            "Z of 'z' must have a column at least, got none",
        ),
        (
            lambda: _data(Term.dense("z", np.eye(4)[:, :3] * [1, 0, 1])),
            "each column of 'z' must have an entry other than zero, column 1 is",
        ),
        (
            lambda: _data(Term.grouped("g", G), Term.grouped("h", ["x", "x", "w", "w"])),
            "effects 'g: Intercept' and 'h: Intercept' are one: only one",
        ),
        (
            lambda: _data(Term.dense("a", np.eye(4)[:, :2]), Term.dense("b", np.eye(4)[:, :2])),
            "effects 'a' and 'b' are one",
        ),
        (
            lambda: Data([1.0], Design([[1.0]], [Term.grouped("g", ["a"])])),
            "grouping 'g' must have two levels or more, got 1",
        ),
        (
            lambda: _data(Term.grouped("g", [1] * 4, levels=["a", "b"])),
            "grouping 'g' must have two levels or more, got 1 with rows of 2 declared",
        ),
        (lambda: Term.dense("z", [[1.0], [np.inf]]), "Z of 'z' must be finite"),
        (
            lambda: Data(np.ma.masked_array(np.arange(4.0), [0, 1, 1, 0]), _design()),
            "y must not be masked, got 2 masked entries",
        ),
        (
            lambda: Data(np.arange(4) * 1j, _design()),
            "y must be numbers, got entries of type complex128",
        ),
        (
            lambda: Design([[1.0, 2.0], [1.0]], [Term.grouped("g", ["a", "b"])]),
            "X must be an array of numbers, got rows of different lengths",
        ),
        (
            lambda: Design(
                pd.DataFrame({"x": pd.array([1, None, 2, 3], "Int64")}), [Term.grouped("g", G)]
            ),
            "X must be finite, got 1 entries",
        ),
        (lambda: _design(coef=3), "coef must be a sequence of 1 labels, got 3"),
        (lambda: _design(coef="a"), "coef must be a sequence of 1 labels, got 'a'"),
        (
            lambda: Term.grouped("g", G, np.zeros((4, 0))),
            "covariates of 'g' must have a column at least, got none",
        ),
        (lambda: Term.grouped("g", G, effects=[]), "effects of 'g' must have 1 labels, got 0"),
        (
            lambda: Term.grouped("g", [0, 1], levels=2),
            "levels of 'g' must be a sequence of labels, got 2",
        ),
        (
            lambda: Term.grouped("g", [1, "1", 2]),
            r"levels of 'g' must be distinct, got 1 \(int\) and 1 \(str\)",
        ),
        (
            lambda: Term.grouped("g", np.array([1, "1", 2], object)),
            r"got 1 \(int\) and 1 \(str\); rename them",
        ),
        (
            lambda: Term.grouped("g", np.ma.masked_array([1, 2, 3], [0, 0, 1])),
            "codes of 'g' must not be missing, got 1 missing of 3",
        ),
        (
            lambda: Priors.build(_design(), (0, 1, 2), ScalePrior("half-normal", 1)),
            r"beta of 'x1' must have shape \(2,\), got \(3,\); a mean",
        ),
        (lambda: Params([0.0], {"g": 1.0}, 0.0), "sigma must be above zero, got 0"),
        (lambda: Params([0.0], {"g": -1.0}, 1.0), "cov of 'g' must be positive semi-definite"),
        (
            lambda: Params([0.0], {"g": [[1.0, 2.0], [2.0, 1.0]]}, 1.0),
            "cov of 'g' must be positive semi-definite",
        ),
        (
            lambda: Params([0.0], {"g": [[1.0, 2.0], [0.0, 9.0]]}, 1.0),
            "cov of 'g' must be symmetric",
        ),
        (lambda: Params([0.0], {"g": "1"}, 1.0), "cov of 'g' must be numbers"),
        (
            lambda: Params([0.0], {"g": np.eye(2)}, 1.0).theta(_design()),
            r"cov of 'g' must have shape \(1, 1\) for Intercept, got \(2, 2\)",
        ),
        (
            lambda: Params([0.0], {"g": [[2.0, 1.0], [1.0, 2.0]]}, 1.0).theta(
                Design(ONES, [Term.grouped("g", G, [[1.0, 0.0], [1.0, 1.0]] * 2, correlated=False)])
            ),
            "cov of 'g' must be diagonal: its effects are uncorrelated",
        ),
        (
            lambda: Priors.build(_design(), (0, 1), SCALE).checked(
                Design(np.eye(4)[:, :2], [Term.grouped("g", G)])
            ),
            "priors have 1 coefficients; the design has 2: x1, x2",
        ),
        (lambda: ScalePrior("fixed", 1.0).log_density(1.0), "a fixed SD has no density"),
        (
            lambda: ScalePrior("half-cauchy", 1.0),
            "family must be one of half-normal, half-Student-t, exponential, fixed, got "
            "'half-cauchy'",
        ),
        (
            lambda: ScalePrior("half-normal", 0.0),
            "scale of the half-normal prior must be above zero, got 0",
        ),
        (lambda: ScalePrior("half-normal", 1.0, df=3), "df belongs to the half-Student-t"),
        (
            lambda: Priors.build(_design(), (0, 0), ScalePrior("half-normal", 1)),
            "beta_sd must be above zero",
        ),
        (
            lambda: Priors.build(_design(), {"x": (0, 1)}, ScalePrior("half-normal", 1)),
            "beta must be given for x1; it misses x1 and has unknown x",
        ),
        (
            lambda: Priors.build(_design(), (0, 1), {"g": ScalePrior("half-normal", 1)}),
            "sigma must be given where sd is given by effect",
        ),
        (
            lambda: Priors.weak(Data([1, 1, 1, 1], _design())),
            "y must vary for priors scaled by its spread",
        ),
    ],
)
def test_bad_input_is_told_clearly(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Design(ONES, Term.grouped("g", G)),
            "terms must be a sequence of Term, got Term; give",
        ),
        (lambda: Design(ONES, ["g"]), "terms must be a sequence of Term, got str in it"),
        (lambda: Design(ONES, None), "terms must be a sequence of Term, got NoneType"),
        (
            lambda: Term.grouped("g", G, correlated="no"),
            "correlated of 'g' must be True or False, got 'no'",
        ),
        (
            lambda: Params([0.0], 1.0, 1.0),
            "cov must be a mapping from the name of a term to its covariance, got float",
        ),
        (
            lambda: Params([0.0], {"g": 1.0}, 1.0).theta(_data()),
            "design must be a Design, got Data",
        ),
        (lambda: Priors.build(_data(), (0, 1), SCALE), "design must be a Design, got Data"),
        (
            lambda: Priors.build(_design(), (0, 1), 1.0, SCALE),
            "the prior of 'g: Intercept' must be a ScalePrior, got 1.0",
        ),
        (
            lambda: Priors.build(_design(), (0, 1), SCALE, 1.0),
            "the prior of 'sigma' must be a ScalePrior, got 1.0",
        ),
        (
            lambda: Priors.build(_design(), (0, 1), 1.0),
            "the prior of 'sd' must be a ScalePrior, got 1.0",
        ),
        (lambda: Priors.weak(_design()), "data must be a Data, got Design"),
    ],
)
def test_things_of_another_kind_are_told_clearly(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_data_wants_a_design():
    with pytest.raises(TypeError, match="design must be a Design, got ndarray"):
        Data([1.0], np.ones((1, 1)))


def test_nothing_given_is_changed_or_kept():
    X, y, z, w = np.ones((4, 1)), np.arange(4.0), np.arange(1.0, 5)[:, None], np.ones(4)
    design = Design(X, [Term.dense("z", z)], weights=w)
    data = Data(y, design)
    for given_, kept in ((X, design.X), (y, data.y), (w, design.weights)):
        given_[0] = 99
        assert kept.ravel()[0] != 99
        with pytest.raises(ValueError, match="read-only"):
            kept[0] = 1
    z[0] = 99
    assert design.Z.toarray()[0, 0] == 1
    for Z in (design.Z, design.terms[0].Z, Term.grouped("g", G).Z):
        with pytest.raises(ValueError, match="read-only"):
            Z.data[0] = 1


def test_parameters_and_priors_stay_as_they_are_made_and_can_be_copied():
    params, priors = Params([1.0], {"g": 2.0}, 3.0), Priors.build(_design(), (0, 1), SCALE)
    for copied in (copy.copy, copy.deepcopy, replace, lambda one: pickle.loads(pickle.dumps(one))):
        assert copied(params).cov == {"g": [[2.0]]}
        assert copied(priors).sd == {"g: Intercept": SCALE}
    for mapping in (
        params.cov,
        priors.sd,
        priors.cor,
        copy.deepcopy(params).cov,
        pickle.loads(pickle.dumps(priors)).sd,
    ):
        for change in (
            lambda m: m.update(g=1),
            lambda m: m.pop("g"),
            lambda m: m.__setitem__("g", 1),
            lambda m: m.clear(),
        ):
            with pytest.raises(
                TypeError, match=r"stay as they were made; make new ones with dataclasses\.replace"
            ):
                change(mapping)


def test_an_effect_may_bear_the_name_of_its_term():
    """Only Term.dense makes a dense term, whatever things are called."""
    x = np.array([1.0, 2.0, 3.0, 5.0])
    design = Design(ONES, [Term.grouped("x1", G, x[:, None])])
    assert design.effects == ("x1: x1",)
    assert design.ranef["ranef"] == ["x1[a]: x1", "x1[b]: x1"]
    assert design.level_of_rows("x1").tolist() == [0, 0, 1, 1]
    assert design.terms[0].units == pytest.approx([x.std()])
    assert not design.rows(np.array([0, 2])).terms[0].is_dense
    with pytest.raises(ValueError, match="grouping 'x1' must have two levels or more, got 1"):
        _data(Term.grouped("x1", ["a"] * 4, x[:, None]))
    assert Term.dense("Intercept", ONES).is_dense


def test_whole_numbers_are_labelled_alike():
    for codes in (
        [1, 2, 10],
        [1.0, 2.0, 10.0],
        np.array([1, 2, 10], np.float32),
        pd.Series([1, 2, 10], dtype="Int64"),
    ):
        assert Term.grouped("g", codes).levels == ("1", "2", "10")
    assert Term.grouped("g", [1.0, 2.5]).levels == ("1", "2.5")
    assert Term.grouped(
        "g", [0, 1], levels=(label for label in "ab"), effects=np.array(["e"])
    ).levels == ("a", "b")


def test_columns_of_nullable_types_are_numbers():
    table = pd.DataFrame({"a": [1, 2, 3, 4], "b": [0.5, 1.0, 0.0, 0.0]}).convert_dtypes()
    np.testing.assert_array_equal(
        Design(table, [Term.grouped("g", G)]).X, [[1, 0.5], [2, 1], [3, 0], [4, 0]]
    )


RNG = np.random.default_rng(5)
EIGHT, SLOPE = np.repeat(np.arange(8), 5), RNG.normal(size=40)
BASIS, ORDER = RNG.normal(size=(40, 8)), RNG.permutation(8)
KNOWN = np.cov(RNG.normal(size=(8, 30)))


def _eight(name, *args, **options):
    return Term.grouped(name, EIGHT, *args, **options)


def _columns(*columns):
    return np.column_stack([np.broadcast_to(c, 40) for c in columns])


@pytest.mark.parametrize(
    "terms",
    [
        [_eight("a"), _eight("b", _columns(3.0))],
        [_eight("a"), Term.grouped("b", np.array(list("hgfedcba"))[EIGHT])],
        [_eight("a"), _eight("b", between=2 * np.eye(8))],
        [_eight("a"), _eight("b", levels=range(12))],
        [_eight("a", _columns(1, SLOPE, 2 * SLOPE))],
        [_eight("a", _columns(SLOPE, -SLOPE), correlated=False)],
        [_eight("a"), _eight("b", _columns(1, SLOPE))],
        [_eight("a", _columns(1, SLOPE)), _eight("b", _columns(SLOPE))],
        [_eight("a"), Term.dense("b", -np.eye(8)[EIGHT][:, ORDER])],
        [Term.dense("a", BASIS), Term.dense("b", -3 * BASIS[:, ORDER])],
        [
            Term.dense("a", BASIS, between=KNOWN),
            Term.dense("b", BASIS[:, ORDER], between=5 * KNOWN[np.ix_(ORDER, ORDER)]),
        ],
        [
            _eight("a", between=KNOWN),
            Term.grouped("b", np.argsort(ORDER)[EIGHT], between=KNOWN[np.ix_(ORDER, ORDER)]),
        ],
        [
            _eight("a", _columns(SLOPE), between=np.diag(np.arange(1.0, 9))),
            _eight("b", _columns(SLOPE * np.sqrt(1.0 + EIGHT))),
        ],
        [_eight("a", _columns(1e-200 * SLOPE)), _eight("b", _columns(1e200 * SLOPE))],
    ],
)
def test_effects_that_do_the_same_to_the_rows_are_refused(terms):
    """The slow twin: some two effects have proportional z A z'."""
    design = Design(np.ones((40, 1)), terms)
    with pytest.raises(
        ValueError,
        match=(
            r"effects '.*' and '.*' are one: only one sum of their variances could be told; drop "
            r"one"
        ),
    ):
        Data(SLOPE, design)
    assert _proportional(terms)


@pytest.mark.parametrize(
    "terms",
    [
        [_eight("a"), _eight("b", _columns(SLOPE))],
        [_eight("a", _columns(1, SLOPE), correlated=False)],
        [Term.grouped("a", EIGHT // 2), _eight("b:a")],
        [_eight("a"), _eight("b", between=KNOWN)],
        [_eight("a"), _eight("b", between=np.diag(np.arange(1.0, 9)))],
        [_eight("a"), _eight("b", _columns(1.0 + EIGHT))],
        [_eight("a", _columns(SLOPE)), _eight("b", _columns(np.abs(SLOPE)))],
        [_eight("a", _columns(SLOPE)), _eight("b", _columns(SLOPE + 1e-6 * BASIS[:, 0]))],
        [Term.dense("a", BASIS), Term.dense("b", BASIS * np.arange(1, 9))],
    ],
)
def test_effects_that_differ_are_let_through(terms):
    assert Design(np.ones((40, 1)), terms).validation_error is None
    assert not _proportional(terms)


def _proportional(terms):
    made = []
    for t in terms:
        Z, root = (
            t.Z.toarray() / np.abs(t.Z.data).max(),
            np.eye(len(t.levels)) if t.level_chol is None else t.level_chol,
        )
        W = [Z[:, k :: len(t.effects)] @ root for k in range(len(t.effects))]
        made += [w @ w.T / np.linalg.norm(w @ w.T) for w in W]
    return any(np.allclose(a, b, rtol=0, atol=1e-10) for k, a in enumerate(made) for b in made[:k])


def test_some_rows_are_judged_by_all():
    """A fold, or a part of a reduction, may hold a single level, or no two rows that tell a
    nested factor from the outer.
    """
    terms = [Term.grouped("a", EIGHT // 2), _eight("b:a")]
    data = Data(SLOPE, Design(np.ones((40, 1)), terms))
    assert data.rows(np.arange(3)).design.n == 3


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


@pytest.mark.parametrize("name", ["year", "dummy", "constant", "alone"])
def test_a_random_slope_far_from_zero_is_told_where_an_intercept_stands_beside_it(name):
    """Years are told; a dummy that is nearly always one is not, as zero occurs.

    Nor a slope without an intercept.
    """
    codes = np.repeat(np.arange(4), 50)
    z = {
        "year": 2010.0 + np.arange(200) % 10,
        "dummy": np.arange(200) != 7,
        "constant": np.full(200, 5.0),
        "alone": 2010.0 + np.arange(200) % 10,
    }[name]
    covariates = z[:, None] if name == "alone" else np.column_stack([np.ones(200), z])
    effects = ["year"] if name == "alone" else ["Intercept", "year"]
    design = Design(
        np.ones((200, 1)),
        [Term.grouped("site", codes, covariates, effects=effects, correlated=False)],
    )
    if name == "year":
        with pytest.warns(
            UserWarning,
            match=r"the covariate 'year' of term 'site' has a mean of 2014.5 .* by center\(year\)",
        ):
            data = Data(np.cos(np.arange(200)), design)
        data.with_y(data.y)  # once is enough
        data.rows(np.arange(100))
        return
    if name == "constant":
        with pytest.raises(ValueError, match="are one: only one sum"):
            Data(np.cos(np.arange(200)), design)
        return
    Data(np.cos(np.arange(200)), design)


def test_slopes_in_a_term_of_their_own_are_told_too():
    codes, year = np.repeat(np.arange(4), 10), 2010.0 + np.arange(40) % 10
    terms = [
        Term.grouped("site", codes),
        Term.grouped("site.1", codes, year[:, None], effects=["year"]),
    ]
    with pytest.warns(UserWarning, match="the covariate 'year' of term 'site.1'"):
        Data(np.cos(np.arange(40)), Design(np.ones((40, 1)), terms))
    apart = [
        Term.grouped("site", codes),
        Term.grouped("plot", np.arange(40) % 5, year[:, None], effects=["year"]),
    ]
    Data(np.cos(np.arange(40)), Design(np.ones((40, 1)), apart))


def test_priors_do_not_follow_the_data():
    data = Data(np.arange(4.0), _design())
    priors = Priors.weak(data)
    before = priors.beta_sd.copy()
    assert priors.checked(data.with_y(100 * data.y).design) is priors
    np.testing.assert_array_equal(priors.beta_sd, before)


def test_fingerprint_sees_every_change():
    base = _design()
    others = [
        _design(weights=[1, 1, 1, 2]),
        _design(offset=[0, 0, 0, 1]),
        _design(coef=["b"]),
        Design(ONES, [Term.grouped("h", G)]),
        Design(ONES, [Term.grouped("g", ["a", "b", "a", "b"])]),
        Design(2 * ONES, [Term.grouped("g", G)]),
        Design(ONES, [Term.grouped("g", G, between=[[1, 0.5], [0.5, 1]])]),
    ]
    assert len({d.fingerprint for d in [base, *others]}) == len(others) + 1
    assert _design().fingerprint == base.fingerprint


numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)


@given(y=hnp.arrays(float, st.integers(0, 6), elements=numbers))
@settings(deadline=None)
def test_only_four_finite_numbers_pass(y):
    if y.shape == (4,) and np.isfinite(y).all():
        np.testing.assert_array_equal(Data(y, _design()).y, y)
    else:
        with pytest.raises(ValueError, match="y must"):
            Data(y, _design())


@given(
    X=hnp.arrays(
        float,
        st.tuples(st.just(4), st.integers(0, 3)),
        elements=st.sampled_from([0.0, 1.0, 2.0, np.nan, 1e300]),
    )
)
@settings(deadline=None)
def test_only_full_rank_passes(X):
    full = np.isfinite(X).all() and (
        X.shape[1] == 0
        or np.linalg.matrix_rank(X / np.maximum(np.abs(X).max(0), 1e-300), tol=1e-9) == X.shape[1]
    )
    if full:
        assert _data(X=X).design.X.shape == X.shape
    else:
        with pytest.raises(ValueError, match="X must"):
            _data(X=X)


@given(
    codes=hnp.arrays(np.int64, 6, elements=st.integers(0, 3)),
    x=hnp.arrays(float, (6, 2), elements=st.sampled_from([0.0, 1.0, 2.0, -3.0])),
    y=hnp.arrays(float, 6, elements=st.sampled_from([0.0, 1.0, 2.0, 5.0])),
)
@settings(deadline=None, max_examples=60)
def test_whatever_passes_the_door_has_a_finite_density_and_the_rest_is_told(codes, x, y):
    """Any codes, covariates and responses.

    A sentence, or an ordinary number from every function behind the door.
    """
    try:
        data = Data(
            y, Design(np.column_stack([np.ones(6), x[:, 0]]), [Term.grouped("g", codes, x[:, [1]])])
        )
    except ValueError as told:
        assert re.search(
            "must have (full column rank|two levels|an entry other than zero)", str(told)
        )
        return
    params = Params([0.0, 1.0], {"g": 2.0}, 0.5)
    assert np.isfinite(loglik.marginal(data, params))
    assert np.isfinite(held_out.rows(data, params)).all()
    try:
        with (
            warnings.catch_warnings()
        ):  # told, too: where σ = 0 is best, the search for a ratio has no end
            warnings.simplefilter("ignore", estimation.ConvergenceWarning)
            fit = estimate(data)
    except ValueError as told:
        assert re.search(
            "fit (the data|y) exactly|combinations of columns of X|effects for 6 rows", str(told)
        )
        return
    assert np.isfinite([fit.deviance, fit.params.sigma, *fit.se, *fit.u, *fit.leverages]).all()


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
