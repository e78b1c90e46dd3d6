"""Every notebook that the site offers runs in a clean folder, beside the tables that it names and
nothing else of the repository.
"""

import shutil
from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "_build" / "html" / "_sources"
OFFERED = sorted(SOURCES.rglob("*.ipynb"))


@pytest.fixture
def clean(tmp_path) -> Path:
    """A folder with the tables that the site offers beside its notebooks, at the same places."""
    for file in (file for file in SOURCES.rglob("*") if file.suffix in {".csv", ".json", ".txt"}):
        target = tmp_path / file.relative_to(SOURCES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return tmp_path


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
