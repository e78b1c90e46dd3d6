"""Finished pages: MathJax beside them, and repairs of what the generators of their parts wrote.

MathJax comes from the wheel ``sphinx-mathjax-offline``, whose own extension copies all its 24 MB:
the loader and the fonts are enough. Each repair names the generator and the reason; axe-core, which
``make check-site`` runs, objects to what the first three mend.
"""

import re
import shutil
from importlib.util import find_spec
from pathlib import Path

LOADER = "tex-chtml-full.js"
FONTS = Path("output", "chtml", "fonts")
REPAIRS = {
    # pandas and docutils: the empty corner of a table heads nothing.
    r"<th\b([^>]*)>\s*</th>": r"<td\1></td>",
    # Sphinx: a role given up in ARIA 1.3, and a list without such items.
    r' role="(?:doc-biblioentry"|list"(?= class="citation-list"))': "",
    # The theme: what scrolls must be within reach of the keyboard.
    r'(<div class="pst-scrollable-table-container")>': r'\1 tabindex="0">',
    # The theme: what shows the pages below another has no name.
    r'<summary>(?=<span class="toctree-toggle")': '<summary aria-label="Pages below">',
    # MathJax: browsers break a line between a formula and the comma behind it.
    r'(<span class="math [^"]*">[^<]*</span>[,.;:!?)’”]+)': r'<span class="unbroken">\1</span>',
    # The theme draws its icons twice, from fonts and by a script of 1.5 MB, and asks ahead for
    # fonts, which browsers refuse from disk.
    r'<script src="[^"]*/fontawesome/[^"]*/js/[^"]*"></script>\n?': "",
    r'<link rel="preload" as="font"[^>]*>\n?': "",
}


def mend(page: str) -> str:
    """Apply all repairs to a page."""
    for pattern, replacement in REPAIRS.items():
        page = re.sub(pattern, replacement, page)
    return page


def finish(site: Path) -> None:
    """Mend every page, add MathJax where ``mathjax_path`` points, and remove what no page loads."""
    static = site / "_static"
    for file in site.rglob("*.html"):
        if static not in file.parents:
            file.write_text(mend(file.read_text("utf-8")), "utf-8")
    for folder in static.glob("vendor/fontawesome/*/js"):
        shutil.rmtree(folder)
    for file in static.rglob("*.map"):
        file.unlink()
    mathjax = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    shutil.copytree(mathjax / FONTS, static / "mathjax" / FONTS, dirs_exist_ok=True)
    shutil.copy(mathjax / LOADER, static / "mathjax")
