"""``offset(…)`` in a formula: a known part of the mean, as in R and lme4.

Criteria of lmer with offsets are among those of tests/test_formula_meaning.py.
"""

import numpy as np
import pandas as pd
import pytest

from lmmlib import estimate, from_formula, reduce_tables


@pytest.fixture
def table():
    rng = np.random.default_rng(5)
    n = 24
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "n": rng.integers(1, 9, n),
            "w": rng.uniform(1, 2, n),
            "late": np.tile([True, False], 12),
            "f": np.tile(list("abc"), 8),
            "offset": rng.normal(size=n),
            "g": np.repeat(list("uvwxyz"), 4),
        }
    )


@pytest.mark.parametrize(
    ("terms", "meant"),
    [
        ("offset(w)", lambda t: t.w),
        ("offset(log(n))", lambda t: np.log(t.n)),
        ("offset(2 * w - n)", lambda t: 2 * t.w - t.n),
        ("offset(w^2)", lambda t: t.w**2),
        ("offset(late)", lambda t: t.late.astype(float)),
        ("offset(offset)", lambda t: t.offset),
        ("offset(w) + offset(log(n))", lambda t: t.w + np.log(t.n)),
        ("(offset(w))", lambda t: t.w),
        ("offset(w) + offset(w)", lambda t: t.w),  # one variable, in R as well
    ],
)
def test_it_is_the_argument_of_the_same_name(table, terms, meant):
    beside = table.assign(known=meant(table))
    inside = from_formula(f"y ~ x + {terms} + (x | g)", table)
    expected = from_formula("y ~ x + (x | g)", beside, offset="known")
    np.testing.assert_allclose(inside.design.offset, expected.design.offset, rtol=1e-15)
    np.testing.assert_array_equal(inside.design.X, expected.design.X)
    assert inside.design.coef == ("Intercept", "x")
    assert estimate(inside).deviance == pytest.approx(estimate(expected).deviance, rel=1e-10)


def test_it_may_stand_anywhere_in_the_sum(table):
    expected = from_formula("y ~ x + offset(w) + (1 | g)", table).design
    for formula in (
        "y ~ offset(w) + x + (1 | g)",
        "y ~ (1 | g) + x + offset(w)",
        "y ~ (x + offset(w)) + (1 | g)",
        "y ~ 1 + offset(w) + x + (1|g)",
    ):
        design = from_formula(formula, table).design
        assert design.fingerprint == expected.fingerprint
    alone = from_formula("y ~ offset(w) + (1 | g)", table).design
    assert alone.coef == ("Intercept",)
    assert from_formula("y ~ 0 + offset(w) + (1 | g)", table).design.coef == ()
    assert from_formula("y ~ offset + (1 | g)", table).design.coef == ("Intercept", "offset")


def test_offsets_of_formula_and_argument_add_as_in_glm(table):
    both = from_formula("y ~ x + offset(log(n)) + (1 | g)", table, offset="w").design
    np.testing.assert_allclose(both.offset, np.log(table.n) + table.w, rtol=1e-15)


def test_new_rows_evaluate_it_anew(table):
    design = from_formula("y ~ x + offset(log(n)) + offset(center(w)) + (1 | g)", table).design
    other = table.iloc[[3, 8]].assign(n=[100, 200])
    expected = np.log([100, 200]) + other.w - table.w.mean()  # the mean of the first table
    np.testing.assert_allclose(design.new_rows(other).offset, expected, rtol=1e-14)
    with pytest.raises(ValueError, match=r"names unknown columns n;"):
        design.new_rows(other.drop(columns="n"))


def test_every_table_of_many_has_its_own(table):
    formula = "y ~ x + offset(log(n)) + (1 | g)"
    merged = reduce_tables(formula, [table.iloc[::2], table.iloc[1::2]])
    whole = from_formula(formula, table)
    assert estimate(merged).deviance == pytest.approx(estimate(whole).deviance, rel=1e-10)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        (
            "y ~ x + (offset(w) | g)",
            r"offset\(w\) stands before a bar .*: an offset is a known part of the mean, and no "
            r"effect that differs between groups; let it stand outside",
        ),
        ("y ~ x + offset(w) + (1 + offset(w) | g)", r"offset\(w\) stands before a bar"),
        ("y ~ x + (1 | offset(g))", "a grouping side must be columns joined by : or /"),
        ("y ~ x - offset(w) + (1 | g)", r"an offset must be joined to other terms by \+, and"),
        ("y ~ x * offset(w) + (1 | g)", r"an offset must be joined to other terms by \+"),
        ("y ~ offset(w):x + (1 | g)", r"and offset\(w\) is not; got"),
        ("y ~ (x + offset(w))^2 + (1 | g)", r"an offset must be joined to other terms by \+"),
        ("y ~ log(offset(w)) + (1 | g)", r"offset\(...\) must be a term of its own"),
        ("offset(y) ~ x + (1 | g)", r"offset\(...\) must be a term of its own"),
        ("y ~ offset(offset(w)) + (1 | g)", r"offset\(...\) must be a term of its own"),
        (
            "y ~ offset() + (1 | g)",
            r"offset\(...\) takes one expression of columns, got offset\(\)",
        ),
        ("y ~ offset(w, n) + (1 | g)", r"takes one expression of columns, got offset\(w, n\)"),
        ("y ~ offset(value=w) + (1 | g)", "takes one expression of columns"),
        ("y ~ offset(f) + (1 | g)", "the offset 'f' is text; convert it to numbers"),
        ("y ~ offset(poly(x, 2)) + (1 | g)", "must be one column of numbers, got 2"),
        ("y ~ offset(2) + (1 | g)", "the offset '2' must have a value a row, got one number"),
        ("y ~ offset(log(x)) + (1 | g)", r"'log\(x\)' must be finite, got \d+ entries"),
        ("y ~ offset(open(x)) + (1 | g)", r"a formula cannot call open\(...\)"),
    ],
)
def test_what_is_no_offset_is_refused(table, formula, message):
    with pytest.raises(ValueError, match=message):
        from_formula(formula, table)
