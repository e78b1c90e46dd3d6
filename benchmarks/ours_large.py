"""What lmmlib takes for tables of many rows: ``python ours_large.py TASK ARGUMENT``.

One task a process. What a first call loads, a fit of sleepstudy has loaded before.
"""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import clock
import columns
import designs
import large
import numpy as np
import pandas as pd
from cost_model import crossed_size

import lmmlib as lmm

PARTS = 100
GROUPS_OF_PARTS = 100_000
ROWS_OF_PART = 100_000


def table(name: str, share: str, folder: str) -> dict:
    """Write the table of a work into a folder of columns."""
    columns.write(Path(folder), large.WORKS[name].make(float(share)))
    return {}


def fit(formula: str, method: str, folder: str) -> dict:
    """Formula, reduction and search, from a table in memory; then one log density by itself."""
    _load_what_a_fit_needs()
    rows = columns.read(Path(folder))
    return _fitted(rows, formula, method)


def _load_what_a_fit_needs() -> None:
    lmm.estimate(designs.table_data("sleepstudy"))


def _fitted(rows: pd.DataFrame, formula: str, method: str) -> dict:
    start = time.perf_counter()
    data = lmm.from_formula(formula, rows)
    entries = data.reduction.entries  # the reduction is made when it is first asked for
    reduced = time.perf_counter()
    estimate = lmm.estimate(data, method=method)
    end = time.perf_counter()
    peak = clock.peak_mib()
    log_density = partial(lmm.loglik.marginal, data, estimate.params)
    return {
        "rows": len(rows),
        "entries": entries,
        "seconds": end - start,
        "reducing": reduced - start,
        "searching": end - reduced,
        "criterion": estimate.deviance,
        "evaluations": estimate.evaluations,
        "evaluation": clock.side_by_side({"": log_density})[""]["median"],
        "peak_mib": peak,
        **_sizes(rows, formula),
    }


def _sizes(rows: pd.DataFrame, formula: str) -> dict:
    """Of two crossed factors: what the cost of an evaluation should depend on."""
    if formula != large.CROSSED:
        return {}
    return crossed_size(rows["a"].cat.codes, rows["b"].cat.codes)._asdict()


def posterior(formula: str, draws: str, effects: str, folder: str) -> dict:
    """The posterior from a table in memory, weak priors; ``effects`` is ``all`` or ``none``."""
    _load_what_a_fit_needs()
    rows = columns.read(Path(folder))
    start = time.perf_counter()
    data = lmm.from_formula(formula, rows)
    priors = lmm.Priors.weak(data)
    rng = np.random.default_rng(1)
    tree = lmm.posterior(data, priors, int(draws), rng=rng, effects=effects == "all")
    return {
        "rows": len(rows),
        "seconds": time.perf_counter() - start,
        "draws": int(draws),
        "pareto_k": tree.attrs["pareto_k"],
        "kish_ess": tree.attrs["kish_ess"],
    }


def growth(axis: str, size: str, share: str) -> dict:
    """A fit by ML at one point of a growth curve."""
    _load_what_a_fit_needs()
    make, formula = GROWTH[axis]
    rows = make(int(size), float(share))
    return {"size": _size(axis, rows), **_fitted(rows, formula, "ml")}


def _size(axis: str, rows: pd.DataFrame) -> int:
    """Rows, groups, or levels of the larger factor."""
    factor = {"groups": "group", "levels": "a"}.get(axis)
    return rows[factor].nunique() if factor else len(rows)


def _rows(size: int, share: float) -> pd.DataFrame:
    groups = large.scaled(1_000, share)
    return large.slopes(groups, max(5, round(size * share / groups)))


def _groups(size: int, share: float) -> pd.DataFrame:
    return large.slopes(large.scaled(size, share), 5)


def _levels(size: int, share: float) -> pd.DataFrame:
    levels = large.scaled(size, share)
    return large.crossed(levels, levels // 2, 40 * levels)


def _crossed_rows(size: int, share: float) -> pd.DataFrame:
    levels = large.scaled(2_000, share)
    return large.crossed(levels, levels // 2, max(5 * levels, round(size * share)))


GROWTH: dict[str, tuple[Callable[[int, float], pd.DataFrame], str]] = {
    "rows": (_rows, large.SLOPES),
    "groups": (_groups, large.SLOPES),
    "levels": (_levels, large.CROSSED),
    "crossed rows": (_crossed_rows, large.CROSSED),
}


def parts(order: str, share: str, folder: str) -> dict:
    """Write one data set as a hundred Parquet files."""
    Path(folder).mkdir(parents=True)
    groups = large.scaled(GROUPS_OF_PARTS, float(share))
    rows = max(round(ROWS_OF_PART * float(share)), 10 * groups // PARTS)
    for index in range(PARTS):
        part = large.part(index, PARTS, groups, rows, order)
        part.to_parquet(Path(folder) / f"part{index:03}.parquet", index=False)
    return {}


def reduce_parts(workers: str, folder: str) -> dict:
    """Reduce Parquet files and fit; ``0`` workers: in this process alone."""
    _load_what_a_fit_needs()
    paths = sorted(Path(folder).iterdir())
    start = time.perf_counter()
    if workers == "0":
        reduction = lmm.reduce_tables(large.SLOPES, paths)
    else:
        with ProcessPoolExecutor(int(workers)) as executor:
            reduction = lmm.reduce_tables(large.SLOPES, paths, executor=executor)
    reduced = time.perf_counter()
    estimate = lmm.estimate(reduction)
    end = time.perf_counter()
    return {
        "rows": reduction.n,
        "seconds": end - start,
        "reducing": reduced - start,
        "fitting": end - reduced,
        "criterion": estimate.deviance,
        "evaluations": estimate.evaluations,
        "peak_of_workers_mib": clock.peak_mib_of_children(),
    }


if __name__ == "__main__":
    clock.answer({f.__name__: f for f in (table, fit, posterior, growth, parts, reduce_parts)})
