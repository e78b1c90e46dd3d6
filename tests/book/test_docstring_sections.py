"""The docstrings' sections as the library reference shows them: names, types and meanings apart."""

import ast
import importlib
import re
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString

ROOT = Path(__file__).parents[2]


@pytest.fixture
def rewritten(monkeypatch):
    """Rewrite the lines of a docstring."""
    monkeypatch.syspath_prepend(ROOT / "_ext")
    module = importlib.import_module("docstring_sections")
    type_of = module.type_pattern(module.classes())
    return lambda lines: module.rewritten(lines, type_of)


def _section(title, *lines):
    return [title, "-" * len(title), *lines]


@pytest.mark.parametrize(
    ("title", "written", "shown"),
    [
        ("Parameters", ["data : Data or Reduction"], ["data : Data or Reduction"]),
        (
            "Parameters",
            ["draws : int, a multiple of four"],
            ["draws : int", "    a multiple of four"],
        ),
        ("Parameters", ["w : (n,) above zero, or None"], ["w : (n,)", "    above zero, or None"]),
        (
            "Parameters",
            ["b : bool     False: Σ is diagonal"],
            ["b : bool", "    False: Σ is diagonal"],
        ),
        ("Parameters", ["tree : Data the draws are of"], ["tree", "    Data the draws are of"]),
        (
            "Parameters",
            ["c : True keeps it,", "    False does not"],
            ["c", "    True keeps it, False does not"],
        ),
        (
            "Parameters",
            ["m : rows per group;  K, J : groups"],
            ["m", "    rows per group", "K, J", "    groups"],
        ),
        ("Attributes", ["mean : (m,);  cov : (m, m)"], ["mean : (m,)", "cov : (m, m)"]),
        ("Returns", ["float, nats"], ["float", "    nats"]),
        (
            "Returns",
            ["pymc.Model with ``beta``, the", "rows, and ``y``"],
            ["pymc.Model", "    with ``beta``, the rows, and ``y``"],
        ),
        (
            "Returns",
            ["xarray.DataTree as before", "Diagnosis, a second"],
            ["xarray.DataTree", "    as before", "Diagnosis", "    a second"],
        ),
        (
            "Returns",
            ["mapping from a name to (J, q), at known", "β"],
            ["mapping from a name to (J, q)", "    at known β"],
        ),
        ("Returns", ["top (q, w) in front, and rest"], ["top (q, w) in front", "    and rest"]),
        ("Returns", ["draws (of any kind, or none"], ["draws (of any kind, or none"]),
        (
            "Raises",
            ["ValueError  if it is not,", "    or is"],
            ["ValueError", "    if it is not, or is"],
        ),
        ("Raises", ["AError, BError  if so"], ["AError, BError", "    if so"]),
        ("Warns", ["SamplingWarning  on a low E-BFMI"], ["SamplingWarning", "    on a low E-BFMI"]),
        ("References", [":eq:`eq-a` and :eq:`eq-b`."], ["Equation :eq:`eq-a` and :eq:`eq-b`."]),
        (
            "References",
            ["Henderson (1950); :eq:`eq-a`."],
            ["Henderson (1950); equation :eq:`eq-a`."],
        ),
        ("Notes", ["a : b, c"], ["a : b, c"]),
    ],
)
def test_an_entry_is_parted(title, written, shown, rewritten):
    assert rewritten([*_section(title, *written), "", "after"]) == [
        *_section(title, *shown),
        "",
        "after",
    ]


def _docstrings():
    """Every docstring of the package, by file and name."""
    for file in sorted((ROOT / "lmmlib").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and (
                text := ast.get_docstring(node)
            ):
                yield f"{file.relative_to(ROOT)}: {node.name}", text


def test_no_type_of_the_package_holds_a_sentence_or_a_second_name(rewritten):
    seen = 0
    for name, text in _docstrings():
        found = NumpyDocString("\n".join(rewritten(text.splitlines())))
        for section in ("Parameters", "Attributes"):
            for entry in found[section]:
                seen += 1
                assert not re.search(r"; \w+ : ", entry.type), (name, entry)
                assert re.fullmatch(r"[\w, *]+", entry.name), (name, entry)
                assert len(entry.type) <= 60, (name, entry)
                assert all(
                    entry.type.count(left) == entry.type.count(right)
                    for left, right in ("()", "[]", "{}")
                ), (name, entry)
        for section in ("Raises", "Warns"):
            for entry in found[section]:
                seen += 1
                assert re.fullmatch(r"(?:\w+(?:Error|Warning)(?:, )?)+", entry.type), (name, entry)
                assert entry.desc, (name, entry)
    assert seen > 300
