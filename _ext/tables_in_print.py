"""Tables in print: numbers to the right, wide text broken into lines by what the columns hold, and long tables over pages."""

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata

NUMERIC = re.compile(r"[-−+–±×\s]*[\d.,]+[\d.,e\s×±%−+()-]*|nan|inf|unknown|", re.IGNORECASE)
BETWEEN = 2.7  # figures that the room between two columns would hold
SIZES = (  # figures in a line of each size, and between two columns of it
    (76, r"\normalsize", BETWEEN),
    (83, r"\small", BETWEEN),
    (92, r"\footnotesize", BETWEEN),
    (104, r"\scriptsize\setlength{\tabcolsep}{3pt}", 1.5),
    (138, r"\tiny\setlength{\tabcolsep}{3pt}", 1.9),
)
BOLD = 1.12  # how much wider a letter of the head is
NARROW = 12  # signs; a column up to this is never broken
LONG = 40  # signs; a table with a column above this is rather broken into lines than set in tiny letters
TALL = 32  # lines; a higher table may be broken over pages


def length(entry: nodes.entry) -> int:
    """Estimate how many signs wide a cell is; TeX takes about twice the signs that it shows."""
    tex = sum(len(math.astext()) for math in entry.findall(nodes.math))
    code = sum(len(literal.astext()) for literal in entry.findall(nodes.literal))
    return len(entry.astext()) - tex // 2 + code // 4


def texts(table: nodes.table) -> list[list[nodes.entry]]:
    """Give the cells of the body by columns; those of tables with spans are not asked for."""
    rows = [list(row.findall(nodes.entry)) for row in next(table.findall(nodes.tbody)).findall(nodes.row)]
    return [list(column) for column in zip(*rows, strict=True)]


def longest_word(cells: list[nodes.entry]) -> int:
    """Give the length of the longest word of a column; formulas can be broken."""
    texts = (text for cell in cells for text in cell.findall(nodes.Text) if not isinstance(text.parent, nodes.math))
    return max((len(word) for text in texts for word in re.split(r"[\s-]", text)), default=1)


def shares(widths: list[float], words: list[int], line: int) -> list[float]:
    """Share a line among the columns: those that are narrow get what they need, the others by their length, damped."""
    fixed = {k: width for k, width in enumerate(widths) if width <= NARROW}
    rest = line - sum(fixed.values()) - BETWEEN * len(widths)
    weights = {k: max(width**0.6, words[k] ** 0.9) for k, width in enumerate(widths) if k not in fixed}
    return [(fixed[k] + BETWEEN if k in fixed else rest * weights[k] / sum(weights.values()) + BETWEEN) / line for k in range(len(widths))]


def layout(table: nodes.table) -> tuple[str, str, bool]:
    """Give the columns, the size of the letters, and whether the table may be broken over pages."""
    head = [list(row.findall(nodes.entry)) for part in table.findall(nodes.thead) for row in part.findall(nodes.row)]
    columns = texts(table)
    tops = [[row[k] for row in head if k < len(row)] for k in range(len(columns))]
    widths = [max(*(BOLD * length(cell) for cell in top), *map(length, column), 0) for top, column in zip(tops, columns, strict=True)]
    for line, size, between in SIZES if max(widths) <= LONG else SIZES[:3]:
        if sum(widths) + between * len(widths) <= line:
            kinds = ("r" if all(NUMERIC.fullmatch(c.astext()) for c in column) else "l" for column in columns)
            return "{" + "".join(kinds) + "}", size, len(columns[0]) > TALL
    line, size, _ = SIZES[1]
    parts = shares(widths, [longest_word([*top, *column]) for top, column in zip(tops, columns, strict=True)], line)
    lines = sum(
        max(length(column[r]) / (part * line) for column, part in zip(columns, parts, strict=True)) + 0.6 for r in range(len(columns[0]))
    )
    spec = "".join(rf">{{\raggedright\arraybackslash}}\X{{{round(1000 * part)}}}{{1000}}" for part in parts)
    return "{" + spec + "}", size, lines > TALL


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
            spec, size, long = layout(table)
            table["classes"] = [*(c for c in table["classes"] if not c.startswith("colwidths")), *(["longtable"] if long else [])]
            table.replace_self([raw(rf"\begingroup{size}"), addnodes.tabular_col_spec(spec=spec), table, raw(r"\endgroup")])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx."""
    app.add_post_transform(TablesInPrint)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
