"""A formula cut into tokens: names, numbers, quoted texts and signs."""

import re
from dataclasses import dataclass

# A name is R's: letters, digits, dots and underscores, no digit first; anything else stands in
# backticks.
PATTERNS = {
    "space": r"\s+",
    "number": r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])",
    "name": r"(?:[^\W\d]|\.(?=[^\W\d]))[\w.]*",
    "quoted": r"`[^`]*`",
    "text": r"'[^'\\]*'|\"[^\"\\]*\"",
    "sign": r"\*\*|\|\||%in%|==|!=|<=|>=|[-+*/:^|~(),=<>\[\]]",
}
TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in PATTERNS.items()))


@dataclass(frozen=True)
class Token:
    """A piece of a formula.

    Attributes
    ----------
    kind : {"number", "name", "text", "sign", "end"}
        Kind of the piece.
    text : str
        As typed, a name without its backticks and a text without its quotes.
    is_quoted : bool
        Whether a name stood in backticks, so that it is a column whatever it looks like.
    """

    kind: str
    text: str
    is_quoted: bool = False

    def is_sign(self, *signs: str) -> bool:
        """Whether it is one of these signs."""
        return self.kind == "sign" and self.text in signs


END = Token("end", "")


def tokenize(formula: str) -> tuple[Token, ...]:
    """The tokens of a formula, or of a part of one, without spaces.

    Raises
    ------
    ValueError
        If the text holds a sign that no formula has; the message names the first.

    Examples
    --------
    >>> [token.text for token in tokenize("log(x.1)^2 + `the site`")]
    ['log', '(', 'x.1', ')', '^', '2', '+', 'the site']
    """
    tokens = []
    position = 0
    while position < len(formula):
        match = TOKEN.match(formula, position)
        if match is None:
            raise ValueError(_unreadable(formula, position))
        kind = str(match.lastgroup)
        if kind != "space":
            tokens.append(_token(kind, match.group()))
        position = match.end()
    return tuple(tokens)


def _token(kind: str, text: str) -> Token:
    if kind == "quoted":
        return Token("name", text[1:-1], is_quoted=True)
    if kind == "text":
        return Token(kind, text[1:-1])
    return Token(kind, text)


def _unreadable(formula: str, position: int) -> str:
    """What is said of a sign that no token begins with."""
    sign = formula[position]
    if sign == ".":
        return f"a dot does not stand for all columns; name them, got {formula!r}"
    if sign == "`":
        return f"a backtick is not closed in {formula!r}"
    if sign in "'\"":
        return f"a quoted text is not closed, or has a backslash, in {formula!r}"
    if sign == "%":
        return f"of R's operators between percent signs only %in% is read, got {formula!r}"
    return (
        f"{formula!r} has a sign {sign!r} at position {position + 1} that no formula has; "
        "put names of columns with other signs than letters, digits, dots and _ into backticks"
    )
