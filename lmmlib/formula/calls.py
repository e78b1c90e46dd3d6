"""Calls of functions in a formula: which are allowed, their columns, and their options."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from lmmlib.formula.expression import (
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
from lmmlib.formula.functions import (
    BEFOREHAND,
    CONTRASTS,
    ELEMENTWISE,
    EQUIVALENTS,
    FACTORS,
    STATEFUL,
    elementwise,
    is_elementwise,
)

Option = float | str | bool | list["Option"] | None


@dataclass(frozen=True)
class Options:
    """Options of a call.

    Attributes
    ----------
    positional : list
        Options that were given by their position.
    named : dict of str
        Options that were given by a name.
    """

    positional: list[Option]
    named: dict[str, Option]

    @property
    def values(self) -> list[Option]:
        """All of them."""
        return [*self.positional, *self.named.values()]


def check_calls(node: Expression, formula: str) -> None:
    """Raise unless every call of an expression is of a listed function, with its options.

    Parameters
    ----------
    node : Expression
        Expression to check.
    formula : str
        The formula as typed, which messages quote.

    Raises
    ------
    ValueError
        If a function or an option is not known; the message names it, and what stands for it.

    Examples
    --------
    >>> check_calls(Call("open", (Argument(None, Name("x")),)), "y ~ open(x)")
    ... # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
        ...
    ValueError: a formula cannot call open(...), got 'y ~ open(x)'; compute that column beforehand,
    ...
    """
    if isinstance(node, Unary):
        check_calls(node.operand, formula)
    elif isinstance(node, Binary):
        check_calls(node.left, formula)
        check_calls(node.right, formula)
    elif isinstance(node, Call):
        _check_call(node, formula)
    elif isinstance(node, Listing):
        raise ValueError(
            f"{node} stands for several options of a function, and for no column, in {formula!r}"
        )


def columns_of(node: Expression) -> Iterator[str]:
    """Names of the columns of an expression; options of functions are none.

    Examples
    --------
    >>> from lmmlib.formula.expression_parser import ExpressionParser
    >>> from lmmlib.formula.tokens import tokenize
    >>> list(columns_of(ExpressionParser(tokenize("log(x + `y z`)"), "").expression()))
    ['x', 'y z']
    """
    if isinstance(node, Name):
        yield node.name
    elif isinstance(node, Unary):
        yield from columns_of(node.operand)
    elif isinstance(node, Binary):
        yield from columns_of(node.left)
        yield from columns_of(node.right)
    elif isinstance(node, Call):
        for argument in _data_arguments(node):
            yield from columns_of(argument.value)


def options_of(arguments: tuple[Argument, ...]) -> Options:
    """The values of arguments that are options.

    Examples
    --------
    >>> options_of((Argument(None, Number(3.0)), Argument("raw", Literal(True))))
    Options(positional=[3], named={'raw': True})
    """
    positional = [option_value(a.value) for a in arguments if a.name is None]
    named = {a.name: option_value(a.value) for a in arguments if a.name is not None}
    return Options(positional, named)


def option_value(node: Expression) -> Option:
    """The value of an option: a number, a text, a truth value, or a list of these."""
    if isinstance(node, Listing):
        return [option_value(item) for item in node.items]
    if isinstance(node, Unary) and isinstance(node.operand, Number):
        value = _number(node.operand)
        return -value if node.sign == "-" else value
    if isinstance(node, Number):
        return _number(node)
    if isinstance(node, Literal):
        return node.value
    raise ValueError(f"an option must be a number or a text, got {node}")


def _number(node: Number) -> float:
    """Python's int for a whole number, as formulaic's counts of columns must be."""
    return int(node.value) if node.value.is_integer() else node.value


def _data_arguments(call: Call) -> tuple[Argument, ...]:
    """Arguments that are columns: the first alone where the others are options."""
    has_options = call.function in STATEFUL or call.function in FACTORS
    return call.arguments[:1] if has_options else call.arguments


def _check_call(call: Call, formula: str) -> None:
    _check_function(call.function, formula)
    _check_data_arguments(call, formula)
    if call.function in STATEFUL:
        _check_options(call.function, call.arguments[1:], STATEFUL[call.function], formula)
    elif call.function in FACTORS:
        _check_factor(call, formula)


def _check_function(name: str, formula: str) -> None:
    if name == "offset":
        raise ValueError(
            "offset(...) must be a term of its own, joined to the others by +, as in "
            f"y ~ x + offset(z) + (1 | g); got {formula!r}"
        )
    is_known = name == "I" or name in STATEFUL or name in FACTORS
    if not is_known and not is_elementwise(name):
        raise ValueError(f"a formula cannot call {name}(...), got {formula!r}; {_advice(name)}")


def _check_data_arguments(call: Call, formula: str) -> None:
    """Raise unless the arguments that are columns are as many as the function takes."""
    name = call.function
    arguments = _data_arguments(call)
    for argument in arguments:
        if argument.name is not None:
            raise ValueError(
                f"{name}(...) takes columns without names of arguments, got {argument} in "
                f"{formula!r}"
            )
        check_calls(argument.value, formula)
    counts = elementwise(name).argument_counts if is_elementwise(name) else (1,)
    if len(arguments) not in counts:
        expected = " or ".join(map(str, counts))
        noun = "argument" if counts == (1,) else "arguments"
        raise ValueError(
            f"{name}(...) takes {expected} {noun}, got {len(arguments)} in {formula!r}"
        )


def _check_factor(call: Call, formula: str) -> None:
    """Raise unless the options of a factor are contrasts and levels."""
    others = []
    for argument in call.arguments[1:]:
        contrast = argument.value
        if not isinstance(contrast, Name | Call):
            others.append(argument)
            continue
        name = contrast.name if isinstance(contrast, Name) else contrast.function
        is_contrast = name in CONTRASTS and argument.name in (None, "contr", "contrasts")
        if call.function != "C" or not is_contrast:
            advice = f"C(f, contrast) takes one of {', '.join(CONTRASTS)}"
            raise ValueError(
                f"{call} has an option that is not read, {argument}, in {formula!r}; {advice}"
            )
        if isinstance(contrast, Call):
            _check_options(name, contrast.arguments, CONTRASTS[name], formula)
    _check_options(call.function, tuple(others), FACTORS[call.function], formula)


def _check_options(
    function: str, options: tuple[Argument, ...], known: tuple[str, ...], formula: str
) -> None:
    """Raise unless options are numbers, texts or lists of them, under known names."""
    names = ", ".join(known) or "none"
    for option in options:
        if not _is_constant(option.value):
            raise ValueError(
                f"options of {function}(...) must be numbers or texts, got {option} in {formula!r}"
            )
        if option.name is not None and option.name not in known:
            raise ValueError(
                f"{function}(...) has no option {option.name!r}, only {names}; got {formula!r}"
            )
    if len(options) > len(known):
        raise ValueError(
            f"{function}(...) has the options {names}; got {len(options)} in {formula!r}"
        )


def _is_constant(node: Expression) -> bool:
    if isinstance(node, Listing):
        return all(map(_is_constant, node.items))
    if isinstance(node, Unary):
        return isinstance(node.operand, Number)
    return isinstance(node, Number | Literal)


def _advice(name: str) -> str:
    """What to do instead of calling a function that a formula cannot call."""
    method = name.rpartition(".")[2]  # mean of x.mean()
    for known in (name, method):
        if known in EQUIVALENTS:
            return EQUIVALENTS[known]
    similar = get_close_matches(name, [*ELEMENTWISE, *STATEFUL, *FACTORS], n=1, cutoff=0.75)
    return f"is {similar[0]}(...) meant? Otherwise {BEFOREHAND}" if similar else BEFOREHAND
