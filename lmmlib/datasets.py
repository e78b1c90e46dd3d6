"""The tables that ship with the package."""

from dataclasses import dataclass
from importlib.resources import files

import pandas as pd


@dataclass(frozen=True)
class _Table:
    """A table that ships with the package.

    Attributes
    ----------
    label_columns : tuple of str
        Columns that are read as strings.
    source : str
        Where the numbers were published.
    """

    label_columns: tuple[str, ...]
    source: str


TABLES = {
    "sleepstudy": _Table(
        ("Subject",),
        "Belenky et al. (2003), J. Sleep Research 12:1-12: mean reaction time (ms), 18 subjects, "
        "10 days, restricted sleep",
    ),
    "Dyestuff": _Table(("Batch",), "Davies & Goldsmith (1972), table 6.3: yield (g) of 6 batches"),
    "Dyestuff2": _Table(
        ("Batch",),
        "Box & Tiao (1973), table 5.1.4: constructed so that the ML variance between batches is "
        "zero",
    ),
    "Penicillin": _Table(
        ("plate", "sample"),
        "Davies & Goldsmith (1972), table 6.6: diameter (mm), 24 plates crossed with 6 samples",
    ),
    "Pastes": _Table(
        ("batch", "cask", "sample"),
        "Davies & Goldsmith (1972), table 6.5: strength (U), 3 casks in each of 10 batches",
    ),
    "rats": _Table(
        ("rat",),
        "Gelfand, Hills, Racine-Poon & Smith (1990), JASA 85:972-985, table 3: weight (g) of 30 "
        "rats, weighed at 8, 15, 22, 29 and 36 days",
    ),
    "thread_like": _Table(
        (),
        "simulated for this project in the manner of experiment 1 of the discussion",
    ),
    "practice": _Table(
        ("room",), "simulated for this project: score of pupils, hours of practice, classes"
    ),
    "published": _Table((), "figures that the discussion printed, by key; its data are lost"),
    "published_fits": _Table(
        ("value",),
        "tests of MixedModels.jl and lme4: estimates of documented models, digits as printed",
    ),
    "brms_sleepstudy": _Table(
        (), "brms 2.18.0 on sleepstudy: two of four chains, every tenth draw, seven digits"
    ),
}


def load_dataset(name: str) -> pd.DataFrame:
    """A table that ships with the package; its source stands in ``table.attrs["source"]``.

    Parameters
    ----------
    name : str
        Name of the table: data are "sleepstudy", "Dyestuff", "Dyestuff2", "Penicillin", "Pastes",
        "rats", "thread_like" and "practice"; numbers of others are "published", "published_fits"
        and "brms_sleepstudy".

    Returns
    -------
    pandas.DataFrame
        Table whose grouping columns are strings, as are digits that are kept as printed.

    Raises
    ------
    ValueError
        If no table has that name.

    Examples
    --------
    >>> load_dataset("Dyestuff").shape
    (30, 2)
    """
    if not isinstance(name, str) or name not in TABLES:
        raise ValueError(f"no table named {name!r}; there are {', '.join(TABLES)}")
    described = TABLES[name]
    with files("lmmlib").joinpath("tables", f"{name}.csv").open() as file:
        table = pd.read_csv(file, dtype=dict.fromkeys(described.label_columns, str))
    table.attrs["source"] = described.source
    return table
