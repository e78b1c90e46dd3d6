"""Every page as a browser shows it that reaches no other host."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, urlsplit

import pytest
from browser import Tab
from visits import WIDTHS, Visit, set_scheme, visit

MEGABYTE = 1e6


@pytest.fixture(scope="session")
def visits(chromium, site, pages, served) -> dict[str, Visit]:
    """What was seen on each page, by page and scheme; each scheme has a browser of its own."""
    names = [page.relative_to(site).as_posix() for page in pages]

    def seen_in(scheme: str) -> dict[str, Visit]:
        with Tab(chromium) as tab:
            return {f"{name}, {scheme}": visit(tab, served + name, scheme) for name in names}

    with ThreadPoolExecutor() as pool:
        light, dark = pool.map(seen_in, WIDTHS)
    return light | dark


BAD = """<!doctype html><meta name="viewport" content="width=device-width"><span class="math">\\(x\\)</span><img src="https://example.org/a.png">
<p style="width: 900px; color: #999; background: #aaa">wide and pale</p><script>console.error("hm"); undefined.x</script>
<p>cut <span class="math" style="display: inline-flex; width: 9px"><mjx-container><mjx-math><b>wide</b></mjx-math></mjx-container></span>"""  # noqa: E501


def test_visit_sees_what_is_wrong(tab, tmp_path):
    (tmp_path / "bad.html").write_text(BAD)
    seen = visit(tab, (tmp_path / "bad.html").as_uri(), "dark")
    assert seen.unrendered == ["\\(x\\)"]
    assert {"hm", "TypeError", "ERR_NAME_NOT_RESOLVED"} <= set(
        re.findall(r"hm|TypeError|ERR_NAME_NOT_RESOLVED", "".join(seen.complaints))
    )
    assert "https://example.org/a.png" in seen.requests
    assert seen.sideways
    assert [text[:3] for text in seen.cut] == ["cut"]
    assert {"image-alt", "color-contrast", "document-title"} <= {
        found["rule"] for found in seen.objections
    }


def test_both_schemes_are_shown(tab, served):
    for scheme in WIDTHS:
        visit(tab, served + "intro.html", scheme)
        assert tab.run("document.documentElement.dataset.theme") == scheme


@pytest.mark.parametrize("what", ["unrendered", "complaints", "sideways", "cut", "objections"])
def test_no_page_shows(what, visits):
    found = {page: getattr(seen, what) for page, seen in visits.items()}
    assert not {page: those for page, those in found.items() if those}, what


def test_no_request_leaves(visits, served):
    asked = {address for seen in visits.values() for address in seen.requests}
    assert not [address for address in asked if not address.startswith((served, "data:", "blob:"))]


def test_first_page_and_site_are_small(visits, site, served):
    asked = {
        unquote(urlsplit(a).path)
        for a in visits["intro.html, light"].requests
        if a.startswith(served) and "mathjax" not in a
    }
    loaded = [site / path.removeprefix(urlsplit(served).path) for path in asked]
    assert sum(file.stat().st_size for file in loaded) < MEGABYTE
    assert sum(file.stat().st_size for file in site.rglob("*") if file.is_file()) < 15 * MEGABYTE


def _search(tab, address):
    """Open the search field by its keys, type, and wait for a page that must be among those
    found, one after another.
    """
    tab.size(1280)
    tab.visit(address)
    tab.press("k", "KeyK", 75, modifiers=2)
    tab.until("document.activeElement.type === 'search'")
    tab.send("Input.insertText", text="mutual information")
    tab.press("Enter", "Enter", 13, text="\r")
    tab.until(
        "[...document.querySelectorAll('#search-results li > a')].some(a => "
        "a.textContent.includes('One model, two densities'))"
    )


def test_search_finds(tab, served):
    _search(tab, served + "intro.html")


def test_site_opens_from_disk(tab, site):
    seen = visit(tab, (site / "chapters/explore.html").as_uri(), "light")
    assert not seen.unrendered
    assert tab.run("document.getElementById('explore-offset').textContent")
    assert all(address.startswith(("file:", "data:", "blob:")) for address in seen.requests)
    assert not seen.complaints
    assert (
        tab.run(
            "document.fonts.ready.then(f => [...f].filter(x => x.status === 'error').map(x => "
            "x.family))"
        )
        == []
    )
    _search(tab, (site / "intro.html").as_uri())


@pytest.mark.parametrize("name", ["lmmlib.estimate", "lmmlib.Estimate.predict"])
def test_an_old_address_in_the_library_reference_leads_on(name, tab, served):
    tab.visit(f"{served}chapters/api.html#{name}")
    tab.until("location.pathname.endsWith('/chapters/api/estimation.html')")
    assert tab.run("location.hash") == f"#{name}"
    tab.until(f"document.getElementById('{name}') !== null")


FOCUSABLE = """[...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
    .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.disabled && e.tabIndex >= 0)"""  # noqa: E501


@pytest.mark.parametrize("page", ["intro.html", "chapters/explore.html"])
def test_tab_key_reaches_everything(page, tab, served):
    tab.size(1280)
    tab.visit(served + page)
    tab.run(
        f"window.due = new Set({FOCUSABLE}); window.all = due.size; "
        "document.addEventListener('focusin', e => due.delete(e.target)); 0"
    )
    for _ in range(2 * tab.run("all")):  # places to scroll take the focus too
        tab.press("Tab", "Tab", 9)
        if not tab.run("due.size"):
            break
    assert tab.run("[...due].map(e => e.outerHTML.slice(0, 120))") == []


def test_pictures_stand_on_a_light_card_in_the_dark(tab, served, pages, site):
    set_scheme(tab, "dark")
    for page in (page for page, parsed in pages.items() if parsed.select("article img")):
        tab.visit(served + page.relative_to(site).as_posix())
        looks = tab.run("""[...document.querySelectorAll('article img')].map(e => getComputedStyle(e))
            .map(s => s.backgroundColor + ' ' + s.filter)""")  # noqa: E501
        assert set(looks) == {"rgb(255, 255, 255) none"}, json.dumps(looks)
