"""The recursive-descent parser of one expression of columns."""

from lmmlib.formula.expression import (
    COMPARISONS,
    CONSTANTS,
    POWERS,
    Argument,
    Binary,
    Call,
    Expression,
    Listing,
    Literal,
    Name,
    Number,
    Unary,
)
from lmmlib.formula.tokens import END, Token

LISTS = ("c", "list")  # R's words for what Python writes in brackets


class ExpressionParser:
    """Parses tokens from the left, one after another; ``formula`` is what messages quote.

    The grammar is R's, with Python's ``**`` beside ``^``: a power binds closer than a sign before
    it and groups to the right; then products, sums, and one comparison.

    Parameters
    ----------
    tokens : tuple of Token
        Tokens of the formula, or of one side of it.
    formula : str
        The formula as typed.
    """

    def __init__(self, tokens: tuple[Token, ...], formula: str) -> None:
        self.tokens = tokens
        self.formula = formula
        self.position = 0

    @property
    def next_token(self) -> Token:
        """The next token, without taking it; ``END`` after the last."""
        return self._token_at(self.position)

    def next_is(self, *signs: str) -> bool:
        """Whether the next token is one of these signs."""
        return self.next_token.is_sign(*signs)

    def next_is_call(self) -> bool:
        """Whether a name with a parenthesis behind it comes next."""
        is_function = self.next_token.kind == "name" and not self.next_token.is_quoted
        return is_function and self._token_at(self.position + 1).is_sign("(")

    def take(self) -> Token:
        """The next token, taken."""
        token = self.next_token
        self.position += 1
        return token

    def expect(self, sign: str) -> None:
        """Take a sign that must come next."""
        if not self.next_is(sign):
            raise self.error(f"expected {sign!r}")
        self.take()

    def error(self, expected: str) -> ValueError:
        """An error that says where the formula cannot be read."""
        token = self.next_token
        got = repr(token.text) if token is not END else "its end"
        is_method = token.kind == "name" and token.text.startswith(".") and self.position > 0
        hint = self.hint_of_backticks()
        if is_method:
            hint = (
                "; methods of columns are not read: compute such a column beforehand, "
                "table.assign(new=...)"
            )
        return ValueError(f"{self.formula!r} cannot be read: {expected}, got {got}{hint}")

    def hint_of_backticks(self) -> str:
        """What to do about a name that follows a name, which may be one with a space."""
        previous = self.tokens[self.position - 1 : self.position]
        if self.next_token.kind != "name" or [token.kind for token in previous] != ["name"]:
            return ""
        name = f"{previous[0].text} {self.next_token.text}"
        return f"; a name with a space stands in backticks, as in `{name}`"

    def expression(self) -> Expression:
        """The longest expression that comes next."""
        left = self._sum()
        if not self.next_is(*COMPARISONS):
            return left
        sign = self.take().text
        return Binary(left, sign, self._sum())

    def atom(self) -> Expression:
        """A number, a text, a column, a call, or an expression in parentheses."""
        if self.next_is_call():
            return self.call()
        if self.next_is("("):
            self.take()
            inner = self.expression()
            self.expect(")")
            return inner
        if self.next_is("["):
            self.take()
            return _listing(self._arguments("]"))
        if self.next_token.kind not in ("number", "name", "text"):
            raise self.error("expected a column, a number or a function")
        token = self.take()
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
        self.expect("(")
        arguments = self._arguments(")")
        if function in LISTS:
            return _listing(arguments)
        if function == "Q" and len(arguments) == 1 and isinstance(arguments[0].value, Literal):
            return Name(str(arguments[0].value.value))
        return Call(function, arguments)

    def _token_at(self, position: int) -> Token:
        return self.tokens[position] if position < len(self.tokens) else END

    def _sum(self) -> Expression:
        node = self._product()
        while self.next_is("+", "-"):
            sign = self.take().text
            node = Binary(node, sign, self._product())
        return node

    def _product(self) -> Expression:
        node = self._signed()
        while self.next_is("*", "/"):
            sign = self.take().text
            node = Binary(node, sign, self._signed())
        return node

    def _signed(self) -> Expression:
        if not self.next_is("+", "-"):
            return self._power()
        sign = self.take().text
        return Unary(sign, self._signed())

    def _power(self) -> Expression:
        base = self.atom()
        if not self.next_is(*POWERS):
            return base
        sign = self.take().text
        return Binary(base, sign, self._signed())

    def _arguments(self, closing: str) -> tuple[Argument, ...]:
        """What stands between commas, up to the closing sign, which is taken."""
        arguments: list[Argument] = []
        while not self.next_is(closing):
            arguments.append(self._argument())
            if not self.next_is(closing):
                self.expect(",")
        self.take()
        return tuple(arguments)

    def _argument(self) -> Argument:
        has_name = self.next_token.kind == "name"
        if not (has_name and self._token_at(self.position + 1).is_sign("=")):
            return Argument(None, self.expression())
        name = self.take().text
        self.expect("=")
        return Argument(name, self.expression())


def _listing(arguments: tuple[Argument, ...]) -> Listing:
    return Listing(tuple(argument.value for argument in arguments))
