"""What the site offers for download: a notebook of each chapter, with the tables that it reads.

A notebook has the page's prose in Markdown and its cells as they were executed. Cells that the
page leaves out stand folded where they are in the source, since later cells use their names.
Where the variable ``REPORT_PDF`` names a PDF, ``{only} with_pdf`` shows the links to it.
"""

import os
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from posixpath import dirname, normpath, relpath
from urllib.parse import urljoin, urlsplit

import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from myst_nb.core.read import read_myst_markdown_notebook
from nbformat import NotebookNode
from sphinx.application import Sphinx

from notebook_prose import Prose

TABLE = re.compile(r'"([\w./]+\.(?:csv|json|txt))"')
NEEDS = """\
*To run this notebook*, take the wheel of lmmlib that comes with the release, and install it for \
Python 3.12 or 3.13:

```
pip install "./{wheel}[pymc,plots]" myst-nb=={myst_nb}
```

On Colab, upload the wheel and run that line in a cell, with `%` before it."""
BESIDE = "\n\nIts cells read {}, at that place beside the notebook, as the repository has it."


def blocks(node: nodes.Element) -> Iterator[nodes.Element]:
    """Give title and blocks of all sections in the order of the page."""
    for child in node.children:
        yield from blocks(child) if isinstance(child, nodes.section) else [child]


def cell_index(block: nodes.Element) -> int | None:
    """Give the place of a block in the notebook if it shows a cell."""
    return block["cell_index"] if block.get("nb_element") == "cell_code" else None


def line(block: nodes.Element) -> int:
    """Give the line of the source where a block begins."""
    return next((part.line for part in block.findall() if part.line), block.parent.line or 0)


def fold(cell: NotebookNode, is_shown: bool) -> NotebookNode:
    """Fold what the page folds or leaves out; a caption stands in the prose after its cell."""
    tags = set(cell.metadata.get("tags", ())) if is_shown else {"remove-cell"}
    hidden = {
        "source_hidden": bool(tags & {"hide-cell", "hide-input", "remove-cell", "remove-input"}),
        "outputs_hidden": bool(tags & {"hide-cell", "hide-output"}),
    }
    if tags & {"remove-cell", "remove-output"}:
        cell.outputs = []
    cell.metadata = {"tags": sorted(tags), "jupyter": hidden} if any(hidden.values()) else {}
    return cell


def pieces(
    page: nodes.document, notebook: NotebookNode, starts: list[int], prose: Prose
) -> Iterator[str | NotebookNode]:
    """Give prose and cells in the order of the source, in which ``starts`` has the cells' lines."""
    shown = {cell_index(block) for block in blocks(page)}
    cells = enumerate(notebook.cells)
    waiting = [n for n, cell in cells if cell.cell_type == "code" and n not in shown]
    for block in blocks(page):
        number = cell_index(block)
        here = line(block) if number is None else starts[number]
        while waiting and starts[waiting[0]] < here:
            yield fold(notebook.cells[waiting.pop(0)], is_shown=False)
        if number is None:
            yield prose.write(block)
        else:
            yield fold(notebook.cells[number], is_shown=True)
            yield from map(prose.write, block.findall(nodes.figure))
    yield from (fold(notebook.cells[number], is_shown=False) for number in waiting)


def assemble(parts: Iterator[str | NotebookNode]) -> NotebookNode:
    """Make a notebook, with one cell of prose between two cells of code."""
    notebook = nbformat.v4.new_notebook()
    for is_prose, group in groupby(filter(None, parts), lambda part: isinstance(part, str)):
        run = list(group)
        notebook.cells += [nbformat.v4.new_markdown_cell("\n\n".join(run))] if is_prose else run
    # Two renderings alike: cells bear their number in place of a random name.
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    return notebook


def needs(app: Sphinx, page: str, tables: list[str]) -> str:
    """Say what to install, and which tables belong beside the notebook."""
    wheel = f"lmmlib-{app.config.version}-py3-none-any.whl"
    text = NEEDS.format(wheel=wheel, myst_nb=version("myst-nb"))
    return text + (BESIDE.format(", ".join(f"[{t}]({t})" for t in tables)) if tables else "")


def copy_tables(app: Sphinx, page: str, notebook: NotebookNode, folder: Path) -> list[str]:
    """Copy the tables that the cells read to their places beside the notebook, and name them."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    tables = []
    for name in sorted(set(TABLE.findall(code))):
        place = normpath(Path(page).parent / name)
        if Path(app.srcdir, place).is_file():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(app.srcdir, place), folder / place)
            tables.append(name)
    return tables


def link(app: Sphinx, page: str, address: str) -> str:
    """Lead to the public page or, while there is none, to the notebook or page that lies near."""
    if urlsplit(address).scheme:
        return address
    target = urljoin(f"/{page}.html", address).lstrip("/")
    path, hashmark, anchor = target.partition("#")
    if path == f"{page}.html":
        return hashmark + anchor
    if app.config.html_baseurl:
        return f"{app.config.html_baseurl.rstrip('/')}/{target}"
    other = Path(path).with_suffix(".ipynb").as_posix()
    has_notebook = Path(app.env.mystnb_config.output_folder, other).is_file()
    return (
        relpath(other if has_notebook else f"../{path}", dirname(page) or ".") + hashmark + anchor
    )


def offer(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document) -> None:
    """Put a notebook of the page where the theme offers it, and beside it what its cells read."""
    source = Path(app.env.mystnb_config.output_folder, f"{page}.ipynb")
    if app.builder.format != "html" or not source.is_file():
        return
    cache = get_cache(app.config.nb_execution_cache_path)
    _, notebook = cache.merge_match_into_notebook(nbformat.read(source, as_version=4))
    text = Path(app.env.doc2path(page)).read_text("utf-8")
    starts = read_myst_markdown_notebook(text, add_source_map=True).metadata["source_map"]
    sections = {"section": app.env.toc_secnumbers.get(page, {})}
    macros = app.config.mathjax3_config["tex"]["macros"]
    numbers = app.env.toc_fignumbers.get(page, {}) | sections
    prose = Prose(numbers, macros, lambda address: link(app, page, address))
    folder = Path(app.outdir, "_sources")
    tables = copy_tables(app, page, notebook, folder)
    made = assemble([needs(app, page, tables), *pieces(doctree, notebook, starts, prose)])
    made.metadata = {"kernelspec": notebook.metadata.kernelspec}
    target = folder / f"{page}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, target)
    context["ipynb_source"] = f"{page}.ipynb"


def setup(app: Sphinx) -> None:
    """Register with Sphinx, the offer before the theme makes its buttons."""
    app.connect("html-page-context", offer, priority=400)
    if os.environ.get("REPORT_PDF"):
        app.tags.add("with_pdf")
