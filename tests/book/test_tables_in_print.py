"""Data frames as tables of LaTeX's.

What pandas spans is filled, numbers stand to the right, wide text is broken.
"""

from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from docutils import nodes

EXTENSIONS = Path(__file__).parents[2] / "_ext"


@pytest.fixture
def table(monkeypatch):
    """Make docutils' table of a frame."""
    monkeypatch.syspath_prepend(EXTENSIONS)
    import frames_in_print

    return lambda frame: frames_in_print.table_node(
        BeautifulSoup(frame.to_html(), "html.parser").table
    )


def _rows(part):
    return [
        [entry.astext() for entry in row.findall(nodes.entry)] for row in part.findall(nodes.row)
    ]


def test_the_name_of_the_index_heads_its_column(table):
    made = table(pd.DataFrame({"mean": [1.5, -2.0]}, index=pd.Index(["a", "b"], name="group")))
    assert _rows(next(made.findall(nodes.thead))) == [["group", "mean"]]
    assert _rows(next(made.findall(nodes.tbody))) == [["a", "1.5"], ["b", "−2.0"]]


def test_levels_of_an_index_span_rows_and_those_of_columns_columns(table):
    index = pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)])
    columns = pd.MultiIndex.from_tuples([("left", "a"), ("left", "b")])
    made = table(pd.DataFrame([[1, 2], [3, 4], [5, 6]], index=index, columns=columns))
    assert _rows(next(made.findall(nodes.tbody))) == [
        ["x", "1", "1", "2"],
        ["", "2", "3", "4"],
        ["y", "1", "5", "6"],
    ]
    assert {len(row) for row in _rows(made)} == {4}


def test_numbers_stand_to_the_right_and_long_text_is_broken(table):
    import tables_in_print

    spec, size, split, long = tables_in_print.layout(
        table(pd.DataFrame({"mean": [1.5], "what": ["short"]}))
    )
    assert (spec, size, split, long) == ("{rrl}", r"\normalsize", False, False)
    spec, _, _, long = tables_in_print.layout(
        table(pd.DataFrame({"mean": [1.5] * 40, "what": ["a long sentence " * 12] * 40}))
    )
    assert spec.count(r"\X") == 3
    assert long


def test_rows_of_several_lines_may_part_sooner_than_rows_of_one(table):
    import tables_in_print

    def parts(text, rows):
        return tables_in_print.layout(
            table(pd.DataFrame({"a": [text] * rows, "b": [text] * rows}))
        )[3]

    assert [
        parts("short", rows) for rows in (tables_in_print.DEEP + 1, tables_in_print.TALL + 1)
    ] == [False, True]
    assert [parts("a long sentence " * 8, rows) for rows in (2, tables_in_print.DEEP // 2)] == [
        False,
        True,
    ]


def test_shares_fill_the_line(table):
    import tables_in_print

    assert sum(tables_in_print.shares([5, 80, 300], [5, 9, 12], 90)) == pytest.approx(1)
    assert sum(tables_in_print.shares([40, 80, 300], [40, 60, 70], 90)) == pytest.approx(1)


def test_a_long_word_gets_what_it_needs_and_no_more(table):
    import tables_in_print

    code = nodes.entry(
        "",
        nodes.paragraph(
            "", "", nodes.literal("", "moments.residual_covariance"), nodes.Text(" or prose")
        ),
    )
    assert tables_in_print.longest_word([code]) == pytest.approx(
        tables_in_print.LETTER * len("moments.residual_covariance")
    )
    short, named, long = (
        90 * part - tables_in_print.BETWEEN
        for part in tables_in_print.shares([5, 66, 200], [5, 30, 12], 90)
    )
    assert (short, named) == pytest.approx((5, 30))
    assert long == pytest.approx(90 - 35 - 3 * tables_in_print.BETWEEN)


def test_bounds_and_dashes_are_numbers_in_print(table):
    import tables_in_print

    for cell in ("≤ 0.00005", "–", "—", "< 1", "‹ 3", "3 × 10−9", "−4.5", ""):
        assert tables_in_print.NUMERIC.fullmatch(cell), cell
    assert not tables_in_print.NUMERIC.fullmatch("– none")


def test_exponents_are_powers_of_ten_and_names_stay(table):
    made = table(
        pd.DataFrame(
            {"x": ["9.67e-05", "-3e-9", "0.5", "-0.2"]}, index=["e-1", "1e-5 off", "-inf", "a-b"]
        )
    )
    cells = [
        list(row.findall(nodes.entry)) for row in next(made.findall(nodes.tbody)).findall(nodes.row)
    ]
    assert [left.astext() for left, _ in cells] == ["e-1", "1e-5 off", "−inf", "a-b"]
    parts = [right.astext().split("\N{NO-BREAK SPACE}") for _, right in cells]
    assert parts == [["9.67", "×", "10−5"], ["−3", "×", "10−9"], ["0.5"], ["−0.2"]]
    assert [power.astext() for power in made.findall(nodes.superscript)] == ["−5", "−9"]


def test_a_frame_that_may_go_on_overleaf_repeats_the_labels_of_its_rows(table):
    import tables_in_print

    def labels(rows):
        index = pd.MultiIndex.from_product([["x"], ["a", "b"], range(rows // 2)])
        made = table(pd.DataFrame({"v": range(rows)}, index=index))
        return [row[:2] for row in _rows(next(made.findall(nodes.tbody)))]

    assert labels(6) == [["x", "a"], ["", ""], ["", ""], ["", "b"], ["", ""], ["", ""]]
    half = tables_in_print.TALL // 2 + 1
    assert labels(2 * half) == [["x", "a"]] * half + [["x", "b"]] * half


def test_no_table_is_set_in_tiny_letters_and_heads_rather_take_two_lines(table):
    import tables_in_print

    names = [f"mean of effect {k}" for k in range(6)]
    made = table(
        pd.DataFrame([[1.25] * 6] * 2, columns=names, index=["conditional, grid", "marginal"])
    )
    spec, size, split, _ = tables_in_print.layout(made)
    assert (spec, size, split) == ("{lrrrrrr}", r"\small", True)
    assert all("tiny" not in command for _, _, command, _ in tables_in_print.SIZES)
    tables_in_print.split_heads(made, spec)
    head = next(made.findall(nodes.thead))
    assert [len(list(entry.findall(nodes.raw))) for entry in head.findall(nodes.entry)] == [0] + [
        3
    ] * 6
    assert tables_in_print.halves(next(made.findall(nodes.tbody)).next_node(nodes.entry)) == (
        "conditional,",
        "grid",
    )


def test_a_head_with_markup_is_not_split(table):
    import tables_in_print

    entry = nodes.entry(
        "",
        nodes.paragraph("", "", nodes.Text("mean of "), nodes.math("", "u"), nodes.Text(" here")),
    )
    assert tables_in_print.halves(entry)[1] == ""
