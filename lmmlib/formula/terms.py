"""Terms of lme4's notation: sums of products of columns and calls, bars and offsets among them."""

from lmmlib.formula.expression import POWERS, Call, Expression, Name, displayed
from lmmlib.formula.expression_parser import ExpressionParser
from lmmlib.formula.grouping import Bar, close_parenthesis, parse_groupings
from lmmlib.formula.placeholders import (
    fill_placeholders,
    placeholder,
    placeholder_number,
    placeholders_in,
)
from lmmlib.formula.tokens import END

OPERATORS = ("*", "/", ":", "^", "**", "%in%")  # of terms, beside + and -
OFFSET = "offset"


def without_bars(formula: str) -> str:
    """What is said of a formula without random effects."""
    return (
        f"random effects must stand in parentheses with a bar, as in (1 | group); got {formula!r}"
    )


class TermParser:
    """Parses the terms of one formula: sums of products of atoms, bars and offsets among them.

    Bars and offsets are collected, and only what is left are terms of the fixed part.

    Parameters
    ----------
    parser : ExpressionParser
        Parser of the right-hand side.

    Attributes
    ----------
    atoms : list of Expression
        Columns and calls so far, each once.
    bars : list of Bar
        Bars so far.
    offsets : list of Expression
        What stands in ``offset(…)`` so far, each once as in R.
    cautions : list of str
        Sentences on what reads otherwise than was probably meant.
    """

    def __init__(self, parser: ExpressionParser) -> None:
        self.parser = parser
        self.atoms: list[Expression] = []
        self.bars: list[Bar] = []
        self.offsets: list[Expression] = []
        self.cautions: list[str] = []
        self._collected: list[str] = []  # bars and offsets as messages quote them

    def parse(self) -> str:
        """The terms up to the end, without the bars and offsets, which are collected."""
        terms = self._sum()
        if self.parser.next_is("|", "||"):
            raise ValueError(without_bars(self.parser.formula))
        if self.parser.next_is(")"):
            raise ValueError(f"parentheses do not match in {self.parser.formula!r}")
        if self.parser.next_token is not END:
            raise self.parser.error("expected +, or another operator of terms")
        return terms

    def _sum(self) -> str:
        """Terms joined by + and −, up to a closing parenthesis, a bar or the end."""
        terms = ""
        sign = self._sign("+")
        while True:
            collected_before = len(self._collected)
            product = self._product()
            if sign == "-":
                self._refuse_collected(collected_before)
            if product:
                terms += f" {sign} {product}" if terms or sign == "-" else product
            if not self.parser.next_is("+", "-"):
                return terms.strip()
            sign = self._sign(self.parser.take().text)

    def _sign(self, sign: str) -> str:
        """The sign that several in a row come to."""
        while self.parser.next_is("+", "-"):
            if self.parser.take().text == "-":
                sign = "+" if sign == "-" else "-"
        return sign

    def _product(self) -> str:
        """One term, or several joined by operators; empty for a bar or an offset."""
        collected_before = len(self._collected)
        product = self._factor()
        if not self._term_ends():
            self._refuse_collected(collected_before)
        while self.parser.next_is(*OPERATORS):
            sign = self.parser.take().text
            if sign in POWERS:
                product = self._power(product)
            else:
                factor = self._factor()
                self._refuse_collected(collected_before)
                # %in% is : in R, and formulaic would add the term on the right
                operator = ":" if sign == "%in%" else sign
                product = f"{product} {operator} {factor}"
            if _has_number(product):
                raise self.parser.error(
                    "a number among terms must be 0 or 1 and stand alone; arithmetic stands in "
                    "I(...)"
                )
        return product

    def _term_ends(self) -> bool:
        """Whether a term ends here."""
        is_last = self.parser.next_token is END
        return is_last or self.parser.next_is("+", "-", ")", "|", "||")

    def _factor(self) -> str:
        """An atom's placeholder, 0 or 1, or terms in parentheses; empty for what is collected."""
        parser = self.parser
        if parser.next_is("("):
            return self._parentheses()
        if parser.next_token.kind == "number":
            return self._intercept()
        if parser.next_token.kind != "name":
            raise parser.error("expected a term")
        atom = self._atom()
        if not self._term_ends() and not parser.next_is(*OPERATORS):
            self._refuse_neighbour()
        if isinstance(atom, Call) and atom.function == OFFSET:
            self._collect_offset(atom)
            return ""
        if atom not in self.atoms:
            self.atoms.append(atom)
        return f"`{placeholder(self.atoms.index(atom))}`"

    def _intercept(self) -> str:
        """0 or 1."""
        text = self.parser.take().text
        if float(text) not in (0, 1):
            raise ValueError(
                f"a number among terms must be 0 or 1, got {text} in {self.parser.formula!r}; "
                "arithmetic stands in I(...)"
            )
        return str(int(float(text)))

    def _atom(self) -> Expression:
        """A column or a call."""
        if self.parser.next_is_call() and not self._bar_follows():
            return self.parser.call()
        return Name(self.parser.take().text)

    def _bar_follows(self) -> bool:
        """Whether the parentheses behind the next name are a bar's and not a call's."""
        depth = 0
        for token in self.parser.tokens[self.parser.position + 1 :]:
            if token.is_sign("("):
                depth += 1
            elif token.is_sign(")"):
                depth -= 1
            elif depth == 1 and token.is_sign("|", "||"):
                return True
            if depth == 0:
                return False
        return False

    def _refuse_neighbour(self) -> None:
        """Raise for a term that something follows without an operator."""
        if self.parser.next_is("("):
            collected_before = len(self._collected)
            self._parentheses()
            self._refuse_collected(collected_before)
        raise self.parser.error("expected an operator between two terms")

    def _collect_offset(self, call: Call) -> None:
        """Keep what stands in ``offset(…)``; the same a second time adds nothing, as in R."""
        if len(call.arguments) != 1 or call.arguments[0].name is not None:
            raise ValueError(
                f"offset(...) takes one expression of columns, got {call} in "
                f"{self.parser.formula!r}"
            )
        value = call.arguments[0].value
        if value not in self.offsets:
            self.offsets.append(value)
        self._collected.append(str(call))

    def _power(self, terms: str) -> str:
        """Terms crossed with themselves; more often than there are atoms adds nothing."""
        token = self.parser.take()
        if token.kind != "number" or not float(token.text).is_integer() or float(token.text) < 1:
            raise ValueError(
                "terms are crossed with themselves a whole number of times, got "
                f"{self.parser.formula!r}"
            )
        atoms = placeholders_in(terms)
        if terms.strip("`") in atoms:  # one column or call alone
            self._caution_power(terms)
        times = min(int(float(token.text)), len(atoms))
        crossed = " * ".join([terms] * max(1, times))
        return f"({crossed})"

    def _caution_power(self, atom: str) -> None:
        name = displayed(self.atoms[placeholder_number(atom.strip("`"))])
        self.cautions.append(
            f"{name}^… among terms means {name} crossed with itself, which is {name}; "
            f"write I({name}^2) for a square ({self.parser.formula!r})"
        )

    def _parentheses(self) -> str:
        """Terms in parentheses, or nothing for what has a bar."""
        parser = self.parser
        parser.expect("(")
        if parser.next_is("|", "||"):
            raise ValueError(
                f"effects must stand before a bar, as in (1 | g); got {parser.formula!r}"
            )
        bars_before = len(self.bars)
        collected_before = len(self._collected)
        terms = self._sum()
        if parser.next_is("|", "||"):
            if len(self.bars) > bars_before:
                raise ValueError(
                    f"a bar stands inside another in {parser.formula!r}; write one pair of "
                    "parentheses a bar"
                )
            if len(self._collected) > collected_before:
                raise ValueError(
                    f"{self._collected[-1]} stands before a bar in {parser.formula!r}: an offset "
                    "is a known part of the mean, and no effect that differs between groups; let "
                    "it stand outside the parentheses"
                )
            self._bar(terms)
            return ""
        close_parenthesis(parser)
        return f"({terms})" if terms else ""

    def _bar(self, effects: str) -> None:
        """What stands behind a bar, up to its parenthesis."""
        correlated = self.parser.take().text == "|"
        groupings = parse_groupings(self.parser)
        close_parenthesis(self.parser)
        bars = [Bar(effects, grouping, correlated) for grouping in groupings]
        self.bars += bars
        self._collected += [self._quoted(bar) for bar in bars]

    def _quoted(self, bar: Bar) -> str:
        """A bar as messages quote it."""
        sign = "|" if bar.correlated else "||"
        return f"({fill_placeholders(bar.effects, self.atoms)} {sign} {bar.name})"

    def _refuse_collected(self, before: int) -> None:
        """Raise if a bar or an offset was collected where it is not joined by +."""
        if len(self._collected) == before:
            return
        latest = self._collected[-1]
        what = "an offset" if latest.startswith(f"{OFFSET}(") else "random effects"
        raise ValueError(
            f"{what} must be joined to other terms by +, and {latest} is not; got "
            f"{self.parser.formula!r}"
        )


def _has_number(product: str) -> bool:
    """Whether a number is one of several factors."""
    return not {"0", "1"}.isdisjoint(product.split(" "))
