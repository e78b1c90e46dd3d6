"""How rows are made from a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmmlib.design import Design, Layout, Term, frozen_array
from lmmlib.design.checks import label
from lmmlib.formula.columns import check_columns, floats, matrix, refuse_text, specification
from lmmlib.formula.notation import Bar, parse

if TYPE_CHECKING:
    from formulaic import ModelSpec  # slow to import


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
        for name, given in (("weights", weights), ("offset", offset)):
            _refuse_unless_name(name, given)
        check_columns(formula, table, [response, fixed, *(b.effects for b in bars)], _others(bars, weights, offset))
        refuse_text(response, table)
        specs = [specification(side, table) for side in (response + " - 1", fixed, *(b.effects for b in bars))]
        return cls(formula, specs[0], specs[1], tuple(zip(bars, specs[2:], strict=True)), weights, offset)

    def response(self, table: pd.DataFrame) -> np.ndarray:
        """The response of a table, (n,)."""
        self._check(table, with_response=True)
        name = parse(self.formula)[0]
        refuse_text(name, table)
        y = matrix(self.left, table)
        if y.shape[1] != 1:
            told = ", ".join(map(str, y.columns[:3])) + (", …" if y.shape[1] > 3 else "")
            raise ValueError(f"the response {name!r} must be one column of numbers, got {y.shape[1]}: {told or 'none'}")
        return frozen_array(f"the response {name!r}", floats(y).ravel(), (len(table),))

    def design(self, table: pd.DataFrame, known: Layout | None = None) -> Design:
        """The rows of a table, with at least the levels of ``known``; the response need not be in it."""
        self._check(table, with_response=False)
        X = matrix(self.fixed, table)
        given = {"weights": self.weights, "offset": self.offset}
        columns = {name: None if column is None else table[column] for name, column in given.items()}
        X = pd.DataFrame(floats(X), table.index, X.columns)
        return Design(X, self._terms(table, known), coef=[str(c) for c in X.columns], recipe=self, **columns)

    def _check(self, table: pd.DataFrame, with_response: bool) -> None:
        response, fixed, bars = parse(self.formula)
        sides = [response] * with_response + [fixed, *(b.effects for b in bars)]
        check_columns(self.formula, table, sides, _others(bars, self.weights, self.offset))

    def _terms(self, table: pd.DataFrame, known: Layout | None) -> list[Term]:
        terms: list[Term] = []
        used: Counter[str] = Counter()
        for bar, spec in self.bars:
            columns = matrix(spec, table)
            labels, names = _labels(bar.group, table), [str(c) for c in columns.columns]
            if not names:
                raise ValueError(f"({bar.effects} | {bar.name}) has no effects; write (1 | {bar.name}), or leave it out")
            for chosen in [names] if bar.correlated else [[name] for name in names]:
                name = f"{bar.name}.{used[bar.name]}" if used[bar.name] else bar.name
                used[bar.name] += 1
                codes, levels = (labels, None) if known is None else _codes_after(name, labels, known.terms[len(terms)].levels)
                terms.append(Term.grouped(name, codes, floats(columns[chosen]), levels=levels, effects=chosen))
        return terms


def _others(bars: tuple[Bar, ...], weights: str | None, offset: str | None) -> set[str]:
    """Columns that are named outside the sides that formulaic reads."""
    return {c for b in bars for c in b.group} | {c for c in (weights, offset) if c is not None}


def _refuse_unless_name(what: str, given: object) -> None:
    if given is not None and not isinstance(given, str):
        told = f"put the values into the table, and give {what} the name of that column"
        raise TypeError(f"{what} must be the name of a column, got {type(given).__name__}; {told}")


def _codes_after(name: str, labels: np.ndarray, known: tuple[str, ...]) -> tuple[np.ndarray, list[str]]:
    """Integers that index the known levels, and after them the unknown ones in order of appearance."""
    found, values = pd.factorize(labels)
    texts = [label(value) for value in values]
    _refuse_alike(name, texts, list(values))
    levels = list(dict.fromkeys([*known, *texts]))
    place = {level: j for j, level in enumerate(levels)}
    return np.array([place[text] for text in texts])[found], levels


def _labels(group: tuple[str, ...], table: pd.DataFrame) -> np.ndarray:
    """A label for each row: the factor's own, or ``cask:batch`` of an interaction."""
    if len(group) == 1:
        return table[group[0]].to_numpy()
    columns = [pd.factorize(table[c].to_numpy()) for c in group]
    row = np.zeros(len(table), int)
    for codes, found in columns:
        row = pd.factorize(row * len(found) + codes)[0]
    first = np.unique(row, return_index=True)[1]
    values = [tuple(found[codes[i]] for codes, found in columns) for i in first]
    texts = [":".join(map(label, value)) for value in values]
    _refuse_alike(":".join(group), texts, values)
    return np.array(texts)[row]


def _refuse_alike(name: str, texts: list[str], values: list[object]) -> None:
    """Raise if two levels have one text."""
    first: dict[str, object] = {}
    for text, value in zip(texts, values, strict=True):
        if text in first:
            raise ValueError(f"levels of {name!r} must be distinct as text, got {text!r} for {first[text]!r} and {value!r}; rename them")
        first[text] = value
