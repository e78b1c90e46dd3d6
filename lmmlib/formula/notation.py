"""lme4's notation: the response, the fixed part and the bars of a formula, read once."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

from lmmlib.formula.expression import Expression, Reader
from lmmlib.formula.functions import check_calls, columns_of
from lmmlib.formula.terms import FIRST_PLACEHOLDER, Bar, TermReader, displayed, without_bars
from lmmlib.formula.tokens import END, tokens_of


@dataclass(frozen=True)
class ParsedFormula:
    """A formula that was read.

    Attributes
    ----------
    text : str
        As typed.
    response : Expression
        Expression.
    fixed : str
        Terms of the fixed part, with a placeholder for each column or call.
    bars : tuple of Bar
        Nested factors written out.
    atoms : tuple of Expression
        The columns and calls of the terms; the k-th stands where the placeholder 0xE000 + k does.
    doubts : tuple of str
        Sentences on what reads as something else than was probably meant.
    """

    text: str
    response: Expression
    fixed: str
    bars: tuple[Bar, ...]
    atoms: tuple[Expression, ...]
    doubts: tuple[str, ...]

    @cached_property
    def columns(self) -> frozenset[str]:
        """All columns but the response's."""
        grouping = [part for bar in self.bars for part in bar.group]
        return frozenset(name for node in (*self.atoms, *grouping) for name in columns_of(node))

    @cached_property
    def fixed_atoms(self) -> dict[str, Expression]:
        """The columns and calls of the fixed part, by their placeholders."""
        placeholders = {chr(FIRST_PLACEHOLDER + k): atom for k, atom in enumerate(self.atoms)}
        return {sign: atom for sign, atom in placeholders.items() if sign in self.fixed}

    @cached_property
    def fixed_columns(self) -> frozenset[str]:
        """The columns of the fixed part, without those of any bar."""
        return frozenset(name for node in self.fixed_atoms.values() for name in columns_of(node))

    @cached_property
    def response_columns(self) -> frozenset[str]:
        """The columns of the response."""
        return frozenset(columns_of(self.response))

    def display(self, terms: str) -> str:
        """Terms, or a column's name, with the atoms as they were typed for the placeholders."""
        names = {FIRST_PLACEHOLDER + k: displayed(atom) for k, atom in enumerate(self.atoms)}
        return terms.replace("`", "").translate(names)


def parse(formula: str) -> ParsedFormula:
    """Read a formula in lme4's notation.

    Raises
    ------
    TypeError
        If it is no string.
    ValueError
        If a side is missing, parentheses do not match, there is no bar, or one is not joined by
        ``+``.

    Examples
    --------
    >>> parsed = parse("log(y) ~ x + (x || a/b)")
    >>> str(parsed.response), parsed.display(parsed.fixed)
    ('log(y)', 'x')
    >>> [(parsed.display(bar.effects), bar.name, bar.correlated) for bar in parsed.bars]
    [('x', 'a', False), ('x', 'b:a', False)]
    """
    if not isinstance(formula, str):
        example = "'y ~ x + (1 | g)'"
        raise TypeError(
            f"a formula must be a string such as {example}, got {type(formula).__name__}"
        )
    try:
        return _parsed(formula)
    except RecursionError:
        raise ValueError(
            "the formula is nested too deeply to be read; use fewer parentheses"
        ) from None


@lru_cache(maxsize=64)
def _parsed(formula: str) -> ParsedFormula:
    tokens = tokens_of(formula)
    sides = [k for k, token in enumerate(tokens) if token.kind == "sign" and token.text == "~"]
    if len(sides) != 1 or sides[0] == 0 or sides[0] == len(tokens) - 1:
        raise ValueError(f"a formula must read 'response ~ terms', got {formula!r}")
    response = _read_response(Reader(tokens[: sides[0]], formula))
    terms = TermReader(Reader(tokens[sides[0] + 1 :], formula))
    fixed = terms.all()
    if not terms.bars:
        raise ValueError(without_bars(formula))
    for node in (response, *terms.atoms):
        check_calls(node, formula)
    bars, atoms, doubts = tuple(terms.bars), tuple(terms.atoms), tuple(terms.doubts)
    return ParsedFormula(formula, response, fixed or "1", bars, atoms, doubts)


def _read_response(reader: Reader) -> Expression:
    response = reader.expression()
    if reader.next is not END:
        raise reader.error("the response must be one column or one expression of columns")
    if not set(columns_of(response)):
        raise ValueError(f"the response must name a column, got {reader.formula!r}")
    return response
