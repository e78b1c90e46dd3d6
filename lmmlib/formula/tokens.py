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
    kind : str
        ``number``, ``name``, ``text``, ``sign``, or ``end``.
    text : str
        As typed, a name without its backticks and a text without its quotes.
    is_quoted : bool
        Whether a name stood in backticks, so that it is a column whatever it looks like.
    """

    kind: str
    text: str
    is_quoted: bool = False


END = Token("end", "")


def tokens_of(formula: str) -> tuple[Token, ...]:
    """The tokens of a formula, or of a part of one, without spaces.

    Raises
    ------
    ValueError
        If the text holds a sign that no formula has; the message names the first.

    Examples
    --------
    >>> [t.text for t in tokens_of("log(x.1)^2 + `the site`")]
    ['log', '(', 'x.1', ')', '^', '2', '+', 'the site']
    """
    tokens = []
    place = 0
    while place < len(formula):
        match = TOKEN.match(formula, place)
        if match is None:
            raise ValueError(_unreadable(formula, place))
        if match.lastgroup != "space":
            tokens.append(_token(match.lastgroup, match.group()))
        place = match.end()
    return tuple(tokens)


def _token(kind: str, text: str) -> Token:
    if kind == "quoted":
        return Token("name", text[1:-1], is_quoted=True)
    if kind == "text":
        return Token(kind, text[1:-1])
    return Token(kind, text)


def _unreadable(formula: str, place: int) -> str:
    """What is said of a sign that no token begins with."""
    sign = formula[place]
    if sign == ".":
        return f"a dot does not stand for all columns; name them, got {formula!r}"
    if sign == "`":
        return f"a backtick is not closed in {formula!r}"
    if sign in "'\"":
        return f"a quoted text is not closed, or has a backslash, in {formula!r}"
    if sign == "%":
        return f"of R's operators between percent signs only %in% is read, got {formula!r}"
    advice = "put names of columns with other signs than letters, digits, dots and _ into backticks"
    return f"{formula!r} has a sign {sign!r} at position {place + 1} that no formula has; {advice}"
