"""What stands together in print: short blocks of code, and a sentence with what it announces."""

import re
from pathlib import Path

import pytest
from docutils import nodes
from docutils.utils import new_document

EXTENSIONS = Path(__file__).parents[2] / "_ext"


@pytest.fixture
def layout(monkeypatch):
    """Give the module."""
    monkeypatch.syspath_prepend(EXTENSIONS)
    import print_layout

    return print_layout


@pytest.fixture
def arranged(layout):
    """Lay out a section that holds some nodes; return its children, TeX as text."""

    def arrange(*children):
        document = new_document("report")
        section = nodes.section("", nodes.title("", "Title"), *children)
        document += section
        layout.StandTogether(document).run()
        return [
            child.astext().strip() if isinstance(child, nodes.raw) else child
            for child in section.children[1:]
        ]

    return arrange


def _code(lines):
    return nodes.literal_block("", "\n".join(["x = 1"] * lines))


def _cell(node):
    return nodes.container("", nodes.container("", node))


def _room(tex):
    return float(re.fullmatch(r"\\roomfor\{([\d.]+)\\baselineskip\}", tex)[1])


def test_a_short_block_of_code_is_whole_and_a_long_one_begins_with_some_lines(layout):
    assert layout.height(_code(3)) < layout.height(_code(12)) == 12 * layout.CODE + layout.FRAME
    assert (
        layout.height(_code(13))
        == layout.height(_code(60))
        == layout.BEGUN * layout.CODE + layout.FRAME
    )
    assert layout.height(nodes.literal_block("", "y" * 200)) == layout.height(_code(3))


def test_room_is_asked_for_before_the_cell_of_a_block_of_code(layout, arranged):
    text, tex, cell = arranged(nodes.paragraph("", "So far."), _cell(_code(4)))
    assert (text.astext(), _room(tex)) == (
        "So far.",
        pytest.approx(4 * layout.CODE + layout.FRAME, abs=0.05),
    )
    assert len(list(cell.findall(nodes.raw))) == 0
    _, tex, _ = arranged(nodes.paragraph("", "So far."), nodes.doctest_block("", ">>> 1"))
    assert _room(tex) == pytest.approx(layout.CODE + layout.FRAME, abs=0.05)


def test_room_is_asked_for_before_the_headings_above_a_block_and_before_their_names(
    layout, arranged
):
    deep = nodes.section("", nodes.title("", "Deep"), _cell(_code(4)))
    first = nodes.section(
        "",
        nodes.title("", "First"),
        nodes.paragraph("", "Text."),
        nodes.target("", "", refid="name"),
    )
    found, _ = arranged(first, nodes.section("", nodes.title("", "Second"), deep))
    _, _, tex, target = found.children
    assert isinstance(target, nodes.target)
    asked = 4 * layout.CODE + layout.FRAME + 2 * layout.HEADING
    assert _room(tex.astext().strip()) == pytest.approx(asked, abs=0.05)
    _, tex, _, _ = arranged(nodes.paragraph("", "Text."), nodes.rubric("", "Examples"), _code(4))
    assert _room(tex) == pytest.approx(asked - layout.HEADING, abs=0.05)


def test_a_sentence_asks_for_the_room_of_the_code_that_it_announces(arranged):
    tex, sentence, again, _ = arranged(nodes.paragraph("", "By hand:"), _cell(_code(10)))
    assert sentence.astext() == "By hand:"
    assert _room(tex) > _room(again) + 1
    assert _room(arranged(nodes.paragraph("", "By hand:"), _cell(_code(2)))[0]) < 5


def test_no_page_is_turned_between_a_sentence_and_the_table_that_it_announces(arranged):
    sentence, tex, _ = arranged(
        nodes.paragraph("", "In figures:"), _cell(nodes.table("", nodes.tgroup()))
    )
    assert (sentence.astext(), tex) == ("In figures:", r"\par\nobreak")
    assert (
        len(arranged(nodes.paragraph("", "In figures."), _cell(nodes.table("", nodes.tgroup()))))
        == 2
    )


def test_a_sentence_that_announces_text_or_nothing_asks_for_a_few_lines(layout, arranged):
    for after in ([nodes.paragraph("", "first")], []):
        assert _room(arranged(nodes.paragraph("", "Two ways:"), *after)[0]) == pytest.approx(
            layout.ANNOUNCED + 1.1
        )


def test_sections_are_listed_in_one_chapter_and_no_further(layout):
    chapter = nodes.section("", nodes.title("", "Reference"))
    layout.list_sections(chapter)
    assert r"\contentsto{1}" in chapter[0].astext()
    assert r"\contentsto{0}\sectionsatfoot{}" in chapter[-1].astext()
