"""The functions that a formula may call, and their options: nothing else is ever called.

=====================  ===========================================================================================
row by row             NumPy's elementwise functions of :data:`ELEMENTWISE`, with ``np.`` before them or not
taken from the data    ``center``, ``scale``, ``standardize``, ``poly``, ``bs``, ``cr``, ``cs``, ``cc``: formulaic's;
                       means, SDs and knots are those of the first table, and are kept for every other one
factors                ``C``, ``factor``, ``as.factor``, with contrasts of :data:`CONTRASTS`
as it is               ``I``
=====================  ===========================================================================================
"""  # noqa: E501

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches

import numpy as np
from scipy.special import expit, logit

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

ONE_ARGUMENT = {
    "abs": np.abs,
    "absolute": np.abs,
    "fabs": np.fabs,
    "sign": np.sign,
    "sqrt": np.sqrt,
    "cbrt": np.cbrt,
    "square": np.square,
    "exp": np.exp,
    "exp2": np.exp2,
    "exp10": lambda x: np.power(10.0, x),
    "expm1": np.expm1,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "arcsinh": np.arcsinh,
    "arccosh": np.arccosh,
    "arctanh": np.arctanh,
    "floor": np.floor,
    "ceil": np.ceil,
    "ceiling": np.ceil,
    "trunc": np.trunc,
    "logit": logit,
    "qlogis": logit,
    "expit": expit,
    "plogis": expit,
}
TWO_ARGUMENTS = {
    "maximum": np.maximum,
    "minimum": np.minimum,
    "pmax": np.maximum,
    "pmin": np.minimum,
}
ELEMENTWISE: Mapping[str, tuple[Callable[..., np.ndarray], tuple[int, ...]]] = {
    **{name: (function, (1,)) for name, function in ONE_ARGUMENT.items()},
    **{name: (function, (2,)) for name, function in TWO_ARGUMENTS.items()},
    "log": (lambda x, base=np.e: np.log(x) if base is np.e else np.log(x) / np.log(base), (1, 2)),
    "where": (np.where, (3,)),
    "ifelse": (np.where, (3,)),
}
SPLINE = ("df", "knots", "lower_bound", "upper_bound", "constraints", "extrapolation")
# formulaic's transforms that take something from the data, with the options that a formula may give
# them
STATEFUL: Mapping[str, tuple[str, ...]] = {
    "center": (),
    "scale": ("center", "scale", "ddof"),
    "standardize": ("center", "rescale", "ddof"),
    "poly": ("degree", "raw"),
    "bs": (
        "df",
        "knots",
        "degree",
        "include_intercept",
        "lower_bound",
        "upper_bound",
        "extrapolation",
    ),
    "cr": SPLINE,
    "cs": SPLINE,
    "cc": SPLINE,
}
FACTORS: Mapping[str, tuple[str, ...]] = {
    "C": ("contrasts", "levels"),
    "factor": ("levels",),
    "as.factor": (),
}
# R's and patsy's names of formulaic's contrasts, with the options that a formula may give them
CONTRASTS: Mapping[str, tuple[str, ...]] = {
    "contr.treatment": ("base",),
    "contr.sum": (),
    "contr.helmert": ("reverse", "scale"),
    "contr.diff": ("backward",),
    "contr.poly": ("scores",),
    "Treatment": ("reference",),
    "Sum": (),
    "Helmert": ("reverse", "scale"),
    "Diff": ("backward",),
    "Poly": ("scores",),
}
BEFOREHAND = "compute that column beforehand, table.assign(new=...), and name it in the formula"
SUMMARY = (
    "what it takes from the data would be taken anew from other rows: use center(x) or "
    f"scale(x), or {BEFOREHAND}"
)
# what users of R and Python write, and what stands for it here
EQUIVALENTS = {
    "ns": (
        "with the intercept cr(x, df=k, constraints='center') spans the same curves as ns(x, df=k)"
    ),
    "interaction": "write a:b for interaction(a, b)",
    "relevel": "write C(f, contr.treatment('b')) for relevel(f, ref = 'b')",
    "ordered": "write C(f, contr.poly) for the contrasts of an ordered factor",
    "as.ordered": "write C(f, contr.poly) for the contrasts of an ordered factor",
    "offset": "name its column with offset=",
    "weights": "name their column with weights=",
    "as.numeric": "convert the column to numbers in the table",
    "as.integer": "convert the column to numbers in the table",
    "as.character": "write factor(x)",
    "as.Date": "convert the column in the table, to a number of days for instance",
    "round": "round the column in the table",
    **dict.fromkeys(
        ("mean", "sd", "std", "var", "median", "min", "max", "sum", "rank", "quantile"), SUMMARY
    ),
}


def check_calls(node: Expression, formula: str) -> None:
    """Raise unless every call of an expression is of the functions above, with their options.

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
    >>> from lmmlib.formula.expression import Reader
    >>> from lmmlib.formula.tokens import tokens_of
    >>> list(columns_of(Reader(tokens_of("log(x + `y z`)"), "").expression()))
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


def elementwise(name: str) -> tuple[Callable[..., np.ndarray], tuple[int, ...]] | None:
    """NumPy's function of that name and how many arguments it takes, or None."""
    return ELEMENTWISE.get(re.sub(r"^(np|numpy)\.", "", name))


def _data_arguments(call: Call) -> tuple[Argument, ...]:
    """Arguments that are columns: the first alone where the others are options."""
    has_options = call.function in STATEFUL or call.function in FACTORS
    return call.arguments[:1] if has_options else call.arguments


def _check_call(call: Call, formula: str) -> None:
    name = call.function
    numpy_function = elementwise(name)
    if numpy_function is None and name != "I" and name not in STATEFUL and name not in FACTORS:
        raise ValueError(f"a formula cannot call {name}(...), got {formula!r}; {_advice(name)}")
    for argument in _data_arguments(call):
        if argument.name is not None:
            raise ValueError(
                f"{name}(...) takes columns without names of arguments, got {argument} in "
                f"{formula!r}"
            )
        check_calls(argument.value, formula)
    counts = (1,) if numpy_function is None else numpy_function[1]
    count = len(_data_arguments(call))
    if count not in counts:
        expected = " or ".join(map(str, counts))
        raise ValueError(
            f"{name}(...) takes {expected} argument{'s' * (counts != (1,))}, got {count} in "
            f"{formula!r}"
        )
    if name in STATEFUL:
        _check_options(name, call.arguments[1:], STATEFUL[name], formula)
    elif name in FACTORS:
        _check_factor(call, formula)


def _check_factor(call: Call, formula: str) -> None:
    """Raise unless the options of a factor are contrasts and levels."""
    plain = []
    for argument in call.arguments[1:]:
        is_contrast = isinstance(argument.value, Name | Call)
        if not is_contrast:
            plain.append(argument)
            continue
        contrast = argument.value
        name = contrast.name if isinstance(contrast, Name) else contrast.function
        if (
            call.function != "C"
            or name not in CONTRASTS
            or argument.name not in (None, "contr", "contrasts")
        ):
            advice = f"C(f, contrast) takes one of {', '.join(CONTRASTS)}"
            raise ValueError(
                f"{call} has an option that is not read, {argument}, in {formula!r}; {advice}"
            )
        if isinstance(contrast, Call):
            _check_options(name, contrast.arguments, CONTRASTS[name], formula)
    _check_options(call.function, tuple(plain), FACTORS[call.function], formula)


def _check_options(
    name: str, options: tuple[Argument, ...], known: tuple[str, ...], formula: str
) -> None:
    """Raise unless options are numbers, texts or lists of them, under known names."""
    for option in options:
        if not _is_plain(option.value):
            raise ValueError(
                f"options of {name}(...) must be numbers or texts, got {option} in {formula!r}"
            )
        if option.name is not None and option.name not in known:
            told = ", ".join(known) or "none"
            raise ValueError(
                f"{name}(...) has no option {option.name!r}, only {told}; got {formula!r}"
            )
    if len(options) > len(known):
        told = ", ".join(known) or "none"
        raise ValueError(f"{name}(...) has the options {told}; got {len(options)} in {formula!r}")


def _is_plain(node: Expression) -> bool:
    if isinstance(node, Listing):
        return all(map(_is_plain, node.items))
    if isinstance(node, Unary):
        return isinstance(node.operand, Number)
    return isinstance(node, Number | Literal)


def _advice(name: str) -> str:
    """What to do instead of calling a function that a formula cannot call."""
    last = name.rpartition(".")[2]
    if name in EQUIVALENTS:
        return EQUIVALENTS[name]
    if last in EQUIVALENTS:  # a method, x.mean()
        return EQUIVALENTS[last]
    close = get_close_matches(name, [*ELEMENTWISE, *STATEFUL, *FACTORS], 1, 0.75)
    return f"is {close[0]}(...) meant? Otherwise {BEFOREHAND}" if close else BEFOREHAND
