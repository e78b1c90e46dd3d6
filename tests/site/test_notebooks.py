"""The notebooks that the site offers: prose that Jupyter reads, with what the page says."""

import re
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
import scanners
import yaml
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from myst_nb.core.read import read_myst_markdown_notebook

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "_build" / "html" / "_sources"
OFFERED = sorted(SOURCES.rglob("*.ipynb"))
MATH = re.compile(r"\$\$.+?\$\$|(?<!\\)\$[^$]+\$", re.DOTALL)
MARKDOWN = MarkdownIt("commonmark").enable("table")

each_notebook = pytest.mark.parametrize("file", OFFERED, ids=lambda file: file.stem)


def prose(file: Path) -> str:
    """Give the Markdown of a notebook."""
    cells = nbformat.read(file, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def read(text: str) -> BeautifulSoup:
    """Give Markdown as Jupyter shows it, its formulas left out: they are taken out first there."""
    return scanners.parse(MARKDOWN.render(MATH.sub("", text)))


def page_of(file: Path) -> Path:
    return SOURCES.parent / file.relative_to(SOURCES).with_suffix(".html")


def test_every_page_with_cells_has_one():
    names = [
        source.relative_to(SOURCES).with_suffix("")
        for source in SOURCES.rglob("*.md")
        if "```{code-cell}" in source.read_text("utf-8")
    ]
    assert len(names) > 10
    assert names == [name for name in names if SOURCES / f"{name}.ipynb" in OFFERED]


@each_notebook
def test_no_markup_of_the_book_survives(file):
    shown = read(prose(file))
    assert scanners.raw_markup(shown) == []
    assert scanners.raw_tex(shown) == []
    assert not [code for code in shown.select("pre code") if code.get("class", [""])[0][-1:] == "}"]


@each_notebook
def test_no_macro_of_the_book_survives(file):
    sphinx = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["sphinx"]["config"]
    macros = set(sphinx["mathjax3_config"]["tex"]["macros"])
    used = {
        name
        for formula in MATH.findall(prose(file))
        for name in re.findall(r"\\([A-Za-z]+)", formula)
    }
    assert used & macros == set()


@each_notebook
def test_no_quotation_mark_gets_into_a_formula(file):
    """Jupyter takes formulas out before it looks for quotations and lists."""
    assert [formula for formula in MATH.findall(prose(file)) if "\n>" in formula] == []


@each_notebook
def test_links_have_words_and_lead_somewhere(file, pages):
    shown = read(prose(file))
    for link in shown.select("a[href]"):
        # A formula as the words of a link was taken out of them.
        assert link.get_text().strip(), link
        path, _, anchor = unquote(link["href"]).partition("#")
        if re.match(r"https?://", path):
            continue
        target = (file.parent / path).resolve() if path else file.resolve()
        assert target.is_file(), link
        if anchor and target.suffix == ".ipynb":
            assert anchor in scanners.anchors(read(prose(target))), link
        elif anchor:
            assert anchor in scanners.anchors(pages[target]), link


@each_notebook
def test_numbers_and_headings_are_the_page_s(file, pages):
    page = pages[page_of(file).resolve()].find("article")
    text = " ".join(read(prose(file)).get_text().split())
    place = 0
    for number in page.select(".pasted-text, .published"):
        place = text.find(" ".join(number.get_text().split()), place)
        assert place >= 0, number
    assert headings(page) == headings(read(prose(file)))


def headings(page: BeautifulSoup) -> list[str]:
    """Give the headings with their numbers."""
    return [" ".join(tag.get_text().rstrip("#").split()) for tag in page.select("h1, h2, h3, h4")]


@each_notebook
def test_cells_stand_in_the_order_of_the_source(file):
    source = file.with_suffix(".md").read_text("utf-8")
    code = [
        cell.source
        for cell in read_myst_markdown_notebook(source).cells
        if cell.cell_type == "code"
    ]
    cells = nbformat.read(file, as_version=4).cells
    assert [cell.source for cell in cells if cell.cell_type == "code"] == code


@each_notebook
def test_what_the_page_does_not_show_is_folded(file):
    for cell in nbformat.read(file, as_version=4).cells:
        if {"remove-cell", "hide-cell", "remove-input"} & set(cell.metadata.get("tags", ())):
            assert cell.metadata.jupyter.source_hidden


def test_check_cells_stand_where_they_are_in_the_source():
    """The prose before a check cell is the prose before it in the source."""
    cells = nbformat.read(SOURCES / "chapters" / "explore.ipynb", as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    last = cells.index(code[-1])
    assert code[-1].metadata.tags == ["remove-cell"]
    assert cells[last - 1].source.endswith("</details>")
