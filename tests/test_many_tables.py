"""Many tables: any source, any executor, and one reduction."""

import os
import sys
from collections import deque
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lmmlib import Params, from_formula, loglik, reduce_tables
from lmmlib.formula import many_tables
from lmmlib.formula.part_jobs import InThisProcess, results_in_order

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


def _is_of_all_rows(reduction):
    assert reduction.n == len(TABLE)
    np.testing.assert_allclose(loglik.marginal(reduction, PARAMS), EXPECTED, rtol=1e-12)


def _same(a, b):
    (Z, B), (W, C) = a.rows, b.rows
    np.testing.assert_array_equal(Z.toarray(), W.toarray())
    np.testing.assert_array_equal(B, C)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    paths = []
    for number, part in enumerate(PARTS):
        path = folder / f"part{number:02}.parquet"
        part.to_parquet(path)
        paths.append(path)
    return paths


def test_every_source_gives_the_same_rows(files, tmp_path):
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    TABLE.to_parquet(tmp_path / "whole.parquet")
    fragments = list(ds.dataset([str(path) for path in files]).get_fragments())
    for tables in (
        PARTS,
        files,
        [str(path) for path in files],
        [pa.table(part) for part in PARTS],
        [batch for part in PARTS for batch in pa.table(part).to_batches()],
        fragments,
        pa.table(TABLE).to_reader(30),
        pq.ParquetFile(tmp_path / "whole.parquet").iter_batches(30),
        [*PARTS[:3], *files[3:9], *fragments[9:12], pa.table(TABLE.iloc[120:])],
    ):
        _is_of_all_rows(reduce_tables(FORMULA, tables))


def test_only_the_columns_of_the_formula_are_read(files, monkeypatch):
    import pyarrow.parquet

    asked = []
    read = pyarrow.parquet.ParquetFile.read

    def _spied(self, columns):
        asked.append(columns)
        return read(self, columns=columns)

    monkeypatch.setattr(pyarrow.parquet.ParquetFile, "read", _spied)
    reduce_tables(FORMULA, files)
    assert asked == [["y", "x", "g", "h"]] * 20


def test_threads_and_processes_give_the_same_digits(files):
    with ThreadPoolExecutor(3) as threads:
        one = reduce_tables(FORMULA, files, executor=threads)
        _is_of_all_rows(one)
        _same(one, reduce_tables(FORMULA, files, executor=threads))
        of_tables = reduce_tables(FORMULA, iter(PARTS), executor=threads)
        _is_of_all_rows(of_tables)
        missing = reduce_tables(FORMULA, PARTS, executor=threads, missing="drop")
        _same(of_tables, missing)
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as processes:
        _same(one, reduce_tables(FORMULA, files, executor=processes))
        _same(of_tables, reduce_tables(FORMULA, iter(PARTS), executor=processes))


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
    _same(expected, reduce_tables(FORMULA, PARTS, executor=_Waits()))


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

    _is_of_all_rows(reduce_tables(FORMULA, _tables(), executor=_Counts(), in_flight=in_flight))


class _LosesWorkers(InThisProcess):
    """Every third job is lost with its worker, once."""

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


def test_what_a_dead_worker_had_is_run_again_and_counted_once(files):
    for tables in (PARTS, files):
        executor = _LosesWorkers()
        _is_of_all_rows(reduce_tables(FORMULA, tables, executor=executor))
        assert executor.lost == list(range(3, len(executor.places) + 1, 3))


def test_a_job_that_fails_each_time_is_named(files):
    with pytest.raises(
        RuntimeError,
        match=r"table 4 failed 3 times, at last with BrokenProcessPool: a process died; nothing",
    ):
        reduce_tables(FORMULA, PARTS, executor=_LosesWorkers(losses=9))
    with pytest.raises(
        RuntimeError,
        match=r"the job of table 6 \('.*05.parquet'\) to table 7 \('.*06.parquet'\) failed 1 time",
    ):
        reduce_tables(FORMULA, files, executor=_LosesWorkers(losses=9), retries=0)


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


class _FailingFile(os.PathLike):
    """A file whose disk does not answer the first times that it is asked."""

    def __init__(self, path, failures):
        self.path = path
        self.failures = failures

    def __str__(self):
        return str(self.path)

    def __fspath__(self):
        if self.failures:
            self.failures -= 1
            raise OSError("the disk does not answer")
        return str(self.path)


def test_a_file_that_cannot_be_read_is_tried_again(files):
    for place in (0, 5):
        tables = list(files)
        tables[place] = _FailingFile(files[place], 2)
        _is_of_all_rows(reduce_tables(FORMULA, tables))
        tables[place] = _FailingFile(files[place], 3)
        with pytest.raises(
            RuntimeError,
            match=rf"table {place + 1} \('.*'\) failed 3 times, at last with RuntimeError: table "
            rf"{place + 1} \('.*'\): OSError: the disk does not answer",
        ):
            reduce_tables(FORMULA, tables)


@pytest.mark.parametrize("executor", [None, InThisProcess()])
def test_tables_that_do_not_fit_are_named(files, executor, tmp_path):
    other = tmp_path / "other.parquet"
    TABLE.drop(columns="x").to_parquet(other)
    text = tmp_path / "rows.csv"
    TABLE.to_csv(text)
    absent = tmp_path / "absent.parquet"
    odd = TABLE.iloc[:10].assign(x="a")
    missing = TABLE.iloc[:10].assign(x=[None, *range(9)])
    for tables, message in [
        ([*PARTS[:4], PARTS[1]], r"table 5 has the rows of table 2, .* counted twice; leave it"),
        ([*PARTS[:4], PARTS[1].copy()], "table 5 has the rows of table 2"),
        ([*files[:4], files[0]], r"table 5 \('.*00.parquet'\) has the rows of table 1 \('.*00"),
        ([files[0], other], r"table 2 \('.*other.parquet'\): .* unknown columns x; the table has"),
        ([other, files[0]], r"table 1 \('.*other.parquet'\): .* names unknown columns x"),
        ([PARTS[0], TABLE.iloc[:0]], "table 2: the table must have a row at least, got none"),
        ([files[0], absent], r"table 2 \('.*absent.parquet'\): there is no such file"),
        ([files[0], text], r"table 2 \('.*rows.csv'\): pyarrow cannot read it as a Parquet file"),
        ([PARTS[0], odd], "table 2: "),
        ([PARTS[0], missing], "table 2: 1 of 10 rows have missing values"),
        ([], "there must be one table at least, got none"),
    ]:
        with pytest.raises(ValueError, match=message):
            reduce_tables(FORMULA, tables, executor=executor)
    for tables, message in [
        ([PARTS[0], 3], "table 2: a table must be a pandas DataFrame, the path of .*, got int"),
        ("rows.parquet", r"tables must be an iterable .*, got str; give \[table\]"),
        (Path("rows.parquet"), r"tables must be an iterable .*; give \[table\]"),
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


def test_without_pyarrow_it_says_what_to_install(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    _is_of_all_rows(reduce_tables(FORMULA, PARTS))
    with pytest.raises(
        ImportError,
        match=r"table 1 \('.*'\): Parquet files .* need pyarrow, .*: pip install pyarrow",
    ):
        reduce_tables(FORMULA, files)


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
