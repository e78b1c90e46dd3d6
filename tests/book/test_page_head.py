"""The head of a page: description, own script, and what follows from a public address."""

import sys
from pathlib import Path

import pytest
from sphinx.application import Sphinx

EXTENSIONS = Path(__file__).parents[2] / "_ext"
FIRST = "First\n=====\n\nA page in words & signs.\n\n.. toctree::\n\n   second\n"
SECOND = ":script: own.js\n:description: Another page.\n\nSecond\n======\n\nText.\n"


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Build a book of two pages with the settings given; return its folder."""
    monkeypatch.syspath_prepend(EXTENSIONS)
    source, site = tmp_path / "source", tmp_path / "site"
    (source / "_static").mkdir(parents=True)
    (source / "_static/own.js").write_text("")
    (source / "index.rst").write_text(FIRST)
    (source / "second.rst").write_text(SECOND)
    (source / "CITATION.cff").write_text("abstract: >-\n  What it is\n  about. More.\n")

    def run(**settings):
        settings |= {
            "extensions": ["page_head"],
            "html_title": "Toy",
            "html_static_path": ["_static"],
            "html_js_files": ["own.js"],
        }
        Sphinx(
            source,
            None,
            site,
            tmp_path / "trees",
            "html",
            settings,
            status=None,
            warning=sys.stderr,
        ).build()
        return site

    return run


def test_a_page_is_described_and_loads_its_own_script_alone(build):
    site = build()
    first, second = ((site / f"{name}.html").read_text() for name in ("index", "second"))
    assert '<meta name="description" content="What it is about.">' in first
    assert '<meta name="description" content="Another page.">' in second
    assert "own.js" not in first
    assert "own.js" in second
    assert "og:" not in first + second
    assert "canonical" not in first + second
    assert not (site / "sitemap.xml").exists()


def test_a_public_address_brings_open_graph_and_a_sitemap(build):
    site = build(html_baseurl="https://example.org/report/")
    second = (site / "second.html").read_text()
    assert '<meta property="og:url" content="https://example.org/report/second.html">' in second
    assert '<meta property="og:title" content="Second">' in second
    assert '<link rel="canonical" href="https://example.org/report/second.html"' in second
    assert (site / "sitemap.xml").read_text().count("<loc>https://example.org/report/") == 2
