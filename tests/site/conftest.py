"""The built site, parsed once."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from scanners import parse

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"


@pytest.fixture(scope="session")
def site() -> Path:
    if not (SITE / "index.html").is_file():
        pytest.exit("there is no site in _build/html: run make book first", returncode=1)
    return SITE.resolve()


@pytest.fixture(scope="session")
def pages(site) -> dict[Path, BeautifulSoup]:
    """Every page by its path; index.html, which only forwards, is checked by a test of its own."""
    files = (file for file in sorted(site.rglob("*.html")) if "_static" not in file.parts and file != site / "index.html")
    return {file: parse(file.read_text("utf-8")) for file in files}
