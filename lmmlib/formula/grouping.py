"""The bars of a formula, ``(effects | group)``, and how the side after a bar is parsed."""

from dataclasses import dataclass

from lmmlib.formula.expression import Call, Expression, Name, displayed
from lmmlib.formula.expression_parser import ExpressionParser
from lmmlib.formula.functions import FACTORS
from lmmlib.formula.tokens import END

ONE_BAR = "parentheses must have one bar, or two side by side, as in (x | g) or (x || g)"
COLUMNS_JOINED = "a grouping side must be columns joined by : or /"

Grouping = tuple[Expression, ...]  # a factor, or the factors of an interaction


@dataclass(frozen=True)
class Bar:
    """One ``(effects | group)``.

    Attributes
    ----------
    effects : str
        Terms, with a placeholder for each column or call.
    group : tuple of Expression
        The factor, or the factors of an interaction, as columns or calls of ``factor``.
    correlated : bool
        False for ``||``.
    """

    effects: str
    group: Grouping
    correlated: bool

    @property
    def name(self) -> str:
        """The factor, as lme4 names it."""
        return ":".join(displayed(part) for part in self.group)


def parse_groupings(parser: ExpressionParser) -> list[Grouping]:
    """The groupings behind a bar: ``a/b`` as (a,), (b, a), and ``a:b`` as (a, b).

    Raises
    ------
    ValueError
        If something else than columns or ``factor(column)`` stands there.

    Examples
    --------
    >>> from lmmlib.formula.tokens import tokenize
    >>> parse_groupings(ExpressionParser(tokenize("a/b"), "y ~ (1 | a/b)"))
    [(Name(name='a'),), (Name(name='b'), Name(name='a'))]
    """
    groupings = [_interaction(parser)]
    while parser.next_is("/"):
        parser.take()
        groupings.append(_interaction(parser) + groupings[-1])
    if parser.next_is("|", "||"):
        raise ValueError(f"{ONE_BAR}; got {parser.formula!r}")
    if not parser.next_is(")") and parser.next_token is not END:
        raise _not_a_column(parser)
    return groupings


def _interaction(parser: ExpressionParser) -> Grouping:
    factors = _factor(parser)
    while parser.next_is(":"):
        parser.take()
        factors += _factor(parser)
    return factors


def _factor(parser: ExpressionParser) -> Grouping:
    """A grouping column, ``factor(column)``, or an interaction in parentheses."""
    if parser.next_is("("):
        parser.take()
        factors = _interaction(parser)
        close_parenthesis(parser)
        return factors
    if parser.next_is("|", "||"):
        raise ValueError(f"{ONE_BAR}; got {parser.formula!r}")
    if parser.next_token.kind != "name":
        raise _not_a_column(parser)
    node = parser.atom()
    if not isinstance(node, Name) and not _is_factor_of_column(node):
        advice = "a:b stands for interaction(a, b); make any other factor a column of the table"
        raise ValueError(f"{COLUMNS_JOINED}, got {node} in {parser.formula!r}; {advice}")
    return (node,)


def _is_factor_of_column(node: Expression) -> bool:
    if not isinstance(node, Call) or node.function not in FACTORS or len(node.arguments) != 1:
        return False
    return isinstance(node.arguments[0].value, Name)


def _not_a_column(parser: ExpressionParser) -> ValueError:
    where = f"got {parser.next_token.text!r} in {parser.formula!r}"
    return ValueError(f"{COLUMNS_JOINED}, {where}{parser.hint_of_backticks()}")


def close_parenthesis(parser: ExpressionParser) -> None:
    """Take the closing parenthesis that must come next.

    Raises
    ------
    ValueError
        If the formula ends before, or something else comes.
    """
    if parser.next_token is END:
        raise ValueError(f"parentheses do not match in {parser.formula!r}")
    if not parser.next_is(")"):
        raise parser.error("expected +, or another operator of terms")
    parser.take()
