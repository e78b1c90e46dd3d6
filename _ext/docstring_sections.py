"""The sections of docstrings as numpydoc wants them: a name and a type on one line, and what they mean indented below.

The docstrings are written to be read in a terminal, one line an entry: ``name : type, meaning``, several names after one
another with ``;`` and two spaces between them, and ``ValueError  if …``. numpydoc would take the whole line for a type.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

PACKAGE = Path(__file__).parents[1] / "lmmlib"
NAMED, RESULTS, RAISED = (
    ("Parameters", "Attributes", "Other Parameters"),
    ("Returns", "Yields"),
    ("Raises", "Warns"),
)
SEVERAL = re.compile(r";\s{2,}(?=[\w*, ]+ : )")
SHAPE = r"\([^()\s][^()]*\)|\(\.\.\.\)|\(\)"
# A word after the name of a class: the name is part of a sentence.
SENTENCE = re.compile(r"(?<!\)) (?!(?:with|without|of|in|from|above|within|as|or|and)\b)\w")
PHRASE = re.compile(
    r"((?:[^,()]|\([^()]*\))+)(?:, (.+))?"
)  # up to the first comma outside of parentheses
EQUATION = re.compile(r"^(?=:eq:)|(?<=; )(?=:eq:)")  # a number in parentheses alone says little


def classes() -> set[str]:
    """Give the names of the package's classes, and those of the others that its functions take and return."""
    own = (
        name
        for file in PACKAGE.rglob("*.py")
        for name in re.findall(r"^class (\w+)", file.read_text("utf-8"), re.MULTILINE)
    )
    return {"DataTree", "InferenceData", *own}


def type_pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Match a type at the start of an entry: a shape, or a class, a builtin or a container, with a shape of its own."""
    name = rf"(?:numpy|pandas|xarray|scipy|pymc|matplotlib)(?:\.\w+)+|{'|'.join(sorted(names, key=len, reverse=True))}|int|float|str|bool"
    single = rf"(?:{name}|{SHAPE})"
    container = rf"(?:tuple|sequence|list|iterable) of {single}|callable"
    return re.compile(
        rf"(?:{container}|{single})(?: or (?:{single}|None))?(?: {SHAPE})?(?: (?:int|float|bool))?(?=$|[\s,;:.])"
    )


def entries(lines: list[str], section: str, type_of: re.Pattern[str]) -> list[str]:
    """Join the lines that go on to the entries that they belong to, one string an entry."""
    found: list[str] = []
    for line in lines:
        starts = not line.startswith(" ") and (
            (section in NAMED and " : " in line)
            or (section in RAISED and re.match(r"\w+(?:Error|Warning)\b", line))
            or (
                section in RESULTS
                and type_of.match(line)
                and not (found and found[-1].endswith(","))
            )
        )
        if starts or not found:
            found.append(line.rstrip())
        else:
            found[-1] += " " + line.strip()
    return found


def parted(text: str, type_of: re.Pattern[str]) -> tuple[str, str]:
    """Part a type from its meaning: at two spaces, or else where a known type ends."""
    head, tail = (piece.strip() for piece in re.match(r"(.*?)(?:\s{2,}|$)(.*)", text).groups())
    if tail:
        return head, tail
    match = type_of.match(head)
    if not match or SENTENCE.match(head, match.end()):
        return "", head
    return match[0], re.sub(r"^[,;:.]?\s*", "", head[match.end() :])


def described(text: str) -> tuple[str, str]:
    """Part a result that no type names at its first comma, lest a whole sentence stand in the type's place."""
    found = PHRASE.fullmatch(text)
    return (found[1], found[2] or "") if found else (text, "")


def written(text: str, section: str, type_of: re.Pattern[str]) -> list[str]:
    """Write an entry as numpydoc wants it."""
    if section in RAISED:
        name, _, meaning = text.partition("  " if "  " in text else " ")
        return [name, f"    {meaning.strip()}"] if meaning else [name]
    if section in RESULTS:
        kind, meaning = parted(text, type_of)
        if not kind:
            kind, meaning = described(meaning)
        return [kind, f"    {meaning}"] if meaning else [kind]
    name, _, rest = text.partition(" : ")
    kind, meaning = parted(rest.strip(), type_of)
    head = f"{name.strip()} : {kind}" if kind else name.strip()
    return [head, f"    {meaning}"] if meaning else [head]


def rewritten(lines: list[str], type_of: re.Pattern[str]) -> list[str]:
    """Rewrite the sections of a docstring that list names, types, errors or sources; all else stays as it is."""
    done, k = [], 0
    while k < len(lines):
        section, k = lines[k].strip(), k + 1
        done.append(lines[k - 1])
        if k < len(lines) and re.fullmatch(r"-{3,}", lines[k].strip()):
            end = next((j for j in range(k + 1, len(lines)) if not lines[j].strip()), len(lines))
            done += [lines[k], *listed(lines[k + 1 : end], section, type_of)]
            k = end
    return done


def listed(lines: list[str], section: str, type_of: re.Pattern[str]) -> list[str]:
    """Rewrite the lines of one section."""
    if section == "References":
        return [
            EQUATION.sub(
                lambda place: f"{place[0]}Equation " if place.start() == 0 else "equation ", line
            )
            for line in lines
        ]
    if section not in (*NAMED, *RESULTS, *RAISED):
        return lines
    apart = [
        piece
        for text in entries(lines, section, type_of)
        for piece in (SEVERAL.split(text) if section in NAMED else [text])
    ]
    return [line for text in apart for line in written(text, section, type_of)]


def rewrite(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place, before numpydoc reads it."""
    lines[:] = rewritten(lines, type_pattern(classes()))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", rewrite, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
