"""Many tables over any executor: one reduction, each table once, errors that name the table."""

import os
import sys
from collections import deque
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from lmmlib import from_formula, loglik, reduce_tables
from lmmlib.formula import many_tables
from lmmlib.formula.part_jobs import InThisProcess, results_in_order
from parts import (
    FORMULA,
    PARAMS,
    PARTS,
    TABLE,
    LosesWorkers,
    check_of_all_rows,
    check_same_digits,
)


def test_threads_and_processes_give_the_same_digits():
    with ThreadPoolExecutor(3) as threads:
        one = reduce_tables(FORMULA, PARTS, executor=threads)
        check_of_all_rows(one)
        check_same_digits(one, reduce_tables(FORMULA, iter(PARTS), executor=threads))
        check_same_digits(one, reduce_tables(FORMULA, PARTS, executor=threads, missing="drop"))
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as processes:
        check_same_digits(one, reduce_tables(FORMULA, iter(PARTS), executor=processes))


class _Waits(Executor):
    """Runs no job until the oldest future is asked for, and then the latest job first."""

    def __init__(self):
        self.waiting = deque()

    def submit(self, fn, /, *args, **kwargs):
        future = _AskedFuture(self)
        self.waiting.append((future, fn, args, kwargs))
        return future

    def run_all(self):
        while self.waiting:
            future, fn, args, kwargs = self.waiting.pop()
            if future.set_running_or_notify_cancel():
                future.set_result(fn(*args, **kwargs))


class _AskedFuture(Future):
    def __init__(self, executor):
        super().__init__()
        self.executor = executor

    def result(self, timeout=None):
        self.executor.run_all()
        return super().result(timeout)


def test_the_order_in_which_workers_are_done_changes_no_digit():
    with ThreadPoolExecutor(1) as thread:
        expected = reduce_tables(FORMULA, PARTS, executor=thread)
    check_same_digits(expected, reduce_tables(FORMULA, PARTS, executor=_Waits()))


@pytest.mark.parametrize("in_flight", [1, 3])
def test_no_more_tables_are_taken_than_may_be_in_flight(in_flight):
    taken = []
    merged = []

    def _tables():
        for part in PARTS:
            taken.append(part)
            assert len(taken) - len(merged) <= in_flight + 1  # the first is read here
            yield part

    class _Counts(InThisProcess):
        def submit(self, fn, /, *args, **kwargs):
            future = super().submit(fn, *args, **kwargs)
            result = future.result
            future.result = lambda: (merged.append(1), result())[1]
            return future

    check_of_all_rows(reduce_tables(FORMULA, _tables(), executor=_Counts(), in_flight=in_flight))


def test_what_a_dead_worker_had_is_run_again_and_counted_once():
    executor = LosesWorkers()
    check_of_all_rows(reduce_tables(FORMULA, PARTS, executor=executor))
    assert executor.lost == list(range(3, len(PARTS), 3))


def test_a_job_that_fails_each_time_is_named():
    with pytest.raises(
        RuntimeError,
        match=r"table 4 failed 3 times, at last with BrokenProcessPool: a process died; nothing",
    ):
        reduce_tables(FORMULA, PARTS, executor=LosesWorkers(losses=9))


def _dies(job):
    if job == 2:
        os._exit(1)
    return job


def test_a_pool_that_is_broken_for_good_ends_in_a_sentence():
    with (
        ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool,
        pytest.raises(RuntimeError, match="failed 3 times, at last with BrokenProcessPool"),
    ):
        list(results_in_order(_dies, [1, 2, 3], pool, 2, 2))


@pytest.mark.parametrize("executor", [None, InThisProcess()])
def test_tables_that_do_not_fit_are_named(executor):
    odd = TABLE.iloc[:10].assign(x="a")
    missing = TABLE.iloc[:10].assign(x=[None, *range(9)])
    for tables, message in [
        ([*PARTS[:4], PARTS[1]], r"table 5 has the rows of table 2, .* counted twice; leave it"),
        ([*PARTS[:4], PARTS[1].copy()], "table 5 has the rows of table 2"),
        ([PARTS[0], TABLE.iloc[:0]], "table 2: the table must have a row at least, got none"),
        ([PARTS[0], odd], "table 2: "),
        ([PARTS[0], missing], "table 2: 1 of 10 rows have missing values"),
        ([], "there must be one table at least, got none"),
    ]:
        with pytest.raises(ValueError, match=message):
            reduce_tables(FORMULA, tables, executor=executor)
    for tables, message in [
        ([PARTS[0], 3], "table 2: a table must be a pandas DataFrame, the path of .*, got int"),
        ("rows.parquet", r"tables must be an iterable .*, got str; give \[table\]"),
        (TABLE, r"tables must be an iterable .*, got DataFrame; give \[table\]"),
        (3, "tables must be an iterable .*, got int"),
    ]:
        with pytest.raises(TypeError, match=message):
            reduce_tables(FORMULA, tables, executor=executor)


def test_rows_are_left_out_by_workers_too():
    table = TABLE.assign(x=TABLE.x.where(TABLE.index % 7 > 0))
    table.loc[30:49, "y"] = None  # two whole tables among them
    parts = [table.iloc[start : start + 10] for start in range(0, 200, 10)]
    whole = from_formula(FORMULA, table, missing="drop")
    for executor in (None, InThisProcess()):
        reduced = reduce_tables(FORMULA, parts, missing="drop", executor=executor)
        assert (reduced.n, reduced.dropped) == (whole.design.n, whole.design.dropped)
        np.testing.assert_allclose(
            loglik.marginal(reduced, PARAMS), loglik.marginal(whole, PARAMS), rtol=1e-12
        )


def test_an_interrupt_cancels_what_waits():
    executor = _Waits()

    def _tables():
        yield from PARTS[:4]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reduce_tables(FORMULA, _tables(), executor=executor)
    futures = [future for future, *_ in executor.waiting]
    assert len(futures) == 3
    assert all(future.cancelled() for future in futures)


def test_an_interrupt_while_merging_cancels_what_waits(monkeypatch):
    submitted = []

    class _Interrupted(_Waits):
        def submit(self, fn, /, *args, **kwargs):
            submitted.append(super().submit(fn, *args, **kwargs))
            return submitted[-1]

        def run_all(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reduce_tables(FORMULA, PARTS, executor=_Interrupted(), in_flight=5)
    assert len(submitted) == 5
    assert all(future.cancelled() for future in submitted)

    submitted.clear()

    def _merged_until_interrupted(rows):
        next(rows)
        next(rows)
        raise KeyboardInterrupt

    monkeypatch.setattr(many_tables, "merge_rows", _merged_until_interrupted)

    class _FirstAlone(_Interrupted):
        def run_all(self):
            if not submitted[0].done():
                future, fn, args, kwargs = self.waiting.popleft()
                future.set_result(fn(*args, **kwargs))

    with pytest.raises(KeyboardInterrupt):
        reduce_tables(FORMULA, PARTS, executor=_FirstAlone(), in_flight=5)
    assert [future.cancelled() for future in submitted] == [False, *[True] * 4]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"executor": 2}, TypeError, "executor must be a concurrent.futures.Executor or None"),
        ({"retries": -1}, ValueError, "retries must be a whole number, 0 at least, got -1"),
        ({"in_flight": 0}, ValueError, "in_flight must be a whole number, 1 at least, got 0"),
        ({"progress": "bar"}, TypeError, "progress must be True or False, got 'bar'"),
    ],
)
def test_options_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        reduce_tables(FORMULA, PARTS, **options)


def test_a_bar_counts_tables_on_a_terminal_alone(capsys, monkeypatch):
    reduce_tables(FORMULA, PARTS)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    reduce_tables(FORMULA, PARTS)
    assert "20/20" in capsys.readouterr().err
    reduce_tables(FORMULA, PARTS, progress=False)
    assert capsys.readouterr().err == ""
