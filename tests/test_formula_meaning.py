"""What a formula means is what R means by it, whatever type the columns have, on every path into
a design.
"""

import datetime
import io
import pickle
import warnings
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lmmlib import (
    Data,
    Design,
    Term,
    estimate,
    from_formula,
    load_dataset,
    merge_reductions,
    reduce_tables,
)

# pandas has other text without it, and the package needs neither
ARROW = find_spec("pyarrow") is not None
if ARROW:
    import pyarrow


@pytest.fixture
def table():
    rng = np.random.default_rng(2)
    n = 24
    return pd.DataFrame(
        {
            "y": 5 + rng.normal(size=n),
            "post": 50 + rng.normal(size=n),
            "pre": 45 + rng.normal(size=n),
            "x": rng.normal(size=n),
            "z": rng.uniform(1, 2, n),
            "k": np.tile([100, 90, 80, 3], 6),
            "f": np.tile(list("abc"), 8),
            "b": np.tile([True, False, False, True], 6),
            "day": np.repeat(pd.date_range("2020-01-01", periods=6), 4),
            "g": np.repeat(list("uvwxyz"), 4),
        }
    )


@dataclass(frozen=True)
class Paths:
    """One formula on every path from a table into a design."""

    data: Data
    new_rows: np.ndarray  # X of the table's rows as new rows
    in_parts: np.ndarray  # X of its halves, one after the other


def paths(formula, table):
    data = from_formula(formula, table)
    spec = data.design.formula_spec
    in_parts = np.empty_like(data.design.X)
    in_parts[::2] = spec.model_rows(table.iloc[::2]).design.X
    in_parts[1::2] = spec.model_rows(table.iloc[1::2]).design.X
    return Paths(data, data.design.new_rows(table).X, in_parts)


SMALL = [
    "int8",
    "uint8",
    "int16",
    "uint16",
    "float16",
    "Int8",
    "UInt8",
    "Float32",
    "object",
    *["int16[pyarrow]"] * ARROW,
]


@pytest.mark.parametrize("dtype", SMALL)
@pytest.mark.parametrize(
    "term", ["k:z", "I(k * 100)", "I(k ** 2)", "I(-k)", "I(k^3)", "k:I(k - 101)", "square(k)"]
)
def test_no_integer_wraps_round(table, dtype, term):
    narrow = table.assign(
        k=table.k.astype("float32" if dtype == "float16" else dtype).astype(dtype)
    )
    formula = f"y ~ x + {term} + (0 + k | g)"
    ways = paths(formula, narrow)
    wide = from_formula(formula, table.astype({"k": float})).design
    for X in (ways.data.design.X, ways.new_rows, ways.in_parts):
        np.testing.assert_array_equal(X, wide.X)
    np.testing.assert_array_equal(ways.data.design.Z.toarray(), wide.Z.toarray())


def test_a_table_of_stata_with_bytes(table):
    buffer = io.BytesIO()
    table[["y", "k", "x", "g"]].astype({"k": "int8"}).to_stata(buffer, write_index=False)
    buffer.seek(0)
    stata = pd.read_stata(buffer)
    assert stata.k.dtype == "int8"
    np.testing.assert_array_equal(
        from_formula("y ~ k + I(k * 3 * k) + (1 | g)", stata).design.X[:3, 2], [30000, 24300, 19200]
    )


def test_other_types_of_numbers(table):
    plain = from_formula("y ~ k + (1 | g)", table).design.X
    others = [
        [Decimal(v) for v in table.k.tolist()],
        table.k.to_numpy(">i4"),
        table.k.to_numpy(">f8"),
        pd.arrays.SparseArray(table.k),
    ]
    if ARROW:
        others += [
            table.k.astype("double[pyarrow]"),
            table.k.astype(pd.ArrowDtype(pyarrow.decimal128(20, 1))),
        ]
    for k in others:
        np.testing.assert_array_equal(
            from_formula("y ~ k + (1 | g)", table.assign(k=k)).design.X, plain
        )
    big_endian = table.assign(k=table.k.to_numpy(">i4"))
    assert from_formula("y ~ x + (1 | k)", big_endian).design.terms[0].levels == (
        "3",
        "80",
        "90",
        "100",
    )


@pytest.mark.parametrize(
    ("left", "meant"),
    [
        ("post - pre", lambda t: t.post - t.pre),
        ("post + pre", lambda t: t.post + t.pre),
        ("post^2", lambda t: t.post**2),
        ("post**2", lambda t: t.post**2),
        ("1/post", lambda t: 1 / t.post),
        ("post - 1", lambda t: t.post - 1),
        ("0 + post", lambda t: t.post),
        ("log(post) - 1", lambda t: np.log(t.post) - 1),
        ("-post", lambda t: -t.post),
        ("-post^2", lambda t: -(t.post**2)),
        ("2 * post / pre", lambda t: 2 * t.post / t.pre),
        ("post - (pre - x)", lambda t: t.post - (t.pre - t.x)),
        ("post - pre - x", lambda t: t.post - t.pre - t.x),
        ("2^3^0.5 * post", lambda t: 2 ** (3**0.5) * t.post),
        ("post * pre + x", lambda t: t.post * t.pre + t.x),
        ("(post)", lambda t: t.post),
        ("scale(post)", lambda t: (t.post - t.post.mean()) / t.post.std()),
        ("b", lambda t: t.b.astype(float)),
        ("post > 50", lambda t: (t.post > 50).astype(float)),
        ("I(post - pre)", lambda t: t.post - t.pre),
    ],
)
def test_the_response_is_one_expression(table, left, meant):
    data = from_formula(f"{left} ~ x + (1 | g)", table)
    np.testing.assert_allclose(data.y, meant(table), rtol=1e-14)
    # what scale takes from the data stays as it was
    rows = data.design.formula_spec.model_rows(table.iloc[5:9])
    np.testing.assert_allclose(rows.y, meant(table)[5:9], rtol=1e-14)


@pytest.mark.parametrize(
    ("term", "meant"),
    [
        ("I(x^2)", lambda t: t.x**2),
        ("I(k^2)", lambda t: t.k.astype(float) ** 2),
        ("I(x ** 2 / 3)", lambda t: t.x**2 / 3),
        ("I(-x^2)", lambda t: -(t.x**2)),
        ("I((-x)^2)", lambda t: t.x**2),
        ("I(z^-1)", lambda t: 1 / t.z),
        ("I(b * x)", lambda t: t.b * t.x),
        ("sqrt(z)", lambda t: np.sqrt(t.z)),
        ("abs(x)", lambda t: np.abs(t.x)),
        ("np.exp(x)", lambda t: np.exp(t.x)),
        ("log(z, 2)", lambda t: np.log2(t.z)),
        ("log2(z)", lambda t: np.log2(t.z)),
        ("log(z + 1)", lambda t: np.log1p(t.z)),
        ("exp10(x)", lambda t: 10**t.x),
        ("pmax(x, 0)", lambda t: np.maximum(t.x, 0)),
        ("ifelse(x > 0, x, -1)", lambda t: np.where(t.x > 0, t.x, -1.0)),
        ("plogis(x)", lambda t: 1 / (1 + np.exp(-t.x))),
        ("scale(log(z))", lambda t: (np.log(t.z) - np.log(t.z).mean()) / np.log(t.z).std()),
        ("standardize(x)", lambda t: (t.x - t.x.mean()) / t.x.std(ddof=0)),
        ("center(k)", lambda t: t.k - t.k.mean()),
    ],
)
def test_arithmetic_and_functions_are_rs(table, term, meant):
    ways = paths(f"y ~ {term} + (1 | g)", table)
    for X in (ways.data.design.X, ways.new_rows, ways.in_parts):
        np.testing.assert_allclose(X[:, 1], meant(table), rtol=1e-13, atol=1e-14)


def test_a_power_of_a_term_is_no_square_and_a_minus_no_difference(table):
    with pytest.warns(
        UserWarning,
        match=r"x\^… among terms means x crossed with itself, which is x; write I\(x\^2\)",
    ):
        assert from_formula("y ~ x^2 + (1 | g)", table).design.coef == ("Intercept", "x")
    with pytest.warns(
        UserWarning, match="pre stands in .*, and is in no term: among terms - takes one out"
    ):
        assert from_formula("y ~ post - pre + (1 | g)", table).design.coef == ("Intercept", "post")
    crossed = from_formula("y ~ (x + z)^2 + (1 | g)", table).design
    assert crossed.coef == from_formula("y ~ x * z + (1 | g)", table).design.coef
    assert (
        from_formula("y ~ (x + z)^40 + (1 | g)", table).design.coef == crossed.coef
    )  # and no 2^40 products
    assert from_formula("y ~ x * z - x + (1 | g)", table).design.coef == ("Intercept", "z", "x:z")


# REML criteria by lmer of lme4 1.1-31, R 4.2: lmer(formula, table)
LME4 = {
    "y ~ d:test + (1|s)": 1557.866928,
    "y ~ 0 + test + (1|s)": 1785.077451,
    "y ~ d + (0+late|s)": 1519.163480,
}


@pytest.mark.parametrize("formula", LME4)
@pytest.mark.parametrize(
    "kind", [bool, "boolean", object, str, "category", *["bool[pyarrow]"] * ARROW]
)
def test_truth_values_are_factors_as_in_lme4(formula, kind):
    rng = np.random.default_rng(3)
    subjects = 18
    rows = 10
    s = np.repeat(np.arange(subjects), rows)
    d = np.tile(np.arange(rows), subjects)
    test = rng.integers(0, 2, subjects)[s].astype(bool)
    late = d >= 5
    y = 250 + 10 * d + np.where(test, 4, -4) * d + rng.normal(0, 20, subjects)[s]
    y = y + rng.normal(0, 15, (subjects, 2))[s, late.astype(int)] + rng.normal(0, 10, len(s))
    table = pd.DataFrame({"s": s, "d": d, "test": test, "late": late, "y": y}).astype(
        {"test": kind, "late": kind}
    )
    assert estimate(from_formula(formula, table)).deviance == pytest.approx(
        LME4[formula], abs=2e-6
    )  # as many digits as are known


def test_truth_values_keep_both_levels_in_parts(table):
    parts = [table[table.b], table[~table.b]]  # the first has no False
    whole = from_formula("y ~ b + (1 | g)", table)
    merged = reduce_tables("y ~ b + (1 | g)", parts)
    assert merged.layout.coef == whole.design.coef == ("Intercept", "b[T.True]")
    assert estimate(merged).deviance == pytest.approx(estimate(whole).deviance, rel=1e-10)


TEXTS = [
    "string",
    "string[python]",
    "object",
    "category",
    "str",
    *["string[pyarrow]", "large_string[pyarrow]"] * ARROW,
]


@pytest.mark.parametrize("dtype", TEXTS)
def test_text_of_any_type_is_text(table, dtype):
    ways = paths("y ~ f * x + (f | g)", table.astype({"f": dtype, "g": dtype}))
    design = ways.data.design
    plain = from_formula("y ~ f * x + (f | g)", table).design
    assert (design.coef, design.effects) == (plain.coef, plain.effects)
    assert [t.levels for t in design.terms] == [t.levels for t in plain.terms]
    for X in (design.X, ways.new_rows, ways.in_parts):
        np.testing.assert_array_equal(X, plain.X)
    # text of another type is the same text
    np.testing.assert_array_equal(design.new_rows(table).X, plain.X)


def test_bytes_and_arrows_categories_are_text(table):
    plain = from_formula("y ~ f + (1 | g)", table).design
    others = [table.f.str.encode("ascii")]
    if ARROW:
        others.append(
            table.f.astype(pd.ArrowDtype(pyarrow.dictionary(pyarrow.int32(), pyarrow.string())))
        )
    for f in others:
        other = from_formula("y ~ f + (1 | g)", table.assign(f=f)).design
        assert other.coef == plain.coef
        np.testing.assert_array_equal(other.X, plain.X)


def test_factors_of_numbers(table):
    for name in ("factor(k)", "as.factor(k)", "C(k)"):
        ways = paths(f"y ~ {name} + (1 | {name})", table)
        design = ways.data.design
        assert design.coef == ("Intercept", *(f"{name}[T.{level}]" for level in (80, 90, 100)))
        assert design.terms[0].levels == ("3", "80", "90", "100")
        floats = design.new_rows(table.astype({"k": float}))  # 80.0 is the level 80
        np.testing.assert_array_equal(floats.X, ways.new_rows)
    assert from_formula("y ~ 0 + factor(k):x + (1 | g)", table).design.coef == tuple(
        f"factor(k)[{v}]:x" for v in (3, 80, 90, 100)
    )


def test_contrasts_by_the_names_of_r_and_of_patsy(table):
    def design(term):
        return from_formula(f"y ~ {term} + (1 | g)", table).design

    for term in (
        "C(f, contr.treatment('b'))",
        "C(f, contr.treatment(base='b'))",
        "C(f, Treatment('b'))",
        "C(f, Treatment(reference='b'))",
    ):
        assert design(term).coef == ("Intercept", f"{term}[T.a]", f"{term}[T.c]")
    assert design("C(k, Treatment(90))").coef[1:] == tuple(
        f"C(k, Treatment(90))[T.{level}]" for level in (3, 80, 100)
    )
    for term in ("C(f, contr.sum)", "C(f, Sum)"):
        np.testing.assert_array_equal(design(term).X[:3, 1:], [[1, 0], [0, 1], [-1, -1]])
    for term in (
        "C(f, contr.helmert)",
        "C(f, Helmert)",
        "C(f, contr.diff)",
        "C(f, Diff)",
        "C(f, contr.poly)",
        "C(f, Poly)",
    ):
        assert design(term).X.shape == (24, 3)
    by_order = design("factor(f, levels=c('c', 'b', 'a'))").X
    np.testing.assert_array_equal(by_order[:3, 1:], [[0, 1], [1, 0], [0, 0]])


def test_new_rows_have_the_kind_and_the_categories_of_the_first_table(table):
    design = from_formula("y ~ k + f + b + (1 | g)", table).design
    told = {
        "k": (["80"] * 24, "'k' was numbers in the first table, and is text or categories here"),
        "f": ([1] * 24, "'f' was text or categories in the first table, and is numbers here"),
        "b": (
            [0.0, 1.0] * 12,
            "'b' was text or categories in the first table, and is numbers here",
        ),
    }
    for name, (values, message) in told.items():
        with pytest.raises(ValueError, match=message):
            design.new_rows(table.assign(**{name: values}))
        with pytest.raises(ValueError, match=message):
            reduce_tables("y ~ k + f + b + (1 | g)", [table, table.assign(**{name: values})])
    with pytest.raises(
        ValueError,
        match="'f' has a category that the first table did not have, 'd'; give it all its",
    ):
        reduce_tables("y ~ f + (1 | g)", [table, table.assign(f="d")])


def test_what_is_taken_from_data_is_that_of_the_first_table(table):
    terms = [
        "scale(x)",
        "center(x)",
        "standardize(x)",
        "poly(x, 2)",
        "bs(x, df=4)",
        "cr(x, df=3)",
        "cc(z, df=3)",
        "I(2 * scale(x))",
    ]
    for term in terms:
        ways = paths(f"y ~ 0 + {term} + ({term} | g)", table)
        data = ways.data
        for X in (ways.new_rows, ways.in_parts):
            np.testing.assert_allclose(X, data.design.X, rtol=1e-13, atol=1e-13)
        one_row = pickle.loads(pickle.dumps(data)).design.new_rows(table.iloc[[3]])
        np.testing.assert_allclose(one_row.X[0], data.design.X[3], rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(one_row.Z.data, data.design.Z[[3]].data, rtol=1e-13, atol=1e-13)


def test_ns_is_told_what_spans_the_same_curves(table):
    """Natural cubic splines by truncated powers (Hastie, Tibshirani & Friedman 2009, equation
    5.4), knots at quantiles.
    """
    with pytest.raises(
        ValueError,
        match=r"cr\(x, df=k, constraints='center'\) spans the same curves as ns\(x, df=k\)",
    ):
        from_formula("y ~ ns(x, 3) + (1 | g)", table)
    x = table.x.to_numpy()
    knots = np.quantile(x, [0, 1 / 3, 2 / 3, 1])
    d = [
        (np.maximum(x - k, 0) ** 3 - np.maximum(x - knots[-1], 0) ** 3) / (knots[-1] - k)
        for k in knots[:-1]
    ]
    natural = np.column_stack([np.ones(len(x)), x, d[0] - d[2], d[1] - d[2]])
    X = from_formula("y ~ cr(x, df=3, constraints='center') + (1 | g)", table).design.X
    assert X.shape[1] == natural.shape[1]
    fitted = natural @ np.linalg.lstsq(natural, X, rcond=None)[0]
    np.testing.assert_allclose(fitted, X, atol=1e-10)


DAYS = {
    "times": lambda day: day,
    "days": lambda day: day.to_numpy("datetime64[D]"),
    "seconds": lambda day: day.astype("datetime64[s]"),
    "dates": lambda day: day.dt.date,
    "periods": lambda day: day.dt.to_period("D"),
    "text": lambda day: day.dt.strftime("%Y-%m-%d"),
    "categories": lambda day: day.astype("category"),
}
if ARROW:
    DAYS["arrow"] = lambda day: day.astype(pd.ArrowDtype(pyarrow.date32()))
    DAYS["arrow times"] = lambda day: day.astype(pd.ArrowDtype(pyarrow.timestamp("us")))


@pytest.mark.parametrize("kind", DAYS)
def test_a_day_is_one_level_whatever_bears_it(table, kind):
    plain = from_formula("y ~ x + (1 | day) + (1 | day:f)", table).design
    assert plain.terms[0].levels[0] == "2020-01-01"
    other = table.assign(day=DAYS[kind](table.day))
    for design in (
        from_formula("y ~ x + (1 | day) + (1 | day:f)", other).design,
        plain.new_rows(other),
    ):
        assert [t.levels for t in design.terms] == [t.levels for t in plain.terms]
        np.testing.assert_array_equal(design.Z.toarray(), plain.Z.toarray())
    assert (
        from_formula("y ~ factor(day) + (1 | g)", other).design.coef[1]
        == "factor(day)[T.2020-01-02]"
    )
    assert Term.grouped("day", np.asarray(DAYS[kind](table.day))).levels == plain.terms[0].levels


@pytest.mark.parametrize("kind", [k for k in DAYS if k not in ("text", "categories")])
def test_a_date_is_no_covariate(table, kind):
    other = table.assign(day=DAYS[kind](table.day))
    for formula in (
        "y ~ day + (1 | g)",
        "y ~ x + (day | g)",
        "y ~ log(day) + (1 | g)",
        "day ~ x + (1 | g)",
    ):
        with pytest.raises(
            ValueError,
            match=r"column 'day' holds dates or times, .* - table\['day'\].min\(\)\).dt.days",
        ):
            from_formula(formula, other)


def test_other_times_are_told_apart(table):
    hours = table.assign(day=table.day + pd.to_timedelta(np.arange(24) % 2 * 12, "h"))
    assert from_formula("y ~ x + (1 | day)", hours).design.terms[0].levels[:2] == (
        "2020-01-01",
        "2020-01-01 12:00:00",
    )
    spans = table.assign(day=table.day - table.day.min())
    with pytest.raises(ValueError, match="holds dates or times"):
        from_formula("y ~ day + (1 | g)", spans)
    clock = table.assign(day=[datetime.time(hour) for hour in range(24)])
    with pytest.raises(ValueError, match="holds dates or times"):
        from_formula("y ~ day + (1 | g)", clock)


def test_text_that_makes_a_column_of_nearly_every_row_is_warned_of(table):
    stamps = table.assign(stamp=[f"2020-01-{day:02}" for day in range(1, 14)] + ["2020-01-01"] * 11)
    with pytest.warns(
        UserWarning,
        match=r"column 'stamp' is text with 13 levels in 24 rows .* convert it to numbers",
    ):
        from_formula("y ~ stamp + (1 | g)", stamps)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from_formula("y ~ stamp + (1 | g)", stamps.astype({"stamp": "category"}))  # was meant
        from_formula("y ~ x + (1 | stamp)", stamps)  # a grouping has as many levels as it has
        from_formula("y ~ f + (1 | g)", stamps)


NAMES = [
    "Sepal.Length", ".hidden", "x.1", "the site", "a-b", "a|b", "a:b", "a~b", "1", "0",
    "Intercept", "C", "log", "I", "np", "class",
    "lambda", "True", "None", "I(x)", "log(x)", "x + z", "ö", "数", "__import__", "f[T.b]",
    "'quoted'", "a,b", "(", "", "\ue000",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_column_may_have_any_name(table, name):
    """It neither vanishes nor takes the place of another, in any part of a formula."""
    renamed = table.assign(**{name: table.z**2 + table.x})
    for formula in (
        f"y ~ 0 + log(z) + C(f) + I(k / 2) + `{name}` + (1 | g)",
        f"y ~ 0 + `{name}` + log(z) + C(f) + I(k / 2) + (0 + `{name}` | g)",
    ):
        design = from_formula(formula, renamed).design
        assert len(design.coef) == 6
        np.testing.assert_array_equal(design.X[:, design.coef.index(name)], renamed[name])
        np.testing.assert_array_equal(design.X[:, design.coef.index("log(z)")], np.log(table.z))
    assert (
        name
        in from_formula(
            f"`{name}` ~ x + I(`{name}` ** 2):x + (1 | g)", renamed
        ).design.formula_spec.parsed.response_columns
    )
    grouped = from_formula(
        f"y ~ x + (x | `{name}`) + (1 | `{name}`:f)", table.assign(**{name: table.g})
    ).design
    assert [t.name for t in grouped.terms] == [name, f"{name}:f"]
    assert grouped.terms[0].levels == tuple("uvwxyz")


@pytest.mark.parametrize(
    "name", ["Sepal.Length", ".hidden", "x.1", "class", "lambda", "ö", "数", "log", "C", "np"]
)
def test_names_that_r_reads_need_no_backticks(table, name):
    renamed = table.assign(**{name: table.z**2, f"{name}.g": table.g})
    design = from_formula(f"y ~ 0 + {name} + log(z) + ({name} | {name}.g)", renamed).design
    assert design.coef == (name, "log(z)")
    assert design.effects == (f"{name}.g: Intercept", f"{name}.g: {name}")
    assert from_formula(f"y ~ Q('{name}') + (1 | g)", renamed).design.coef[1] == name


def test_columns_of_numbers_for_names(table):
    numbered = table.rename(columns={"y": 0, "x": 1, "g": 2})
    design = from_formula("`0` ~ `1` + (1 | `2`)", numbered).design
    assert (design.coef, design.terms[0].name) == (("Intercept", "1"), "2")


def test_two_columns_of_one_name_are_refused(table):
    for formula, name in (
        ("y ~ x * z + `x:z` + (1 | g)", "x:z"),
        ("y ~ `Intercept` + (1 | g)", "Intercept"),
        ("y ~ f + `f[T.b]` + (1 | g)", r"f\[T.b\]"),
    ):
        told = f"would make two columns of one name: a column of the table is called '{name}'"
        with pytest.raises(ValueError, match=told):
            from_formula(
                formula,
                table.assign(**{"x:z": table.x + 1, "Intercept": table.z, "f[T.b]": table.x}),
            )


def test_an_unknown_name_is_told_of_backticks(table):
    with pytest.raises(
        ValueError,
        match=(
            r"names unknown columns a, q; .*; names with other signs stand in backticks, as in "
            r"`a-b`"
        ),
    ):
        from_formula("y ~ a-q + (1 | g)", table.assign(**{"a-b": 1.0}))


def test_numbers_must_be_finite(table):
    table.loc[3, "x"] = np.inf
    for formula in (
        "y ~ x + (1 | g)",
        "y ~ 1 + (x | g)",
        "x ~ 1 + (1 | g)",
        "y ~ exp(-x) + (1 | g)",
    ):
        with pytest.raises(
            ValueError,
            match="column 'x' must be finite, got 1 entries that are not, the first in row 3",
        ):
            from_formula(formula, table)
    with pytest.raises(ValueError, match="column 'f', given as weights, is text or categories"):
        from_formula("y ~ z + (1 | g)", table, weights="f")


def test_no_fixed_effects_is_a_model(table):
    for fixed in ("0", "-1", "0 + 0"):
        data = from_formula(f"y ~ {fixed} + (1 | g)", table)
        assert data.design.X.shape == (24, 0)
        assert data.design.new_rows(table.iloc[:2]).X.shape == (2, 0)


def test_levels_of_labels_that_differ_in_type():
    texts = Design(np.ones((3, 1)), [Term.grouped("g", [b"a", b"b", b"a"])]).terms[0].levels
    assert texts == ("a", "b")
    assert Term.grouped("g", [Decimal("1.0"), Decimal(2), Decimal(1)]).levels == ("1", "2")
    assert Term.grouped("g", np.array([3, 1, 2], ">i8")).levels == ("1", "2", "3")
    assert Term.grouped("g", [-0.0, 1.0, 1.0]).levels == ("0", "1")


def test_sleepstudy_with_a_square_as_lme4_users_write_it():
    whole = load_dataset("sleepstudy").astype({"Days": int})
    caret = from_formula("Reaction ~ Days + I(Days^2) + (Days | Subject)", whole)
    np.testing.assert_array_equal(caret.design.X[:, 2], whole.Days**2)
    assert caret.design.coef == ("Intercept", "Days", "I(Days^2)")
    assert (
        from_formula("Reaction ~ Days + I(Days**2) + (Days | Subject)", whole).design.coef[2]
        == "I(Days ** 2)"
    )


LIKE_LME4 = pd.read_csv(Path(__file__).parent / "data" / "formulas_lme4.csv").itertuples(
    index=False
)
# by which lme4's derivative-free optimiser stops short of the minimum where an SD is at zero
OPTIMISED = 1e-5


@pytest.mark.parametrize(("formula", "criterion", "columns"), [tuple(row) for row in LIKE_LME4])
def test_a_formula_means_what_it_means_in_lme4(formula, criterion, columns):
    """REML criteria of lmer on one table, tests/data/formulas.R.

    They depend on every column of X and Z.
    """
    table = pd.read_csv(Path(__file__).parent / "data" / "formulas.csv")
    data = from_formula(formula, table)
    fit = estimate(data)
    assert data.design.X.shape == (240, columns)
    assert criterion - OPTIMISED < fit.deviance < criterion + 1e-8 * abs(criterion)


@pytest.mark.parametrize(
    "term", ["scale(x)", "center(x)", "poly(x, 2)", "bs(x, df=4)", "log(scale(z) + 3)", "f"]
)
def test_columns_of_one_name_from_two_tables_are_not_taken_for_one(table, term):
    """Means, knots and levels of each part are others, under the same names of columns."""
    first = table.iloc[:12]
    second = table.iloc[12:]
    second = second.assign(f=second.f.replace("a", "0"))  # another first level
    parts = [from_formula(f"y ~ {term} + (1 | g)", part) for part in (first, second)]
    with pytest.raises(
        ValueError, match="all parts must take levels of factors, means and knots from one table"
    ):
        merge_reductions(parts)


def test_parts_that_took_nothing_from_data_merge(table):
    formula = "y ~ log(z) * x + f + (x | g)"
    whole = from_formula(formula, table)
    merged = merge_reductions(
        from_formula(formula, part) for part in (table.iloc[::2], table.iloc[1::2])
    )
    assert estimate(merged).deviance == pytest.approx(estimate(whole).deviance, rel=1e-10)
