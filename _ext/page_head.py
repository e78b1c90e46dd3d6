"""The head of a page: its description, how it is cited and, once there is one, its public address.

A page is described by its first paragraph without mathematics, the first page by the first sentence
of the abstract in ``CITATION.cff``. Libraries of references read the tags ``citation_*``, search
engines JSON-LD. With ``html: baseurl:`` set in ``_config.yml`` the pages get Open Graph tags and
the site a sitemap, each from its own extension; Sphinx adds the canonical links.
"""

import json
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

import citation

Document = nodes.document | None
LENGTH = 200  # about what a search engine shows
LISTS = [
    "404.html",
    "genindex.html",
    "prf-prf.html",
    "py-modindex.html",
    "search.html",
]  # made by Sphinx


def description(doctree: Document, fallback: str) -> str:
    """Give one line on what the page is about."""
    sections = doctree.findall(nodes.section) if doctree else ()
    children = (child for section in sections for child in section.children)
    opening = (child for child in children if isinstance(child, nodes.paragraph))
    in_words = (node.astext() for node in opening if not any(node.findall(nodes.math)))
    text = " ".join(next(in_words, fallback).split())
    return text if len(text) <= LENGTH else text[:LENGTH].rsplit(" ", 1)[0] + " …"


def citation_tags(app: Sphinx, record: dict[str, Any], title: str) -> str:
    """Say in Highwire's terms how a page is cited: a chapter in the report, or the report."""
    _, _, serial = citation.number(record).rpartition(" ")
    fields = [
        ("title", title or record["title"]),
        ("inbook_title", title and record["title"]),
        *(("author", citation.authors({"authors": [author]})) for author in record["authors"]),
        ("publication_date", app.config.today.replace("-", "/")),
        ("technical_report_institution", citation.authors(record)),
        ("technical_report_number", serial),
        ("doi", record.get("doi")),
        ("language", app.config.language),
    ]
    if app.config.html_baseurl and app.tags.has("with_pdf"):
        fields.append(("pdf_url", f"{app.config.html_baseurl.rstrip('/')}/report.pdf"))
    return "\n".join(
        f'<meta name="citation_{name}" content="{escape(value)}">'
        for name, value in fields
        if value
    )


def linked_data(app: Sphinx, record: dict[str, Any], title: str, address: str | None) -> str:
    """Say the same in the terms of schema.org."""
    kinds = [("Organization" if "name" in author else "Person") for author in record["authors"]]
    names = [citation.authors({"authors": [author]}) for author in record["authors"]]
    report = {
        "@type": "Report",
        "name": record["title"],
        "reportNumber": citation.number(record),
        "author": [{"@type": k, "name": n} for k, n in zip(kinds, names, strict=True)],
        "datePublished": app.config.today,
        "version": citation.version(record),
        "license": "https://creativecommons.org/licenses/by/4.0/",
        "inLanguage": app.config.language,
    }
    page = {"@type": "Chapter", "name": title, "isPartOf": report} if title else report
    where = {"url": address} if address else {}
    data = json.dumps({"@context": "https://schema.org"} | page | where, ensure_ascii=False)
    return f'<script type="application/ld+json">{data.replace("<", "\\u003c")}</script>'


def describe(app: Sphinx, page: str, template: str, context: dict, doctree: Document) -> None:
    """Describe a page for search engines and, by its metadata, for Open Graph."""
    record = citation.read(Path(app.srcdir))
    text = description(doctree, f"{app.config.html_title}: {page}")
    if page == app.config.root_doc:
        text = record["abstract"].partition(".")[0] + "."
    context["meta"] = (context.get("meta") or {}) | {"og:description": escape(text)}
    title = "" if page == app.config.root_doc else app.env.titles[page].astext() if doctree else ""
    tags = [context.get("metatags", ""), f'<meta name="description" content="{escape(text)}">']
    if doctree:
        tags.append(citation_tags(app, record, title))
        tags.append(linked_data(app, record, title, context.get("pageurl")))
    elif page == "404" and context.get("pageurl"):  # a server shows it under any address
        tags.insert(0, f'<base href="{context["pageurl"]}">')
    context["metatags"] = "\n".join(tags) + "\n"


def announce(app: Sphinx, config: Config) -> None:
    """Set Open Graph and the sitemap up, if there is a public address."""
    if config.html_baseurl:
        address = config.html_baseurl.rstrip("/") + "/"
        app.setup_extension("sphinxext.opengraph")
        config.ogp_site_url = address
        config.ogp_site_name = config.html_title
        config.ogp_image = f"{address}_static/two-distributions.png"
        config.ogp_image_alt = "The two distributions: rows given u, narrow; without it, wide."
        config.ogp_social_cards = {"enable": False}
        app.setup_extension("sphinx_sitemap")
        config.site_url = address
        config.sitemap_url_scheme = "{link}"
        config.sitemap_excludes = LISTS


def setup(app: Sphinx) -> None:
    """Register with Sphinx, the description before Open Graph reads it."""
    app.connect("html-page-context", describe, priority=400)
    app.connect("config-inited", announce)
