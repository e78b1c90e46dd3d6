"""What stands in the head of a page: its description, its own script, and its public address once there is one.

A page's description is ``description:`` of its front matter, or else its first paragraph without mathematics; that of the first
page is the first sentence of the abstract in ``CITATION.cff``. ``script:`` in the front matter names a page's script in
``_static``. With ``html: baseurl:`` set in ``_config.yml``, pages get Open Graph tags and the site a sitemap; Sphinx adds the
canonical links.
"""

import re
from html import escape, unescape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

import citation

GENERATED = {"genindex": "Index", "search": "Search", "prf-prf": "List of theorems"}
LENGTH = 200  # about what a search engine shows


def description(doctree: nodes.document | None, metadata: dict[str, Any], fallback: str) -> str:
    """Give one line on what the page is about."""
    sections = doctree.findall(nodes.section) if doctree else ()
    opening = (
        child
        for section in sections
        for child in section.children
        if isinstance(child, nodes.paragraph)
    )
    in_words = (
        paragraph.astext() for paragraph in opening if not any(paragraph.findall(nodes.math))
    )
    text = " ".join(str(metadata.get("description") or next(in_words, fallback)).split())
    return text if len(text) <= LENGTH else text[:LENGTH].rsplit(" ", 1)[0] + " …"


def abstract(root: Path) -> str:
    """Give the abstract's first sentence, which describes the first page."""
    return citation.read(root)["abstract"].split(". ")[0].split(".\n")[0].rstrip(".") + "."


def plain(html: str) -> str:
    """Give the text of a title."""
    return unescape(re.sub(r"<[^>]+>", "", html))


def open_graph(page: dict[str, str]) -> str:
    """Write the tags by which other sites announce the page."""
    return "".join(
        f'\n<meta property="og:{name}" content="{escape(text)}">' for name, text in page.items()
    )


def own_script(name: str, metadata: dict[str, Any], static: Path) -> bool:
    """Tell whether a page loads the script: those in ``_static`` belong to the pages that name them."""
    file = Path(name).name
    return not (static / file).is_file() or file == metadata.get("script")


def complete(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Complete the head of a page: Jupyter Book puts every script below ``_static`` onto every page."""
    metadata, static = app.env.metadata.get(pagename, {}), Path(app.srcdir, "_static")
    context["script_files"] = [
        s
        for s in context["script_files"]
        if own_script(str(getattr(s, "filename", s)), metadata, static)
    ]
    title, project = (
        plain(context.get("title") or GENERATED.get(pagename, pagename)),
        app.config.html_title,
    )
    if pagename == app.config.root_doc:
        metadata = {"description": abstract(Path(app.srcdir))} | metadata
    about = description(doctree, metadata, f"{title}. {project}.")
    context["metatags"] = (
        context.get("metatags", "") + f'\n<meta name="description" content="{escape(about)}">'
    )
    if app.config.html_baseurl:
        page = {
            "title": title,
            "type": "article",
            "url": address(app, pagename),
            "site_name": project,
            "description": about,
        }
        context["metatags"] += open_graph(page)


def address(app: Sphinx, pagename: str) -> str:
    """Give a page's public address."""
    return app.config.html_baseurl.rstrip("/") + "/" + app.builder.get_target_uri(pagename)


def write_sitemap(app: Sphinx, exception: Exception | None) -> None:
    """List the public addresses of the pages."""
    if exception or app.builder.format != "html" or not app.config.html_baseurl:
        return
    entries = "".join(
        f"<url><loc>{escape(address(app, page))}</loc></url>\n"
        for page in sorted(app.env.found_docs)
    )
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n'
    Path(app.outdir, "sitemap.xml").write_text(text, "utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx; the late priority lets every other extension add its scripts first."""
    app.connect("html-page-context", complete, priority=900)
    app.connect("build-finished", write_sitemap)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
