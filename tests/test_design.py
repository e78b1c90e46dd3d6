"""The door: what is refused, in which words, and that nothing given is changed."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lmmlib import Data, Design, Params, Priors, ScalePrior, Term, estimate, estimation, loglik

G = ["a", "a", "b", "b"]
ONES = np.ones((4, 1))


def _design(**options):
    return Design(ONES, [Term.grouped("g", G)], **options)


def _data(*terms, X=ONES, **options):
    return Data(np.arange(float(len(X))), Design(X, terms or [Term.grouped("g", G)], **options))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Data([1, 2, 3], _design()), r"y must have shape \(4,\), got \(3,\); the design has 4 rows"),
        (lambda: Data([1, 2, np.nan, 3], _design()), r"y must be finite, got 1 entries that are not, the first at \(2,\)"),
        (lambda: Data(list("1234"), _design()), "y must be numbers, got entries of type <U1; convert them first"),
        (lambda: Design(np.ones((3, 1)), [Term.grouped("g", G)]), "term 'g' has 4 rows; X has 3"),
        (
            lambda: _data(X=np.column_stack([ONES, 2 * ONES]), coef=["a", "b"]),
            "X must have full column rank; b can be made from the columns before",
        ),
        (lambda: Design(ONES, []), "needs one random-effects term"),
        (lambda: Design(ONES, [Term.grouped("g", G), Term.grouped("g", G)]), "names of the terms must be distinct, got g more than once"),
        (lambda: _design(weights=[1, 1, 0, 1]), "weights must be above zero, got 0 in row 2"),
        (lambda: _design(offset=[1, 1]), r"offset must have shape \(4,\), got \(2,\); X has 4 rows"),
        (lambda: _design(coef=["a", "b"]), "coef must have 1 labels, got 2"),
        (lambda: _data(Term.grouped("g", ["a"] * 4)), "grouping 'g' must have two levels or more, got 1"),
        (lambda: Term.grouped("g", []), r"codes of 'g' must be one label a row, got shape \(0,\)"),
        (lambda: Term.grouped("g", ["a", None, "b"]), "codes of 'g' must not be missing, got 1 missing of 3"),
        (lambda: Term.grouped("g", [0.0, 1.0], levels=["a", "b"]), "codes of 'g' must be integers that index levels, got type float64"),
        (lambda: Term.grouped("g", [0, 2], levels=["a", "b"]), "codes of 'g' must lie in 0 to 1, got 0 to 2"),
        (
            lambda: Term.grouped("g", np.array([0, 2**63 + 1], np.uint64), levels=["a", "b"]),
            "codes of 'g' must lie in 0 to 1, got 0 to 9223372036854775809",
        ),
        (lambda: Term.grouped("g", G, np.ones((3, 1))), "term 'g' has 4 codes; its covariates have 3 rows"),
        (lambda: _data(Term.grouped("g", G, np.zeros((4, 1)))), "each column of 'g' must have an entry other than zero, column 0 is"),
        (lambda: Term.grouped("g", G, levels=["a", "a"]), "codes of 'g' must be integers"),
        (lambda: Term.grouped("g", [0, 1], levels=["a", "a"]), "levels of 'g' must be distinct, got a more than once"),
        (lambda: Term.grouped("g", G, between=np.ones((2, 2))), "between of 'g' must be positive definite"),
        (lambda: Term.grouped("g", G, between=np.array([[1.0, 0.5], [0.2, 1.0]])), "between of 'g' must be symmetric"),
        (lambda: Term.dense("z", np.ones((4, 0))), "Z of 'z' must have a column at least, got none"),
        (
            lambda: _data(Term.dense("z", np.eye(4)[:, :3] * [1, 0, 1])),
            "each column of 'z' must have an entry other than zero, column 1 is",
        ),
        (lambda: _data(Term.grouped("g", G), Term.grouped("h", ["x", "x", "w", "w"])), "terms 'g' and 'h' are one: only the sum"),
        (lambda: _data(Term.dense("a", np.eye(4)[:, :2]), Term.dense("b", np.eye(4)[:, :2])), "terms 'a' and 'b' are one"),
        (lambda: Data([1.0], Design([[1.0]], [Term.grouped("g", ["a"])])), "grouping 'g' must have two levels or more, got 1"),
        (lambda: Term.dense("z", [[1.0], [np.inf]]), "Z of 'z' must be finite"),
        (lambda: Params([0.0], {"g": 1.0}, 0.0), "sigma must be above zero, got 0"),
        (lambda: Params([0.0], {"g": -1.0}, 1.0), "cov of 'g' must be positive semi-definite"),
        (lambda: Params([0.0], {"g": [[1.0, 2.0], [2.0, 1.0]]}, 1.0), "cov of 'g' must be positive semi-definite"),
        (lambda: Params([0.0], {"g": [[1.0, 2.0], [0.0, 9.0]]}, 1.0), "cov of 'g' must be symmetric"),
        (lambda: Params([0.0], {"g": "1"}, 1.0), "cov of 'g' must be numbers"),
        (
            lambda: ScalePrior("half-cauchy", 1.0),
            "family must be one of half-normal, half-Student-t, exponential, fixed, got 'half-cauchy'",
        ),
        (lambda: ScalePrior("half-normal", 0.0), "scale of the half-normal prior must be above zero, got 0"),
        (lambda: ScalePrior("half-normal", 1.0, df=3), "df belongs to the half-Student-t"),
        (lambda: Priors.build(_design(), (0, 0), ScalePrior("half-normal", 1)), "beta_sd must be above zero"),
        (
            lambda: Priors.build(_design(), {"x": (0, 1)}, ScalePrior("half-normal", 1)),
            "beta must be given for x1; it misses x1 and has unknown x",
        ),
        (lambda: Priors.build(_design(), (0, 1), {"g": ScalePrior("half-normal", 1)}), "sigma must be given where sd is given by effect"),
        (lambda: Priors.weak(Data([1, 1, 1, 1], _design())), "y must vary for priors scaled by its spread"),
    ],
)
def test_bad_input_is_told_clearly(make, message):
    with pytest.raises(ValueError, match=message):
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


def test_weak_priors_follow_their_definition():
    rng = np.random.default_rng(1)
    x, y = rng.normal(2, 3, 20), rng.normal(5, 7, 20)
    data = Data(y, Design(np.column_stack([np.ones(20), x]), [Term.grouped("g", np.arange(20) % 4, np.column_stack([np.ones(20), x]))]))
    priors = Priors.weak(data)
    np.testing.assert_allclose(priors.beta_mean, [y.mean(), 0])
    np.testing.assert_allclose(priors.beta_sd, [10 * y.std(), 10 * y.std() / x.std()])
    assert [priors.sd[name].scale for name in data.design.effects] == pytest.approx([y.std(), y.std() / x.std()])
    assert (priors.sigma, priors.cor) == (ScalePrior("half-normal", y.std()), {"g": 2.0})


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


@given(X=hnp.arrays(float, st.tuples(st.just(4), st.integers(0, 3)), elements=st.sampled_from([0.0, 1.0, 2.0, np.nan, 1e300])))
@settings(deadline=None)
def test_only_full_rank_passes(X):
    full = (
        X.shape[1] > 0 and np.isfinite(X).all() and np.linalg.matrix_rank(X / np.maximum(np.abs(X).max(0), 1e-300), tol=1e-9) == X.shape[1]
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
    """Any codes, covariates and responses: a sentence, or an ordinary number from every function behind the door."""
    try:
        data = Data(y, Design(np.column_stack([np.ones(6), x[:, 0]]), [Term.grouped("g", codes, x[:, [1]])]))
    except ValueError as told:
        assert re.search("must have (full column rank|two levels|an entry other than zero)", str(told))  # noqa: PT017
        return
    params = Params([0.0, 1.0], {"g": 2.0}, 0.5)
    assert np.isfinite(loglik.marginal(data, params))
    assert np.isfinite(loglik.left_out(data, params)).all()
    try:
        with warnings.catch_warnings():  # told, too: where σ = 0 is best, the search for a ratio has no end
            warnings.simplefilter("ignore", estimation.ConvergenceWarning)
            fit = estimate(data)
    except ValueError as told:
        assert re.search("fit (the data|y) exactly|combinations of columns of X|effects for 6 rows", str(told))  # noqa: PT017
        return
    assert np.isfinite([fit.criterion, fit.params.sigma, *fit.se, *fit.u, *fit.leverages]).all()
