"""Data frames in print: pandas gives them as HTML and as plain text, and LaTeX gets a table made from the HTML."""

import re
from itertools import zip_longest
from typing import Any

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.typing import ExtensionMetadata

from tables_in_print import TALL
from typeset_numbers import NUMBER, typeset

NEGATIVE = re.compile(r"^-(?=\d|\.|inf)")


def grid(rows: list[Tag], repeat: bool = False) -> list[list[str]]:
    """Give the texts of rows, with empty cells beside and below one that spans several, or else its text in those below."""
    full, due = [], {}
    for row in rows:
        cells, line = list(row.find_all(["th", "td"])), []
        while cells or due.get(len(line)):
            if due.get(len(line)):
                due[len(line)] -= 1
                line.append(full[-1][len(line)] if repeat else "")
                continue
            cell = cells.pop(0)
            due[len(line)] = int(cell.get("rowspan", 1)) - 1
            line += [" ".join(cell.get_text().split())] + [""] * (int(cell.get("colspan", 1)) - 1)
        full.append(line)
    return full


def heading(rows: list[list[str]]) -> list[list[str]]:
    """Join the line of the index's names to the line of the columns' names, which pandas puts above it."""
    if len(rows) > 1 and not any(a and b for a, b in zip_longest(rows[-2], rows[-1], fillvalue="")):
        rows[-2:] = [[a or b for a, b in zip_longest(rows[-2], rows[-1], fillvalue="")]]
    return rows


def table_node(html: Tag) -> nodes.table:
    """Make a table of docutils' from one of pandas'."""
    rows = (html.tbody or html).find_all("tr")
    body = grid(rows, repeat=len(rows) > TALL)  # whose first rows may stand on the page before
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in body[0]), cols=len(body[0]))
    if html.thead:
        group += nodes.thead("", *map(row_node, heading(grid(html.thead.find_all("tr")))))
    group += nodes.tbody("", *map(row_node, body))
    return nodes.table("", group)


def row_node(cells: list[str]) -> nodes.row:
    """Make a row of a table."""
    return nodes.row(
        "", *(nodes.entry("", nodes.paragraph("", "", *shown(cell))) for cell in cells)
    )


def shown(cell: str) -> list[nodes.Node]:
    """Typeset a cell: a number as those in the text are, and the sign of what begins like one."""
    return (
        typeset(cell)
        if NUMBER.fullmatch(cell)
        else [nodes.Text(NEGATIVE.sub("\N{MINUS SIGN}", cell))]
    )


class FramesInPrint(SphinxPostTransform):
    """Put tables in the place of outputs that hold one as HTML."""

    default_priority = 3  # MyST-NB chooses among the forms of an output at 4
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        """Replace the outputs of the report."""
        for bundle in [
            node
            for node in self.document.findall(nodes.container)
            if node.get("nb_element") == "mime_bundle"
        ]:
            html = next((form.astext() for form in bundle if form["mime_type"] == "text/html"), "")
            if table := BeautifulSoup(html, "html.parser").table:
                bundle.replace_self(table_node(table))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx."""
    app.add_post_transform(FramesInPrint)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
