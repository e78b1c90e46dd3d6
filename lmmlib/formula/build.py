"""From a formula and a table, or many tables, to what can be fitted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pandas as pd

from lmmlib.formula.missing import MissingValues, NoRowLeftError, sum_of_missing
from lmmlib.formula.parsed_formula import parse
from lmmlib.formula.spec import ModelRows, rows_of_first_table
from lmmlib.formula.user_warnings import warn_user
from lmmlib.model import Data, Reduction, merge_reductions, reduction_of
from lmmlib.model.far_covariates import far_covariates


def from_formula(
    formula: str,
    table: pd.DataFrame,
    weights: str | None = None,
    offset: str | None = None,
    *,
    missing: str = "raise",
) -> Data:
    """Build a Data from a formula in lme4's notation and a table.

    ``(x | g)``: correlated intercept and slope; ``(1 | g) + (0 + x | g)`` or ``(x || g)``:
    uncorrelated ones, one term each; ``(1 | a/b)``: ``(1 | a) + (1 | b:a)``; ``(1 | a) + (1 | b)``:
    crossed or nested as the labels are. Several terms on one factor are named ``g``, ``g.1``, … in
    order. ``||`` separates every column of its left side. A whole number is labelled by its digits,
    whether or not it came as a float, and a day by its date. Categories without rows are dropped.

    As in R, whole numbers are covariates, truth values and text are factors, the response is one
    expression (``log(post) - log(pre)``), ``^`` inside a call is a power, and a name with other
    signs stands in backticks. A formula is no code: it holds columns, arithmetic, and the functions
    that "What a formula may hold" lists, and no other is ever called. What ``scale``, ``center``,
    ``poly`` or a spline takes from this table is kept for new rows.

    ``offset(log(n))`` is a known part of the mean, and no coefficient. Several offsets add, those
    of the formula and the column that ``offset=`` names, as in R's ``glm``; one that is written
    twice counts once. New rows evaluate it anew.

    Parameters
    ----------
    formula : str
        Formula ``response ~ fixed effects + offset(…) + (effects | group) + …``.
    table : pandas.DataFrame
        Table with a row an observation.
    weights, offset : str, optional
        Names of columns.
    missing : {"raise", "drop"}, default: "raise"
        What is done with rows that have a missing value in any variable of the formula, weights and
        offset included: an error, or left out as R's ``na.omit`` does, with the levels that lose
        all rows. How many were left out stands in ``design.dropped``, and is printed. An infinite
        value is not missing, nor is what a function cannot compute, ``log(-1)``: both are errors.

    Returns
    -------
    Data
        Response and design; levels are labels, sorted, and rows keep the labels of the table's.

    Raises
    ------
    TypeError
        If the formula is no string, the table no pandas.DataFrame, or weights or offset no name of
        a column.
    ValueError
        If the formula cannot be read or calls another function; if a column is unknown, a date, or
        of several kinds, a value is missing or not finite, a term makes no column, or the design is
        invalid.

    Warns
    -----
    UserWarning
        If text makes a column of more than half the rows, a power of a term is no square, or a
        minus no difference.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), table 2, for the notation.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> data = from_formula("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy"))
    >>> data.design.coef, data.design.effects
    (('Intercept', 'Days'), ('Subject: Intercept', 'Subject: Days'))
    >>> data = from_formula("strength ~ 1 + (1 | batch/cask)", load_dataset("Pastes"))
    >>> [(t.name, t.size) for t in data.design.terms]
    [('batch', (10, 1)), ('cask:batch', (30, 1))]
    """
    rows = rows_of_first_table(parse(formula), table, weights, offset, missing)
    return Data(rows.y, rows.design)


def reduce_tables(
    formula: str,
    tables: Iterable[pd.DataFrame],
    weights: str | None = None,
    offset: str | None = None,
    *,
    missing: str = "raise",
) -> Reduction:
    """Reduce a data set that comes as many tables.

    They are taken one at a time, so that the data need not fit into memory.

    Parameters
    ----------
    formula : str
        As for :func:`from_formula`.
    tables : iterable of pandas.DataFrame
        Tables of the rows, for instance ``pandas.read_csv(file, chunksize=1_000_000)``; what a
        formula takes from data (categories, with rows or without; means) is taken from the first.
    weights : str, optional
        As for :func:`from_formula`.
    offset : str, optional
        As for :func:`from_formula`.
    missing : {"raise", "drop"}, default: "raise"
        As for :func:`from_formula`; every table drops its own rows, and ``dropped`` of the result
        counts them all.

    Returns
    -------
    Reduction
        Reduction that ``loglik.marginal``, ``estimate`` and ``posterior`` take in place of a Data.

    Raises
    ------
    TypeError
        As :func:`from_formula`, for each table and for all together.
    ValueError
        As :func:`from_formula`, for each table and for all together.

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
    if not isinstance(tables, Iterable):
        raise TypeError(
            f"tables must be an iterable of pandas DataFrames, got {type(tables).__name__}; give "
            "[table]"
        )
    parsed = parse(formula)
    others = iter(tables)
    try:
        first_table = next(others)
    except StopIteration:
        raise ValueError("there must be one table at least, got none") from None
    first = rows_of_first_table(
        parsed, first_table, weights, offset, missing, keeps_unused_levels=True
    )
    for sentence in far_covariates(first.design.terms):  # as Data warns
        warn_user(sentence)
    left_out: list[MissingValues] = []
    reductions = _reductions(first, others, missing, left_out)
    whole = replace(merge_reductions(reductions), dropped=sum_of_missing(left_out).dropped)
    if whole.validation_error:
        raise ValueError(whole.validation_error)
    return whole


def _reductions(
    first: ModelRows,
    tables: Iterator[pd.DataFrame],
    missing: str,
    left_out: list[MissingValues],
) -> Iterator[Reduction]:
    """The reduction of each table; ``left_out`` gathers the rows that each has dropped."""
    left_out.append(first.missing)
    yield reduction_of(first.y, first.design)
    for table in tables:
        try:
            rows = first.spec.model_rows(table, missing)
        except NoRowLeftError as error:
            left_out.append(error.missing)
            continue
        left_out.append(rows.missing)
        yield reduction_of(rows.y, rows.design)
