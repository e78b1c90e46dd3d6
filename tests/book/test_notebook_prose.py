"""Each kind of node of a resolved page becomes Markdown that Jupyter reads."""

import importlib
from pathlib import Path

import pytest
from docutils import nodes

FENCE = "```"


@pytest.fixture
def write(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "_ext")
    numbers = {
        "displaymath": {"eq-a": (3, 1)},
        "theorem": {"thm-a": (2, 4)},
        "table": {"tab": (5,)},
    }
    prose = importlib.import_module("notebook_prose").Prose
    return prose(
        numbers, {"E": r"\mathbb{E}", "given": r"\mid"}, lambda address: f"to/{address}"
    ).write


def words(text: str) -> nodes.paragraph:
    return nodes.paragraph("", text)


def table(*rows: list[nodes.Node], title: str) -> nodes.table:
    body = nodes.tbody(
        "", *(nodes.row("", *(nodes.entry("", cell) for cell in row)) for row in rows)
    )
    return nodes.table("", nodes.title("", title), nodes.tgroup("", body), ids=["tab"])


@pytest.mark.parametrize(
    ("node", "markdown"),
    [
        (words("a_b * [c] <d> $e"), r"a\_b \* \[c\] \<d\> \$e"),
        (words("1. not a list"), r"\1. not a list"),
        (
            nodes.math(
                "",
                r"\E[Y \given u]",
            ),
            r"$\mathbb{E}[Y \mid u]$",
        ),
        (
            nodes.math(
                "",
                r"\Ex",
            ),
            r"$\Ex$",
        ),
        (nodes.literal("", "a`b"), "`` a`b ``"),
        (nodes.reference("", "(3.1)", refuri="x.html#eq-a"), "[(3.1)](to/x.html#eq-a)"),
        (nodes.reference("", "here", refid="eq-a"), "[here](to/#eq-a)"),
        (
            nodes.math_block("", r"\E y", ids=["eq-a"]),
            '<a id="eq-a"></a>\n\n$$\n\\mathbb{E} y\n\\tag{3.1}\n$$',
        ),
        (nodes.math_block("", "y", ids=[]), "$$\ny\n$$"),
        (nodes.literal_block("", "x = 1", language="python"), f"{FENCE}python\nx = 1\n{FENCE}"),
        (
            nodes.bullet_list(
                "", nodes.list_item("", words("a"), words("b")), nodes.list_item("", words("c"))
            ),
            "- a\n  \n  b\n- c",
        ),
        (nodes.enumerated_list("", nodes.list_item("", words("a")), start=3), "3. a"),
        (
            nodes.admonition("", nodes.title("", "Answer"), words("yes"), classes=["dropdown"]),
            "<details><summary>Answer</summary>\n\nyes\n\n</details>",
        ),
        (nodes.note("", words("mind")), "> **Note**\n> \n> mind"),
        (nodes.block_quote("", nodes.math_block("", "a\nb", ids=[])), "> $$ a b $$"),
        (
            nodes.admonition(
                "",
                nodes.title("", " (Name)"),
                words("so"),
                ids=["thm-a"],
                realtype="theorem",
                countertype="theorem",
            ),
            '> <a id="thm-a"></a>**Theorem 2.4** (Name)\n> \n> so',
        ),
        (
            table([words("a"), nodes.math("", "|x|")], [words("b|"), words("c\nd")], title="T"),
            '<a id="tab"></a>**Table 5** T\n\n|   |   |\n|---|---|\n'
            "| a | $\\vert x\\vert$ |\n| b\\| | c d |",
        ),
        (nodes.raw("", "<b>", format="html"), ""),
        (nodes.raw("", "<br />\n", format="html"), "<br>"),
        (nodes.footnote_reference("", "1", refid="id1"), "<sup>1</sup>"),
        (nodes.literal_block("", "x = 1\n", language="stan"), f"{FENCE}stan\nx = 1\n{FENCE}"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nodes.Node) else "",
)
def test_node_becomes_markdown(node, markdown, write):
    assert write(node) == markdown


def test_headings_have_the_depth_and_the_number_of_their_section(write):
    inner = nodes.section("", nodes.title("", "In"), ids=["in"])
    nodes.section("", nodes.title("", "Out"), inner, ids=["out"])
    assert write(inner[0]) == '<a id="in"></a>\n\n## In'
