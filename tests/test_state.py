"""What travels and what is equal: no cache in a pickle, no array to write to, equal by content."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from lmmlib import Data, Design, Params, Priors, ScalePrior, Term, estimate, loglik
from lmmlib.model.state import same_content

N = 24
X = np.column_stack([np.ones(N), np.sin(np.arange(N))])
Y = np.cos(np.arange(N) ** 2)
KNOWN = np.eye(4) + 0.5


def _design(**options):
    terms = [
        Term.grouped("g", np.arange(N) % 4, X, between=KNOWN),
        Term.dense("z", np.cos(np.outer(np.arange(N), [1.0, 2.0]))),
    ]
    return Design(X, terms, weights=1 + np.arange(N) / N, **options)


PARAMS = Params([0.1, 0.2], {"g": [[1.0, 0.2], [0.2, 0.5]], "z": 0.3}, 0.7)


def _use(data):
    """Every cached property of a Data, and of what it holds."""
    loglik.marginal(data, PARAMS)
    estimate(data)
    parts = [data, data.design, data.design.layout, data.reduction, *data.design.terms]
    for part in parts:
        for name in dir(type(part)):
            getattr(part, name)


COPIES = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize(
    "part_of",
    [
        lambda data: data,
        lambda data: data.design,
        lambda data: data.design.terms[0],
        lambda data: data.design.layout,
        lambda data: data.reduction,
    ],
    ids=["Data", "Design", "Term", "Layout", "Reduction"],
)
def test_what_is_cached_stays_out_of_pickles(part_of):
    fresh = Data(Y, _design())
    before = len(pickle.dumps(part_of(fresh)))
    _use(fresh)
    assert len(vars(part_of(fresh))) > len(vars(copy.copy(part_of(fresh))))
    assert len(pickle.dumps(part_of(fresh))) == before


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_copies_are_equal_and_do_the_same(copied):
    data = Data(Y, _design())
    _use(data)
    again = copied(data)
    assert again == data
    assert again.fingerprint == data.fingerprint
    assert loglik.marginal(again, PARAMS) == loglik.marginal(data, PARAMS)
    assert loglik.marginal(copied(data.reduction), PARAMS) == loglik.marginal(data, PARAMS)
    for array in (again.y, again.design.X, again.design.weights, again.design.terms[0].Z.data):
        assert not array.flags.writeable
    assert replace(data.design, coef=["a", "b"]).coef == ("a", "b")


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_parameters_and_priors_are_copied_too(copied):
    priors = Priors.weak(Data(Y, _design()))
    assert copied(priors) == priors
    assert copied(PARAMS) == PARAMS
    assert not copied(priors).beta_mean.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        copied(PARAMS).beta[0] = 1.0


EQUAL = {
    "Term": lambda: Term.grouped("g", list("aab"), [[1.0], [2.0], [3.0]]),
    "Design": _design,
    "Data": lambda: Data(Y, _design()),
    "Params": lambda: Params([0.0], {"g": np.eye(2)}, 1.0),
    "Priors": lambda: Priors.weak(Data(Y, _design())),
    "ScalePrior": lambda: ScalePrior("half-normal", 1),
}


@pytest.mark.parametrize("make", EQUAL.values(), ids=EQUAL)
def test_equal_values_are_equal_and_none_is_anything_else(make):
    assert make() == make()
    assert make() != "anything else"
    if type(make()).__hash__ is not None:
        assert hash(make()) == hash(make())


UNEQUAL = [
    (Data(Y, _design()), Data(Y + 1, _design())),
    (Data(Y, _design()), Data(Y, _design(offset=np.ones(N)))),
    (_design(), _design(coef=["a", "b"])),
    (_design(), Design(X, _design().terms)),
    (Term.grouped("g", list("aab")), Term.grouped("g", list("abb"))),
    (Term.grouped("g", list("aab")), Term.grouped("h", list("aab"))),
    (Term.grouped("g", list("aab")), Term.grouped("g", list("aac"))),
    (Term.grouped("g", list("aab")), Term.grouped("g", list("aab"), between=np.diag([1.0, 2.0]))),
    (Term.grouped("g", list("ab")), Term.dense("g", np.eye(2))),
    (PARAMS, Params([0.1, 0.3], PARAMS.cov, 0.7)),
    (PARAMS, Params(PARAMS.beta, {**PARAMS.cov, "z": 0.4}, 0.7)),
    (PARAMS, Params(PARAMS.beta, PARAMS.cov, 0.8)),
    (ScalePrior("half-normal", 1.0), ScalePrior("exponential", 1.0)),
]


@pytest.mark.parametrize(("one", "other"), UNEQUAL, ids=lambda value: type(value).__name__)
def test_one_other_number_or_name_makes_them_unequal(one, other):
    assert one != other


def test_parameters_have_no_hash_as_arrays_have_none():
    for value in (PARAMS, Priors.weak(Data(Y, _design()))):
        with pytest.raises(TypeError, match="unhashable"):
            hash(value)


def test_content_of_different_kinds_differs():
    assert not same_content(np.ones(1), 1.0)
    assert not same_content((1.0,), (1.0, 2.0))
    assert not same_content({"a": 1.0}, {"b": 1.0})
    assert same_content(({"a": np.ones(2)}, None), ({"a": np.ones(2)}, None))


def test_labels_of_rows_and_words_play_no_part():
    assert _design(dropped="one row") == _design()
