"""The functions that a formula may call, and their options: nothing else is ever called.

Row by row: NumPy's elementwise functions of ``ELEMENTWISE``, with ``np.`` before them or not.

Taken from the data: ``center``, ``scale``, ``standardize``, ``poly``, ``bs``, ``cr``, ``cs``,
``cc``, which are formulaic's; means, SDs and knots are those of the first table, and are kept for
every other one.

Factors: ``C``, ``factor``, ``as.factor``, with contrasts of ``CONTRASTS``.

As it is: ``I``. A term of its own is ``offset(…)``, which no other function may hold.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit


@dataclass(frozen=True)
class ElementwiseFunction:
    """A function that is evaluated row by row.

    Attributes
    ----------
    function : callable
        NumPy's or SciPy's function.
    argument_counts : tuple of int
        How many arguments it may take.
    """

    function: Callable[..., np.ndarray]
    argument_counts: tuple[int, ...]


def _exp10(x: np.ndarray) -> np.ndarray:
    return np.power(10.0, x)


def _log(x: np.ndarray, base: np.ndarray | None = None) -> np.ndarray:
    """The logarithm to any base, as R's."""
    return np.log(x) if base is None else np.log(x) / np.log(base)


ONE_ARGUMENT: Mapping[str, Callable[..., np.ndarray]] = {
    "abs": np.abs,
    "absolute": np.abs,
    "fabs": np.fabs,
    "sign": np.sign,
    "sqrt": np.sqrt,
    "cbrt": np.cbrt,
    "square": np.square,
    "exp": np.exp,
    "exp2": np.exp2,
    "exp10": _exp10,
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
TWO_ARGUMENTS: Mapping[str, Callable[..., np.ndarray]] = {
    "maximum": np.maximum,
    "minimum": np.minimum,
    "pmax": np.maximum,
    "pmin": np.minimum,
}
ELEMENTWISE: Mapping[str, ElementwiseFunction] = {
    **{name: ElementwiseFunction(function, (1,)) for name, function in ONE_ARGUMENT.items()},
    **{name: ElementwiseFunction(function, (2,)) for name, function in TWO_ARGUMENTS.items()},
    "log": ElementwiseFunction(_log, (1, 2)),
    "where": ElementwiseFunction(np.where, (3,)),
    "ifelse": ElementwiseFunction(np.where, (3,)),
}
SPLINE = ("df", "knots", "lower_bound", "upper_bound", "constraints", "extrapolation")
# Formulaic's transforms that take something from the data, with the options that a formula may give
# them.
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
# R's and patsy's names of formulaic's contrasts, with the options that a formula may give them.
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
# What users of R and Python write, and what stands for it here.
EQUIVALENTS = {
    "ns": (
        "with the intercept cr(x, df=k, constraints='center') spans the same curves as ns(x, df=k)"
    ),
    "interaction": "write a:b for interaction(a, b)",
    "relevel": "write C(f, contr.treatment('b')) for relevel(f, ref = 'b')",
    "ordered": "write C(f, contr.poly) for the contrasts of an ordered factor",
    "as.ordered": "write C(f, contr.poly) for the contrasts of an ordered factor",
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


def is_elementwise(name: str) -> bool:
    """Whether that is the name of an elementwise function, with or without ``np.`` before it."""
    return _without_module(name) in ELEMENTWISE


def elementwise(name: str) -> ElementwiseFunction:
    """The elementwise function of that name, with or without ``np.`` before it.

    Examples
    --------
    >>> elementwise("np.log").argument_counts, is_elementwise("open")
    ((1, 2), False)
    """
    return ELEMENTWISE[_without_module(name)]


def _without_module(name: str) -> str:
    return re.sub(r"^(np|numpy)\.", "", name)
