"""Terms of lme4's notation: sums of products of columns and calls, and the bars among them."""

from dataclasses import dataclass

from lmmlib.formula.expression import Call, Expression, Name, Reader
from lmmlib.formula.functions import FACTORS
from lmmlib.formula.tokens import END

FIRST_PLACEHOLDER = (
    0xE000  # Unicode's private characters: no column, level or function is called so
)
OPERATORS = ("*", "/", ":", "^", "**", "%in%")  # of terms, beside + and -
ONE_BAR = "parentheses must have one bar, or two side by side, as in (x | g) or (x || g)"
COLUMNS_JOINED = "a grouping side must be columns joined by : or /"


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
    group: tuple[Expression, ...]
    correlated: bool

    @property
    def name(self) -> str:
        """The factor, as lme4 names it."""
        return ":".join(displayed(part) for part in self.group)


def displayed(node: Expression) -> str:
    """An expression as coefficients are named after it: a column by its bare name.

    Examples
    --------
    >>> displayed(Name("the site"))
    'the site'
    """
    return node.name if isinstance(node, Name) else str(node)


def without_bars(formula: str) -> str:
    """What is said of a formula without random effects."""
    return (
        f"random effects must stand in parentheses with a bar, as in (1 | group); got {formula!r}"
    )


class TermReader:
    """Reads the terms of one formula: sums of products of atoms, and the bars among them.

    Attributes
    ----------
    atoms : object
        Columns and calls found so far, each once.
    bars : object
        Bars found so far.
    doubts : object
        What reads otherwise than was probably meant.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.atoms: list[Expression] = []
        self.bars: list[Bar] = []
        self.doubts: list[str] = []

    def all(self) -> str:
        """The terms up to the end, without the bars, which are collected."""
        terms = self._sum()
        if self.reader.comes("|", "||"):
            raise ValueError(without_bars(self.reader.formula))
        if self.reader.next is not END:
            raise self._unmatched()
        return terms

    def _unmatched(self) -> ValueError:
        if self.reader.comes(")"):
            return ValueError(f"parentheses do not match in {self.reader.formula!r}")
        return self.reader.error("expected +, or another operator of terms")

    def _sum(self) -> str:
        """Terms joined by + and −, up to a closing parenthesis, a bar or the end."""
        terms = ""
        sign = self._sign("+")
        while True:
            bars_before = len(self.bars)
            product = self._product()
            if len(self.bars) > bars_before and sign == "-":
                raise self._not_added(self.bars[-1])
            if product:
                terms += f" {sign} {product}" if terms or sign == "-" else product
            if not self.reader.comes("+", "-"):
                return terms.strip()
            sign = self._sign(self.reader.take().text)

    def _sign(self, sign: str) -> str:
        """The sign that several in a row come to."""
        while self.reader.comes("+", "-"):
            if self.reader.take().text == "-":
                sign = "+" if sign == "-" else "-"
        return sign

    def _product(self) -> str:
        """One term, or several joined by operators; empty for a bar, which is collected."""
        reader = self.reader
        bars_before = len(self.bars)
        product, is_atom = self._factor()
        if len(self.bars) > bars_before and not self._ends():
            raise self._not_added(self.bars[-1])
        while reader.comes(*OPERATORS):
            sign = reader.take().text
            sign = (
                ":" if sign == "%in%" else sign
            )  # the same in R; formulaic would add the term on the right
            if sign in ("^", "**"):
                if is_atom:
                    self._doubt_power(product)
                product = _crossed(product, self._exponent())
            else:
                factor, _ = self._factor()
                if len(self.bars) > bars_before:
                    raise self._not_added(self.bars[-1])
                product = f"{product} {sign} {factor}"
            is_atom = False
            if _has_number(product):
                raise reader.error(
                    "a number among terms must be 0 or 1 and stand alone; arithmetic stands in "
                    "I(...)"
                )
        return product

    def _ends(self) -> bool:
        """Whether a term ends here."""
        return self.reader.next is END or self.reader.comes("+", "-", ")", "|", "||")

    def _factor(self) -> tuple[str, bool]:
        """An atom's placeholder, 0 or 1, or terms in parentheses; and whether it is an atom."""
        reader = self.reader
        if reader.comes("("):
            return self._parentheses(), False
        token = reader.next
        if token.kind == "number":
            reader.take()
            if float(token.text) not in (0, 1):
                advice = "arithmetic stands in I(...)"
                raise ValueError(
                    f"a number among terms must be 0 or 1, got {token.text} in "
                    f"{reader.formula!r}; {advice}"
                )
            return str(int(float(token.text))), False
        if token.kind != "name":
            raise reader.error("expected a term")
        if reader.is_call() and not self._bar_follows():
            atom = reader.call()
        else:
            reader.take()
            atom = Name(token.text)
        if not self._ends() and not reader.comes(*OPERATORS):
            self._refuse_neighbour()
        if atom not in self.atoms:
            self.atoms.append(atom)
        return f"`{chr(FIRST_PLACEHOLDER + self.atoms.index(atom))}`", True

    def _bar_follows(self) -> bool:
        """Whether the parentheses behind the name that comes are a bar's and not a call's."""
        depth = 0
        for token in self.reader.tokens[self.reader.place + 1 :]:
            if token.kind == "sign":
                depth += (token.text == "(") - (token.text == ")")
                if depth == 1 and token.text in ("|", "||"):
                    return True
                if depth == 0:
                    return False
        return False

    def _refuse_neighbour(self) -> None:
        """Raise for a term that something follows without an operator."""
        reader = self.reader
        if reader.comes("("):
            bars_before = len(self.bars)
            self._parentheses()
            if len(self.bars) > bars_before:
                raise self._not_added(self.bars[-1])
        raise reader.error("expected an operator between two terms")

    def _exponent(self) -> int:
        token = self.reader.take()
        if token.kind != "number" or not float(token.text).is_integer() or float(token.text) < 1:
            raise ValueError(
                "terms are crossed with themselves a whole number of times, got "
                f"{self.reader.formula!r}"
            )
        return int(float(token.text))

    def _doubt_power(self, product: str) -> None:
        name = displayed(self.atoms[ord(product.strip("`")) - FIRST_PLACEHOLDER])
        self.doubts.append(
            f"{name}^… among terms means {name} crossed with itself, which is {name}; "
            f"write I({name}^2) for a square ({self.reader.formula!r})"
        )

    def _parentheses(self) -> str:
        """Terms in parentheses, or nothing for what has a bar."""
        reader = self.reader
        reader.take_sign("(")
        if reader.comes("|", "||"):
            raise ValueError(
                f"effects must stand before a bar, as in (1 | g); got {reader.formula!r}"
            )
        bars_before = len(self.bars)
        terms = self._sum()
        if reader.comes("|", "||"):
            if len(self.bars) > bars_before:
                raise ValueError(
                    f"a bar stands inside another in {reader.formula!r}; write one pair of "
                    "parentheses a bar"
                )
            self._bar(terms)
            return ""
        self._close()
        return f"({terms})" if terms else ""

    def _bar(self, effects: str) -> None:
        """What stands behind a bar, up to its parenthesis."""
        reader = self.reader
        sign = reader.take().text
        groups = self._groups()
        if reader.comes("|", "||"):
            raise ValueError(f"{ONE_BAR}; got {reader.formula!r}")
        if not reader.comes(")") and reader.next is not END:
            raise ValueError(f"{COLUMNS_JOINED}, got {reader.next.text!r} in {reader.formula!r}")
        self._close()
        self.bars += [Bar(effects, group, sign == "|") for group in groups]

    def _close(self) -> None:
        if not self.reader.comes(")"):
            if self.reader.next is END:
                raise ValueError(f"parentheses do not match in {self.reader.formula!r}")
            raise self._unmatched()
        self.reader.take()

    def _groups(self) -> list[tuple[Expression, ...]]:
        """``a/b`` as (a,), (b, a); ``a:b`` as (a, b)."""
        groups = [self._interaction()]
        while self.reader.comes("/"):
            self.reader.take()
            groups.append(self._interaction() + groups[-1])
        return groups

    def _interaction(self) -> tuple[Expression, ...]:
        parts = self._grouping()
        while self.reader.comes(":"):
            self.reader.take()
            parts += self._grouping()
        return parts

    def _grouping(self) -> tuple[Expression, ...]:
        """A grouping column, ``factor(column)``, or an interaction in parentheses."""
        reader = self.reader
        if reader.comes("("):
            reader.take()
            parts = self._interaction()
            self._close()
            return parts
        if reader.comes("|", "||"):
            raise ValueError(f"{ONE_BAR}; got {reader.formula!r}")
        if reader.next.kind != "name":
            raise ValueError(f"{COLUMNS_JOINED}, got {reader.next.text!r} in {reader.formula!r}")
        node = reader.atom()
        is_factor = isinstance(node, Call) and node.function in FACTORS and len(node.arguments) == 1
        if is_factor and isinstance(node.arguments[0].value, Name):
            return (node,)
        if not isinstance(node, Name):
            advice = "a:b stands for interaction(a, b); make any other factor a column of the table"
            raise ValueError(f"{COLUMNS_JOINED}, got {node} in {reader.formula!r}; {advice}")
        return (node,)

    def _not_added(self, bar: Bar) -> ValueError:
        sign = "|" if bar.correlated else "||"
        effects = bar.effects.translate(
            {FIRST_PLACEHOLDER + k: displayed(a) for k, a in enumerate(self.atoms)}
        )
        told = f"({effects.replace('`', '')} {sign} {bar.name})"
        return ValueError(
            f"random effects must be joined to other terms by +, and {told} is not; got "
            f"{self.reader.formula!r}"
        )


def _crossed(terms: str, times: int) -> str:
    """Terms crossed with themselves; more often than there are atoms adds nothing."""
    atoms = {sign for sign in terms if ord(sign) >= FIRST_PLACEHOLDER}
    return "(" + " * ".join([terms] * max(1, min(times, len(atoms)))) + ")"


def _has_number(product: str) -> bool:
    """Whether a number is one of several factors."""
    return bool({"0", "1"} & set(product.split(" ")))
