"""The head of a page: its description and, once there is one, its public address.

A page is described by its first paragraph without mathematics, the first page by the first sentence
of the abstract in ``CITATION.cff``. With ``html: baseurl:`` set in ``_config.yml`` the pages get
Open Graph tags and the site a sitemap, each from its own extension; Sphinx adds the canonical
links.
"""

from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

import citation

Document = nodes.document | None
LENGTH = 200  # about what a search engine shows
LISTS = ["genindex.html", "prf-prf.html", "py-modindex.html", "search.html"]  # made by Sphinx


def description(doctree: Document, fallback: str) -> str:
    """Give one line on what the page is about."""
    sections = doctree.findall(nodes.section) if doctree else ()
    children = (child for section in sections for child in section.children)
    opening = (child for child in children if isinstance(child, nodes.paragraph))
    in_words = (node.astext() for node in opening if not any(node.findall(nodes.math)))
    text = " ".join(next(in_words, fallback).split())
    return text if len(text) <= LENGTH else text[:LENGTH].rsplit(" ", 1)[0] + " …"


def describe(app: Sphinx, page: str, template: str, context: dict, doctree: Document) -> None:
    """Describe a page for search engines and, by its metadata, for Open Graph."""
    text = description(doctree, f"{app.config.html_title}: {page}")
    if page == app.config.root_doc:
        text = citation.read(Path(app.srcdir))["abstract"].partition(".")[0] + "."
    context["meta"] = (context.get("meta") or {}) | {"og:description": escape(text)}
    tag = f'<meta name="description" content="{escape(text)}">'
    context["metatags"] = context.get("metatags", "") + f"\n{tag}\n"


def announce(app: Sphinx, config: Config) -> None:
    """Set Open Graph and the sitemap up, if there is a public address."""
    if config.html_baseurl:
        address = config.html_baseurl.rstrip("/") + "/"
        app.setup_extension("sphinxext.opengraph")
        config.ogp_site_url = address
        config.ogp_site_name = config.html_title
        config.ogp_social_cards = {"enable": False}
        app.setup_extension("sphinx_sitemap")
        config.site_url = address
        config.sitemap_url_scheme = "{link}"
        config.sitemap_excludes = LISTS


def setup(app: Sphinx) -> None:
    """Register with Sphinx, the description before Open Graph reads it."""
    app.connect("html-page-context", describe, priority=400)
    app.connect("config-inited", announce)
