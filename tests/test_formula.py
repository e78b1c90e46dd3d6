"""lme4's notation: what each form means, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from lmmlib import from_formula, load


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "y": rng.normal(size=12),
            "x": rng.normal(size=12),
            "g": list("aabbccaabbcc"),
            "h": list("uuuuuuvvvvvv"),
            "w": np.arange(1.0, 13),
            "k": "one",
        }
    )


def test_bars_become_terms_as_in_lme4(table):
    def terms(formula):
        return [(t.name, t.effects, t.correlated) for t in from_formula(formula, table).design.terms]

    assert terms("y ~ x + (x | g)") == [("g", ("Intercept", "x"), True)]
    assert terms("y ~ x + (1 | g) + (0 + x | g)") == [("g", ("Intercept",), True), ("g.1", ("x",), True)]
    assert terms("y ~ x + (x || g)") == [("g", ("Intercept",), True), ("g.1", ("x",), True)]
    assert terms("y ~ (1 | h/g)") == [("h", ("Intercept",), True), ("g:h", ("Intercept",), True)]
    assert terms("y ~ (1 | g) + (1 | h)") == [("g", ("Intercept",), True), ("h", ("Intercept",), True)]
    assert terms("y ~ (1 | g:h)") == [("g:h", ("Intercept",), True)]


def test_matrices_are_those_of_the_formula(table):
    design = from_formula("y ~ x + (x | g)", table, weights="w", offset="x").design
    np.testing.assert_array_equal(design.X, np.column_stack([np.ones(12), table.x]))
    np.testing.assert_array_equal(design.Z.toarray()[2], [0, 0, 1, table.x[2], 0, 0])
    np.testing.assert_array_equal(design.weights, table.w)
    np.testing.assert_array_equal(design.offset, table.x)
    assert design.coef == ("Intercept", "x")
    assert from_formula("y ~ 0 + x + h + (1 | g)", table).design.coef == ("x", "h[u]", "h[v]")


def test_nested_levels_are_named_inside_out():
    term = from_formula("strength ~ 1 + (1 | batch/cask)", load("Pastes")).design.terms[1]
    assert term.name == "cask:batch"
    assert term.levels[:2] == ("a:A", "a:B")


def test_numeric_groups_are_sorted_as_numbers(table):
    data = from_formula("y ~ 1 + (1 | n)", table.assign(n=[10, 9, 2, 10, 9, 2] * 2))
    assert data.design.terms[0].levels == ("2", "9", "10")


def test_the_table_is_not_changed(table):
    before = table.copy(deep=True)
    from_formula("y ~ x + (x || g)", table)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("y", "must read 'response ~ terms'"),
        ("y ~ x", "random effects must stand in parentheses with a bar"),
        ("y ~ x | g", "random effects must stand in parentheses with a bar"),
        ("y ~ (1 | g", "parentheses do not match"),
        ("y ~ (1 | g + h)", "a grouping side must be columns joined by : or /"),
        ("y ~ z + (1 | g)", "names unknown columns z; the table has y, x, g, h, w, k"),
        ("y ~ x + (1 | subject)", "names unknown columns subject"),
        ("g ~ x + (1 | h)", "the response 'g' must be one column of numbers"),
        ("y ~ x + I(2 * x) + (1 | g)", r"I\(2 \* x\) can be made from the columns before"),
        ("y ~ x + (1 | k)", "grouping 'k' must have two levels or more, got 1"),
    ],
)
def test_bad_formulas_are_told_clearly(table, formula, message):
    with pytest.raises(ValueError, match=message):
        from_formula(formula, table)


def test_missing_values_are_counted(table):
    table.loc[[1, 3], "x"] = np.nan
    table.loc[3, "g"] = None
    with pytest.raises(ValueError, match=r"2 of 12 rows have missing values \(g: 1, x: 2\); drop them with table.dropna"):
        from_formula("y ~ x + (1 | g)", table)
    assert from_formula("y ~ 1 + (1 | h)", table).design.n == 12


def test_an_empty_table_is_refused(table):
    with pytest.raises(ValueError, match="the table must have a row at least, got none"):
        from_formula("y ~ 1 + (1 | g)", table.iloc[:0])


def test_every_table_loads_with_its_source():
    for name, rows in {"sleepstudy": 180, "Dyestuff": 30, "Dyestuff2": 30, "Penicillin": 144, "Pastes": 60, "thread_like": 100}.items():
        table = load(name)
        assert len(table) == rows
        assert table.attrs["source"]
    with pytest.raises(ValueError, match="no table named 'iris'; there are sleepstudy"):
        load("iris")
