"""Effects that do the same to the rows are refused, and no others."""

from itertools import combinations

import numpy as np
import pytest

from lmmlib import Data, Design, Term

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
    """Whether two effects have proportional z A z', from dense matrices."""
    covariances = []
    for t in terms:
        q = len(t.effects)
        Z = t.Z.toarray() / np.abs(t.Z.data).max()
        level_chol = np.eye(len(t.levels)) if t.level_chol is None else t.level_chol
        for k in range(q):
            columns = Z[:, k::q] @ level_chol
            covariance = columns @ columns.T
            covariances.append(covariance / np.linalg.norm(covariance))
    pairs = combinations(covariances, 2)
    return any(np.allclose(a, b, rtol=0, atol=1e-10) for a, b in pairs)


def test_some_rows_are_judged_by_all():
    """A fold, or a part of a reduction, may hold a single level, or no two rows that tell a
    nested factor from the outer.
    """
    terms = [Term.grouped("a", EIGHT // 2), _eight("b:a")]
    data = Data(SLOPE, Design(np.ones((40, 1)), terms))
    assert data.rows(np.arange(3)).design.n == 3
