"""Every notebook that the site offers runs in a clean folder, beside the tables that it names and
nothing else of the repository.
"""

from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "_build" / "html" / "_sources"
OFFERED = sorted(SOURCES.rglob("*.ipynb"))


def test_there_are_notebooks():
    assert len(OFFERED) > 10, "run make book first"


@pytest.mark.parametrize("notebook", OFFERED, ids=lambda file: file.stem)
def test_notebook_runs(notebook, clean):
    folder = (clean / notebook.relative_to(SOURCES)).parent
    folder.mkdir(exist_ok=True)
    cells = nbformat.read(notebook, as_version=4)
    assert cells.metadata.kernelspec.name == "python3"
    nbclient.NotebookClient(
        cells, timeout=1200, resources={"metadata": {"path": str(folder)}}
    ).execute()
