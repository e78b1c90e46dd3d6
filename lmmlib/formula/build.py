"""From a formula and a table to what can be fitted."""

from __future__ import annotations

import pandas as pd

from lmmlib.formula.parsed_formula import parse
from lmmlib.formula.spec import rows_of_first_table
from lmmlib.model import Data


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
