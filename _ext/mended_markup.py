"""Repairs in finished pages, of what a generator wrote; each names the generator and the reason."""

import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

REPAIRS = (
    # pandas and docutils: the empty corner of a table heads nothing, and a screen reader would announce it.
    (re.compile(r"<th\b([^>]*)>\s*</th>"), r"<td\1></td>"),
    # Sphinx: a role given up in ARIA 1.3, and a list without such items.
    (re.compile(r' role="doc-biblioentry"'), ""),
    (re.compile(r' role="list"(?= class="citation-list")'), ""),
    # docutils: a landmark without a name, beside the theme's.
    (
        re.compile(r'<nav class="contents local"'),
        '<nav aria-label="Contents of this page" class="contents local"',
    ),
    # MathJax: browsers break a line between a formula and the comma behind it.
    (
        re.compile(r'(<span class="math [^"]*">[^<]*</span>)([,.;:!?)’”]+)'),
        r'<span class="unbroken">\1\2</span>',
    ),
    # Sphinx: a figure that a phone shows small can be opened by itself.
    (
        re.compile(r'(<figure [^>]*>\s*)(<img [^>]*src="([^"]+)"[^>]*>)'),
        r'\1<a class="picture" href="\3">\2</a>',
    ),
    # The theme: what scrolls must be within reach of the keyboard.
    (
        re.compile(r'<div class="pst-scrollable-table-container">'),
        '<div class="pst-scrollable-table-container" tabindex="0">',
    ),
    # The theme draws its icons twice, from fonts and by a script of 1.5 MB; and browsers refuse fonts asked for ahead from disk.
    (re.compile(r'<script src="[^"]*/fontawesome/[^"]*/js/[^"]*"></script>\n?'), ""),
    (re.compile(r'<link rel="preload" as="font"[^>]*>\n?'), ""),
)


def mend(page: str) -> str:
    """Apply all repairs to a page."""
    for pattern, replacement in REPAIRS:
        page = pattern.sub(replacement, page)
    return page


def mend_site(app: Sphinx, exception: Exception | None) -> None:
    """Mend every page, and remove what none loads."""
    if exception or app.builder.format != "html":
        return
    for file in Path(app.outdir).rglob("*.html"):
        if "_static" not in file.parts:
            file.write_text(mend(file.read_text("utf-8")), "utf-8")
    for folder in Path(app.outdir).glob("_static/vendor/fontawesome/*/js"):
        shutil.rmtree(folder)
    for file in Path(app.outdir, "_static").rglob(
        "*.map"
    ):  # of the theme's own sources: a megabyte that no page loads
        file.unlink()


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx."""
    app.connect("build-finished", mend_site)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
