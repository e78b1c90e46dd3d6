"""lme4's notation: the response, the fixed part and the bars of a formula."""

import re
from dataclasses import dataclass


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


def parse(formula: str) -> tuple[str, str, tuple[Bar, ...]]:
    """Response, fixed part and bars of a formula, nested factors written out.

    Raises
    ------
    TypeError  if it is no string
    ValueError  if a side is missing, parentheses do not match, there is no bar, or one is not joined by ``+``

    Examples
    --------
    >>> parse("y ~ x + (x || a/b)")
    ('y', 'x', (Bar(effects='x', group=('a',), correlated=False), Bar(effects='x', group=('b', 'a'), correlated=False)))
    """
    if not isinstance(formula, str):
        raise TypeError(f"a formula must be a string such as 'y ~ x + (1 | g)', got {type(formula).__name__}")
    sides = formula.split("~")
    if len(sides) != 2 or not sides[0].strip() or not sides[1].strip():
        raise ValueError(f"a formula must read 'response ~ terms', got {formula!r}")
    _refuse_what_is_not_read(formula)
    fixed, bars, end = "", [], 0
    for start, stop in _parentheses(sides[1]):
        if "|" in sides[1][start:stop]:
            _refuse_unless_added(formula, sides[1], start, stop)
            bars += _bars(formula, sides[1][start + 1 : stop - 1])
            fixed, end = fixed + sides[1][end:start], stop
    fixed += sides[1][end:]
    if "|" in fixed or not bars:
        raise ValueError(f"random effects must stand in parentheses with a bar, as in (1 | group); got {formula!r}")
    fixed = re.sub(r"^\s*\+|\+\s*(?=\+|$|-)", "", re.sub(r"\+(\s*\+)+", "+", fixed)).strip()
    return sides[0].strip(), fixed or "1", tuple(bars)


def _refuse_what_is_not_read(formula: str) -> None:
    """Raise for what other systems read and this one does not."""
    if re.search(r"(?<![\w.])offset\s*\(", formula):
        raise ValueError(f"offset(...) is not read in a formula; name its column with offset=, got {formula!r}")
    if re.search(r"(?<![\w.)\]`])\.(?![\w.])", formula):
        raise ValueError(f"a dot does not stand for all columns; name them, got {formula!r}")


def _parentheses(text: str) -> list[tuple[int, int]]:
    """Start and end of the outermost parenthesised pieces."""
    pieces, depth, start = [], 0, 0
    for i, sign in enumerate(text):
        if sign == "(":
            start = i if depth == 0 else start
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth == 0:
                pieces.append((start, i + 1))
        if depth < 0:
            break
    if depth:
        raise ValueError(f"parentheses do not match in {text.strip()!r}")
    return pieces


def _refuse_unless_added(formula: str, side: str, start: int, stop: int) -> None:
    before, after = side[:start].rstrip(), side[stop:].lstrip()
    if before[-1:] not in ("", "+") or after[:1] not in ("", "+", "-"):
        raise ValueError(f"random effects must be joined to other terms by +, and {side[start:stop]} is not; got {formula!r}")


def _bars(formula: str, inside: str) -> list[Bar]:
    """The bars of one pair of parentheses: several, if factors are nested."""
    left, *rest = re.split(r"(\|+)", inside)
    if len(rest) != 2 or len(rest[0]) > 2:
        raise ValueError(f"parentheses must have one bar, or two side by side, as in (x | g) or (x || g); got ({inside}) in {formula!r}")
    if not left.strip():
        raise ValueError(f"effects must stand before a bar, as in (1 | g); got ({inside}) in {formula!r}")
    return [Bar(left.strip(), group, rest[0] == "|") for group in _groups(formula, rest[1])]


def _groups(formula: str, side: str) -> list[tuple[str, ...]]:
    """``a/b`` as (a,), (b, a); ``a:b`` as (a, b)."""
    steps = [tuple(part.strip() for part in step.split(":")) for step in side.split("/")]
    if not all(re.fullmatch(r"[^\W\d][\w.]*", name) for step in steps for name in step):
        raise ValueError(f"a grouping side must be columns joined by : or /, got {side.strip()!r} in {formula!r}")
    groups: list[tuple[str, ...]] = []
    for step in steps:
        groups.append(step + (groups[-1] if groups else ()))
    return groups
