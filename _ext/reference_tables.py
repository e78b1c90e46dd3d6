"""The library reference: on top of each section a table of its names, each with its first line."""

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

PAGE = "chapters/api"


def row(*cells: nodes.Node) -> nodes.row:
    """Make a row of a table."""
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def overview(entry: addnodes.desc) -> nodes.row:
    """Give the name of a function or class, as a link, and the first line of its docstring."""
    signature = entry[0]
    name = f"{signature['module']}.{signature['fullname']}".removeprefix("lmmlib.")
    link = nodes.reference(
        "", "", nodes.literal("", name), refid=signature["ids"][0], internal=True
    )
    lines = entry[-1].findall(nodes.paragraph)
    return row(link, nodes.inline("", next((line.astext() for line in lines), "")))


def add_tables(app: Sphinx, doctree: nodes.document) -> None:
    """Put a table before the first entry of each section."""
    if app.env.docname != PAGE:
        return
    for section in list(doctree.findall(nodes.section)):
        entries = [child for child in section.children if isinstance(child, addnodes.desc)]
        if entries:
            columns = [nodes.colspec(colwidth=width) for width in (40, 60)]
            body = nodes.tbody("", *map(overview, entries))
            group = nodes.tgroup("", *columns, body, cols=2)
            section.insert(section.index(entries[0]), nodes.table("", group))


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("doctree-read", add_tables)
