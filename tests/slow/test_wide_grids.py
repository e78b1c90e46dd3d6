"""The log density against 120-digit arithmetic over designs of 200 rows, too wide a grid for
every commit.
"""

import numpy as np
import pytest

import truth
from lmmlib import Data, Design, Params, Term, loglik, merge_reductions, simulate
from test_loglik import allowance

N = 200
SLOPE = np.array([[1.0, 0.3], [0.3, 0.5]])


def _slopes(rng):
    codes = rng.integers(20, size=N)
    return [
        Term.grouped(
            "g", codes, np.column_stack([np.ones(N), rng.normal(size=N)]), levels=range(20)
        )
    ], {"g": SLOPE}


def _singletons(rng):
    codes = np.repeat(np.arange(60), np.bincount(rng.integers(60, size=N - 60), minlength=60) + 1)
    return [Term.grouped("g", codes)], {"g": 1.0}


def _dense(rng):
    return [Term.dense(f"z{k}", rng.uniform(size=(N, 1))) for k in range(6)], {
        f"z{k}": 1.0 for k in range(6)
    }


def _nested(rng):
    inner = rng.integers(30, size=N)
    terms = [Term.grouped("a", inner % 6), Term.grouped("b:a", inner)]
    return terms, {"a": 1.0, "b:a": 0.3}


def _crossed(rng):
    terms = [
        Term.grouped(name, rng.integers(J, size=N), levels=range(J))
        for name, J in (("a", 30), ("b", 15), ("c", 4))
    ]
    return terms, {"a": 1.0, "b": 0.3, "c": 2.0}


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("ratio", [0.0, 1e-6, 1e-3, 1.0, 1e2, 1e4, 1e6])
@pytest.mark.parametrize("make", [_slopes, _singletons, _dense, _nested, _crossed])
def test_marginal_is_exact_to_what_the_input_allows(make, ratio, offset):
    rng = np.random.default_rng(6)
    terms, cov = make(rng)
    design = Design(np.column_stack([np.ones(N), rng.normal(size=N)]), terms)
    params = Params([offset, 0.5], {name: ratio**2 * np.asarray(c) for name, c in cov.items()}, 1.0)
    data = Data(simulate(design, params, rng).y, design)
    exact, magnitude = truth.marginal_120_digits(data, params)
    allowed = allowance(data, params, crossed=make is _crossed) * magnitude
    parts = np.array_split(rng.permutation(N), 2)
    for reduction in (data, merge_reductions(data.rows(part) for part in parts)):
        assert abs(loglik.marginal(reduction, params) - exact) <= allowed
