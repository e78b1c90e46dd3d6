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
    except ValueError as error:
        expected = "must have (full column rank|two levels|an entry other than zero)"
        message = str(error)
        assert re.search(expected, message)
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
    except ValueError as error:
        expected = "fit (the data|y) exactly|combinations of columns of X|effects for 6 rows"
        message = str(error)
        assert re.search(expected, message)
        return
    assert np.isfinite([fit.deviance, fit.params.sigma, *fit.se, *fit.u, *fit.leverages]).all()


def test_categories_are_coded_as_their_labels():
    """Sorted by label whatever their declared order, those without rows left out."""
    labels = np.array(["c", "a", "c", "b"])
    categories = pd.Categorical(labels, categories=["c", "z", "b", "a"])
    assert Term.grouped("g", categories) == Term.grouped("g", labels)
    numbers = np.array([10, 9, 10, 2])
    declared = pd.Categorical(numbers, categories=[10, 2, 9, 1])
    assert Term.grouped("g", declared) == Term.grouped("g", numbers)
