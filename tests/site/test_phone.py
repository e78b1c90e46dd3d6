"""Code and formulas that are wider than a phone: whole, and with a sign that they go on."""

import pytest
from visits import set_scheme

PAGES = ["chapters/multivariate.html", "chapters/loo.html"]


@pytest.fixture(params=PAGES)
def phone(request, tab, served):
    set_scheme(tab, "light")
    tab.size(360)
    tab.visit(served + request.param)
    return tab


def test_code_breaks_and_says_so(phone):
    pre = "[...document.querySelectorAll('div.cell_input pre')].filter(e => e.checkVisibility())"
    assert phone.run(f"{pre}.filter(e => e.scrollWidth > e.clientWidth + 1).length") == 0
    assert phone.run("document.querySelectorAll('span.line.broken').length") > 0
    assert phone.run(
        "[...document.querySelectorAll('span.line.broken')]"
        ".every(e => getComputedStyle(e).backgroundImage.includes('svg'))"
    )


def test_code_is_copied_as_it_was_written(phone, pages, site):
    page = phone.run("location.pathname").rpartition("some/where/")[2]
    written = [tag.get_text() for tag in pages[site / page].select("div.highlight pre")]
    assert (
        phone.run("[...document.querySelectorAll('div.highlight pre')].map(e => e.textContent)")
        == written
    )


def test_a_wide_formula_fades_at_its_edge_until_it_is_scrolled(phone):
    phone.size(220)  # where some formula of every page is too wide
    formulas = "[...document.querySelectorAll('mjx-container[display=true]')]"
    wide = f"{formulas}.filter(e => e.scrollWidth > e.clientWidth + 2)"
    fading = f"{formulas}.filter(e => getComputedStyle(e).maskImage.includes('gradient'))"
    phone.until(f"{wide}.length > 0 && {wide}.every(e => {fading}.includes(e))")
    assert phone.run(f"{fading}.length === {wide}.length")
    phone.run(f"{wide}.forEach(e => {{ e.scrollLeft = e.scrollWidth; }})")
    phone.until(f"{fading}.length === 0")
