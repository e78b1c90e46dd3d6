"""Rows with missing values: an error that says which, or left out as R's na.omit does."""

from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lmmlib import estimate, from_formula, reduce_tables

DATA = Path(__file__).parent / "data"
ARROW = find_spec("pyarrow") is not None


@pytest.fixture
def table():
    rng = np.random.default_rng(6)
    n = 24
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "z": rng.uniform(1, 2, n),
            "w": rng.uniform(1, 2, n),
            "n": rng.uniform(1, 2, n),
            "unused": np.nan,
            "f": np.tile(list("abc"), 8),
            "g": np.repeat(list("uvwxyz"), 4),
        },
        index=[f"row {i}" for i in range(n)],
    )


FORMULA = "y ~ x + offset(z) + (f | g)"


def test_an_error_says_how_many_which_first_and_what_to_do(table):
    table.loc[["row 1", "row 3"], "x"] = np.nan
    table.loc["row 3", "g"] = None
    message = (
        r"2 of 24 rows have missing values \(g: 1, x: 2\), the first is row 1, labelled 'row 1'; "
        r'leave them out by missing="drop", or impute them'
    )
    with pytest.raises(ValueError, match=message):
        from_formula(FORMULA, table)
    numbered = table.reset_index(drop=True)
    with pytest.raises(ValueError, match=r"the first is row 1; leave them out"):
        from_formula(FORMULA, numbered)
    with pytest.raises(ValueError, match="missing must be one of raise, drop, got 'omit'"):
        from_formula(FORMULA, table, missing="omit")
    assert from_formula("y ~ z + (1 | f)", table).design.n == 24  # of other columns


@pytest.mark.parametrize("column", ["y", "x", "z", "f", "g", "w", "n"])
def test_a_missing_value_in_any_variable_drops_the_row(table, column):
    """The response, either side of a bar, an offset, weights and the offset beside the formula."""
    table.loc[["row 2", "row 9"], column] = None
    expected = from_formula(FORMULA, table.drop(["row 2", "row 9"]), weights="w", offset="n")
    data = from_formula(FORMULA, table, weights="w", offset="n", missing="drop")
    assert data.fingerprint == expected.fingerprint
    assert data.design.index.tolist() == [f"row {i}" for i in range(24) if i not in (2, 9)]
    assert data.design.dropped == f"2 of 24 rows dropped: {column} missing in 2"


def test_nothing_is_said_where_nothing_is_dropped(table):
    data = from_formula(FORMULA, table, missing="drop")
    assert data.fingerprint == from_formula(FORMULA, table).fingerprint
    assert data.design.dropped is None


def test_what_is_dropped_is_counted_by_column(table):
    table.loc[["row 0", "row 1"], "x"] = np.nan
    table.loc[["row 1", "row 5"], "g"] = None
    design = from_formula(FORMULA, table, missing="drop").design
    assert design.dropped == "3 of 24 rows dropped: g missing in 2, x in 2"


def test_levels_that_lose_all_rows_vanish(table):
    table.loc[table.g == "v", "x"] = np.nan
    table.loc[table.f == "a", "y"] = np.nan
    table["f"] = table.f.astype("category")
    design = from_formula("y ~ x + f + (1 | g)", table, missing="drop").design
    assert design.terms[0].levels == tuple("uwxyz")
    assert design.coef == ("Intercept", "x", "f[T.c]")


KINDS = {
    "NaN": ("x", lambda column: column.mask([True] + [False] * 23)),
    "None among objects": ("x", lambda column: pd.Series([None, *column.iloc[1:]], dtype=object)),
    "None among texts": ("f", lambda column: pd.Series([None, *column.iloc[1:]], dtype=object)),
    "text": ("f", lambda column: column.astype("string").mask([True] + [False] * 23)),
    "categories": ("f", lambda column: column.astype("category").mask([True] + [False] * 23)),
    "NA of floats": ("x", lambda column: column.astype("Float64").mask([True] + [False] * 23)),
    "NaN of 0 / 0": (
        "x",
        lambda column: pd.Series([0.0, *np.ones(23)], dtype="Float64") / [0.0, *column.iloc[1:]],
    ),
    "NA of integers": ("x", lambda column: pd.Series([pd.NA, *range(1, 24)], dtype="Int64")),
    "NA of truth values": (
        "x",
        lambda column: pd.Series([pd.NA, True, *[False] * 22], dtype="boolean"),
    ),
    "a decimal NaN": ("x", lambda column: [Decimal("nan"), *map(Decimal, range(1, 24))]),
    "NaT": ("g", lambda column: [pd.NaT, *np.repeat(pd.date_range("2020", periods=6), 4)[1:]]),
    "sparse": (
        "x",
        lambda column: pd.arrays.SparseArray(column.mask([True] + [False] * 23).to_numpy()),
    ),
}
if ARROW:
    KINDS["masked Arrow floats"] = (
        "x",
        lambda column: column.astype("double[pyarrow]").mask([True] + [False] * 23),
    )
    KINDS["masked Arrow texts"] = (
        "f",
        lambda column: column.astype("string[pyarrow]").mask([True] + [False] * 23),
    )
    KINDS["NaN of 0 / 0 in Arrow"] = (
        "x",
        lambda column: (
            pd.Series([0.0, *np.ones(23)], dtype="double[pyarrow]") / [0.0, *column.iloc[1:]]
        ),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_missing_is_seen(table, kind):
    name, made = KINDS[kind]
    table = table.reset_index(drop=True)
    table[name] = made(table[name])
    with pytest.raises(ValueError, match=rf"1 of 24 rows have missing values \({name}: 1\)"):
        from_formula(FORMULA, table)
    data = from_formula(FORMULA, table, missing="drop")
    assert data.design.index.tolist() == list(range(1, 24))
    assert data.design.dropped == f"1 of 24 rows dropped: {name} missing in 1"


def test_an_infinite_value_is_not_missing(table):
    table.loc["row 4", "x"] = np.inf
    with pytest.raises(ValueError, match="column 'x' must be finite, got 1 entries that are not"):
        from_formula(FORMULA, table, missing="drop")
    with pytest.raises(ValueError, match=r"'log\(x\)' must be finite"):
        from_formula("y ~ log(x) + (1 | g)", table.drop("row 4"), missing="drop")


def test_a_table_of_which_nothing_is_left_is_refused(table):
    with pytest.raises(
        ValueError, match=r"no row is left: all 24 have missing values \(unused: 24\); impute them"
    ):
        from_formula("y ~ unused + (1 | g)", table, missing="drop")


def test_new_rows_keep_the_error(table):
    table.loc["row 2", "x"] = np.nan
    design = from_formula(FORMULA, table, missing="drop").design
    with pytest.raises(
        ValueError, match=r"1 of 24 rows have missing values \(x: 1\), .*; drop them with table.d"
    ):
        design.new_rows(table)
    without_response = table.drop(index="row 2").assign(y=np.nan)
    assert design.new_rows(without_response).n == 23  # the response need not be known


def test_every_table_of_many_drops_its_own(table):
    table.loc[["row 0", "row 9"], "x"] = np.nan
    table.loc[table.g == "x", "y"] = np.nan
    parts = [part for _, part in table.groupby("g")]  # one of them loses every row
    merged = reduce_tables("y ~ x + (1 | g)", parts, missing="drop")
    whole = from_formula("y ~ x + (1 | g)", table, missing="drop")
    assert merged.dropped == whole.design.dropped
    assert merged.dropped == "6 of 24 rows dropped: x missing in 2, y in 4"
    assert merged.n == whole.design.n == 18
    assert estimate(merged).deviance == pytest.approx(estimate(whole).deviance, rel=1e-10)
    assert reduce_tables("z ~ 1 + (1 | g)", parts, missing="drop").dropped is None
    with pytest.raises(ValueError, match=r"1 of 4 rows have missing values \(x: 1\)"):
        reduce_tables("y ~ x + (1 | g)", parts)


def test_lme4_drops_the_same_rows():
    """The last call of tests/data/formulas.R."""
    table = pd.read_csv(DATA / "formulas.csv")
    table.loc[table.g == "g00", "x"] = np.nan
    table.loc[[29, 40], "z"] = np.nan
    table.loc[99, "g"] = None
    table["w"] = table.w.astype(float)
    table.loc[40, "w"] = np.nan
    reference = pd.read_csv(DATA / "missing_lme4.csv").iloc[0]
    data = from_formula("y ~ x + offset(z) + (x | g)", table, weights="w", missing="drop")
    fit = estimate(data)
    assert data.design.n == reference.rows
    assert len(data.design.terms[0].levels) == reference.levels
    assert fit.deviance == pytest.approx(reference.criterion, rel=1e-8)
    np.testing.assert_allclose(fit.params.beta, reference[["intercept", "slope"]], rtol=1e-4)
    assert data.design.dropped == (
        "13 of 240 rows dropped: g missing in 1, w in 1, x in 10, z in 2"
    )
