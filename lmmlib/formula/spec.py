"""How rows are made from a table: the parsed formula, with what it took from the first one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmmlib.formula.columns import Columns
from lmmlib.formula.design_rows import design_of_rows, evaluate_rows, sum_of_offsets
from lmmlib.formula.evaluation import Evaluator
from lmmlib.formula.missing import MISSING, MissingValues, complete_columns
from lmmlib.formula.model_matrices import check_terms, fixed_matrix, term_structure
from lmmlib.formula.parsed_formula import ParsedFormula
from lmmlib.formula.table_state import TableState
from lmmlib.model import Design, Layout, frozen_array
from lmmlib.model.options import choice

if TYPE_CHECKING:
    from formulaic import ModelSpecs

ADVICE_TO_FIT = 'leave them out by missing="drop", or impute them'
ADVICE_TO_PREDICT = "drop them with table.dropna(subset=…) or impute them"


@dataclass(frozen=True, eq=False)
class ModelRows:
    """The rows that a formula makes of one table.

    Attributes
    ----------
    spec : FormulaSpec
        How they are made.
    y : ndarray, shape (n,)
        Response.
    design : Design
        Design of the rows.
    missing : MissingValues
        The rows of the table that were left out.
    """

    spec: FormulaSpec
    y: np.ndarray
    design: Design
    missing: MissingValues


@dataclass(frozen=True)
class FormulaSpec:
    """How rows are made from a table.

    Specifications are equal if they make the same rows of every table.

    Attributes
    ----------
    parsed : ParsedFormula
        The formula.
    weights, offset : str or None
        Names of columns that were given beside the formula.
    taken_from_data : str
        Sixteen hexadecimal digits of what the first table gave: levels of factors, means, SDs and
        knots.
    state : TableState
        All that itself.
    structure : ModelSpecs
        Formulaic's specification of X and of the effects of each bar, as the first table made it.
    """

    parsed: ParsedFormula
    weights: str | None
    offset: str | None
    taken_from_data: str
    state: TableState = field(repr=False, compare=False)
    structure: ModelSpecs = field(repr=False, compare=False)

    @property
    def variables(self) -> set[str]:
        """Columns that a table must have, the response among them."""
        return variables_of(self.parsed, self.weights, self.offset)

    def model_rows(self, table: pd.DataFrame, missing: str = "raise") -> ModelRows:
        """Response and design of another table.

        Parameters
        ----------
        table : pandas.DataFrame
            Table with all columns of the formula.
        missing : {"raise", "drop"}, default: "raise"
            What is done with rows that have missing values.

        Returns
        -------
        ModelRows
            Response, design, and how many rows were left out.
        """
        names = self.variables
        columns = Columns(table)
        columns.check_names(self.parsed.text, names)
        complete = complete_columns(columns, names, missing, ADVICE_TO_FIT)
        evaluator = Evaluator(complete.columns, self.state)
        y = _response(self.parsed, evaluator)
        return ModelRows(self, y, self._design(evaluator, None), complete.missing)

    def design(self, table: pd.DataFrame, known: Layout | None = None) -> Design:
        """The rows of a table, with at least the levels of ``known``.

        The response need not be in it.

        Parameters
        ----------
        table : pandas.DataFrame
            Table with the columns of the right-hand side, without missing values.
        known : Layout, optional
            Layout whose levels come first.

        Returns
        -------
        Design
            Design of the rows.
        """
        names = variables_of(self.parsed, self.weights, self.offset, with_response=False)
        columns = Columns(table)
        columns.check_names(self.parsed.text, names)
        complete = complete_columns(columns, names, "raise", ADVICE_TO_PREDICT)
        return self._design(Evaluator(complete.columns, self.state), known)

    def fixed_mean(self, table: pd.DataFrame, beta: np.ndarray) -> pd.Series:
        """Offset + Xβ of the rows of a table, which need not have the grouping columns.

        Parameters
        ----------
        table : pandas.DataFrame
            Table with the columns of the fixed part and of the offsets, without missing values.
        beta : ndarray, shape (p,)
            Fixed effects.

        Returns
        -------
        pandas.Series
            Means with the labels of the rows, in units of the response.
        """
        names = set(self.parsed.fixed_columns)
        if self.offset is not None:
            names.add(self.offset)
        columns = Columns(table)
        columns.check_names(self.parsed.text, names)
        complete = complete_columns(columns, names, "raise", ADVICE_TO_PREDICT)
        evaluator = Evaluator(complete.columns, self.state)
        mean = fixed_matrix(self.parsed, self.structure, evaluator).values @ beta
        offset = sum_of_offsets(self.parsed, self.offset, evaluator)
        if offset is not None:
            mean = mean + offset
        return pd.Series(mean, complete.columns.table.index)

    def _design(self, evaluator: Evaluator, known: Layout | None) -> Design:
        rows = evaluate_rows(self.parsed, self.structure, self.weights, self.offset, evaluator)
        return design_of_rows(self, rows, known)


def rows_of_first_table(
    parsed: ParsedFormula,
    table: pd.DataFrame,
    weights: str | None,
    offset: str | None,
    missing: str = "raise",
    keeps_unused_levels: bool = False,
) -> ModelRows:
    """Response and design of a first table, whose design remembers what was taken from it.

    Parameters
    ----------
    parsed : ParsedFormula
        The formula.
    table : pandas.DataFrame
        The first table.
    weights, offset : str or None
        Names of columns.
    missing : {"raise", "drop"}, default: "raise"
        What is done with rows that have missing values.
    keeps_unused_levels : bool, default: False
        Whether categories without rows are kept, as for a table that others follow.

    Returns
    -------
    ModelRows
        Response, design, and how many rows were left out.

    Raises
    ------
    TypeError
        If the table is no pandas.DataFrame, or weights or offset no name of a column.
    ValueError
        If the table does not fit the formula.

    Examples
    --------
    >>> from lmmlib.formula import parse
    >>> table = pd.DataFrame({"y": [1, 2, 4], "x": [1, 2, 3], "g": list("abb")})
    >>> rows = rows_of_first_table(parse("y ~ x + offset(2 * x) + (1 | g)"), table, None, None)
    >>> rows.y.tolist(), rows.design.coef, rows.design.offset.tolist()
    ([1.0, 2.0, 4.0], ('Intercept', 'x'), [2.0, 4.0, 6.0])
    """
    check_column_names(weights, offset)
    choice("missing", missing, MISSING)
    # the rows that have all values of all variables
    names = variables_of(parsed, weights, offset)
    columns = Columns(table)
    columns.check_names(parsed.text, names)
    complete = complete_columns(columns, names, missing, ADVICE_TO_FIT)
    # everything is evaluated, which fills the state
    state = TableState()
    evaluator = Evaluator(
        complete.columns, state, is_first=True, keeps_unused_levels=keeps_unused_levels
    )
    y = _response(parsed, evaluator)
    rows = evaluate_rows(parsed, term_structure(parsed), weights, offset, evaluator)
    check_terms(parsed, rows.matrices.structure)
    # the state is complete, and stays as it is
    spec = FormulaSpec(
        parsed,
        weights,
        offset,
        state.fingerprint,
        state,
        rows.matrices.structure,
    )
    design = design_of_rows(spec, rows, None, complete.missing.dropped)
    return ModelRows(spec, y, design, complete.missing)


def _response(parsed: ParsedFormula, evaluator: Evaluator) -> np.ndarray:
    y = evaluator.column("the response", parsed.response)
    return frozen_array(f"the response {parsed.response}", y, (len(evaluator.columns),))


def variables_of(
    parsed: ParsedFormula, weights: str | None, offset: str | None, with_response: bool = True
) -> set[str]:
    """Columns that a table must have."""
    names = {name for name in (weights, offset) if name is not None} | parsed.columns
    return names | parsed.response_columns if with_response else names


def check_column_names(weights: object, offset: object) -> None:
    """Raise unless weights and offset are names of columns, or None.

    Raises
    ------
    TypeError
        If one is anything else.
    """
    for what, given in (("weights", weights), ("offset", offset)):
        if given is not None and not isinstance(given, str):
            raise TypeError(
                f"{what} must be the name of a column, got {type(given).__name__}; put the values "
                f"into the table, and give {what} the name of that column"
            )
