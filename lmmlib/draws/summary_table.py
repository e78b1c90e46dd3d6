"""Draws as a table whose numbers have the digits that their spread calls for."""

from decimal import Decimal

import numpy as np
import pandas as pd
import xarray as xr

from lmmlib.draws.datatree import VARIABLES
from lmmlib.draws.extraction import log_weight
from lmmlib.draws.validation import checked_tree

MIN_DRAWS = 4  # a chain, which ArviZ splits for R-hat
DIGITS = 2  # of the smaller of SD and width: a unit of the last one is a tenth of it at most
SMALLEST_PLAIN = -6  # powers of ten between which numbers are written without one
LARGEST_PLAIN = 14


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
    >>> from lmmlib.model import Data, Design, Term
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
    if tree.posterior.sizes["draw"] < MIN_DRAWS:
        raise ValueError(
            f"a summary needs {MIN_DRAWS} draws a chain at least, got "
            f"{tree.posterior.sizes['draw']}; draw more"
        )
    parameters = [name for name in VARIABLES if name in tree.posterior and name != "u"]
    # of what is fixed ArviZ divides zero by zero
    with np.errstate(invalid="ignore", divide="ignore"):
        table = arviz_stats.summary(tree, var_names=parameters, round_to="none")
    return SummaryDataFrame(table, fmt_map=_formatted(table))


def _formatted(table: pd.DataFrame) -> dict[str, dict[str, str]]:
    """How each number is shown, by column and row."""
    lower, upper = (name for name in table.columns if name.endswith(("_lb", "_ub")))
    widths = table[upper] - table[lower]
    texts: dict[str, dict[str, str]] = {name: {} for name in table.columns}
    for row in table.index:
        decimals = _decimals(float(table.loc[row, "sd"]), float(widths[row]))
        for name in table.columns:
            value = float(table.loc[row, name])
            is_estimate = name in ("mean", "sd", lower, upper)
            text = _rounded(value, decimals) if is_estimate else _diagnostic(name, value)
            texts[name][row] = text
    return texts


def _decimals(sd: float, width: float) -> int | None:
    """Decimal places of the last digit shown; None where nothing varies."""
    sizes = [size for size in (sd, width) if np.isfinite(size) and size > 0]
    if not sizes:
        return None
    power = int(np.floor(np.log10(min(sizes))))
    return DIGITS - 1 - power


def _rounded(value: float, decimals: int | None) -> str:
    """``value`` to so many decimal places, which may be fewer than none."""
    if decimals is None or not np.isfinite(value):
        return f"{value:.6g}"
    number = Decimal(value).quantize(Decimal(1).scaleb(-decimals))
    if number == 0:
        return "0"
    is_plain = SMALLEST_PLAIN <= number.adjusted() <= LARGEST_PLAIN
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
