"""From a formula and a table, or many tables, to what can be fitted."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from itertools import chain

import pandas as pd

from lmmlib.formula.spec import FormulaSpec, first_data
from lmmlib.model import Data, Reduction, merge_reductions, reduction_of
from lmmlib.model.far_covariates import far_covariates


def from_formula(
    formula: str, table: pd.DataFrame, weights: str | None = None, offset: str | None = None
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

    Parameters
    ----------
    formula : str
        Formula ``response ~ fixed effects + (effects | group) + …``.
    table : pandas.DataFrame
        Table without missing values in the columns used.
    weights, offset : str, optional
        Names of columns.

    Returns
    -------
    Data
        Response and design; levels are labels, sorted.

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
    _, y, design = first_data(formula, table, weights, offset)
    return Data(y, design)


def reduce_tables(
    formula: str,
    tables: Iterable[pd.DataFrame],
    weights: str | None = None,
    offset: str | None = None,
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
    formula_spec: FormulaSpec | None = None

    def parts() -> Iterator[Reduction]:
        nonlocal formula_spec
        for table in tables:
            if formula_spec is None:
                formula_spec, y, design = first_data(formula, table, weights, offset, declared=True)
                for sentence in far_covariates(design.terms):  # as Data does
                    warnings.warn(sentence, stacklevel=4)
            else:
                y, design = formula_spec.data(table)
            yield reduction_of(y, design)

    reductions = parts()
    first = next(reductions, None)
    if first is None:
        raise ValueError("there must be one table at least, got none")
    whole = merge_reductions(chain([first], reductions))
    if whole.validation_error:
        raise ValueError(whole.validation_error)
    return whole
