"""A formula in lme4's notation: its response, fixed part, offsets and bars, parsed once."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from lmmlib.formula.calls import check_calls, columns_of
from lmmlib.formula.expression import Expression
from lmmlib.formula.expression_parser import ExpressionParser
from lmmlib.formula.grouping import Bar
from lmmlib.formula.placeholders import fill_placeholders, placeholder
from lmmlib.formula.terms import TermParser, without_bars
from lmmlib.formula.tokens import END, tokenize


@dataclass(frozen=True)
class ParsedFormula:
    """A formula that was parsed.

    Attributes
    ----------
    text : str
        As typed.
    response : Expression
        The left-hand side, one column or one expression of columns.
    fixed : str
        Terms of the fixed part, with a placeholder for each column or call.
    offsets : tuple of Expression
        What stands in each ``offset(…)``.
    bars : tuple of Bar
        Random-effects terms, nested factors written out.
    atoms : tuple of Expression
        The columns and calls of the terms; placeholder number k stands for the k-th.
    cautions : tuple of str
        Sentences on what reads as something else than was probably meant.
    """

    text: str
    response: Expression
    fixed: str
    offsets: tuple[Expression, ...]
    bars: tuple[Bar, ...]
    atoms: tuple[Expression, ...]
    cautions: tuple[str, ...]

    @property
    def columns(self) -> frozenset[str]:
        """All columns but the response's."""
        groupings = [factor for bar in self.bars for factor in bar.group]
        return _columns_of_all([*self.atoms, *self.offsets, *groupings])

    @property
    def fixed_atoms(self) -> dict[str, Expression]:
        """The columns and calls of the fixed part, by their placeholders."""
        by_placeholder = {placeholder(k): atom for k, atom in enumerate(self.atoms)}
        return {sign: atom for sign, atom in by_placeholder.items() if sign in self.fixed}

    @property
    def fixed_columns(self) -> frozenset[str]:
        """The columns of the fixed part and of the offsets, without those of any bar."""
        return _columns_of_all([*self.fixed_atoms.values(), *self.offsets])

    @property
    def response_columns(self) -> frozenset[str]:
        """The columns of the response."""
        return _columns_of_all([self.response])

    def display(self, terms: str) -> str:
        """Terms, or a column's name, with the atoms as they were typed for the placeholders."""
        return fill_placeholders(terms, self.atoms)


def parse(formula: str) -> ParsedFormula:
    """Parse a formula in lme4's notation.

    Parameters
    ----------
    formula : str
        Formula ``response ~ fixed effects + offset(…) + (effects | group) + …``.

    Returns
    -------
    ParsedFormula
        Its parts, of which nothing has been evaluated.

    Raises
    ------
    TypeError
        If it is no string.
    ValueError
        If a side is missing, parentheses do not match, there is no bar, a bar or an offset is not
        joined by ``+``, or a function is called that no formula may call.

    Examples
    --------
    >>> parsed = parse("log(y) ~ x + offset(log(n)) + (x || a/b)")
    >>> str(parsed.response), parsed.display(parsed.fixed), [str(part) for part in parsed.offsets]
    ('log(y)', 'x', ['log(n)'])
    >>> [(parsed.display(bar.effects), bar.name, bar.correlated) for bar in parsed.bars]
    [('x', 'a', False), ('x', 'b:a', False)]
    """
    if not isinstance(formula, str):
        raise TypeError(
            f"a formula must be a string such as 'y ~ x + (1 | g)', got {type(formula).__name__}"
        )
    try:
        return _parsed(formula)
    except RecursionError:
        raise ValueError(
            "the formula is nested too deeply to be read; use fewer parentheses"
        ) from None


@lru_cache(maxsize=64)
def _parsed(formula: str) -> ParsedFormula:
    # the two sides of the one tilde
    tokens = tokenize(formula)
    tildes = [position for position, token in enumerate(tokens) if token.is_sign("~")]
    if len(tildes) != 1 or tildes[0] == 0 or tildes[0] == len(tokens) - 1:
        raise ValueError(f"a formula must read 'response ~ terms', got {formula!r}")
    left = tokens[: tildes[0]]
    right = tokens[tildes[0] + 1 :]
    # the response is one expression, the right-hand side a sum of terms, offsets and bars
    response = _response(ExpressionParser(left, formula))
    terms = TermParser(ExpressionParser(right, formula))
    fixed = terms.parse()
    if not terms.bars:
        raise ValueError(without_bars(formula))
    # no function but those of the list, anywhere
    for node in (response, *terms.atoms, *terms.offsets):
        check_calls(node, formula)
    return ParsedFormula(
        formula,
        response,
        fixed or "1",
        tuple(terms.offsets),
        tuple(terms.bars),
        tuple(terms.atoms),
        tuple(terms.cautions),
    )


def _response(parser: ExpressionParser) -> Expression:
    response = parser.expression()
    if parser.next_token is not END:
        raise parser.error("the response must be one column or one expression of columns")
    if not _columns_of_all([response]):
        raise ValueError(
            f"the response must name a column, got {parser.formula!r}; a name with a space stands "
            "in backticks, and no name in quotes"
        )
    return response


def _columns_of_all(nodes: Iterable[Expression]) -> frozenset[str]:
    return frozenset(name for node in nodes for name in columns_of(node))
