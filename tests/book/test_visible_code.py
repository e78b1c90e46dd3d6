"""The code that a page shows runs when it is copied from the page, from top to bottom.

So every name that it uses is defined in code that is shown or folded; a cell that is removed, or
whose input is, defines nothing for the reader.
"""

import ast
import builtins
import re
import symtable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(page.relative_to(ROOT).with_suffix(""))
    for page in [ROOT / "intro.md", *(ROOT / "chapters").glob("*.md")]
    if "{code-cell}" in page.read_text("utf8")
)
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
REMOVED = {"remove-cell", "remove-input"}
KNOWN = {*dir(builtins), "__name__", "__file__"}


def cells(text):
    """(tags, code) of every cell of a page."""
    for body in CELL.findall(text):
        if body.startswith("---\n"):
            head, code = body[4:].split("---\n", 1)
        else:
            split = re.match(r"((?::[^\n]*\n)*)(.*)", body, re.DOTALL)
            head, code = "\n".join(line[1:] for line in split[1].splitlines()), split[2]
        yield set((yaml.safe_load(head) or {}).get("tags", [])), code


def global_names(node):
    """Names that a statement or an expression takes from the page, and names that it adds."""
    used, added = set(), set()
    pending = [symtable.symtable(ast.unparse(node), "cell", "exec")]
    while pending:
        scope = pending.pop()
        at_top = scope.get_type() == "module"
        for symbol in scope.get_symbols():
            is_global = at_top or symbol.is_global()
            if is_global and symbol.is_referenced():
                used.add(symbol.get_name())
            if is_global and (symbol.is_assigned() or symbol.is_imported()):
                added.add(symbol.get_name())
        pending += scope.get_children()
    # Python compiles comprehensions in line: what they bind would look like names of the page.
    generators = [part.target for part in ast.walk(node) if isinstance(part, ast.comprehension)]
    bound = {name.id for target in generators for name in ast.walk(target) if hasattr(name, "id")}
    return used - bound, added - bound


def names_of_cell(code):
    """Names that a cell needs before it runs, and names that it adds to the page."""
    needed, needed_later, added = set(), set(), set()
    for statement in ast.parse(code).body:
        used, new = global_names(statement)
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            needed_later |= used
        elif isinstance(statement, ast.Assign):
            needed |= global_names(statement.value)[0] - added
        elif isinstance(statement, ast.AugAssign):
            needed |= (used | new) - added
        else:
            needed |= used - new - added
        added |= new
    return needed | (needed_later - added), added


def undefined_names(text):
    """(name, first line of the cell) of what the shown code uses and no shown code defines."""
    defined = set(KNOWN)
    found = []
    for tags, code in cells(text):
        if tags & REMOVED:
            continue
        needed, added = names_of_cell(code)
        first_line = code.strip().splitlines()[0]
        found += [(name, first_line) for name in sorted(needed - defined)]
        defined |= added
    return found


@pytest.mark.parametrize("page", PAGES)
def test_shown_code_is_whole(page):
    assert undefined_names((ROOT / f"{page}.md").read_text("utf8")) == []


def _page(*bodies):
    return "\n\n".join(f"```{{code-cell}} python\n{body}\n```" for body in bodies)


def test_what_a_removed_cell_defines_is_missing():
    page = _page(
        ":tags: [remove-cell]\nx = 1", "y = x + 1", "---\ntags: [remove-input]\n---\nz = 2", "z"
    )
    assert undefined_names(page) == [("x", "y = x + 1"), ("z", "z")]


def test_what_a_folded_cell_defines_is_there():
    assert (
        undefined_names(_page(":tags: [hide-cell]\nimport numpy as np\nx = 1", "np.array(x)")) == []
    )


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
    assert [name for name, _ in undefined_names(_page(code))] == missing
