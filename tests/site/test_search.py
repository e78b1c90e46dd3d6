"""What the search of the site finds first, and how it shows it."""

from urllib.parse import quote

import pytest
from visits import set_scheme

RESULTS = "[...document.querySelectorAll('#search-results li > a')]"
WANTED = {
    "LOO": ("loo", "leave"),
    "leave-one-out": ("loo", "other"),
    "elpd": ("loo", "elpd"),
    "log_lik": ("loo", "Stan"),
    "E[Y]": ("likelihoods", "covariance"),
    "Var[Y]": ("likelihoods", "covariance"),
    "WAIC": ("loo", "WAIC"),
    "PSIS": ("loo", "Pareto"),
    "pp_check": ("checks", "replicate"),
    "shrinkage": ("blup", "shrink"),
    "BLUP": ("blup", "BLUP"),
    "multi_normal_cholesky": ("fits", "marginal"),
    "re_formula": ("calls", "brms"),
}


def search(tab, served: str, query: str) -> list[str]:
    """Search, and give the addresses that are found, the best first."""
    tab.visit(f"{served}search.html?q={quote(query)}")
    tab.until("document.querySelector('.search-summary')?.textContent.includes('finished')")
    return tab.run(f"{RESULTS}.map(link => link.getAttribute('href'))")


@pytest.mark.parametrize("query", WANTED)
def test_a_reader_s_word_leads_to_its_section(query, tab, served, site, pages):
    page, phrase = WANTED[query]
    file, _, anchor = search(tab, served, query)[0].partition("#")
    assert file == f"chapters/{page}.html"
    section = pages[site / file].find(id=anchor).find_parent("section")
    assert section.find_parent("section"), "the page's own heading says nothing of the place"
    assert phrase.lower() in section.get_text().lower()


@pytest.mark.parametrize("query", ["marginal", "posterior", "leverage"])
def test_chapters_come_before_the_library(query, tab, served):
    in_library = [address.startswith("chapters/api") for address in search(tab, served, query)]
    assert True in in_library
    assert in_library == sorted(in_library)


@pytest.mark.parametrize("query", ["variance", "conditional", "offset"])
def test_what_is_shown_of_a_page_has_no_tex(query, tab, served):
    found = search(tab, served, query)
    snippets = "[...document.querySelectorAll('#search-results p.context')]"
    tab.until(f"{snippets}.length > {min(len(found), 5) - 1}")
    text = " ".join(tab.run(f"{snippets}.map(text => text.textContent)"))
    assert "\\" not in text
    assert "$" not in text


@pytest.mark.parametrize("width", [1280, 390])
def test_the_icon_stands_before_the_words(width, tab, served):
    set_scheme(tab, "light")
    tab.size(width)
    search(tab, served, "LOO")
    icon, field, padding = tab.run("""(form => [
        form.querySelector('i, svg').getBoundingClientRect().right,
        form.querySelector('input').getBoundingClientRect().left,
        parseFloat(getComputedStyle(form.querySelector('input')).paddingLeft),
    ])(document.querySelector('.bd-search-container form'))""")
    assert icon <= field + padding
