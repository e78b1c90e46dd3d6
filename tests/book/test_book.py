"""The sources of the book.

Cells that can be read, labels that the docstrings promise, figures that can be heard.
"""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "intro.md", *sorted((ROOT / "chapters").glob("*.md"))]
REFERENCE = [ROOT / "chapters" / "api.rst", *sorted((ROOT / "chapters" / "api").glob("*.rst"))]
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
UNSEEN = {"remove-cell", "remove-input"}
WIDEST, LONGEST = (
    78,
    15,
)  # what the text column shows without scrolling, and what a reader takes in at once


def _cells(page):
    """(metadata, lines of code) of every cell of a page."""
    for body in CELL.findall(page.read_text("utf8")):
        if body.startswith("---\n"):
            head, code = body[4:].split("---\n", 1)
        else:
            split = re.match(r"((?::[^\n]*\n)*)(.*)", body, re.DOTALL)
            head, code = "\n".join(line[1:] for line in split[1].splitlines()), split[2]
        yield yaml.safe_load(head) or {}, code.strip("\n").splitlines()


def _with_cells():
    return [page for page in PAGES if CELL.search(page.read_text("utf8"))]


def _tags(metadata):
    tags = metadata.get("tags", [])
    return set(tags if isinstance(tags, list) else [tags])


@pytest.mark.parametrize("page", _with_cells(), ids=lambda p: p.stem)
def test_visible_cells_can_be_read(page):
    for metadata, lines in _cells(page):
        if not _tags(metadata) & UNSEEN:
            assert len(lines) <= LONGEST, lines[0]
            assert [line for line in lines if len(line) > WIDEST] == []


@pytest.mark.parametrize("page", _with_cells(), ids=lambda p: p.stem)
def test_every_figure_has_name_caption_and_alt(page):
    for metadata, lines in _cells(page):
        if any(re.match(r"(plots|(lmm\.report\.)?figures)\.\w+\(", line) for line in lines):
            assert set(metadata["mystnb"]["figure"]) == {"name", "caption"}
            assert len(metadata["mystnb"]["image"]["alt"]) > 60


@pytest.mark.parametrize("page", _with_cells(), ids=lambda p: p.stem)
def test_pages_without_sampling_do_not_import_pymc(page):
    code = "\n".join("\n".join(lines) for _, lines in _cells(page))
    imported = re.search(r"^\s*(?:import|from) pymc|pymc_models", code, re.MULTILINE)
    assert not imported or re.search(r"\b(?:lmm|pm)\.sample\(", code)


@pytest.mark.parametrize("page", _with_cells(), ids=lambda p: p.stem)
def test_glued_numbers_are_claimed_nowhere_without_a_check(page):
    """Every cell that glues computed numbers asserts something about them."""
    for _, lines in _cells(page):
        code = "\n".join(lines)
        glues = re.search(r"^\s*glue\(", code, re.MULTILINE) and "Markdown(" not in code
        assert not glues or re.search(r"^\s*assert ", code, re.MULTILINE), code[:80]


def test_docstrings_name_equations_that_exist():
    labels = set(
        re.findall(
            r"^\$\$ \(([\w-]+)\)", "\n".join(p.read_text("utf8") for p in PAGES), re.MULTILINE
        )
    )
    named = set()
    for file in (ROOT / "lmmlib").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                named |= set(re.findall(r":eq:`([\w-]+)`", ast.get_docstring(node) or ""))
    assert named
    assert named <= labels


def test_the_reference_lists_every_public_name():
    """A function of the package's own, or of a module that the package exports.

    A module itself needs no entry.
    """
    listed = set(
        re.findall(
            r"^\.\. auto(?:function|class|exception):: (lmmlib\.[\w.]+)",
            "\n".join(page.read_text("utf8") for page in REFERENCE),
            re.MULTILINE,
        )
    )
    stub = (ROOT / "lmmlib" / "__init__.pyi").read_text("utf8")
    public = {
        f"lmmlib.{name}"
        for module, name in re.findall(r"^from \.(\w+) import (\w+) as", stub, re.MULTILINE)
        if module
    }
    assert public
    assert public <= listed


def test_the_practice_table_is_the_simulation_that_its_page_says():
    import numpy as np
    import pandas as pd

    import lmmlib as lmm

    rng = np.random.default_rng(2020512)
    classes = np.repeat([f"c{k:02d}" for k in range(1, 25)], rng.integers(6, 15, 24))
    hours = np.round(rng.uniform(0, 10, len(classes)), 1)
    line = np.column_stack([np.ones(len(classes)), hours])
    design = lmm.Design(line, [lmm.Term.grouped("room", classes, line)])
    made_with = lmm.Params([50.0, 2.0], {"room": [[36.0, -1.2], [-1.2, 0.64]]}, 8.0)
    score = lmm.simulate(design, made_with, rng).y.round(1)
    made = pd.DataFrame({"room": classes, "hours": hours, "score": score})
    pd.testing.assert_frame_equal(lmm.load_dataset("practice"), made, check_dtype=False)


def test_every_chapter_that_draws_names_its_seed_where_the_colophon_finds_it(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "_ext")
    import colophon

    drawing = {
        page.relative_to(ROOT).with_suffix("").as_posix()
        for page in PAGES
        if "{code-cell}" in page.read_text("utf8")
        and re.search(r"\brng\b|random_seed", page.read_text("utf8"))
    }
    in_contents = {
        f"{name}" for name in yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))["root"].split()
    }
    in_contents |= {
        c["file"]
        for part in yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))["parts"]
        for c in part["chapters"]
    }
    assert drawing & in_contents <= set(colophon.seeds(ROOT))


def test_every_entry_of_the_literature_is_cited_and_every_citation_has_one():
    entries = re.findall(
        r"^@\w+\{([^,]+),", (ROOT / "references.bib").read_text("utf8"), re.MULTILINE
    )
    texts = [
        p.read_text("utf8") for p in [*PAGES, *REFERENCE, *sorted((ROOT / "lmmlib").rglob("*.py"))]
    ]
    keys = re.findall(r"(?:\{cite(?::\w+)?\}|:cite(?::\w+)?:)`([^`]+)`", "\n".join(texts))
    cited = {key.strip() for group in keys for key in group.split(",")}
    assert len(set(entries)) == len(entries)
    assert cited == set(entries)
