"""Every page of the built site."""

import json
import re

import pytest
import scanners
import yaml
from anchors import found, known


@pytest.mark.parametrize(
    "scanner",
    [
        scanners.foreign_resources,
        scanners.poor_alt,
        scanners.raw_tex,
        scanners.raw_markup,
        scanners.bad_outputs,
        scanners.poor_structure,
    ],
)
def test_scanner_finds_nothing(scanner, site, pages):
    found = {str(path.relative_to(site)): scanner(page) for path, page in pages.items()}
    assert not {path: what for path, what in found.items() if what}


def test_every_chapter_of_the_table_of_contents_is_there(site, pages):
    toc = (site.parents[1] / "_toc.yml").read_text("utf-8")
    names = [
        line.split(":")[1].strip()
        for line in toc.splitlines()
        if line.strip().startswith(("root:", "- file:"))
    ]
    assert len(names) > 1
    assert not [name for name in names if site / f"{name}.html" not in pages]


def test_links_and_loaded_files_exist(site, pages):
    found = {str(path.relative_to(site)): scanners.dead_links(path, pages) for path in pages}
    assert not {path: what for path, what in found.items() if what}


def test_index_forwards_to_a_page(site, pages):
    forward = scanners.parse((site / "index.html").read_text("utf-8")).find(
        "meta", attrs={"http-equiv": "Refresh"}
    )
    assert site / forward["content"].split("url=")[1] in pages


def test_style_sheets_load_nothing_from_elsewhere(site):
    sheets = list(site.rglob("*.css"))
    assert sheets
    found = {
        str(sheet.relative_to(site)): scanners.foreign_in_css(sheet.read_text("utf-8"))
        for sheet in sheets
    }
    assert not {path: what for path, what in found.items() if what}


def test_pages_with_mathematics_load_mathjax_with_its_fonts(site, pages):
    with_math = {
        path: scanners.mathjax_loaders(page) for path, page in pages.items() if page.select(".math")
    }
    assert with_math
    for path, loaders in with_math.items():
        assert len(loaders) == 1, path
        loader = path.parent / loaders[0].split("?")[0]
        assert loader.is_file()
        assert list(loader.parent.glob("output/chtml/fonts/*/*.woff"))


def test_offered_notebooks_hold_their_outputs(pages):
    offered = {
        (path.parent / tag["href"]).resolve()
        for path, page in pages.items()
        for tag in page.select("a[href$='.ipynb']")
    }
    for file in offered:
        cells = json.loads(file.read_text("utf-8"))["cells"]
        assert any(cell.get("outputs") for cell in cells), file


def test_every_page_has_a_description_of_its_own(pages):
    found = [page.find("meta", attrs={"name": "description"})["content"] for page in pages.values()]
    assert not [text for text in found if not 40 <= len(text) <= 202 or "\\" in text or "$" in text]
    assert len(set(found)) == len(found)


def test_every_page_says_how_it_is_cited(pages, site):
    toc = (site.parents[1] / "_toc.yml").read_text("utf-8")
    for path, page in pages.items():
        if path.relative_to(site).with_suffix("").as_posix() in re.findall(r"(\S+)$", toc, re.M):
            tags = {tag["name"]: tag["content"] for tag in page.select("meta[name^='citation_']")}
            assert {"citation_title", "citation_author", "citation_publication_date"} <= set(tags)
            data = json.loads(page.select_one("script[type='application/ld+json']").get_text())
            assert data["name"] == tags["citation_title"]


def test_every_page_leads_to_the_errata_and_a_lost_reader_back(pages, site):
    for path, page in pages.items():
        links = [link["href"] for link in page.select(".bd-footer-content a")]
        errata = "#errata" if path.stem == "citing" else "citing.html#errata"
        assert any(link.endswith(errata) for link in links), path
    lost = pages[site / "404.html"].find("article")
    assert {"intro.html", "search.html"} <= {link["href"] for link in lost.select("a")}


def rows_of_tables(page):
    """Addresses and words of the rows that list functions."""
    rows = [row.find_all("td") for row in page.select("article table.autosummary tr")]
    return {name.find("a")["href"]: words.get_text().strip() for name, words in rows}


def test_each_module_s_page_begins_with_a_table_of_its_names(pages, site):
    modules = sorted((site / "chapters" / "api").glob("*.html"))
    assert len(modules) > 15
    for module in modules:
        page = pages[module]
        section = page.select_one("article section")
        assert section.find(["table", "dl"]).name == "table", module
        entries = [f"#{entry['id']}" for entry in section.select(":scope > dl.py > dt.sig")]
        rows = rows_of_tables(page)
        assert list(rows) == entries, module
        assert all(len(words) > 10 for words in rows.values()), module


def test_the_reference_lists_the_names_of_all_modules_by_task(pages, site):
    modules = (site / "chapters" / "api").glob("*.html")
    names = {f"api/{m.name}{entry}" for m in modules for entry in rows_of_tables(pages[m])}
    assert set(rows_of_tables(pages[site / "chapters" / "api.html"])) == names


def test_every_page_bears_version_and_date(pages):
    import lmmlib

    footers = (page.select_one(".bd-footer-content").get_text() for page in pages.values())
    stamps = [
        re.search(r"Version ([\d.]+), (?:unreleased, of )?\d{4}-\d\d-\d\d", footer)
        for footer in footers
    ]
    assert {stamp and stamp[1] for stamp in stamps} == {lmmlib.__version__}


def test_address_stands_everywhere_or_nowhere(site, pages):
    """Open Graph and a sitemap follow from html.baseurl, and from nothing else.

    Lists that Sphinx makes are not announced.
    """
    public = yaml.safe_load((site.parents[1] / "_config.yml").read_text("utf-8"))["html"]["baseurl"]
    assert (site / "sitemap.xml").is_file() == bool(public)
    written = [
        page
        for path, page in pages.items()
        if path.stem not in ("404", "genindex", "prf-prf", "py-modindex", "search")
    ]
    assert {bool(page.select("meta[property='og:url']")) for page in written} == {bool(public)}


def test_anchors_of_before_are_still_there(site, pages):
    """An address that somebody has cited goes on leading to the theorem, the equation or the
    figure.
    """
    assert known() - found(site, pages) == set()
