"""The head of a page: description, and what follows from a public address."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXTENSIONS = Path(__file__).parents[2] / "_ext"
FIRST = "First\n=====\n\nA page in words & signs.\n\n.. toctree::\n\n   second\n"
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
    (source / "CITATION.cff").write_text("abstract: >-\n  What it is\n  about. More.\n")

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
