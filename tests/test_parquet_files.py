"""Many tables in files and in Arrow's memory: the same reduction, and errors that name the file."""

import os
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from lmmlib import reduce_tables
from lmmlib.formula.part_jobs import InThisProcess
from parts import FORMULA, PARTS, TABLE, LosesWorkers, check_of_all_rows, check_same_digits


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
    TABLE.to_parquet(tmp_path / "whole.parquet")
    fragments = list(ds.dataset([str(path) for path in files]).get_fragments())
    for tables in (
        files,
        [str(path) for path in files],
        [pa.table(part) for part in PARTS],
        [batch for part in PARTS for batch in pa.table(part).to_batches()],
        fragments,
        pa.table(TABLE).to_reader(30),
        pq.ParquetFile(tmp_path / "whole.parquet").iter_batches(30),
        [*PARTS[:3], *files[3:9], *fragments[9:12], pa.table(TABLE.iloc[120:])],
    ):
        check_of_all_rows(reduce_tables(FORMULA, tables))


def test_only_the_columns_of_the_formula_are_read(files, monkeypatch):
    asked = []
    read = pq.ParquetFile.read

    def _spied(self, columns):
        asked.append(columns)
        return read(self, columns=columns)

    monkeypatch.setattr(pq.ParquetFile, "read", _spied)
    reduce_tables(FORMULA, files)
    assert asked == [["y", "x", "g", "h"]] * 20


def test_threads_and_processes_give_the_same_digits(files):
    with ThreadPoolExecutor(3) as threads:
        one = reduce_tables(FORMULA, files, executor=threads)
        check_of_all_rows(one)
        check_same_digits(one, reduce_tables(FORMULA, files, executor=threads))
        mixed = [*PARTS[:3], *files[3:9], pa.table(TABLE.iloc[90:])]
        check_of_all_rows(reduce_tables(FORMULA, mixed, executor=threads))
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as processes:
        check_same_digits(one, reduce_tables(FORMULA, files, executor=processes))


def test_what_a_dead_worker_had_is_run_again_and_counted_once(files):
    executor = LosesWorkers()
    check_of_all_rows(reduce_tables(FORMULA, files, executor=executor))
    assert executor.lost == list(range(3, len(executor.places) + 1, 3))
    with pytest.raises(
        RuntimeError,
        match=r"the job of table 6 \('.*05.parquet'\) to table 7 \('.*06.parquet'\) failed 1 time",
    ):
        reduce_tables(FORMULA, files, executor=LosesWorkers(losses=9), retries=0)


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
        check_of_all_rows(reduce_tables(FORMULA, tables))
        tables[place] = _FailingFile(files[place], 3)
        with pytest.raises(
            RuntimeError,
            match=rf"table {place + 1} \('.*'\) failed 3 times, at last with RuntimeError: table "
            rf"{place + 1} \('.*'\): OSError: the disk does not answer",
        ):
            reduce_tables(FORMULA, tables)


@pytest.mark.parametrize("executor", [None, InThisProcess()])
def test_files_that_do_not_fit_are_named(files, executor, tmp_path):
    other = tmp_path / "other.parquet"
    TABLE.drop(columns="x").to_parquet(other)
    text = tmp_path / "rows.csv"
    TABLE.to_csv(text)
    absent = tmp_path / "absent.parquet"
    for tables, message in [
        ([*files[:4], files[0]], r"table 5 \('.*00.parquet'\) has the rows of table 1 \('.*00"),
        ([files[0], other], r"table 2 \('.*other.parquet'\): .* unknown columns x; the table has"),
        ([other, files[0]], r"table 1 \('.*other.parquet'\): .* names unknown columns x"),
        ([files[0], absent], r"table 2 \('.*absent.parquet'\): there is no such file"),
        ([files[0], text], r"table 2 \('.*rows.csv'\): pyarrow cannot read it as a Parquet file"),
    ]:
        with pytest.raises(ValueError, match=message):
            reduce_tables(FORMULA, tables, executor=executor)
    for tables in (Path("rows.parquet"), pa.table(TABLE), ds.dataset(str(files[0]))):
        with pytest.raises(
            TypeError, match=r"tables must be an iterable .*; give \[table\], or dataset.get_frag"
        ):
            reduce_tables(FORMULA, tables, executor=executor)


def test_without_pyarrow_it_says_what_to_install(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    check_of_all_rows(reduce_tables(FORMULA, PARTS))
    with pytest.raises(
        ImportError,
        match=r"table 1 \('.*'\): Parquet files .* need pyarrow, .*: pip install pyarrow",
    ):
        reduce_tables(FORMULA, files)
