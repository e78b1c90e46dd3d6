"""The head of a page: description, and what follows from a public address."""

import sys
from pathlib import Path

import pytest
from sphinx.application import Sphinx

EXTENSIONS = Path(__file__).parents[2] / "_ext"
FIRST = "First\n=====\n\nA page in words & signs.\n\n.. toctree::\n\n   second\n"
SECOND = "Second\n======\n\nOf :math:`x`.\n\nText & more.\n"


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Build a book of two pages with the settings given; return its folder."""
    monkeypatch.syspath_prepend(EXTENSIONS)
    source, site = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    (source / "index.rst").write_text(FIRST)
    (source / "second.rst").write_text(SECOND)
    (source / "CITATION.cff").write_text("abstract: >-\n  What it is\n  about. More.\n")

    def run(**settings):
        settings |= {"extensions": ["page_head"], "html_title": "Toy"}
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


def test_a_page_is_described_and_without_an_address_nothing_else(build):
    site = build()
    first, second = ((site / f"{name}.html").read_text() for name in ("index", "second"))
    assert '<meta name="description" content="What it is about.">' in first
    assert '<meta name="description" content="Text &amp; more.">' in second
    assert "og:" not in first + second
    assert "canonical" not in first + second
    assert not (site / "sitemap.xml").exists()


@pytest.mark.parametrize("address", ["https://example.org/report/", "https://example.org/report"])
def test_a_public_address_brings_open_graph_and_a_sitemap(build, address):
    site = build(html_baseurl=address)
    second = (site / "second.html").read_text()
    assert '<meta property="og:url" content="https://example.org/report/second.html"' in second
    assert '<meta property="og:title" content="Second"' in second
    assert '<meta property="og:description" content="Text &amp; more."' in second
    assert '<meta property="og:site_name" content="Toy"' in second
    assert second.count('name="description"') == 1
    assert '<link rel="canonical" href="https://example.org/report/second.html"' in second
    assert (site / "sitemap.xml").read_text().count("<loc>https://example.org/report/") == 2
