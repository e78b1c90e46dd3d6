"""The built site: parsed once, served once, and seen once through a browser."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import browser
import pytest
from bs4 import BeautifulSoup
from scanners import parse

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PREFIX = "some/where"


@pytest.fixture(scope="session")
def site() -> Path:
    if not (SITE / "index.html").is_file():
        pytest.exit("there is no site in _build/html: run make book first", returncode=1)
    return SITE.resolve()


@pytest.fixture(scope="session")
def pages(site) -> dict[Path, BeautifulSoup]:
    """Every page by its path; index.html, which only forwards, is checked by a test of its own."""
    files = (
        file
        for file in sorted(site.rglob("*.html"))
        if "_static" not in file.parts and file != site / "index.html"
    )
    return {file: parse(file.read_text("utf-8")) for file in files}


class Quiet(SimpleHTTPRequestHandler):
    """A plain file server that does not talk."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def served(site, tmp_path_factory) -> Iterator[str]:
    """The address at which the site is served as plain files, below a path of two folders."""
    root = tmp_path_factory.mktemp("served")
    (root / PREFIX).parent.mkdir(parents=True)
    (root / PREFIX).symlink_to(site)
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=root)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{PREFIX}/"
        server.shutdown()


@pytest.fixture(scope="session")
def chromium() -> str:
    program = browser.find()
    if not program:
        pytest.fail(
            "no Chromium: apt-get install chromium, or name the program in the variable CHROMIUM",
            pytrace=False,
        )
    return program


@pytest.fixture(scope="session")
def tab(chromium) -> Iterator[browser.Tab]:
    with browser.Tab(chromium) as tab:
        yield tab
