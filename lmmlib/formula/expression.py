"""Expressions of columns: the only nodes that a formula can hold.

Whatever is not one of these nodes cannot be written, so that nothing else can ever be evaluated: no
attribute, no subscript, no function that is not looked up by its name in
:mod:`lmmlib.formula.functions`.
"""

import re
from dataclasses import dataclass

PLAIN_NAME = re.compile(r"(?:[^\W\d]|\.(?=[^\W\d]))[\w.]*")
CONSTANTS = {"True": True, "TRUE": True, "False": False, "FALSE": False, "None": None, "NULL": None}
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
POWERS = ("^", "**")
PRECEDENCE = dict.fromkeys(COMPARISONS, 1) | {"+": 2, "-": 2, "*": 3, "/": 3, "^": 4, "**": 4}


@dataclass(frozen=True)
class Number:
    """A number as it was typed."""

    value: float

    def __str__(self) -> str:
        return f"{self.value:.15g}"


@dataclass(frozen=True)
class Literal:
    """A text, a truth value, or None: an option of a function."""

    value: str | bool | None

    def __str__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True)
class Name:
    """A column."""

    name: str

    def __str__(self) -> str:
        is_plain = PLAIN_NAME.fullmatch(self.name) and self.name not in CONSTANTS
        return self.name if is_plain else f"`{self.name}`"


@dataclass(frozen=True)
class Listing:
    """Several options in brackets, ``[1, 2]`` or ``c(1, 2)``."""

    items: tuple["Expression", ...]

    def __str__(self) -> str:
        return f"[{', '.join(map(str, self.items))}]"


@dataclass(frozen=True)
class Unary:
    """A sign before an expression."""

    sign: str
    operand: "Expression"

    def __str__(self) -> str:
        is_compound = isinstance(self.operand, Binary | Unary)
        return f"{self.sign}({self.operand})" if is_compound else f"{self.sign}{self.operand}"


@dataclass(frozen=True)
class Binary:
    """Two expressions joined by arithmetic or by a comparison."""

    left: "Expression"
    sign: str
    right: "Expression"

    def __str__(self) -> str:
        sign = self.sign if self.sign == "^" else f" {self.sign} "
        left = self._side(self.left, on_left=True)
        right = self._side(self.right, on_left=False)
        return f"{left}{sign}{right}"

    def _side(self, side: "Expression", on_left: bool) -> str:
        """One side, in parentheses where it would be read otherwise without."""
        if isinstance(side, Unary):
            return f"({side})" if on_left and self.sign in POWERS else str(side)
        if not isinstance(side, Binary):
            return str(side)
        inner = PRECEDENCE[side.sign]
        outer = PRECEDENCE[self.sign]
        groups_to_the_left = self.sign not in POWERS
        binds = inner > outer or (inner == outer and on_left == groups_to_the_left)
        return str(side) if binds else f"({side})"


@dataclass(frozen=True)
class Argument:
    """An argument of a function, by a name or by its position."""

    name: str | None
    value: "Expression"

    def __str__(self) -> str:
        return str(self.value) if self.name is None else f"{self.name}={self.value}"


@dataclass(frozen=True)
class Call:
    """A function of columns."""

    function: str
    arguments: tuple[Argument, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


Expression = Number | Literal | Name | Listing | Unary | Binary | Call


def displayed(node: Expression) -> str:
    """An expression as coefficients are named after it: a column by its bare name.

    Examples
    --------
    >>> displayed(Name("the site")), str(Name("the site"))
    ('the site', '`the site`')
    """
    return node.name if isinstance(node, Name) else str(node)
