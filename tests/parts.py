"""A table in twenty parts, and workers that die."""

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pandas as pd

from lmmlib import Params, from_formula, loglik
from lmmlib.formula.part_jobs import InThisProcess

FORMULA = "y ~ x + (x | g) + (1 | h)"
PARAMS = Params([1.0, 0.5], {"g": [[1.0, 0.2], [0.2, 0.5]], "h": 0.7}, 0.9)


def _table(n=200):
    rng = np.random.default_rng(15)
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "g": rng.integers(12, size=n),
            "h": rng.choice(list("abcdef"), size=n),
            "unused": "text",
        }
    )


TABLE = _table()
PARTS = [TABLE.iloc[rows] for rows in np.array_split(np.arange(len(TABLE)), 20)]
EXPECTED = loglik.marginal(from_formula(FORMULA, TABLE), PARAMS)


def check_of_all_rows(reduction):
    """Each row once: the log density is that of the whole table."""
    assert reduction.n == len(TABLE)
    np.testing.assert_allclose(loglik.marginal(reduction, PARAMS), EXPECTED, rtol=1e-12)


def check_same_digits(a, b):
    (Z, B), (W, C) = a.rows, b.rows
    np.testing.assert_array_equal(Z.toarray(), W.toarray())
    np.testing.assert_array_equal(B, C)


class LosesWorkers(InThisProcess):
    """Every third job is lost with its worker, as often as is asked for."""

    def __init__(self, losses=1):
        self.places = {}
        self.losses = losses
        self.lost = []

    def submit(self, fn, /, job):
        place = self.places.setdefault(job, len(self.places) + 1)
        if place % 3 == 0 and self.lost.count(place) < self.losses:
            self.lost.append(place)
            future = Future()
            future.set_exception(BrokenProcessPool("a process died"))
            return future
        return super().submit(fn, job)
