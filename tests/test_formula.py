"""lme4's notation: what each form means, and what is refused."""

import pickle

import numpy as np
import pandas as pd
import pytest

from lmmlib import from_formula, load_dataset, reduce_tables


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
            "c": np.arange(12) * 1j,
            "class": list("uvuvuvuvuvuv"),
            "m": [1, "1", 2] * 4,
            "p": ["u:v", "u"] * 6,
            "q": ["w", "v:w"] * 6,
        }
    )


def test_bars_become_terms_as_in_lme4(table):
    def terms(formula):
        return [
            (t.name, t.effects, t.correlated) for t in from_formula(formula, table).design.terms
        ]

    assert terms("y ~ x + (x | g)") == [("g", ("Intercept", "x"), True)]
    assert terms("y ~ x + (1 | g) + (0 + x | g)") == [
        ("g", ("Intercept",), True),
        ("g.1", ("x",), True),
    ]
    assert terms("y ~ x + (x || g)") == [("g", ("Intercept",), True), ("g.1", ("x",), True)]
    assert terms("y ~ (1 | h/g)") == [("h", ("Intercept",), True), ("g:h", ("Intercept",), True)]
    assert terms("y ~ (1 | g) + (1 | h)") == [
        ("g", ("Intercept",), True),
        ("h", ("Intercept",), True),
    ]
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
    term = from_formula("strength ~ 1 + (1 | batch/cask)", load_dataset("Pastes")).design.terms[1]
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
        ("y ~ (1 | g h)", "a name with a space stands in backticks, as in `g h`$"),
        ("y x ~ (1 | g)", "a name with a space stands in backticks, as in `y x`$"),
        ("y ~ x w + (1 | g)", "a name with a space stands in backticks, as in `x w`$"),
        (
            "y ~ z + (1 | g)",
            "names unknown columns z; the table has y, x, g, h, w, k, c, class, m, p, q",
        ),
        ("y ~ x + (1 | subject)", "names unknown columns subject"),
        ("g ~ x + (1 | h)", "the response 'g' is text; convert it to numbers, "),
        (
            "c ~ x + (1 | h)",
            "column 'c' must be real numbers, got type complex128; convert it first",
        ),
        ("C(g) ~ 1 + (1 | h)", r"the response 'C\(g\)' is categories; convert it to numbers"),
        (
            "poly(x, 2) ~ 1 + (1 | h)",
            r"the response 'poly\(x, 2\)' must be one column of numbers, got 2",
        ),
        ("1 ~ x + (1 | h)", "the response must name a column, got '1 ~ x"),
        (
            "y:x ~ 1 + (1 | h)",
            "the response must be one column or one expression of columns, got ':'",
        ),
        ("y ~ c + (1 | g)", "column 'c' must be real numbers, got type complex128"),
        ("y ~ (c | g)", "column 'c' must be real numbers, got type complex128"),
        (
            "y ~ x (1 | g)",
            r"random effects must be joined to other terms by \+, and \(1 \| g\) is not",
        ),
        ("y ~ x + (1 | g)(1 | h)", r"must be joined to other terms by \+"),
        ("y ~ x - (1 | g)", r"must be joined to other terms by \+"),
        ("y ~ x * (1 | g)", r"must be joined to other terms by \+"),
        ("y ~ (1 | g) : x", r"must be joined to other terms by \+"),
        ("y ~ (x ||| g)", r"must have one bar, or two side by side, .* got 'y ~ \(x \|\|\| g\)'"),
        ("y ~ (x | g | h)", "must have one bar, or two side by side"),
        ("y ~ ( | g)", r"effects must stand before a bar, as in \(1 \| g\)"),
        ("y ~ x + (0 | g)", r"\(0 \| g\) has no effects; write \(1 \| g\)"),
        ("y ~ x + (0 || g)", r"\(0 \| g\) has no effects"),
        ("y ~ . + (1 | g)", "a dot does not stand for all columns; name them"),
        ("y ~ x : + (1 | g)", r"'y ~ x : \+ \(1 \| g\)' cannot be read: expected a term, got '\+'"),
        ("y ~ x z + (1 | g)", "cannot be read: expected an operator between two terms, got 'z'"),
        (
            "y ~ 2 * x + (1 | g)",
            r"a number among terms must be 0 or 1, got 2 in .*; arithmetic stands in I\(...\)",
        ),
        ("y ~ 1:x + (1 | g)", "a number among terms must be 0 or 1 and stand alone"),
        ("y ~ I(2) + (1 | g)", r"the term I\(2\) names no column"),
        ("y ~ I(x ** 2 + (1 | g)", "cannot be read: expected '\\)', got '\\|'"),
        ("y ~ `x + (1 | g)", "a backtick is not closed"),
        (
            "y ~ I(x.diff().fillna(0)) + (1 | g)",
            "got '.fillna'; methods of columns are not read: compute such a column beforehand",
        ),
        ("y ~ I(x %% 2) + (1 | g)", "of R's operators between percent signs only %in% is read"),
        ("y ~ I(x:w) + (1 | g)", "cannot be read: expected ',', got ':'"),
        (
            "y ~ x + (1 | interaction(g, h))",
            r"a grouping side must be columns joined by : or /, got interaction\(g, h\) .*; a:b "
            r"stands for",
        ),
        ("y ~ x + (1 | g, h)", "a grouping side must be columns joined by : or /, got ','"),
        (
            "y ~ k + (1 | g)",
            "the term 'k' makes no column: a factor in it has one level only; drop it",
        ),
        (
            "y ~ log(x) + (1 | g)",
            r"'log\(x\)' must be finite, got 7 entries that are not, the first in row 0",
        ),
        ("1/I(x - x) ~ 1 + (1 | g)", r"'1 / I\(x - x\)' must be finite, got 12 entries"),
        ("y ~ log(g) + (1 | h)", "'g' is text or categories, and cannot be computed with"),
        (
            "y ~ poly(x, 2) * I(poly(x, 2) + 1) + (1 | g)",
            r"poly\(x, 2\) makes several columns, and cannot be computed with",
        ),
        (
            "y ~ m + (1 | g)",
            "column 'm' holds values of several kinds, int, str; make them all numbers or all text",
        ),
        ("y ~ center(x, ddof=1) + (1 | g)", r"center\(...\) has no option 'ddof', only none"),
        (
            "y ~ C(g, contr.none) + (1 | h)",
            r"has an option that is not read, contr.none, .* takes one of contr.treatment",
        ),
        ("y ~ C(g, Treatment('z')) + (1 | h)", r"names no level; there are 'a', 'b', 'c'"),
        (
            "y ~ C(g, levels=['a', 'b']) + (1 | h)",
            r"has a category that its option levels does not name, 'c'",
        ),
        ("y ~ sqrt(x, 2) + (1 | g)", r"sqrt\(...\) takes 1 argument, got 2"),
        ("y ~ squre(x) + (1 | g)", r"cannot call squre\(...\), .*; is square\(...\) meant\?"),
        ("y ~ bs(x) + bs(x, df=1) + (1 | g)", r"bs\(x, df=1\) cannot be computed: "),
        ("y ~ x + (1 | g) + (x | g)", "effects 'g: Intercept' and 'g.1: Intercept' are one"),
        ("y ~ (x | g) + (0 + x | g)", "effects 'g: x' and 'g.1: x' are one"),
        (
            "y ~ (1 | m)",
            r"levels of 'm' must be distinct, got 1 \(int\) and 1 \(str\); rename them",
        ),
        (
            "y ~ (1 | p:q)",
            r"levels of 'p:q' must be distinct as text, got 'u:v:w' for \('u:v', 'w'\) and "
            r"\('u', 'v:w'\); rename them",
        ),
        ("y ~ x + I(2 * x) + (1 | g)", r"I\(2 \* x\) can be made from the columns before"),
        ("y ~ x + (1 | k)", "grouping 'k' must have two levels or more, got 1"),
    ],
)
def test_bad_formulas_are_told_clearly(table, formula, message):
    with pytest.raises(ValueError, match=message):
        from_formula(formula, table)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda t: from_formula(None, t),
            r"a formula must be a string such as 'y ~ x \+ \(1 \| g\)', got NoneType",
        ),
        (
            lambda t: from_formula("y ~ x + (1 | g)", t.to_dict()),
            "a table must be a pandas DataFrame, got dict",
        ),
        (
            lambda t: from_formula("y ~ x + (1 | g)", t, weights=np.ones(12)),
            "weights must be the name of a column, got ndarray; put the",
        ),
        (
            lambda t: from_formula("y ~ x + (1 | g)", t).design.new_rows(np.ones((2, 2))),
            "a table must be a pandas DataFrame, got ndarray",
        ),
        (
            lambda t: reduce_tables("y ~ x + (1 | g)", t),
            r"tables must be an iterable .*, got DataFrame; give \[table\]",
        ),
    ],
)
def test_things_of_another_kind_are_told_clearly(table, call, message):
    with pytest.raises(TypeError, match=message):
        call(table)


def test_columns_of_one_name_are_refused(table):
    with pytest.raises(
        ValueError, match="the table must have each column once, got x more often; rename them"
    ):
        from_formula("y ~ x + (1 | g)", pd.concat([table, table[["x"]]], axis=1))


def test_a_bar_may_stand_anywhere_in_the_sum(table):
    expected = ("Intercept", "x"), ("g: Intercept", "h: Intercept")
    for formula in (
        "y ~ x + (1 | g) + (1 | h)",
        "y ~ (1|g) + x + (1|h)",
        "y ~ (1|g)+(1|h)+x",
        "y ~ (x) + (1|g) + ((1 - 0) | h)",
    ):
        design = from_formula(formula, table).design
        assert (design.coef, design.effects) == expected
    assert from_formula("y ~ x + (1 | g) - 1", table).design.coef == ("x",)
    assert from_formula("y ~ I(x * .5) + (1 | g)", table).design.coef == ("Intercept", "I(x * 0.5)")


def test_a_factor_with_a_dot_in_its_name(table):
    table = table.assign(**{"my.g": table.g})
    assert from_formula("y ~ x + (x || my.g)", table).design.effects == (
        "my.g: Intercept",
        "my.g.1: x",
    )
    both = from_formula("y ~ (1 | my.g) + (0 + x | my.g) + (1 | h)", table).design
    assert [t.name for t in both.terms] == ["my.g", "my.g.1", "h"]


def test_an_effect_may_bear_the_name_of_its_factor(table):
    design = from_formula(
        "y ~ x + (0 + w | w) + (1 | Intercept)",
        table.assign(w=[1.0, 2, 3, 4] * 3, Intercept=table.g),
    ).design
    assert design.effects == ("w: w", "Intercept: Intercept")
    assert design.level_of_rows("w").tolist() == [0, 1, 2, 3] * 3


def test_whole_numbers_are_labelled_alike_in_every_table(table):
    """An integer column becomes one of floats where a value was missing once."""
    whole = table.assign(n=[1, 2, 3] * 4)
    floats = whole.assign(n=whole.n.astype(float))
    data = from_formula("y ~ (1 | n) + (1 | n:h)", whole)
    for table_ in (
        floats,
        whole.assign(n=whole.n.astype("Int64")),
        whole.assign(n=whole.n.astype(str)),
    ):
        assert [t.levels for t in data.design.new_rows(table_).terms] == [
            t.levels for t in data.design.terms
        ]
    assert (
        from_formula("y ~ (1 | n) + (1 | n:h)", floats).design.terms[1].levels
        == data.design.terms[1].levels
    )
    with pytest.raises(
        ValueError, match="levels of 'n' must be distinct as text, got '1' for 1 and '1'"
    ):
        data.design.new_rows(whole.assign(n=[1, "1", 2] * 4))


def test_categories_without_rows_are_dropped(table):
    table = table.assign(f=pd.Categorical(list("uvwuvwuvwuvw"), list("uvwz")))
    design = from_formula("y ~ f + (1 | g)", table).design
    assert design.coef == ("Intercept", "f[T.v]", "f[T.w]")
    np.testing.assert_array_equal(design.new_rows(table.iloc[1:3]).X, [[1, 1, 0], [1, 0, 1]])
    with pytest.raises(
        ValueError,
        match=(
            "'f' has a category that the first table did not have, 'z'; give it all its "
            "categories there"
        ),
    ):
        design.new_rows(table.iloc[:1].assign(f="z"))
    assert table.f.cat.categories.tolist() == list("uvwz")
    parts = [
        table.assign(f=table.f.cat.remove_categories("z"))[table.f != "w"],
        table[table.f == "w"],
    ]
    assert (
        reduce_tables("y ~ f + (1 | g)", parts).layout.coef == design.coef
    )  # the first has no row of w, and declares it


def test_columns_of_nullable_types_are_numbers(table):
    wide = table.assign(x=[1, 2, 3, 5] * 3, w=[1, 2] * 6).convert_dtypes()
    design = from_formula("y ~ x + (x | g)", wide, weights="w", offset="x").design
    np.testing.assert_array_equal(design.weights, [1, 2] * 6)
    np.testing.assert_array_equal(design.X[:, 1], design.offset)


def test_specifications_are_equal_if_they_make_the_same_rows(table):
    def spec(formula, rows=slice(None)):
        return from_formula(formula, table[rows]).design.formula_spec

    centred = spec("y ~ center(x) + (1 | g)")
    assert spec("y ~ center(x) + (1 | g)") == centred
    assert hash(spec("y ~ center(x) + (1 | g)")) == hash(centred)
    assert pickle.loads(pickle.dumps(centred)) == centred
    assert spec("y ~ center(x) + (1 | g)", slice(6, None)) != centred  # another mean
    assert spec("y ~ x + (1 | g)") != centred
    assert spec("y ~ x + (1 | g)", slice(6, None)) == spec("y ~ x + (1 | g)")


def test_an_empty_table_is_refused(table):
    with pytest.raises(ValueError, match="the table must have a row at least, got none"):
        from_formula("y ~ 1 + (1 | g)", table.iloc[:0])


def test_every_table_loads_with_its_source():
    for name, rows in {
        "sleepstudy": 180,
        "Dyestuff": 30,
        "Dyestuff2": 30,
        "Penicillin": 144,
        "Pastes": 60,
        "rats": 150,
        "thread_like": 100,
    }.items():
        table = load_dataset(name)
        assert len(table) == rows
        assert table.attrs["source"]
    with pytest.raises(ValueError, match="no table named 'iris'; there are sleepstudy"):
        load_dataset("iris")
