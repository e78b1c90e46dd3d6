"""A folder as a reader has it."""

import shutil
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "_build" / "html" / "_sources"


@pytest.fixture
def clean(tmp_path) -> Path:
    """A folder with the tables that the site offers beside its notebooks, at the same places."""
    for file in (file for file in SOURCES.rglob("*") if file.suffix in {".csv", ".json", ".txt"}):
        target = tmp_path / file.relative_to(SOURCES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return tmp_path
