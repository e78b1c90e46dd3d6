"""The code that a page shows runs when it is copied from the page, from top to bottom.

So every name that it uses is defined in code that is shown or folded; a cell that is removed, or
whose input is, defines nothing for the reader.
"""

import re
from pathlib import Path

import pytest
import yaml

from names_in_code import undefined_names

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(page.relative_to(ROOT).with_suffix(""))
    for page in [ROOT / "intro.md", *(ROOT / "chapters").glob("*.md")]
    if "{code-cell}" in page.read_text("utf8")
)
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
REMOVED = {"remove-cell", "remove-input"}


def cells(text):
    """(tags, code) of every cell of a page."""
    for body in CELL.findall(text):
        if body.startswith("---\n"):
            head, code = body[4:].split("---\n", 1)
        else:
            split = re.match(r"((?::[^\n]*\n)*)(.*)", body, re.DOTALL)
            head, code = "\n".join(line[1:] for line in split[1].splitlines()), split[2]
        yield set((yaml.safe_load(head) or {}).get("tags", [])), code


def shown_cells(text):
    """Code of the cells that a page shows or folds."""
    return [code for tags, code in cells(text) if not tags & REMOVED]


@pytest.mark.parametrize("page", PAGES)
def test_shown_code_is_whole(page):
    assert undefined_names(shown_cells((ROOT / f"{page}.md").read_text("utf8"))) == []


def _page(*bodies):
    return "\n\n".join(f"```{{code-cell}} python\n{body}\n```" for body in bodies)


def test_what_a_removed_cell_defines_is_missing():
    page = _page(
        ":tags: [remove-cell]\nx = 1", "y = x + 1", "---\ntags: [remove-input]\n---\nz = 2", "z"
    )
    assert undefined_names(shown_cells(page)) == [("x", "y = x + 1"), ("z", "z")]


def test_what_a_folded_cell_defines_is_there():
    page = _page(":tags: [hide-cell]\nimport numpy as np\nx = 1", "np.array(x)")
    assert undefined_names(shown_cells(page)) == []


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("def f(a):\n    return a + b", ["b"]),
        ("def f(a):\n    b = a\n    return [b for _ in range(3)]", []),
        ("x = x + 1", ["x"]),
        ("x += 1", ["x"]),
        ("x = 1\nx += 1", []),
        ("f = lambda k: k * scale", ["scale"]),
        ("{k: v for k, v in pairs}", ["pairs"]),
        ("x = [k for k in range(2)]\nk", ["k"]),
        ("with open(path) as file:\n    file.read()", ["path"]),
        ("print(y)\ny = 2", ["y"]),
        ("for k in range(2):\n    total = k\ntotal", []),
    ],
)
def test_names_are_followed_into_every_scope(code, missing):
    assert [name for name, _ in undefined_names([code])] == missing
