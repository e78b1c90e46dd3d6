"""What make book promises, on a book of two pages: killed at any moment, or with a bad chapter."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = """---
jupytext: {{text_representation: {{extension: .md, format_name: myst}}}}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
---

# {title}

A page of the toy book, which says what its one cell computes.

```{{code-cell}} python
{code}
```
"""
TOC = "format: jb-book\nroot: intro\nchapters:\n  - file: chapters/second\n"


def _write(book: Path, name: str, title: str, code: str) -> None:
    (book / f"{name}.md").write_text(PAGE.format(title=title, code=code))


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Path:
    """A book in a folder of its own, with this Makefile, these extensions and this environment."""
    book = tmp_path_factory.mktemp("toy")
    for name in ("_ext", "_static", "_templates", "tools"):
        shutil.copytree(ROOT / name, book / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (
        "Makefile",
        "_config.yml",
        "CITATION.cff",
        "references.bib",
        "requirements.txt",
        "pyproject.toml",
    ):
        shutil.copy(ROOT / name, book)
    (book / "_toc.yml").write_text(TOC)
    (book / "chapters").mkdir()
    shutil.copy(ROOT / "chapters" / "explore.js", book / "chapters")  # which _config.yml names
    _write(book, "intro", "First", "1 + 1")
    _write(book, "chapters/second", "Second", "2 + 2")
    (book / ".venv").mkdir()
    for part in ("bin", "etc", "include", "lib", "lib64", "pyvenv.cfg", "share"):
        (book / ".venv" / part).symlink_to(ROOT / ".venv" / part)
    (book / ".venv/.complete").write_text(
        f"{book}\n"
    )  # younger than the lock, so nothing is installed
    return book


def _start(book: Path) -> subprocess.Popen:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    return subprocess.Popen(
        ["make", "book"],
        cwd=book,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _build(book: Path) -> tuple[int, str]:
    process = _start(book)
    said, _ = process.communicate(timeout=600)
    return process.returncode, said


def _site(book: Path) -> dict[str, bytes]:
    """Every file of the site by name.

    But the executed notebooks and the table of run times, which hold times.
    """
    root = (book / "_build/html").resolve()
    return {
        str(f.relative_to(root)): f.read_bytes()
        for f in sorted(root.rglob("*"))
        if f.is_file() and f.suffix not in (".ipynb", ".csv")
    }


@pytest.fixture(scope="module")
def good(toy) -> tuple[dict[str, bytes], float]:
    """The site of an undisturbed build, and the seconds that it took."""
    start = time.monotonic()
    status, said = _build(toy)
    assert status == 0, said
    return _site(toy), time.monotonic() - start


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("before", ["nothing", "a site"])
def test_killed_build_leaves_a_whole_site_or_none_and_the_next_is_right(before, share, toy, good):
    site, seconds = good
    if before == "nothing":
        shutil.rmtree(toy / "_build", ignore_errors=True)
    elif not _site(toy):
        assert _build(toy)[0] == 0
    for store in (toy / "_build").glob(".jupyter_cache-*"):
        shutil.rmtree(store)  # so that the killed build executes too
    process = _start(toy)
    time.sleep(share * seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    left = _site(toy)
    assert left in ({}, site) if before == "nothing" else left == site
    status, said = _build(toy)
    assert status == 0, said
    assert _site(toy) == site
    assert not (toy / "_build/next").exists()


@pytest.mark.parametrize("fault", ["code", "text"])
def test_failed_chapter_leaves_the_last_site_and_says_what_happened(fault, toy, good):
    site, _ = good
    assert _build(toy)[0] == 0
    second = toy / "chapters/second.md"
    sound = second.read_text()
    if fault == "code":
        _write(toy, "chapters/second", "Second", "raise ValueError('the well is dry')")
    else:
        second.write_text(sound + "\nSee {eq}`eq-nowhere`.\n")
    tries = [
        _build(toy),
        _build(toy),
    ]  # the second of them must not pass because the first has been seen
    second.write_text(sound)
    for status, said in tries:
        assert status != 0
        assert "chapters/second" in said
        assert ("the well is dry" if fault == "code" else "eq-nowhere") in said
        assert re.search(
            r"book: failed after \d+ s; a site built before stays in _build/html as it was", said
        )
    assert _site(toy) == site
    assert _build(toy)[0] == 0
    assert _site(toy) == site
