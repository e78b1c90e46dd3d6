"""The PDF in the site: made from the same run, numbered as the pages are, and whole."""

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

PRINT = Path(__file__).resolve().parents[2] / "_build" / "print" / "_build" / "latex"
OVERFULL = re.compile(r"^Overfull \\[hv]box \(([\d.]+)pt.*", re.MULTILINE)
ON_THE_WEB_ONLY = ("chapters/calls", "chapters/explore", "chapters/api")
SHOWS = 5.0  # points; what stands out less is not seen beside a margin of 71


@pytest.fixture(scope="module", autouse=True)
def pdf(site) -> Path:
    if not (site / "report.pdf").is_file():
        pytest.skip("this site was made without a PDF: make pdf")
    return site / "report.pdf"


@pytest.fixture(scope="module")
def log() -> str:
    """What XeLaTeX said, its lines of 79 signs joined."""
    return (PRINT / "report.log").read_text("utf-8", errors="replace")


@pytest.fixture(scope="module")
def on_paper() -> dict[str, str]:
    """Numbers by page#anchor.

    Of equations, figures and tables from report.aux, of theorems from what is printed.
    """
    aux, tex = (PRINT / "report.aux").read_text("utf-8"), (PRINT / "report.tex").read_text("utf-8")
    found = {}
    for page, name, number in re.findall(
        r"\\newlabel\{equation:([\w/]+):([\w-]+)\}\{\{([\d.]+)\}", aux
    ):
        found[f"{page}#equation-{name}"] = number
    for page, name, number in re.findall(
        r"\\newlabel\{([\w/]+):((?:fig|tab)-[\w-]+)\}\{\{([\d.]+)\}", aux
    ):
        found[f"{page}#{name}"] = number
    stated = r"\\label\{([\w/]+):([\w-]+)\}\s*\\begin\{sphinxadmonition\}\{note\}\{\w+ ([\d.]+)"
    for page, name, number in re.findall(stated, tex):
        found[f"{page}#{name}"] = number
    return found


@pytest.fixture(scope="module")
def printed(site, pages) -> dict[str, BeautifulSoup]:
    """The pages by name, without those that are on the site alone."""
    names = {
        path.relative_to(site).with_suffix("").as_posix(): page for path, page in pages.items()
    }
    return {name: page for name, page in names.items() if not name.startswith(ON_THE_WEB_ONLY)}


@pytest.fixture(scope="module")
def on_pages(printed) -> dict[str, str]:
    """Numbers by page#anchor, as a reader of the pages sees them."""
    found = {}
    for name, page in printed.items():
        for tag in page.select("div.math[id] > p > .eqno, div.math[id] .eqno"):
            found[f"{name}#{tag.find_parent('div', class_='math')['id']}"] = re.search(
                r"[\d.]*\d", tag.get_text()
            )[0]
        for tag in page.select(
            "figure[id] .caption-number, table[id] .caption-number, div.proof[id] .caption-number"
        ):
            if number := re.search(r"[\d.]*\d", tag.get_text()):
                found[f"{name}#{tag.find_parent(['figure', 'table', 'div'], id=True)['id']}"] = (
                    number[0]
                )
    return found


def test_numbers_are_those_of_the_pages(on_paper, on_pages):
    assert len(on_pages) > 100
    assert {name: on_paper.get(name) for name in on_pages} == on_pages


def test_no_character_is_missing_and_no_line_is_too_long(log):
    assert "Missing character" not in log
    assert [line[0] for line in OVERFULL.finditer(log) if float(line[1]) > SHOWS] == []


def test_references_lead_somewhere(log):
    assert not re.findall(r"(?:Reference|Citation|Hyper reference) `.*undefined", log)
    assert "There were undefined references" not in log


def test_references_stand_under_their_heading():
    tex = (PRINT / "report.tex").read_text("utf-8")
    before, entries = tex.split(r"\begin{sphinxthebibliography}")
    assert re.findall(r"\\chapter\{(.*)\}", before)[-1] == "References"
    assert r"\chapter{What it costs}" in entries


def test_outputs_are_typeset():
    tex = (PRINT / "report.tex").read_text("utf-8")
    assert not re.findall(r"object at 0x\w+|<Figure size|<pandas", tex)


def test_every_figure_of_the_printed_pages_is_there(printed):
    shown = sum(len(page.select("article figure[id] img")) for page in printed.values())
    assert (
        len(re.findall(r"\\sphinxincludegraphics", (PRINT / "report.tex").read_text("utf-8")))
        >= shown
    )


def test_it_has_at_most_150_pages(log):
    pages = re.search(r"Output written on report\.\w+ \((\d+) pages", log)
    assert int(pages[1]) <= 150


def test_it_is_the_pdf_that_was_typeset(pdf):
    assert pdf.read_bytes() == (PRINT / "report.pdf").read_bytes()
