"""Expressions of columns: the only nodes that a formula can hold, and how they are read.

Whatever is not one of these nodes cannot be written, so that nothing else can ever be evaluated: no
attribute, no subscript, no function that is not looked up by its name in
:mod:`lmmlib.formula.functions`.
"""

import re
from dataclasses import dataclass

from lmmlib.formula.tokens import END, Token

PLAIN = re.compile(r"(?:[^\W\d]|\.(?=[^\W\d]))[\w.]*")
CONSTANTS = {"True": True, "TRUE": True, "False": False, "FALSE": False, "None": None, "NULL": None}
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
LISTS = ("c", "list")  # R's words for what Python writes in brackets


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
        plain = PLAIN.fullmatch(self.name) and self.name not in CONSTANTS
        return self.name if plain else f"`{self.name}`"


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
        return f"{self.sign}{_in_parentheses(self.operand, (Binary, Unary))}"


@dataclass(frozen=True)
class Binary:
    """Two expressions joined by arithmetic or by a comparison."""

    left: "Expression"
    sign: str
    right: "Expression"

    def __str__(self) -> str:
        sign = self.sign if self.sign == "^" else f" {self.sign} "
        return f"{self._side(self.left, on_left=True)}{sign}{self._side(self.right, on_left=False)}"

    def _side(self, side: "Expression", on_left: bool) -> str:
        """One side, in parentheses where it would be read otherwise without."""
        if isinstance(side, Unary):
            return f"({side})" if on_left and self.sign in ("^", "**") else str(side)
        if not isinstance(side, Binary):
            return str(side)
        inner = PRECEDENCE[side.sign]
        outer = PRECEDENCE[self.sign]
        groups_to_the_left = self.sign not in ("^", "**")
        binds = inner > outer or (inner == outer and on_left == groups_to_the_left)
        return str(side) if binds else f"({side})"


@dataclass(frozen=True)
class Argument:
    """What a function is given, by a name or by its place."""

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
PRECEDENCE = dict.fromkeys(COMPARISONS, 1) | {"+": 2, "-": 2, "*": 3, "/": 3, "^": 4, "**": 4}


def _in_parentheses(node: Expression, kinds: tuple[type, ...]) -> str:
    return f"({node})" if isinstance(node, kinds) else str(node)


class Reader:
    """Reads tokens from the left, one after another; ``formula`` is what messages quote.

    The grammar is R's, with Python's ``**`` beside ``^``: a power binds closer than a sign before
    it and groups to the right; then products, sums, and one comparison.
    """

    def __init__(self, tokens: tuple[Token, ...], formula: str) -> None:
        self.tokens = tokens
        self.formula = formula
        self.place = 0

    @property
    def next(self) -> Token:
        """The token that comes, without taking it."""
        return self.tokens[self.place] if self.place < len(self.tokens) else END

    def comes(self, *signs: str) -> bool:
        """Whether one of these signs comes."""
        return self.next.kind == "sign" and self.next.text in signs

    def take(self) -> Token:
        """The token that comes, taken."""
        token = self.next
        self.place += 1
        return token

    def take_sign(self, sign: str) -> None:
        """Take a sign that must come."""
        if not self.comes(sign):
            raise self.error(f"expected {sign!r}")
        self.take()

    def error(self, what: str) -> ValueError:
        """An error that says where the formula cannot be read."""
        got = repr(self.next.text) if self.next is not END else "its end"
        is_method = self.next.kind == "name" and self.next.text.startswith(".") and self.place > 0
        hint = (
            "; methods of columns are not read: compute such a column beforehand, "
            "table.assign(new=...)"
            if is_method
            else ""
        )
        return ValueError(f"{self.formula!r} cannot be read: {what}, got {got}{hint}")

    def is_call(self) -> bool:
        """Whether a name with a parenthesis behind it comes."""
        after = self.tokens[self.place + 1] if self.place + 1 < len(self.tokens) else END
        is_function = self.next.kind == "name" and not self.next.is_quoted
        return is_function and after.kind == "sign" and after.text == "("

    def expression(self) -> Expression:
        """The longest expression that comes."""
        left = self._sum()
        if not self.comes(*COMPARISONS):
            return left
        sign = self.take().text
        return Binary(left, sign, self._sum())

    def _sum(self) -> Expression:
        node = self._product()
        while self.comes("+", "-"):
            sign = self.take().text
            node = Binary(node, sign, self._product())
        return node

    def _product(self) -> Expression:
        node = self._signed()
        while self.comes("*", "/"):
            sign = self.take().text
            node = Binary(node, sign, self._signed())
        return node

    def _signed(self) -> Expression:
        if self.comes("+", "-"):
            return Unary(self.take().text, self._signed())
        return self._power()

    def _power(self) -> Expression:
        base = self.atom()
        if not self.comes("^", "**"):
            return base
        sign = self.take().text
        return Binary(base, sign, self._signed())

    def atom(self) -> Expression:
        """A number, a text, a column, a call, or an expression in parentheses."""
        if self.is_call():
            return self.call()
        if self.comes("("):
            self.take()
            inner = self.expression()
            self.take_sign(")")
            return inner
        if self.comes("["):
            self.take()
            return Listing(tuple(a.value for a in self._arguments("]")))
        token = self.next
        if token.kind not in ("number", "name", "text"):
            raise self.error("expected a column, a number or a function")
        self.take()
        if token.kind == "number":
            return Number(float(token.text))
        if token.kind == "text":
            return Literal(token.text)
        if token.text in CONSTANTS and not token.is_quoted:
            return Literal(CONSTANTS[token.text])
        return Name(token.text)

    def call(self) -> Expression:
        """A function with its arguments.

        ``Q('the name')`` is a column, and ``c(…)`` several options.
        """
        function = self.take().text
        self.take_sign("(")
        arguments = self._arguments(")")
        if function in LISTS:
            return Listing(tuple(a.value for a in arguments))
        if function == "Q" and len(arguments) == 1 and isinstance(arguments[0].value, Literal):
            return Name(str(arguments[0].value.value))
        return Call(function, arguments)

    def _arguments(self, closing: str) -> tuple[Argument, ...]:
        """What stands between commas, up to the closing sign, which is taken."""
        arguments: list[Argument] = []
        while not self.comes(closing):
            arguments.append(self._argument())
            if not self.comes(closing):
                self.take_sign(",")
        self.take()
        return tuple(arguments)

    def _argument(self) -> Argument:
        after = self.tokens[self.place + 1] if self.place + 1 < len(self.tokens) else END
        is_option = self.next.kind == "name" and after.kind == "sign" and after.text == "="
        if not is_option:
            return Argument(None, self.expression())
        name = self.take().text
        self.take()
        return Argument(name, self.expression())
