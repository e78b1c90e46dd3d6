"""The design of one table's rows, from all that a formula evaluates over it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmmlib.formula.columns import Columns
from lmmlib.formula.evaluation import Evaluator
from lmmlib.formula.grouping_levels import code_known_levels, row_labels
from lmmlib.formula.model_matrices import Matrix, ModelMatrices, model_matrices
from lmmlib.formula.parsed_formula import ParsedFormula
from lmmlib.model import Design, Layout, Term

if TYPE_CHECKING:
    from formulaic import Formula, ModelSpecs

    from lmmlib.formula.spec import FormulaSpec


@dataclass(frozen=True, eq=False)
class EvaluatedRows:
    """The right-hand side of a formula over one table.

    Attributes
    ----------
    columns : Columns
        Columns of the table.
    matrices : ModelMatrices
        X and the covariates of the effects of each bar.
    weights, offset : ndarray, shape (n,), or None
        Weights, and the sum of all offsets, in units of the response.
    """

    columns: Columns
    matrices: ModelMatrices
    weights: np.ndarray | None
    offset: np.ndarray | None


def evaluate_rows(
    parsed: ParsedFormula,
    structure: Formula | ModelSpecs,
    weights: str | None,
    offset: str | None,
    evaluator: Evaluator,
) -> EvaluatedRows:
    """Evaluate matrices, weights and offsets over one table.

    Offsets add, those of the formula and the column that is named beside it, as in R's ``glm``.

    Parameters
    ----------
    parsed : ParsedFormula
        The formula.
    structure : Formula or ModelSpecs
        Its terms for a first table, and what that table made of them for another.
    weights, offset : str or None
        Names of columns.
    evaluator : Evaluator
        Values over the table.

    Returns
    -------
    EvaluatedRows
        What a design is made of.
    """
    matrices = model_matrices(parsed, structure, evaluator)
    return EvaluatedRows(
        evaluator.columns,
        matrices,
        weights=None if weights is None else _numbers("weights", weights, evaluator.columns),
        offset=sum_of_offsets(parsed, offset, evaluator),
    )


def sum_of_offsets(
    parsed: ParsedFormula, offset: str | None, evaluator: Evaluator
) -> np.ndarray | None:
    """The offsets of the formula and the column named beside it, added, (n,); None for none."""
    offsets = [evaluator.column("the offset", node) for node in parsed.offsets]
    if offset is not None:
        offsets.append(_numbers("offset", offset, evaluator.columns))
    return np.sum(offsets, axis=0) if offsets else None


def design_of_rows(
    spec: FormulaSpec, rows: EvaluatedRows, known: Layout | None, dropped: str | None = None
) -> Design:
    """The design of evaluated rows, which remembers how it was made.

    Parameters
    ----------
    spec : FormulaSpec
        How rows are made.
    rows : EvaluatedRows
        The rows.
    known : Layout or None
        Layout whose levels come first.
    dropped : str or None
        Which rows of the table were left out because a value was missing, as a sentence.

    Returns
    -------
    Design
        Design whose rows bear the labels of the table's.
    """
    fixed = rows.matrices.fixed
    X = pd.DataFrame(fixed.values, rows.columns.table.index, fixed.names)
    terms = list(_terms(spec.parsed, rows.matrices.effects, rows.columns, known))
    return Design(
        X,
        terms,
        rows.weights,
        rows.offset,
        coef=fixed.names,
        formula_spec=spec,
        dropped=dropped,
    )


def _terms(
    parsed: ParsedFormula, effects: tuple[Matrix, ...], columns: Columns, known: Layout | None
) -> Iterator[Term]:
    """A term a bar, or one for each effect where they are uncorrelated.

    Numbered on one factor as lme4 does.
    """
    terms_of_factor: Counter[str] = Counter()
    for bar, matrix in zip(parsed.bars, effects, strict=True):
        if not matrix.names:
            raise ValueError(
                f"({parsed.display(bar.effects)} | {bar.name}) has no effects; write "
                f"(1 | {bar.name}), or leave it out"
            )
        labels = row_labels(bar.group, columns)
        one_by_one = [slice(k, k + 1) for k in range(len(matrix.names))]
        for chosen in [slice(None)] if bar.correlated else one_by_one:
            number_of_term = terms_of_factor.total()
            number_on_factor = terms_of_factor[bar.name]
            terms_of_factor[bar.name] += 1
            name = f"{bar.name}.{number_on_factor}" if number_on_factor else bar.name
            covariates = matrix.values[:, chosen]
            names = matrix.names[chosen]
            if known is None:
                yield Term.grouped(name, labels, covariates, effects=names)
                continue
            coded = code_known_levels(name, labels, known.terms[number_of_term].levels)
            yield Term.grouped(name, coded.codes, covariates, levels=coded.levels, effects=names)


def _numbers(what: str, name: str, columns: Columns) -> np.ndarray:
    """A column of weights or offsets."""
    values = columns.values(name)
    if isinstance(values, pd.Categorical):
        raise ValueError(
            f"column {name!r}, given as {what}, is text or categories; convert it to numbers"
        )
    return values.astype(float)
