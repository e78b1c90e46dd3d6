"""A folder as a reader has it."""

import shutil
from pathlib import Path

import pytest

OF_APPENDICES = ["benchmarks/CALIBRATION.json", "benchmarks/RESULTS.json", "requirements.txt"]
SOURCES = Path(__file__).resolve().parents[2] / "_build" / "html" / "_sources"


@pytest.fixture
def clean(tmp_path) -> Path:
    """A folder with what the notebooks of the appendices read: runs that are stored, and the lock.

    Every other table comes from the package.
    """
    kept = [file for file in SOURCES.rglob("*") if file.suffix in {".csv", ".json", ".txt"}]
    names = sorted(file.relative_to(SOURCES).as_posix() for file in kept)
    assert names == OF_APPENDICES
    for file in kept:
        target = tmp_path / file.relative_to(SOURCES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return tmp_path
