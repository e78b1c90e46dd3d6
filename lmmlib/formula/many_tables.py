"""From a formula and many tables, more than fit into memory, to what can be fitted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import cast

from tqdm import tqdm

from lmmlib.formula.missing import sum_of_missing
from lmmlib.formula.parsed_formula import ParsedFormula, parse
from lmmlib.formula.part_jobs import InThisProcess, results_in_order
from lmmlib.formula.part_rows import (
    Job,
    JobRows,
    TableRecord,
    named_errors,
    rows_of_first_part,
    rows_of_job,
)
from lmmlib.formula.spec import ModelRows, check_column_names, rows_of_first_table, variables_of
from lmmlib.formula.table_parts import TablePart
from lmmlib.formula.user_warnings import warn_user
from lmmlib.model import Reduction
from lmmlib.model.far_covariates import far_covariates
from lmmlib.model.merging import WhitenedRows, merge_rows
from lmmlib.model.options import switch, whole_number

# Files that one job reads, at most. Where every file has rows of most groups, a job's triangles are
# smaller than its rows by far, and it is their merging that no executor shares.
FILES_OF_A_JOB = 8


def reduce_tables(
    formula: str,
    tables: Iterable[object],
    weights: str | None = None,
    offset: str | None = None,
    *,
    missing: str = "raise",
    executor: Executor | None = None,
    retries: int = 2,
    in_flight: int = 8,
    progress: bool = True,
) -> Reduction:
    """Reduce a data set that comes as many tables.

    They are taken one at a time, so that the data need not fit into memory, or a few at a time by
    the workers of an executor. Each is counted once: a table that comes a second time is refused,
    and a job that failed is run again as a whole. Results are merged in the order of the tables,
    whichever worker is done first, so that the same tables always give the same digits.

    Parameters
    ----------
    formula : str
        As for :func:`from_formula`.
    tables : iterable
        Tables of the rows, in any mixture: pandas DataFrames, for instance
        ``pandas.read_csv(file, chunksize=1_000_000)``; paths of Parquet files, of which the workers
        read the columns of the formula alone; tables, batches and dataset fragments of pyarrow's.
        What a formula takes from data (categories, with rows or without; means) is taken from the
        first.
    weights : str, optional
        As for :func:`from_formula`.
    offset : str, optional
        As for :func:`from_formula`.
    missing : {"raise", "drop"}, default: "raise"
        As for :func:`from_formula`; every table drops its own rows, and ``dropped`` of the result
        counts them all.
    executor : concurrent.futures.Executor, optional
        Where tables are read and reduced: a pool of processes, or ``client.get_executor()`` of a
        Dask cluster; this process if None.
    retries : int, default: 2
        How often a job is run again whose worker died or could not read.
    in_flight : int, default: 8
        Jobs submitted and not yet merged, at most: a table each, or a few files.
    progress : bool, default: True
        Whether a bar counts the tables, on a terminal alone.

    Returns
    -------
    Reduction
        Reduction that ``loglik.marginal``, ``estimate`` and ``posterior`` take in place of a Data.

    Raises
    ------
    TypeError
        As :func:`from_formula`, for each table and for all together; the table is named.
    ValueError
        As :func:`from_formula`, for each table and for all together; if there is no table, or one
        comes twice.
    ImportError
        If a file or a table of Arrow's is given, and pyarrow is not installed.
    RuntimeError
        If a job failed more than ``retries`` times.

    References
    ----------
    Golub & Van Loan (2013), Matrix Computations, 4th ed., section 6.5, for updating a QR
    factorisation by rows.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> parts = (part for _, part in load_dataset("Dyestuff").groupby("Batch"))
    >>> merged = reduce_tables("Yield ~ 1 + (1 | Batch)", parts)
    >>> merged.n, merged.layout.shapes
    (30, ((6, 1),))
    """
    pool = _checked_executor(executor)
    whole_number("retries", retries, 0)
    whole_number("in_flight", in_flight, 1)
    is_shown = switch("progress", progress)
    parsed = parse(formula)
    parts = _numbered(tables)
    first_part = next(parts, None)
    if first_part is None:
        raise ValueError("there must be one table at least, got none")
    read_first = partial(
        _first_table, parsed=parsed, weights=weights, offset=offset, missing=missing
    )
    (first,) = results_in_order(read_first, [Job((first_part,))], InThisProcess(), 1, retries)
    for sentence in far_covariates(first.made.design.terms):  # as Data warns
        warn_user(sentence)

    # What stays in this process is not reduced twice, and nothing of it waits.
    is_sent = executor is not None
    run = partial(rows_of_job, spec=first.made.spec, missing=missing, is_reduced=is_sent)
    count = len(tables) if isinstance(tables, Sized) else None
    jobs = _jobs(parts, _files_of_a_job(count, in_flight) if is_sent else 1)
    results = results_in_order(run, jobs, pool, in_flight if is_sent else 1, retries)
    records: dict[str, TableRecord] = {}
    bar = tqdm(total=count, desc="reduce_tables", unit="table", disable=None if is_shown else True)
    with bar, closing(results):
        whole = merge_rows(_counted_once(chain([first.rows], results), records, bar))
    left_out = sum_of_missing(record.missing for record in records.values())
    whole = replace(whole, dropped=left_out.dropped)
    if whole.validation_error:
        raise ValueError(whole.validation_error)
    return whole


def _checked_executor(executor: object) -> Executor:
    """The executor given, or one that runs everything here."""
    if executor is None:
        return InThisProcess()
    if not hasattr(executor, "submit"):
        raise TypeError(
            "executor must be a concurrent.futures.Executor or None, got "
            f"{type(executor).__name__}; give ProcessPoolExecutor() or client.get_executor()"
        )
    return cast(Executor, executor)


def _numbered(tables: Iterable[object]) -> Iterator[TablePart]:
    """The tables by their numbers, from 1."""
    # One of pyarrow's readers is both: an iterator over batches, and what a table is made of.
    is_one_table = TablePart(1, tables).is_readable and not isinstance(tables, Iterator)
    if not isinstance(tables, Iterable) or is_one_table:
        raise TypeError(
            "tables must be an iterable of pandas DataFrames, paths of Parquet files or tables of "
            f"pyarrow's, got {type(tables).__name__}; give [table], or dataset.get_fragments()"
        )
    return (TablePart(number, table) for number, table in enumerate(tables, 1))


def _files_of_a_job(count: int | None, in_flight: int) -> int:
    """Files that a job reads: few where there are few, so that every worker has some."""
    return 1 if count is None else min(max(count // in_flight, 1), FILES_OF_A_JOB)


def _jobs(parts: Iterable[TablePart], files_of_a_job: int) -> Iterator[Job]:
    """A job a table in memory, or several files that follow each other."""
    files: list[TablePart] = []
    for part in parts:
        if files and not part.is_file:
            yield Job(tuple(files))
            files = []
        files.append(part)
        if len(files) == files_of_a_job or not part.is_file:
            yield Job(tuple(files))
            files = []
    if files:
        yield Job(tuple(files))


@dataclass(frozen=True, eq=False)
class FirstTable:
    """The first table.

    Attributes
    ----------
    made : ModelRows
        What the formula made of it.
    rows : JobRows
        The same as one of the others gives it.
    """

    made: ModelRows
    rows: JobRows


def _first_table(
    job: Job,
    parsed: ParsedFormula,
    weights: str | None,
    offset: str | None,
    missing: str,
) -> FirstTable:
    """Read the first table, from which everything is taken that the formula takes from data."""
    (part,) = job.parts
    check_column_names(weights, offset)
    with named_errors(part):
        table = part.read(variables_of(parsed, weights, offset))
        made = rows_of_first_table(
            parsed, table, weights, offset, missing, keeps_unused_levels=True
        )
        return FirstTable(made, rows_of_first_part(part, table, made))


def _counted_once(
    results: Iterable[JobRows], records: dict[str, TableRecord], bar: tqdm
) -> Iterator[WhitenedRows]:
    """The rows of each job; ``records`` gathers its tables, of which none may be there already."""
    for result in results:
        for record in result.records:
            earlier = records.setdefault(record.fingerprint, record)
            if earlier is not record:
                raise ValueError(
                    f"{record.name} has the rows of {earlier.name}, labels and order of the rows "
                    "included, and would be counted twice; leave it out, or join the two into one "
                    "table if each of its rows was observed twice"
                )
        bar.update(len(result.records))
        if result.rows is not None:
            yield result.rows
