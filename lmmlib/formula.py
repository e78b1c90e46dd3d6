"""From lme4's notation to a Data: the bars are split here, the matrix of each side is formulaic's."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmmlib.data import Data, Reduction, reduce, reduction_of
from lmmlib.design import Design, Layout, Term, frozen_array

if TYPE_CHECKING:
    from formulaic import ModelSpec  # slow to import, and needed only here


@dataclass(frozen=True)
class Bar:
    """One ``(effects | group)``; ``correlated`` is False for ``||``."""

    effects: str
    group: tuple[str, ...]
    correlated: bool

    @property
    def name(self) -> str:
        """The factor, as lme4 names it."""
        return ":".join(self.group)


def from_formula(formula: str, table: pd.DataFrame, weights: str | None = None, offset: str | None = None) -> Data:
    """Build a Data from a formula in lme4's notation and a table.

    ``(x | g)``: correlated intercept and slope; ``(1 | g) + (0 + x | g)`` or ``(x || g)``: uncorrelated ones, one
    term each; ``(1 | a/b)``: ``(1 | a) + (1 | b:a)``; ``(1 | a) + (1 | b)``: crossed or nested as the labels are.
    Several terms on one factor are named ``g``, ``g.1``, … in order. ``||`` separates every column of its left side.

    Parameters
    ----------
    formula : ``response ~ fixed effects + (effects | group) + …``
    table : pandas.DataFrame without missing values in the columns used
    weights, offset : names of columns, or None

    Returns
    -------
    Data; levels are labels, sorted

    Raises
    ------
    ValueError  if the formula cannot be read, a column is unknown, values are missing, or the design is invalid

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), table 2, for the notation.

    Examples
    --------
    >>> from lmmlib.datasets import load
    >>> data = from_formula("Reaction ~ Days + (Days | Subject)", load("sleepstudy"))
    >>> data.design.coef, data.design.effects
    (('Intercept', 'Days'), ('Subject: Intercept', 'Subject: Days'))
    >>> data = from_formula("strength ~ 1 + (1 | batch/cask)", load("Pastes"))
    >>> [(t.name, t.size) for t in data.design.terms]
    [('batch', (10, 1)), ('cask:batch', (30, 1))]
    """
    recipe = Recipe.of(formula, table, weights, offset)
    return Data(recipe.response(table), recipe.design(table))


def reduce_tables(formula: str, tables: Iterable[pd.DataFrame], weights: str | None = None, offset: str | None = None) -> Reduction:
    """Reduce a data set that comes as many tables, taken one at a time, so that it need not fit into memory.

    Parameters
    ----------
    formula, weights, offset : as for :func:`from_formula`
    tables : iterable of pandas.DataFrame, for instance ``pandas.read_csv(file, chunksize=1_000_000)``; what a formula
        takes from data (categories, means) is taken from the first

    Returns
    -------
    Reduction, to be given to ``loglik.marginal``, ``estimate`` or ``posterior`` in place of a Data

    Raises
    ------
    ValueError  as :func:`from_formula`, for each table and for all together

    References
    ----------
    Golub & Van Loan (2013), Matrix Computations, 4th ed., section 6.5, for updating a QR factorisation by rows.

    Examples
    --------
    >>> from lmmlib.datasets import load
    >>> parts = (part for _, part in load("Dyestuff").groupby("Batch"))
    >>> merged = reduce_tables("Yield ~ 1 + (1 | Batch)", parts)
    >>> merged.n, merged.layout.shapes
    (30, ((6, 1),))
    """
    recipe: Recipe | None = None

    def parts() -> Iterator[Reduction]:
        nonlocal recipe
        for table in tables:
            recipe = recipe or Recipe.of(formula, table, weights, offset)
            yield reduction_of(recipe.response(table), recipe.design(table))

    first = next(made := parts(), None)
    if first is None:
        raise ValueError("there must be one table at least, got none")
    whole = reduce(chain([first], made))
    if whole.fault:
        raise ValueError(whole.fault)
    return whole


@dataclass(frozen=True, eq=False)
class Recipe:
    """How rows are made from a table: the formula, with what it took from the first one (categories, means).

    Attributes
    ----------
    formula : str
    left, fixed : formulaic's specifications of the response and of X
    bars : tuple of (Bar, specification of its effects)
    weights, offset : names of columns, or None
    """

    formula: str
    left: ModelSpec
    fixed: ModelSpec
    bars: tuple[tuple[Bar, ModelSpec], ...]
    weights: str | None
    offset: str | None

    @classmethod
    def of(cls, formula: str, table: pd.DataFrame, weights: str | None = None, offset: str | None = None) -> Recipe:
        """Read a formula for tables like this one."""
        response, fixed, bars = parse(formula)
        _check_columns(formula, table, [response, fixed, *(b.effects for b in bars)], [c for b in bars for c in b.group], [weights, offset])
        specs = [_spec(side, table) for side in (response + " - 1", fixed, *(b.effects for b in bars))]
        return cls(formula, specs[0], specs[1], tuple(zip(bars, specs[2:], strict=True)), weights, offset)

    def response(self, table: pd.DataFrame) -> np.ndarray:
        """The response of a table, (n,)."""
        self._check(table, with_response=True)
        y, name = _matrix(self.left, table), parse(self.formula)[0]
        if y.shape[1] != 1 or not all(kind.kind in "fiu" for kind in y.dtypes):
            raise ValueError(f"the response {name!r} must be one column of numbers, got {', '.join(map(str, y.columns))}")
        return frozen_array(f"the response {name!r}", y.to_numpy().ravel(), (len(table),))

    def design(self, table: pd.DataFrame, known: Layout | None = None) -> Design:
        """The rows of a table, with at least the levels of ``known``; the response need not be in it."""
        self._check(table, with_response=False)
        X = _matrix(self.fixed, table)
        given = {
            name: None if column is None else table[column].to_numpy()
            for name, column in (("weights", self.weights), ("offset", self.offset))
        }
        return Design(X.to_numpy(float), self._terms(table, known), coef=[str(c) for c in X.columns], recipe=self, **given)

    def _check(self, table: pd.DataFrame, with_response: bool) -> None:
        sides = [parse(self.formula)[0]] * with_response + [parse(self.formula)[1], *(b.effects for b, _ in self.bars)]
        _check_columns(self.formula, table, sides, [c for b, _ in self.bars for c in b.group], [self.weights, self.offset])

    def _terms(self, table: pd.DataFrame, known: Layout | None) -> list[Term]:
        terms: list[Term] = []
        for bar, spec in self.bars:
            columns = _matrix(spec, table)
            labels = table[bar.group[0]].to_numpy() if len(bar.group) == 1 else _joined(bar.group, table)
            names = [str(c) for c in columns.columns]
            for chosen in [names] if bar.correlated else [[name] for name in names]:
                used = sum(t.name.partition(".")[0] == bar.name for t in terms)
                codes, levels = (labels, None) if known is None else _codes_after(labels, known.terms[len(terms)].levels)
                x = columns[chosen].to_numpy(float)
                terms.append(Term.grouped(f"{bar.name}.{used}" if used else bar.name, codes, x, levels=levels, effects=chosen))
        return terms


def _codes_after(labels: np.ndarray, known: tuple[str, ...]) -> tuple[np.ndarray, list[str]]:
    """Integers that index the known levels, and after them the unknown ones in order of appearance."""
    levels = list(dict.fromkeys([*known, *map(str, labels)]))
    place = {level: j for j, level in enumerate(levels)}
    return np.array([place[str(label)] for label in labels]), levels


def parse(formula: str) -> tuple[str, str, tuple[Bar, ...]]:
    """Response, fixed part and bars of a formula, nested factors written out.

    Raises
    ------
    ValueError  if a side is missing, parentheses do not match, or there is no bar

    Examples
    --------
    >>> parse("y ~ x + (x || a/b)")
    ('y', 'x', (Bar(effects='x', group=('a',), correlated=False), Bar(effects='x', group=('b', 'a'), correlated=False)))
    """
    sides = formula.split("~")
    if len(sides) != 2 or not sides[0].strip() or not sides[1].strip():
        raise ValueError(f"a formula must read 'response ~ terms', got {formula!r}")
    fixed, bars = sides[1], []
    for piece in _parentheses(sides[1]):
        left, bar, right = piece[1:-1].partition("|")
        if bar:
            correlated = not right.startswith("|")
            bars += [Bar(left.strip(), group, correlated) for group in _groups(formula, right.lstrip("|"))]
            fixed = fixed.replace(piece, "", 1)
    if "|" in fixed or not bars:
        raise ValueError(f"random effects must stand in parentheses with a bar, as in (1 | group); got {formula!r}")
    fixed = re.sub(r"^\s*\+|\+\s*(?=\+|$|-)", "", re.sub(r"\+(\s*\+)+", "+", fixed)).strip()
    return sides[0].strip(), fixed or "1", tuple(bars)


def _parentheses(text: str) -> list[str]:
    """Outermost parenthesised pieces."""
    pieces, depth, start = [], 0, 0
    for i, sign in enumerate(text):
        if sign == "(":
            start = i if depth == 0 else start
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth == 0:
                pieces.append(text[start : i + 1])
        if depth < 0:
            break
    if depth:
        raise ValueError(f"parentheses do not match in {text.strip()!r}")
    return pieces


def _groups(formula: str, side: str) -> list[tuple[str, ...]]:
    """``a/b`` as (a,), (b, a); ``a:b`` as (a, b)."""
    steps = [tuple(part.strip() for part in step.split(":")) for step in side.split("/")]
    if not all(re.fullmatch(r"[^\W\d][\w.]*", name) for step in steps for name in step):
        raise ValueError(f"a grouping side must be columns joined by : or /, got {side.strip()!r} in {formula!r}")
    groups: list[tuple[str, ...]] = []
    for step in steps:
        groups.append(step + (groups[-1] if groups else ()))
    return groups


def _check_columns(formula: str, table: pd.DataFrame, sides: list[str], groups: list[str], extra: list[str | None]) -> None:
    from formulaic import Formula  # slow to import, and needed only here

    wanted = {str(name) for side in sides for name in Formula(side).required_variables} | set(groups) | {c for c in extra if c is not None}
    unknown = sorted(wanted - set(map(str, table.columns)))
    if unknown:
        raise ValueError(f"{formula!r} names unknown columns {', '.join(unknown)}; the table has {', '.join(map(str, table.columns))}")
    if not len(table):
        raise ValueError("the table must have a row at least, got none")
    missing = table[sorted(wanted)].isna()
    rows = int(missing.any(axis=1).sum())
    if rows:
        where = ", ".join(f"{c}: {k}" for c, k in missing.sum().items() if k)
        raise ValueError(f"{rows} of {len(table)} rows have missing values ({where}); drop them with table.dropna(subset=…) or impute them")


def _spec(side: str, table: pd.DataFrame) -> ModelSpec:
    from formulaic import model_matrix

    return model_matrix(side, table, context={}, na_action="raise").model_spec


def _matrix(spec: ModelSpec, table: pd.DataFrame) -> pd.DataFrame:
    """The matrix of one side, with the categories and means that the specification holds."""
    from formulaic.errors import DataMismatchWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", DataMismatchWarning)
        try:
            return pd.DataFrame(spec.get_model_matrix(table, context={}))
        except DataMismatchWarning as mismatch:
            raise ValueError(f"{mismatch}; the first table did not have it: give the column all its categories there") from None


def _joined(group: tuple[str, ...], table: pd.DataFrame) -> np.ndarray:
    """Labels of an interaction of factors, ``cask:batch``."""
    return np.array([":".join(map(str, row)) for row in table[list(group)].itertuples(index=False)])
