"""The rows that a formula makes of some of many tables, and what is remembered of each table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain

import pandas as pd

from lmmlib.formula.columns import Columns
from lmmlib.formula.missing import MissingValues, NoRowLeftError
from lmmlib.formula.spec import FormulaSpec, ModelRows
from lmmlib.formula.table_parts import TablePart
from lmmlib.model.merging import WhitenedRows, merge_rows, rows_of_design, rows_of_reduction


@dataclass(frozen=True, eq=False)
class Job:
    """Tables that are read one after the other and reduced together.

    Attributes
    ----------
    parts : tuple of TablePart
        The tables, one at least.

    Examples
    --------
    >>> print(Job((TablePart(2, "b.parquet"), TablePart(3, "c.parquet"))))
    the job of table 2 ('b.parquet') to table 3 ('c.parquet')
    """

    parts: tuple[TablePart, ...]

    def __str__(self) -> str:
        first, *others = self.parts
        return f"the job of {first.name} to {others[-1].name}" if others else first.name


@dataclass(frozen=True)
class TableRecord:
    """What is remembered of a table that was read.

    Attributes
    ----------
    name : str
        How messages name it.
    fingerprint : str
        Sixteen hexadecimal digits of the columns of the formula and the labels of the rows.
    missing : MissingValues
        The rows that were left out.
    """

    name: str
    fingerprint: str
    missing: MissingValues


@dataclass(frozen=True, eq=False)
class JobRows:
    """What a job gives.

    Attributes
    ----------
    rows : WhitenedRows or None
        Rows of its tables, or what they were rotated to; None where all were left out.
    records : tuple of TableRecord
        Its tables.
    """

    rows: WhitenedRows | None
    records: tuple[TableRecord, ...]


def rows_of_job(job: Job, spec: FormulaSpec, missing: str, is_reduced: bool) -> JobRows:
    """Read the tables of a job and make their rows.

    Parameters
    ----------
    job : Job
        The tables.
    spec : FormulaSpec
        How rows are made.
    missing : {"raise", "drop"}
        What is done with rows that have missing values.
    is_reduced : bool
        Whether they are rotated to few, as for a job whose rows are sent elsewhere; the rows of one
        table otherwise.

    Returns
    -------
    JobRows
        The rows, and a record of each table.
    """
    records: list[TableRecord] = []
    rows_of_tables = _rows_of_tables(job, spec, missing, records)
    rows = next(rows_of_tables, None)
    if rows is not None and is_reduced:
        rows = rows_of_reduction(merge_rows(chain([rows], rows_of_tables)))
    return JobRows(rows, tuple(records))


def _rows_of_tables(
    job: Job, spec: FormulaSpec, missing: str, records: list[TableRecord]
) -> Iterator[WhitenedRows]:
    """The rows of each table that has some left; ``records`` gathers what is remembered."""
    for part in job.parts:
        with named_errors(part):
            table = part.read(spec.variables)
            try:
                made = spec.model_rows(table, missing)
            except NoRowLeftError as error:
                records.append(record_of_table(part, table, spec, error.missing))
                continue
            records.append(record_of_table(part, table, spec, made.missing))
            rows = rows_of_design(made.y, made.design)
        yield rows


def rows_of_first_part(part: TablePart, table: pd.DataFrame, made: ModelRows) -> JobRows:
    """The same of the first table, from which the specification was taken."""
    record = record_of_table(part, table, made.spec, made.missing)
    return JobRows(rows_of_design(made.y, made.design), (record,))


def record_of_table(
    part: TablePart, table: pd.DataFrame, spec: FormulaSpec, missing: MissingValues
) -> TableRecord:
    """What is remembered of a table."""
    columns = Columns(table)
    digest = sha256(pd.util.hash_pandas_object(table.index).to_numpy().tobytes())
    for name in sorted(spec.variables):
        values = pd.util.hash_pandas_object(columns.raw(name), index=False)
        digest.update(values.to_numpy().tobytes())
    return TableRecord(part.name, digest.hexdigest()[:16], missing)


@contextmanager
def named_errors(part: TablePart) -> Iterator[None]:
    """Errors of a table, under its name.

    Raises
    ------
    TypeError, ValueError, ImportError
        If something is wrong with what was given.
    RuntimeError
        If anything else went wrong, which may be well the next time.

    Examples
    --------
    >>> with named_errors(TablePart(7, "b.parquet")):
    ...     raise OSError("the disk does not answer")
    Traceback (most recent call last):
        ...
    RuntimeError: table 7 ('b.parquet'): OSError: the disk does not answer
    """
    try:
        yield
    except TypeError as error:
        raise TypeError(f"{part.name}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{part.name}: {error}") from error
    except ImportError as error:
        raise ImportError(f"{part.name}: {error}") from error
    except Exception as error:
        raise RuntimeError(f"{part.name}: {type(error).__name__}: {error}") from error
