"""Words that readers bring from elsewhere lead to the section that answers them.

Sphinx finds pages, all equal; an entry of the index comes first, and leads to its place. The place
is the section of a page that has a phrase most often, so that sections may be renamed and moved.
"""

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

WORDS = {
    "BLUP": ("chapters/blup", "BLUP"),
    "LOO": ("chapters/loo", "task"),
    "PSIS": ("chapters/loo", "Pareto"),
    "WAIC": ("chapters/loo", "WAIC"),
    "multi_normal_cholesky": ("chapters/fits", "marginal"),
    "pp_check": ("chapters/checks", "replicate"),
    "re_formula": ("chapters/calls", "brms"),
    "shrinkage": ("chapters/blup", "shrink"),
}


def count(section: nodes.section, phrase: str) -> int:
    """Count a phrase in a section, without the sections in it; the heading counts most."""
    own = [child for child in section.children if not isinstance(child, nodes.section)]
    text = " ".join(child.astext() for child in own).lower()
    return text.count(phrase.lower()) + 10 * own[0].astext().lower().count(phrase.lower())


def add_entries(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Mark the section that has a word's phrase most often, for the search alone."""
    parts = [part for part in doctree.findall(nodes.section) if "proof-content" not in part["ids"]]
    for word, (place, phrase) in WORDS.items():
        if page == place and app.builder.format == "html":
            best = max(parts[1:], key=lambda part: count(part, phrase))  # the first is the page
            best += addnodes.index(entries=[("single", word, best["ids"][0], "main", None)])


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("doctree-resolved", add_entries)
