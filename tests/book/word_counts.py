"""Words of the built pages, on the main path and folded: ``python tests/book/word_counts.py``.

What a reader reads is counted: no code, outputs, formulas, figures' alternative texts, navigation,
nor the library reference and the other pages of the back matter. Folded is what a page shows only
on a click.
"""

import re
import sys
from pathlib import Path

from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
NOT_PROSE = (
    "div.cell_input, div.cell_output .output, div.highlight, div.math, span.math, mjx-container, "
    "script, style, svg, a.headerlink, .admonition.dropdown > .admonition-title, summary"
)
FOLDED = ".dropdown, details, .toggle, .tag_hide-cell .cell_output, .tag_hide-output .cell_output"
BACK_MATTER = ("notation", "api", "colophon", "citing", "references", "genindex", "search")
WORD = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?")


def words(tag: Tag) -> int:
    """Number of words in the text of a part of a page."""
    return len(WORD.findall(tag.get_text(" ")))


def words_of_page(html: str) -> tuple[int, int]:
    """Words on the main path and folded ones of a page."""
    article = BeautifulSoup(html, "html.parser").find("article")
    if article is None:
        raise ValueError("the page has no article: is it one of the built book?")
    for tag in article.select(NOT_PROSE):
        tag.decompose()
    folded = 0
    for tag in article.select(FOLDED):
        if not tag.decomposed:
            folded += words(tag)
            tag.decompose()
    return words(article), folded


def pages(site: Path) -> list[Path]:
    """The pages that count, of a built site."""
    found = [site / "intro.html", *sorted((site / "chapters").glob("*.html"))]
    return [page for page in found if page.stem not in BACK_MATTER]


def main(site: Path) -> None:
    """Print the words of each page, and their sums."""
    totals = [0, 0]
    print(f"{'page':<16}{'main path':>10}{'folded':>8}")
    for page in pages(site):
        counts = words_of_page(page.read_text("utf8"))
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
        print(f"{page.stem:<16}{counts[0]:>10}{counts[1]:>8}")
    print(f"{'all':<16}{totals[0]:>10}{totals[1]:>8}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SITE)
