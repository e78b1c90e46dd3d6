"""How rows are made from a table: the parsed formula, with what it took from the first one."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmmlib.formula.columns import Columns
from lmmlib.formula.evaluation import Evaluator, Memory
from lmmlib.formula.groups import codes_after, labels_of
from lmmlib.formula.notation import ParsedFormula, parse
from lmmlib.formula.terms import FIRST_PLACEHOLDER
from lmmlib.model import Design, Layout, Term, frozen_array

if TYPE_CHECKING:
    from formulaic import (  # slow to import, and needed only here
        Formula,
        ModelMatrices,
        ModelSpec,
        ModelSpecs,
    )


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
class FormulaSpec:
    """How rows are made from a table.

    Attributes
    ----------
    parsed : ParsedFormula
        The formula as it was read.
    weights, offset : str
        Names of columns.
    memory : Memory
        Levels of factors and what transforms took from the first table.
    structure : ModelSpecs
        Formulaic's specification of X and of the effects of each bar, as the first table made it.
    """

    parsed: ParsedFormula
    weights: str | None
    offset: str | None
    memory: Memory
    structure: ModelSpecs

    @cached_property
    def taken_from_data(self) -> str:
        """Sixteen hexadecimal digits of what the first table gave.

        Levels of factors, means, SDs and knots.
        """
        taken = sorted((str(node), repr(_plain(value))) for node, value in self.memory.items())
        return sha256(repr(taken).encode()).hexdigest()[:16]

    def data(self, table: object) -> tuple[np.ndarray, Design]:
        """Response and design of another table."""
        columns = self._checked(table, with_response=True)
        evaluator = Evaluator(columns, self.memory)
        y = evaluator.response(self.parsed.response)
        return _response(self, y, columns), self._design(evaluator, None)

    def design(self, table: object, known: Layout | None = None) -> Design:
        """The rows of a table, with at least the levels of ``known``.

        The response need not be in it.
        """
        columns = self._checked(table, with_response=False)
        return self._design(Evaluator(columns, self.memory), known)

    def fixed_mean(self, table: object, beta: np.ndarray) -> pd.Series:
        """Offset + Xβ of the rows of a table, which need not have the grouping columns."""
        columns = Columns(table)
        offset_column = set() if self.offset is None else {self.offset}
        columns.check(self.parsed.text, self.parsed.fixed_columns | offset_column)
        evaluator = Evaluator(columns, self.memory)
        factors = {sign: evaluator.factor(atom) for sign, atom in self.parsed.fixed_atoms.items()}
        fixed_side = next(iter(self.structure))
        fixed = _materialised(fixed_side, (len(columns.table), factors))
        X = _matrix(self.parsed, fixed).values
        offset = 0.0 if self.offset is None else _numbers("offset", self.offset, columns)
        return pd.Series(offset + X @ beta, columns.table.index)

    def _checked(self, table: object, with_response: bool) -> Columns:
        columns = Columns(table)
        columns.check(
            self.parsed.text, _wanted(self.parsed, self.weights, self.offset, with_response)
        )
        return columns

    def _design(self, evaluator: Evaluator, known: Layout | None) -> Design:
        made = _materialised(self.structure, _values(evaluator, self.parsed))
        matrices = [_matrix(self.parsed, part) for part in made]
        return design_of(self, matrices, evaluator.columns, known)


def first_data(
    formula: str, table: object, weights: object, offset: object, declared: bool = False
) -> tuple[FormulaSpec, np.ndarray, Design]:
    """Read a formula for tables like this one, and make this one's response and design.

    Parameters
    ----------
    declared : bool, default: False
        Whether categories without rows are kept, as for a table that others follow.

    Examples
    --------
    >>> table = pd.DataFrame({"y": [1, 2, 4], "x": [1, 2, 3], "g": list("abb")})
    >>> formula_spec, y, design = first_data("y ~ x + (1 | g)", table, None, None)
    >>> formula_spec.parsed.display(formula_spec.parsed.fixed), y.tolist(), design.coef
    ('x', [1.0, 2.0, 4.0], ('Intercept', 'x'))
    """
    parsed = parse(formula)
    _refuse_unless_name("weights", weights)
    _refuse_unless_name("offset", offset)
    columns = Columns(table)
    columns.check(parsed.text, _wanted(parsed, weights, offset, with_response=True))
    memory: Memory = {}
    evaluator = Evaluator(columns, memory, is_first=True, declared=declared)
    y = evaluator.response(parsed.response)
    made = _materialised(_formula(parsed), _values(evaluator, parsed))
    specs = [part.model_spec for part in made]
    formula_spec = FormulaSpec(parsed, weights, offset, memory, made.model_spec)
    _check_terms(parsed, specs)
    matrices = [_matrix(parsed, part) for part in made]
    return (
        formula_spec,
        _response(formula_spec, y, columns),
        design_of(formula_spec, matrices, columns, None),
    )


def design_of(
    formula_spec: FormulaSpec, matrices: Sequence[Matrix], columns: Columns, known: Layout | None
) -> Design:
    """The design of X and of the effects of each bar, with at least the levels of ``known``."""
    fixed, *effects = matrices
    given = {"weights": formula_spec.weights, "offset": formula_spec.offset}
    numbers = {
        what: None if name is None else _numbers(what, name, columns)
        for what, name in given.items()
    }
    terms = list(_terms(formula_spec.parsed, effects, columns, known))
    X = pd.DataFrame(fixed.values, columns.table.index, fixed.names)  # with the labels of its rows
    return Design(X, terms, coef=fixed.names, formula_spec=formula_spec, **numbers)


def _terms(
    parsed: ParsedFormula, effects: Sequence[Matrix], columns: Columns, known: Layout | None
) -> Iterator[Term]:
    """A term a bar, or one for each effect where they are uncorrelated.

    Numbered on one factor as lme4 does.
    """
    used: Counter[str] = Counter()
    count = 0
    for bar, matrix in zip(parsed.bars, effects, strict=True):
        if not matrix.names:
            told = f"({parsed.display(bar.effects)} | {bar.name})"
            raise ValueError(f"{told} has no effects; write (1 | {bar.name}), or leave it out")
        labels = labels_of(bar.group, columns)
        every = list(range(len(matrix.names)))
        for chosen in [every] if bar.correlated else [[k] for k in every]:
            name = f"{bar.name}.{used[bar.name]}" if used[bar.name] else bar.name
            used[bar.name] += 1
            codes, levels = (
                (labels, None)
                if known is None
                else codes_after(name, labels, known.terms[count].levels)
            )
            names = [matrix.names[k] for k in chosen]
            yield Term.grouped(name, codes, matrix.values[:, chosen], levels=levels, effects=names)
            count += 1


def _values(evaluator: Evaluator, parsed: ParsedFormula) -> tuple[int, dict[str, object]]:
    """Rows, and the values of each atom under its placeholder."""
    factors = {
        chr(FIRST_PLACEHOLDER + k): evaluator.factor(atom) for k, atom in enumerate(parsed.atoms)
    }
    return len(evaluator.columns.table), factors


@lru_cache(maxsize=64)
def _formula(parsed: ParsedFormula) -> Formula:
    """Formulaic's reading of the terms, whose factors are placeholders to be looked up."""
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    sides = (parsed.fixed, *(bar.effects for bar in parsed.bars))
    try:
        return Formula(**{f"side{k}": Formula(terms) for k, terms in enumerate(sides)})
    except (FormulaicError, SyntaxError) as error:
        told = parsed.display(str(error).partition("\n")[0])
        raise ValueError(f"{parsed.text!r} cannot be read: {told}") from None


def _materialised(
    spec: Formula | ModelSpecs | ModelSpec, values: tuple[int, dict[str, object]]
) -> ModelMatrices:
    """Formulaic's matrices of all sides, each factor coded once."""
    rows, factors = values
    frame = pd.DataFrame(index=pd.RangeIndex(rows))
    return spec.get_model_matrix(frame, context=factors, output="numpy", na_action="ignore")


def _matrix(parsed: ParsedFormula, made: object) -> Matrix:
    names = tuple(parsed.display(name) for name in made.model_spec.column_names)
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        told = f"a column of the table is called {twice[0]!r}, as a term or the intercept is"
        raise ValueError(
            f"{parsed.text!r} would make two columns of one name: {told}; rename it in the table"
        )
    return Matrix(np.asarray(made, float), names)


def _check_terms(parsed: ParsedFormula, specs: Sequence[ModelSpec]) -> None:
    """Raise where a term makes no column, and warn of what was named and is in no term."""
    terms = [entry for spec in specs for entry in spec.structure]
    for entry in terms:
        if not entry.columns:
            told = parsed.display(str(entry.term))
            raise ValueError(
                f"the term {told!r} makes no column: a factor in it has one level only; drop it"
            )
    there = {factor.expr for entry in terms for factor in entry.term.factors}
    for k, atom in enumerate(parsed.atoms):
        if chr(FIRST_PLACEHOLDER + k) not in there:
            told = (
                f"{atom} stands in {parsed.text!r}, and is in no term: among terms - takes one out"
            )
            warnings.warn(f"{told}; write I(a - b) for a difference", stacklevel=4)
    for doubt in parsed.doubts:
        warnings.warn(doubt, stacklevel=4)


def _plain(value: object) -> object:
    """What was taken from data, in Python's own types."""
    if isinstance(value, dict):
        return sorted((str(key), _plain(inner)) for key, inner in value.items())
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _wanted(
    parsed: ParsedFormula, weights: str | None, offset: str | None, with_response: bool
) -> set[str]:
    """Columns that a table must have."""
    others = {name for name in (weights, offset) if name is not None}
    return others | parsed.columns | (parsed.response_columns if with_response else set())


def _response(formula_spec: FormulaSpec, y: np.ndarray, columns: Columns) -> np.ndarray:
    return frozen_array(f"the response {formula_spec.parsed.response}", y, (len(columns.table),))


def _numbers(what: str, name: str, columns: Columns) -> np.ndarray:
    """A column of weights or offsets."""
    values = columns.values(name)
    if isinstance(values, pd.Categorical):
        raise ValueError(
            f"column {name!r}, given as {what}, is text or categories; convert it to numbers"
        )
    return values.astype(float)


def _refuse_unless_name(what: str, given: object) -> None:
    if given is not None and not isinstance(given, str):
        advice = f"put the values into the table, and give {what} the name of that column"
        raise TypeError(
            f"{what} must be the name of a column, got {type(given).__name__}; {advice}"
        )
