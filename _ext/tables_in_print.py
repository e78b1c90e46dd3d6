"""Tables in print: numbers to the right, wide text broken into lines by what the columns hold, and long tables over pages."""

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata

NUMERIC = re.compile(
    r"[-−+–±×≤≥<>‹›\s]*[\d.,]+[\d.,e\s×±%−+()-]*|[–—]|nan|inf|unknown|", re.IGNORECASE
)
LINE = 455.2  # points, of A4 with margins of 25 mm
SIZES = (  # points of the letters and between two columns, the command, and whether heads may take two lines
    (10.95, 12, r"\normalsize", False),
    (10, 12, r"\small", False),
    (10, 12, r"\small", True),
    (9, 12, r"\footnotesize", True),
    (8, 6, r"\scriptsize\setlength{\tabcolsep}{3pt}", True),
)
SURE = 1.03  # what a width is estimated too small by, at most
BOLD = 1.06  # how much wider a letter of the head is
# Thousandths of the letters' size: Pagella's own, of the signs that are not near the mean; and of a letter of the typewriter.
WIDTHS = {
    **dict.fromkeys(" .,:;·", 250),
    **dict.fromkeys("ijl'|", 291),
    **dict.fromkeys("-()[]ft", 333),
    **dict.fromkeys("rsz", 430),
    **dict.fromkeys("0123456789aceghvxyk", 510),
    **dict.fromkeys("bdnopqu", 600),
    **dict.fromkeys("mwMW", 900),
    "…": 1000,
    "—": 1000,
}
MEAN, CAPITAL, TYPED = 606, 720, 494
BETWEEN, BROKEN = (
    2.7,
    83,
)  # where text is broken into lines: signs that the room between two columns would hold, and those of a line
LETTER = 0.9  # of the typewriter, in letters of the text
NARROW = 12  # signs; a column up to this is never broken
LONG = 40  # signs; a table with a column above this is rather broken into lines than set in small letters
TALL, DEEP = (
    32,
    18,
)  # lines; a higher table may be broken over pages, and one with rows of several lines when it is higher than the second


def length(entry: nodes.entry) -> int:
    """Estimate how many signs wide a cell is; TeX takes about twice the signs that it shows."""
    tex = sum(len(math.astext()) for math in entry.findall(nodes.math))
    code = sum(len(literal.astext()) for literal in entry.findall(nodes.literal))
    return len(entry.astext()) - tex // 2 + code // 4


def width(entry: nodes.entry) -> float:
    """Estimate how wide a cell is, in sizes of the letters; TeX takes about twice the signs that it shows."""
    tex = "".join(math.astext() for math in entry.findall(nodes.math))
    typed = sum(len(literal.astext()) for literal in entry.findall(nodes.literal))
    plain = [
        t for t in entry.findall(nodes.Text) if not isinstance(t.parent, nodes.math | nodes.literal)
    ]
    signs = "".join(plain) + tex[: len(tex) // 2]
    return (
        sum(WIDTHS.get(sign, CAPITAL if sign.isupper() else MEAN) for sign in signs) + TYPED * typed
    ) / 1000


def halves(entry: nodes.entry) -> tuple[str, str]:
    """Split the words of a head where its longer line is shortest; a head with markup of its own is left alone."""
    words = entry.astext().split()
    if len(words) < 2 or any(
        not isinstance(node, nodes.Text | nodes.paragraph | nodes.entry) for node in entry.findall()
    ):
        return entry.astext(), ""
    splits = ((" ".join(words[:k]), " ".join(words[k:])) for k in range(1, len(words)))
    return min(splits, key=lambda lines: max(map(len, lines)))


def head_width(entry: nodes.entry, split: bool) -> float:
    """Estimate how wide a head is, on one line or on two."""
    lines = [nodes.entry("", nodes.Text(line)) for line in halves(entry)] if split else [entry]
    return BOLD * max(map(width, lines))


def texts(table: nodes.table) -> list[list[nodes.entry]]:
    """Give the cells of the body by columns; those of tables with spans are not asked for."""
    rows = [
        list(row.findall(nodes.entry))
        for row in next(table.findall(nodes.tbody)).findall(nodes.row)
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def longest_word(cells: list[nodes.entry]) -> float:
    """Give the length of the longest word of a column, in letters of the text; formulas can be broken."""
    texts = (
        text
        for cell in cells
        for text in cell.findall(nodes.Text)
        if not isinstance(text.parent, nodes.math)
    )
    words = (
        (len(word), isinstance(text.parent, nodes.literal))
        for text in texts
        for word in re.split(r"[\s-]", text)
    )
    return max((LETTER * signs if typed else signs for signs, typed in words), default=1)


def shares(widths: list[float], words: list[float], line: int) -> list[float]:
    """Share a line among the columns: what is narrow and what a longest word needs comes first, the rest goes by length, damped."""
    kept, parts = {k: width for k, width in enumerate(widths) if width <= NARROW}, {}
    while len(kept) + len(parts) < len(widths):
        rest = line - sum(kept.values()) - BETWEEN * len(widths)
        weights = {k: width**0.6 for k, width in enumerate(widths) if k not in kept}
        parts = {k: rest * weight / sum(weights.values()) for k, weight in weights.items()}
        if tight := {k: words[k] for k, part in parts.items() if part < words[k]}:
            kept, parts = kept | tight, {}
    whole = [(kept | parts)[k] + BETWEEN for k in range(len(widths))]
    return [part / sum(whole) for part in whole]


def fitting(
    tops: list[list[nodes.entry]], columns: list[list[nodes.entry]]
) -> tuple[str, bool] | None:
    """Give the largest size at which every column stands on one line, and whether heads have to be split for it."""
    bodies = [max(map(width, column), default=0) for column in columns]
    longest = max(max(map(length, column), default=0) for column in columns)
    for points, between, size, split in SIZES if longest <= LONG else SIZES[:4]:
        widths = [
            max(body, *(head_width(cell, split) for cell in top), 0)
            for top, body in zip(tops, bodies, strict=True)
        ]
        if SURE * points * sum(widths) + between * len(widths) <= LINE:
            return size, split
    return None


def layout(table: nodes.table) -> tuple[str, str, bool, bool]:
    """Give the columns, the size of the letters, whether heads take two lines, and whether the table may be broken over pages."""
    head = [
        list(row.findall(nodes.entry))
        for part in table.findall(nodes.thead)
        for row in part.findall(nodes.row)
    ]
    columns = texts(table)
    tops = [[row[k] for row in head if k < len(row)] for k in range(len(columns))]
    if found := fitting(tops, columns):
        kinds = (
            "r" if all(NUMERIC.fullmatch(c.astext()) for c in column) else "l" for column in columns
        )
        return "{" + "".join(kinds) + "}", *found, len(columns[0]) > TALL
    line = BROKEN
    widths = [
        max(*(1.12 * length(cell) for cell in top), *map(length, column), 0)
        for top, column in zip(tops, columns, strict=True)
    ]
    parts = shares(
        widths,
        [longest_word([*top, *column]) for top, column in zip(tops, columns, strict=True)],
        line,
    )
    lines = sum(
        max(length(column[r]) / (part * line) for column, part in zip(columns, parts, strict=True))
        + 0.6
        for r in range(len(columns[0]))
    )
    spec = "".join(
        rf">{{\raggedright\arraybackslash}}\X{{{round(1000 * part)}}}{{1000}}" for part in parts
    )
    return "{" + spec + "}", r"\small", False, lines > DEEP


def split_heads(table: nodes.table, columns: str) -> None:
    """Set the heads of a table on two lines, those over numbers to the right."""
    for row in (row for head in table.findall(nodes.thead) for row in head.findall(nodes.row)):
        for entry, side in zip(row.findall(nodes.entry), columns.strip("{}"), strict=False):
            first, second = halves(entry)
            if second:
                opening, line, end = (
                    rf"\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}",
                    r"\\",
                    r"\end{tabular}",
                )
                pieces = [opening, nodes.Text(first), line, nodes.Text(second), end]
                entry.clear()
                entry += nodes.paragraph(
                    "",
                    "",
                    *(
                        p if isinstance(p, nodes.Text) else nodes.raw("", p, format="latex")
                        for p in pieces
                    ),
                )


def raw(tex: str) -> nodes.raw:
    """Make a piece of TeX."""
    return nodes.raw("", f"\n{tex}\n", format="latex")


class TablesInPrint(SphinxPostTransform):
    """Lay out each table."""

    default_priority = 900  # after all that changes what is in the cells
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        """Put the layout before each table of the report."""
        for table in list(self.document.findall(nodes.table)):
            if any("morecols" in cell or "morerows" in cell for cell in table.findall(nodes.entry)):
                continue
            spec, size, split, long = layout(table)
            if split:
                split_heads(table, spec)
            table["classes"] = [
                *(c for c in table["classes"] if not c.startswith("colwidths")),
                *(["longtable"] if long else []),
            ]
            alone = "" if any(table.findall(nodes.title)) else r"\uncaptioned"
            table.replace_self(
                [
                    raw(rf"\begingroup{size}{alone}"),
                    addnodes.tabular_col_spec(spec=spec),
                    table,
                    raw(r"\endgroup"),
                ]
            )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx."""
    app.add_post_transform(TablesInPrint)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
