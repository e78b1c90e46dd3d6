"""Draws as a table whose numbers have the digits that their spread calls for."""

from decimal import Decimal

import numpy as np
import pandas as pd
import xarray as xr

from lmmlib.draws.checks import checked_tree
from lmmlib.draws.form import VARIABLES
from lmmlib.draws.reading import log_weight

FEWEST = 4  # draws a chain that ArviZ splits for R-hat
DIGITS = 2  # of the smaller of SD and width: a unit of the last one is a tenth of it at most
PLAIN = (-6, 15)  # powers of ten between which numbers are written without one


def summary(draws: xr.DataTree) -> pd.DataFrame:
    """ArviZ's summary of everything but the effects u.

    Parameters
    ----------
    draws : xarray.DataTree
        Draws in the one form, of equal weight.

    Returns
    -------
    pandas.DataFrame
        One row a parameter, of unrounded numbers. It is shown rounded: mean, SD and both ends of
        the interval to two digits of the SD, or of the interval's width where that is smaller, so
        that the ends differ and enclose the mean wherever they do so unrounded. A parameter that is
        fixed has an SD of zero and both ends at its value.

    Raises
    ------
    TypeError
        If draws is no DataTree with a posterior.
    ValueError
        If the draws are weighted, or there are fewer than four.

    Examples
    --------
    >>> from lmmlib.model import Data
    >>> from lmmlib.model import Design, Term
    >>> from lmmlib.draws import as_draws
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> rng = np.random.default_rng(1)
    >>> arrays = {
    ...     "beta": rng.normal(size=(2, 50, 1)),
    ...     "sd": rng.uniform(size=(2, 50, 1)),
    ...     "sigma": rng.uniform(size=(2, 50)),
    ... }
    >>> summary(as_draws(data=data, **arrays)).index.tolist()
    ['beta[x1]', 'sd[g: Intercept]', 'sigma']
    """
    import arviz_stats  # slow to import
    from arviz_stats.summary import SummaryDataFrame

    tree = checked_tree(draws)
    if log_weight(tree) is not None:
        raise ValueError(
            "the draws are weighted, and ArviZ would count them alike; resample them: "
            "posterior(..., weighted=False)"
        )
    if tree.posterior.sizes["draw"] < FEWEST:
        raise ValueError(
            f"a summary needs {FEWEST} draws a chain at least, got "
            f"{tree.posterior.sizes['draw']}; draw more"
        )
    names = [name for name in VARIABLES[:-1] if name in tree.posterior]
    with np.errstate(
        invalid="ignore", divide="ignore"
    ):  # of what is fixed ArviZ divides zero by zero
        table = arviz_stats.summary(tree, var_names=names, round_to="none")
    return SummaryDataFrame(table, fmt_map=_texts(table))


def _texts(table: pd.DataFrame) -> dict[str, dict[str, str]]:
    """How each number is shown, by column and row."""
    ends = [name for name in table.columns if name.endswith(("_lb", "_ub"))]
    widths = table[ends[1]] - table[ends[0]]
    texts: dict[str, dict[str, str]] = {name: {} for name in table.columns}
    for row in table.index:
        decimals = _decimals(float(table.loc[row, "sd"]), float(widths[row]))
        for name in table.columns:
            value = float(table.loc[row, name])
            if name in ("mean", "sd", *ends):
                texts[name][row] = _rounded(value, decimals)
            else:
                texts[name][row] = _diagnostic(name, value)
    return texts


def _decimals(sd: float, width: float) -> int | None:
    """Decimal places of the last digit shown; None where nothing varies."""
    sizes = [size for size in (sd, width) if np.isfinite(size) and size > 0]
    return DIGITS - 1 - int(np.floor(np.log10(min(sizes)))) if sizes else None


def _rounded(value: float, decimals: int | None) -> str:
    """``value`` to so many decimal places, which may be fewer than none."""
    if decimals is None or not np.isfinite(value):
        return f"{value:.6g}"
    number = Decimal(value).quantize(Decimal(1).scaleb(-decimals))
    if number == 0:
        return "0"
    power = number.adjusted()
    is_plain = PLAIN[0] <= power < PLAIN[1]
    return f"{number:f}" if is_plain else f"{number:e}"


def _diagnostic(name: str, value: float) -> str:
    """Diagnostics rounded as ArviZ rounds them.

    Effective sample sizes as whole numbers, R-hat to two places, Monte Carlo errors to two digits.
    """
    if not np.isfinite(value):
        return str(value)
    if name.startswith("ess_"):
        return str(int(value))
    return f"{value:.2f}" if name == "r_hat" else f"{value:.2g}"
