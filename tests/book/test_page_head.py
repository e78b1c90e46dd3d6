"""The head of a page: description, and what follows from a public address."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXTENSIONS = Path(__file__).parents[2] / "_ext"
FIRST = "First\n=====\n\nA page in words & signs.\n\n.. toctree::\n\n   second\n"
RECORD = """\
title: A & B
abstract: What it is about. More.
authors: [{name: The authors}, {given-names: Ada, family-names: Eins}]
version: 1.2.3
date-released: 2030-01-02
identifiers: [{value: technical report 2030-1, description: report number}]
"""
SECOND = "Second\n======\n\nOf :math:`x`.\n\nText & more.\n"


@pytest.fixture
def build(tmp_path):
    """Build a book of two pages with the settings given; return its folder.

    In a process of its own: Sphinx asks git for dates, and forking one that holds JAX warns.
    """
    source = tmp_path / "source"
    site = tmp_path / "site"
    source.mkdir()
    (source / "index.rst").write_text(FIRST)
    (source / "second.rst").write_text(SECOND)
    (source / "CITATION.cff").write_text(RECORD)

    def run(**settings):
        settings |= {"extensions": "page_head", "html_title": "Toy"}
        options = [f"-D{name}={value}" for name, value in settings.items()]
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "-C", "-bhtml", *options]
        environment = os.environ | {"PYTHONPATH": str(EXTENSIONS)}
        subprocess.run([*command, source, site], env=environment, check=True)
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


def test_pages_say_how_they_are_cited(build):
    site = build(today="2030-01-02")
    first, second = ((site / f"{name}.html").read_text() for name in ("index", "second"))
    assert '<meta name="citation_title" content="A &amp; B">' in first
    assert '<meta name="citation_title" content="Second">' in second
    assert '<meta name="citation_inbook_title" content="A &amp; B">' in second
    assert "inbook" not in first
    for page in (first, second):
        assert '<meta name="citation_author" content="The authors">' in page
        assert '<meta name="citation_author" content="Ada Eins">' in page
        assert '<meta name="citation_publication_date" content="2030/01/02">' in page
        assert '<meta name="citation_technical_report_number" content="2030-1">' in page
        assert "pdf_url" not in page


def test_pages_say_so_to_search_engines(build):
    site = build(today="2030-01-02", html_baseurl="https://example.org/report/")
    first, second = (linked_data(site / f"{name}.html") for name in ("index", "second"))
    assert first["@type"] == "Report"
    assert (first["name"], first["version"], first["datePublished"]) == (
        "A & B",
        "1.2.3",
        "2030-01-02",
    )
    kinds = [(author["@type"], author["name"]) for author in first["author"]]
    assert kinds == [("Organization", "The authors"), ("Person", "Ada Eins")]
    assert (second["@type"], second["name"]) == ("Chapter", "Second")
    assert second["url"] == "https://example.org/report/second.html"
    assert second["isPartOf"]["name"] == "A & B"


def linked_data(page: Path) -> dict:
    """Read a page's JSON-LD."""
    return json.loads(
        re.search(r'<script type="application/ld\+json">(.*?)</script>', page.read_text())[1]
    )


@pytest.mark.parametrize("address", ["https://example.org/report/", "https://example.org/report"])
def test_a_public_address_brings_open_graph_and_a_sitemap(build, address):
    site = build(html_baseurl=address)
    second = (site / "second.html").read_text()
    assert '<meta property="og:url" content="https://example.org/report/second.html"' in second
    assert '<meta property="og:title" content="Second"' in second
    assert '<meta property="og:description" content="Text &amp; more."' in second
    assert '<meta property="og:site_name" content="Toy"' in second
    picture = "https://example.org/report/_static/two-distributions.png"
    assert f'<meta property="og:image" content="{picture}"' in second
    assert second.count('name="description"') == 1
    assert '<link rel="canonical" href="https://example.org/report/second.html"' in second
    assert (site / "sitemap.xml").read_text().count("<loc>https://example.org/report/") == 2
