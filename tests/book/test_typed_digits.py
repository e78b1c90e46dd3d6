"""No number is typed into the prose.

It is glued from a run, comes from the published table, or is a constant with a reason.
"""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "intro.md", *sorted((ROOT / "chapters").glob("*.md"))]

# What may be typed, and why. A pattern takes its whole match out of the text; what digits are left
# are offenders.
ALLOWED = {
    r"\b(?:19|20)\d\d\b": "years of publications",
    r"\bP(?:1[0-4]|[1-9])\b": "the fourteen puzzles, by name",
    r"\b[Ee]xperiments? [12]\b": "the discussion's two experiments, by name",
    r"\b(?:[Ee]xercise|[Pp]art) [1-3]\b": "exercises and parts of a proposition, by name",
    r"\bCC BY 4\.0\b": "a licence, by name",
    r"\bSHA-256\b": "an algorithm, by name",
    r"\b(?:lme4|Dyestuff2|iid2d)\b": "a package, a table and a model, by name",
    r"\bPython 3\.1[23](?: or 3\.13)?\b": "the interpreters that the package declares",
    r"\b(?:SD|x|z) ?[1-5]\b": "columns of experiment 1, by name",
    r"\b(?:89|90|95|99) %": "levels of intervals and bands, chosen and not found",
    r"half-normal\(0, [12]\)": "priors: the discussion's, and one twice as wide",
    r"\b1/√S": "the rate of Monte Carlo errors",
    r"τ = 0(?![.\d])": "an effect switched off, by design",
    r"\b(?:18 subjects|180 rows|36 effects)\b": "sizes of the sleep study, by design",
    r"\b4,?000(?: and 40,000)? draws\b": "numbers of draws asked for",
    r"\b200 replications\b": "the second experiment's, by design",
    r"(?:threshold, near|threshold of) 0\.7\b": (
        "the threshold of Pareto k, a constant of the method"
    ),
}

FENCE = re.compile(r"^(`{3,}|:{3,})(.*)$")
CODE = (
    "{code-cell}",
    "python",
    "r",
    "R",
    "sh",
    "bash",
    "text",
    "bibtex",
    "stan",
    "{math}",
    "{eval-rst}",
    "{glue:",
    "{code-block}",
    "{image}",
    "{tabularcolumns}",
)
NUMBER_ALONE = re.compile(r"\$([−-]?\d[\d.,]*)\$")
PATTERNS = (
    (re.compile(r"\$\$.*?\$\$(?: \([\w-]+\))?", re.DOTALL), " "),  # displayed mathematics
    (NUMBER_ALONE, r" \1 "),  # a result between dollar signs is a result
    (re.compile(r"\$[^$]+\$"), " "),  # mathematics in the line
    (
        re.compile(r"\{[\w:-]+\}(`+).+?\1", re.DOTALL),
        " ",
    ),  # roles: glue, pub, eq, numref, cite, doc, term, …
    (re.compile(r"(`+).+?\1"), " "),  # code in the line
    (re.compile(r"\]\([^)]*\)"), "]"),  # targets of links
    (re.compile(r"<[^>]+>"), " "),  # tags, with their targets
    (re.compile(r"^\([\w-]+\)=$", re.MULTILINE), " "),  # labels
    (re.compile(r"^:[\w-]+:.*$", re.MULTILINE), " "),  # options of directives
    (re.compile(r"^#+ .*$", re.MULTILINE), " "),  # headings
    (re.compile(r"^\d+\. ", re.MULTILINE), ""),  # the marks of a numbered list
    (re.compile(r"^% .*$", re.MULTILINE), " "),  # comments
)


def _without_code(text):
    """The lines outside code, with the captions and alternative texts of its figures in the
    place of cells.
    """
    kept, cell, fences = [], None, []
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.match(line.strip())
        if cell is not None:
            if mark and mark[1] == fences[-1] and not mark[2]:
                kept += _figure_texts(cell)
                cell = None
                fences.pop()
            else:
                cell.append((number, line))
        elif mark and mark[2].strip():
            fences.append(mark[1])
            if mark[2].strip().startswith(CODE):
                cell = []
            else:
                kept.append((number, re.sub(r"^\{[\w:-]+\}", "", mark[2].strip())))
        elif mark and fences:
            fences.pop()
        elif mark:  # a plain fence without a language
            fences.append(mark[1])
            cell = []
        else:
            kept.append((number, line))
    return kept


def _figure_texts(cell):
    """Caption and alternative text of a figure's cell, at the line of the cell."""
    if not cell or cell[0][1] != "---":
        return []
    head = "\n".join(line for _, line in cell[1 : [line for _, line in cell].index("---", 1)])
    metadata = yaml.safe_load(head).get("mystnb", {})
    texts = (
        metadata.get("figure", {}).get("caption", ""),
        metadata.get("image", {}).get("alt", ""),
    )
    return [(cell[0][0], text.replace("\n", " ")) for text in texts]


def _blank(match, by):
    """What stands for a match, with as many lines, so that line numbers stay true."""
    return match.expand(by) + "\n" * match[0].count("\n")


def typed_digits(text):
    """(line number, excerpt) of every digit in the prose that no pattern allows."""
    text = re.sub(r"\A---\n.*?\n---\n", lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL)
    lines = _without_code(text)
    prose = "\n".join(line.replace("\n", " ") for _, line in lines)
    for pattern, by in PATTERNS:
        prose = pattern.sub(lambda m, by=by: _blank(m, by), prose)
    for pattern in ALLOWED:
        prose = re.sub(pattern, " ", prose)
    numbers = [number for number, _ in lines]
    found = []
    for k, line in enumerate(prose.split("\n")):
        for match in re.finditer(r"\d[\d.,]*", line):
            found.append(
                (
                    numbers[min(k, len(numbers) - 1)],
                    line[max(0, match.start() - 30) : match.end() + 20].strip(),
                )
            )
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_no_digit_is_typed_into_prose(page):
    found = typed_digits(page.read_text("utf8"))
    assert not found, "\n".join(f"{page.name}:{line}: {excerpt}" for line, excerpt in found)


PLANTED = [
    "The slope is 1.92 points.",
    "An effective sample of $317.0$ nats.",
    "```{prf:theorem} A name\n:label: thm-1\n\nIt costs 12 nats.\n```",
    "```{list-table} Results\n:header-rows: 1\n\n* - a\n  - 0.7031\n```",
    (
        "```{code-cell} python\n---\nmystnb:\n  figure:\n    caption: |\n      About 96 nats.\n  "
        "image:\n    alt: a line\n---\nplots.f(1)\n```"
    ),
    "| table | 3.5 |",
    "It is {glue:text}`x:.2f`, near 0.5.",
]
PASSED = [
    "It is {glue:text}`x:.2f` and {pub}`A.sigma|.2e`, see {eq}`eq-1` and {cite}`author2020title`.",
    (
        "In 2020 P14 and experiment 2 with $\\tau^2 = 0.5$ were asked; `n = 100` "
        "[here](https://a.b/18821)."
    ),
    "$$\na = 2 b\n$$ (eq-one-2)",
    (
        "```{code-cell} python\n---\nmystnb:\n  figure:\n    name: fig-1\n    caption: |\n      "
        "Nothing here.\n---\nplots.f(12)\n```"
    ),
    "```python\nx = 1.5\n```\n\n## Exercise 1\n\n1. A point",
]


@pytest.mark.parametrize("text", PLANTED)
def test_a_planted_digit_is_found(text):
    assert len(typed_digits(f"---\nkey: 1\n---\n\n# Title 1\n\n{text}\n")) == 1


@pytest.mark.parametrize("text", PASSED)
def test_what_is_computed_quoted_or_named_passes(text):
    assert typed_digits(f"---\nkey: 1\n---\n\n# Title 1\n\n{text}\n") == []


def test_the_line_of_a_digit_is_named():
    assert typed_digits("One.\n\n$$\na\n$$ (eq-a)\n\nTwo of 3.\n") == [(7, "Two of 3.")]


def test_every_constant_has_a_reason_and_no_pattern_allows_any_number():
    for pattern, reason in ALLOWED.items():
        assert len(reason) > 5
        assert not re.fullmatch(pattern, "0.7031")
        assert not re.fullmatch(pattern, "317")
