"""From lme4's notation to a Data: the bars are split here, the matrix of each side is formulaic's."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lmmlib.data import Data
from lmmlib.design import Design, Term, frozen_array


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
    response, fixed, bars = parse(formula)
    _columns_present(formula, table, [response, fixed, *(b.effects for b in bars)], [c for b in bars for c in b.group], [weights, offset])
    y = _matrix(response + " - 1", table)
    if y.shape[1] != 1 or not all(kind.kind in "fiu" for kind in y.dtypes):
        raise ValueError(f"the response {response!r} must be one column of numbers, got {', '.join(map(str, y.columns))}")
    X = _matrix(fixed, table)
    given = {name: None if column is None else table[column].to_numpy() for name, column in (("weights", weights), ("offset", offset))}
    design = Design(X.to_numpy(float), _terms(bars, table), coef=[str(c) for c in X.columns], **given)
    return Data(frozen_array(f"the response {response!r}", y.to_numpy().ravel(), (len(table),)), design)


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


def _columns_present(formula: str, table: pd.DataFrame, sides: list[str], groups: list[str], extra: list[str | None]) -> None:
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


def _matrix(side: str, table: pd.DataFrame) -> pd.DataFrame:
    from formulaic import model_matrix

    return pd.DataFrame(model_matrix(side, table, context={}, na_action="raise"))


def _terms(bars: tuple[Bar, ...], table: pd.DataFrame) -> list[Term]:
    terms: list[Term] = []
    for bar in bars:
        columns = _matrix(bar.effects, table)
        codes = table[bar.group[0]].to_numpy() if len(bar.group) == 1 else _joined(bar.group, table)
        names = [str(c) for c in columns.columns]
        for chosen in [names] if bar.correlated else [[name] for name in names]:
            used = sum(t.name.partition(".")[0] == bar.name for t in terms)
            name = f"{bar.name}.{used}" if used else bar.name
            terms.append(Term.grouped(name, codes, columns[chosen].to_numpy(float), effects=chosen))
    return terms


def _joined(group: tuple[str, ...], table: pd.DataFrame) -> np.ndarray:
    """Labels of an interaction of factors, ``cask:batch``."""
    return np.array([":".join(map(str, row)) for row in table[list(group)].itertuples(index=False)])
