"""The matrices of a formula, X and one for the effects of each bar: formulaic makes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmmlib.formula.evaluation import Evaluator
from lmmlib.formula.parsed_formula import ParsedFormula
from lmmlib.formula.placeholders import placeholder
from lmmlib.formula.user_warnings import warn_user

if TYPE_CHECKING:
    from formulaic import Formula, ModelMatrix, ModelSpec, ModelSpecs  # slow to import


@dataclass(frozen=True, eq=False)
class Matrix:
    """The matrix of one side of a formula.

    Attributes
    ----------
    values : ndarray, shape (n, k)
        Values of the columns.
    names : tuple of str
        Names of the k columns.
    """

    values: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ModelMatrices:
    """All matrices of a formula over one table.

    Attributes
    ----------
    fixed : Matrix
        X.
    effects : tuple of Matrix
        Covariates of the effects of each bar.
    structure : ModelSpecs
        Formulaic's specification of all of them, which makes the same columns of other rows.
    """

    fixed: Matrix
    effects: tuple[Matrix, ...]
    structure: ModelSpecs


@lru_cache(maxsize=64)
def term_structure(parsed: ParsedFormula) -> Formula:
    """Formulaic's expansion of the terms, whose factors are placeholders to be looked up.

    Raises
    ------
    ValueError
        If formulaic cannot read them.
    """
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    sides = (parsed.fixed, *(bar.effects for bar in parsed.bars))
    try:
        return Formula(**{f"side{k}": Formula(terms) for k, terms in enumerate(sides)})
    except (FormulaicError, SyntaxError) as error:
        first_line = str(error).partition("\n")[0]
        raise ValueError(f"{parsed.text!r} cannot be read: {parsed.display(first_line)}") from None


def model_matrices(
    parsed: ParsedFormula, structure: Formula | ModelSpecs, evaluator: Evaluator
) -> ModelMatrices:
    """Evaluate each atom once, and let formulaic code it and multiply.

    Parameters
    ----------
    parsed : ParsedFormula
        The formula.
    structure : Formula or ModelSpecs
        Its terms for a first table, and what that table made of them for another.
    evaluator : Evaluator
        Values over the table.

    Returns
    -------
    ModelMatrices
        X and the covariates of the effects of each bar.

    Raises
    ------
    ValueError
        If an atom cannot be evaluated, or two columns have one name.
    """
    values = {placeholder(k): evaluator.atom(atom) for k, atom in enumerate(parsed.atoms)}
    rows = pd.DataFrame(index=pd.RangeIndex(len(evaluator.columns)))
    made = structure.get_model_matrix(rows, context=values, output="numpy", na_action="ignore")
    fixed, *effects = (_named_matrix(parsed, part) for part in made)
    return ModelMatrices(fixed, tuple(effects), made.model_spec)


def fixed_matrix(parsed: ParsedFormula, structure: ModelSpecs, evaluator: Evaluator) -> Matrix:
    """X alone, over a table that need not have the columns of any bar.

    Parameters
    ----------
    parsed : ParsedFormula
        The formula.
    structure : ModelSpecs
        What the first table made of all its sides.
    evaluator : Evaluator
        Values over the table.

    Returns
    -------
    Matrix
        X with the names of its columns.
    """
    values = {sign: evaluator.atom(atom) for sign, atom in parsed.fixed_atoms.items()}
    rows = pd.DataFrame(index=pd.RangeIndex(len(evaluator.columns)))
    fixed_side = next(iter(structure))
    made = fixed_side.get_model_matrix(rows, context=values, output="numpy", na_action="ignore")
    return _named_matrix(parsed, made)


def check_terms(parsed: ParsedFormula, structure: ModelSpecs) -> None:
    """Raise where a term makes no column, and warn of what reads otherwise than it was meant.

    Parameters
    ----------
    parsed : ParsedFormula
        The formula.
    structure : ModelSpecs
        What the first table made of it.

    Raises
    ------
    ValueError
        If a term makes no column.

    Warns
    -----
    UserWarning
        If what was named is in no term, or a power is no square.
    """
    specs: Sequence[ModelSpec] = list(structure)
    terms = [entry for spec in specs for entry in spec.structure]
    for entry in terms:
        if not entry.columns:
            raise ValueError(
                f"the term {parsed.display(str(entry.term))!r} makes no column: a factor in it "
                "has one level only; drop it"
            )
    used = {factor.expr for entry in terms for factor in entry.term.factors}
    for k, atom in enumerate(parsed.atoms):
        if placeholder(k) not in used:
            warn_user(
                f"{atom} stands in {parsed.text!r}, and is in no term: among terms - takes one "
                "out; write I(a - b) for a difference"
            )
    for caution in parsed.cautions:
        warn_user(caution)


def _named_matrix(parsed: ParsedFormula, made: ModelMatrix) -> Matrix:
    names = tuple(parsed.display(name) for name in made.model_spec.column_names)
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise ValueError(
            f"{parsed.text!r} would make two columns of one name: a column of the table is called "
            f"{repeated[0]!r}, as a term or the intercept is; rename it in the table"
        )
    return Matrix(np.asarray(made, float), names)
