"""The code that a page shows, shown and folded cells in the order of the page, runs when copied.

What the page removes is not there, nor anything of the repository but the tables beside it.
"""

from pathlib import Path

import nbclient
import nbformat
import pytest
import scanners

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = [
    page
    for page in [SITE / "intro.html", *sorted((SITE / "chapters").glob("*.html"))]
    if page.is_file() and 'class="cell_input' in page.read_text("utf8")
]


def test_there_are_pages_with_code():
    assert len(PAGES) > 10, "run make book first"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_copied_code_runs(page, clean):
    folder = clean / page.parent.relative_to(SITE)
    folder.mkdir(exist_ok=True)
    html = scanners.parse(page.read_text("utf8"))
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(code) for code in scanners.shown_cells(html)]
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(notebook, timeout=1200, resources=resources).execute()
