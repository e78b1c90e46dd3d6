"""Draws of brms in the one form."""

import re
from itertools import product

import pandas as pd
import xarray as xr

from lmmlib.converters.matching import draws_by_name
from lmmlib.converters.naming import CATEGORY, Candidates, NamingConvention, name_variants
from lmmlib.model import Data, checked_data

# What brms::rename does to signs, with the brackets around a category left out.
SIGNS = str.maketrans(
    dict.fromkeys(" ()[],\"'?", "") | {"+": "P", "-": "M", "*": "MU", "/": "D", "^": "E", "=": "EQ"}
)
# Columns that may be left over.
IGNORED = re.compile(
    r"Unnamed: \d+|Intercept|lprior|lp__|\.chain|\.iteration|\.draw|prior_.*|[zL]_\d+.*|"
)
# What R and Python write otherwise: powers, logical values, whole numbers among floats, NumPy's
# functions, categorical columns.
REPLACEMENTS = [
    (r"\*\*", ["^"]),
    (r"\[(T\.)?True\]", ["TRUE"]),
    (r"\[(T\.)?False\]", ["FALSE"]),
    (r"\[(T\.)?(-?\d+)\.0\]", [r"[\2]"]),
    (r"(?<![\w.])np\.", [""]),
    (r"(?<![\w.])(C|factor|as\.factor)\(", [r"\1(", "factor(", "as.factor(", "C("]),
]
# A logical column that was taken for a number.
LOGICAL = (r"(?<=[\w.)])$", ["", "TRUE"])


def from_brms(frame: pd.DataFrame, data: Data) -> xr.DataTree:
    """Draws of a brms fit in the one form that all functions of this package take.

    Parameters
    ----------
    frame : pandas.DataFrame
        Table with the columns of R's ``as_draws_df``: ``b_Intercept``, ``sd_Subject__Days``,
        ``cor_Subject__Intercept__Days``, ``r_Subject[308,Days]``, ``sigma``, ``.chain``,
        ``.iteration``, ….
    data : Data
        Data of the same formula, in the notation of :func:`lmmlib.from_formula`, and of the same
        table.

    Returns
    -------
    xarray.DataTree
        Draws in the one form; without u where there is no column ``r_…``.

    Raises
    ------
    TypeError
        If the frame is no pandas.DataFrame, or data is no Data.
    ValueError
        If a column is missing or of no use (the message names it), or the chains differ in length.

    Notes
    -----
    The frame holds no response, so it cannot be checked that the data are those of the fit; levels
    are matched by label. brms' ``weights()`` multiply the log density of a row, ours divide its
    variance: such fits are of another model. The priors are brms's: refits by ``loo(priors=...)``
    need the same.

    References
    ----------
    Bürkner (2017), J. Stat. Softw. 80(1).

    Examples
    --------
    A user writes in R ``write.csv(as_draws_df(fit), "draws.csv")``, and then::

        data = lmm.from_formula("Reaction ~ Days + (Days | Subject)", table)
        lmm.loo(lmm.from_brms(pandas.read_csv("draws.csv"), data), data)

    >>> from lmmlib.model import Design, Term
    >>> data = Data(
    ...     [1.0, 2.0, 4.0],
    ...     Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])], coef=["Intercept"]),
    ... )
    >>> frame = pd.DataFrame(
    ...     {
    ...         ".chain": [1, 1, 2, 2],
    ...         ".iteration": [1, 2, 1, 2],
    ...         "b_Intercept": [0.1, 0.2, 0.3, 0.4],
    ...     }
    ... )
    >>> tree = from_brms(frame.assign(sigma=1.0, sd_g__Intercept=2.0), data)
    >>> tree.posterior.beta.sel(coef="Intercept").values.tolist()
    [[0.1, 0.2], [0.3, 0.4]]
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            "from_brms takes a pandas DataFrame with the columns of as_draws_df, got "
            f"{type(frame).__name__}"
        )
    _check_columns(frame)
    ordered = _sorted_by_chain(frame)
    chains = ordered[".chain"].nunique()
    variables = {
        str(name): column.to_numpy(float).reshape(chains, -1)
        for name, column in ordered.select_dtypes("number").items()
    }
    return draws_by_name(variables, BRMS, checked_data(data), "sigma", IGNORED.fullmatch)


def _names(effect: str) -> Candidates:
    """Names that brms may have for a coefficient or an effect."""
    factors = [name_variants(factor, [*REPLACEMENTS, LOGICAL]) for factor in effect.split(":")]
    products = [":".join(parts) for parts in product(*factors)]
    renamed = [CATEGORY.sub(r"\1", name).translate(SIGNS) for name in products]
    return tuple(dict.fromkeys(renamed))


def _coef_names(coef: str) -> Candidates:
    return tuple(f"b_{name}" for name in _names(coef))


def _sd_names(group: str, effect: str) -> Candidates:
    return tuple(f"sd_{group}__{name}" for name in _names(effect))


def _cor_names(group: str, first: str, second: str) -> Candidates:
    """In either order of the two effects."""
    pairs = list(product(_names(first), _names(second)))
    either_order = [*pairs, *((b, a) for a, b in pairs)]
    return tuple(f"cor_{group}__{a}__{b}" for a, b in either_order)


def _ranef_names(group: str, level: str, effect: str) -> Candidates:
    text = re.sub(r"\s", ".", level)
    return tuple(f"r_{group}[{text},{name}]" for name in _names(effect))


BRMS = NamingConvention(
    engine="brms",
    coef=_coef_names,
    sd=_sd_names,
    cor=_cor_names,
    ranef=_ranef_names,
    level_separator="_",
)


def _check_columns(frame: pd.DataFrame) -> None:
    """Raise unless the columns have the names that brms gave them."""
    names = [str(name) for name in frame.columns]
    changed = [name for name in names if name == "X.chain" or re.fullmatch(r"r_.*\.", name)]
    if changed:
        raise ValueError(
            f"R has changed the names of the columns, {changed[0]!r} for one; write them by "
            "write.csv(as_draws_df(fit), ...), and in R read them with check.names = FALSE"
        )
    if ".chain" not in names:
        raise ValueError(
            "the frame has no column '.chain'; write it in R by write.csv(as_draws_df(fit), ...)"
        )


def _sorted_by_chain(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows by chain and iteration, all chains of one length."""
    lengths = frame[".chain"].value_counts().sort_index()
    if lengths.nunique() != 1:
        counts = ", ".join(f"{count} in chain {chain}" for chain, count in lengths.items())
        raise ValueError(
            f"chains must be of one length, got {counts}; drop what the longer ones have more"
        )
    keys = [name for name in (".chain", ".iteration") if name in frame.columns]
    return frame.sort_values(keys, kind="stable")
