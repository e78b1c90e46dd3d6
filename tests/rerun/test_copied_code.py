"""The code that a page shows, shown and folded cells in the order of the page, runs when copied.

What the page removes is not there, nor anything of the repository but the tables beside it.
"""

from pathlib import Path

import nbclient
import nbformat
import pytest
from bs4 import BeautifulSoup

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = [
    page
    for page in [SITE / "intro.html", *sorted((SITE / "chapters").glob("*.html"))]
    if page.is_file() and 'class="cell_input' in page.read_text("utf8")
]


def shown_cells(page: Path) -> list[str]:
    """Code of the cells of a built page."""
    html = BeautifulSoup(page.read_text("utf8"), "html.parser")
    return [cell.get_text() for cell in html.select("div.cell_input pre")]


def test_there_are_pages_with_code():
    assert len(PAGES) > 10, "run make book first"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_copied_code_runs(page, clean):
    folder = clean / page.parent.relative_to(SITE)
    folder.mkdir(exist_ok=True)
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(code) for code in shown_cells(page)]
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(notebook, timeout=1200, resources=resources).execute()
