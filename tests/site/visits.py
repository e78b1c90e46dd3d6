"""What a browser sees on a page of the site.

Mathematics, complaints, requests, width, cut formulas, and what axe-core objects to.
"""

from dataclasses import dataclass
from importlib.metadata import files

from browser import Tab

WIDTHS = {"light": 1280, "dark": 360}  # two visits a page: a desktop by day, a phone by night

# Of the theme, not of the report: the selector's beginning by rule.
THEME = {
    "region": (
        ".sidebar-primary-item",
    ),  # its sidebar's logo and search field stand outside all landmarks
}

UNRENDERED = """[...document.querySelectorAll('.math')].filter(e => !e.querySelector('mjx-container') && !e.closest('mjx-container'))
    .map(e => e.textContent).concat([...document.querySelectorAll('mjx-merror')].map(e => e.textContent))"""  # noqa: E501
SIDEWAYS = """(root => root.scrollWidth <= root.clientWidth ? [] : [...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > root.clientWidth + 1).map(e => e.outerHTML.slice(0, 90))
    .concat('page of ' + root.scrollWidth))(document.documentElement)"""  # noqa: E501
# Marks above a letter may reach a pixel or two beyond its own width.
CUT = """[...document.querySelectorAll('span.math mjx-container')].filter(e => e.checkVisibility()).filter(e =>
    Math.max(...[...e.querySelectorAll('mjx-math *')].map(part => part.getBoundingClientRect().right))
    > e.closest('span.math').getBoundingClientRect().right + 3).map(e => e.closest('p, li, td, dd, figcaption').textContent.slice(0, 90))"""  # noqa: E501
AXE = """axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.flatMap(v => v.nodes.map(
    n => ({rule: v.id, where: n.target.join(' '), what: n.html.slice(0, 90), why: n.failureSummary.slice(0, 300)}))))"""  # noqa: E501


@dataclass(frozen=True)
class Visit:
    """What was seen."""

    unrendered: list[str]
    complaints: list[str]
    requests: list[str]
    sideways: list[str]
    cut: list[str]
    objections: list[dict[str, str]]


def axe() -> str:
    """Read axe-core from the wheel that carries it."""
    return next(f for f in files("axe-playwright-python") if f.name == "axe.min.js").read_text(
        "utf-8"
    )


def set_scheme(tab: Tab, scheme: str) -> None:
    """Be a reader whose system asks for light or dark, and for little motion."""
    features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    tab.send(
        "Emulation.setEmulatedMedia",
        features=[{"name": name, "value": value} for name, value in features.items()],
    )


def visit(tab: Tab, address: str, scheme: str) -> Visit:
    """See a page in light or dark."""
    set_scheme(tab, scheme)
    tab.size(WIDTHS[scheme])
    tab.visit(address)
    seen = (
        tab.run(UNRENDERED),
        list(tab.complaints()),
        tab.requests(),
        tab.run(SIDEWAYS),
        tab.run(CUT),
    )  # before axe asks for style sheets
    tab.run(f"{axe()}; 0")
    return Visit(
        *seen,
        [
            found
            for found in tab.run(AXE)
            if not found["where"].startswith(THEME.get(found["rule"], ()))
        ],
    )
