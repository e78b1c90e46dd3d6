"""What must not stand on a page of the built site.

Each scanner takes a parsed page and returns what it found.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

LOADED = {
    "script": "src",
    "img": "src",
    "source": "src",
    "iframe": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
}
IMAGE_FILE = re.compile(r"\S+\.(png|svg|jpe?g|gif|webp)", re.IGNORECASE)
CSS_ADDRESS = re.compile(r"""(?:url\(|@import\s(?!\s*url))\s*["']?([^"')]+)""", re.IGNORECASE)
SCRIPT_ADDRESS = re.compile(r"""["'](?:https?:)?//[^"']+\.(?:m?js|css|woff2?)\b""")
RAW_TEX = re.compile(r"\$\S*|\\[A-Za-z]+\S*|\\[([]")
RAW_MARKUP = re.compile(r"\{[A-Za-z][\w:.-]*\}`?|`{3}|:{3}")
BAD_OUTPUT = re.compile(
    r"\bnp\.\w+\(|Traceback|\w*Warning:|\bobject at 0x|<Figure size|site-packages"
)


def parse(html: str) -> BeautifulSoup:
    """Parse a page."""
    return BeautifulSoup(html, "html.parser")


def is_foreign(address: str) -> bool:
    """Tell whether an address leads to another host."""
    parts = urlsplit(address.strip())
    return bool(parts.netloc) or parts.scheme in {"http", "https"}


def loaded(page: BeautifulSoup) -> Iterator[str]:
    """Give the addresses of what a browser loads with the page: scripts, styles, images, frames."""
    for name, attribute in LOADED.items():
        yield from (tag[attribute] for tag in page.find_all(name) if tag.get(attribute))
    for tag in page.find_all("link"):
        if {
            "stylesheet",
            "icon",
            "preload",
            "modulepreload",
            "preconnect",
            "prefetch",
            "manifest",
        } & set(tag.get("rel", [])):
            yield tag["href"]
    for tag in page.find_all(srcset=True):
        yield from (part.split()[0] for part in tag["srcset"].split(",") if part.strip())


def foreign_in_css(css: str) -> list[str]:
    """Find what a style sheet loads from another host, fonts among it."""
    return [address for address in CSS_ADDRESS.findall(css) if is_foreign(address)]


def foreign_resources(page: BeautifulSoup) -> list[str]:
    """Find whatever the page loads from another host."""
    found = [address for address in loaded(page) if is_foreign(address)]
    styles = [tag.get_text() for tag in page.find_all("style")] + [
        tag["style"] for tag in page.find_all(style=True)
    ]
    found += [address for css in styles for address in foreign_in_css(css)]
    return found + [
        address
        for tag in page.find_all("script", src=False)
        for address in SCRIPT_ADDRESS.findall(tag.get_text())
    ]


def content(page: BeautifulSoup) -> Tag:
    """Give the part of the page that the author wrote."""
    return page.find("article") or page


def shown_cells(page: BeautifulSoup) -> list[str]:
    """Give the code of the cells that the page shows or folds, in its order."""
    return [cell.get_text() for cell in content(page).select("div.cell_input pre")]


def poor_alt(page: BeautifulSoup) -> list[str]:
    """Find images of the content whose alternative text is missing, empty or a file name."""
    images = content(page).find_all("img")
    return [
        str(tag)
        for tag in images
        if not tag.get("alt", "").strip() or IMAGE_FILE.fullmatch(tag["alt"].strip())
    ]


def anchors(page: BeautifulSoup) -> set[str]:
    """Give the names on the page that a link can lead to."""
    return {tag["id"] for tag in page.find_all(id=True)} | {
        tag["name"] for tag in page.find_all("a", attrs={"name": True})
    }


def dead_links(path: Path, pages: dict[Path, BeautifulSoup]) -> list[str]:
    """Find links, and files loaded, of the page at ``path`` that lead to no file or to no anchor
    of one.
    """
    page, dead = pages[path], []
    for address in [tag["href"] for tag in page.find_all("a", href=True)] + list(loaded(page)):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        target = target / "index.html" if target.is_dir() else target
        missing = (
            parts.fragment
            and target in pages
            and unquote(parts.fragment) not in anchors(pages[target])
        )
        if missing or not target.is_file():
            dead.append(address)
    return dead


def prose(page: BeautifulSoup) -> str:
    """Give the text of the content without mathematics, code, outputs of cells, scripts and
    styles.
    """
    copy = parse(str(content(page)))
    for tag in copy.select(".math, code, pre, script, style, div.cell_output, .headerlink"):
        tag.decompose()
    return copy.get_text(" ")


def raw_tex(page: BeautifulSoup) -> list[str]:
    """Find TeX that is left in the prose, or stands where no MathJax looks.

    Page title and navigation.
    """
    title = page.title.get_text() if page.title else ""
    return (
        RAW_TEX.findall(prose(page))
        + RAW_TEX.findall(title)
        + [tag.get_text() for tag in page.select("nav .math")]
    )


def raw_markup(page: BeautifulSoup) -> list[str]:
    """Find roles and directives that were not understood and stand in the text as written."""
    return RAW_MARKUP.findall(prose(page))


def bad_outputs(page: BeautifulSoup) -> list[str]:
    """Find warnings, tracebacks and representations of objects in the outputs of cells, and
    anything on stderr.
    """
    outputs = page.select("div.cell_output")
    found = [match for tag in outputs for match in BAD_OUTPUT.findall(tag.get_text())]
    return found + [tag.get_text() for output in outputs for tag in output.select(".stderr")]


def poor_structure(page: BeautifulSoup) -> list[str]:
    """Find a missing title, and a number of main headings other than one (the theme adds a
    hidden one for print).
    """
    headings = len(content(page).find_all("h1"))
    title = page.title.get_text().strip() if page.title else ""
    return [] if title and headings == 1 else [f"title {title!r}, {headings} main headings"]


def mathjax_loaders(page: BeautifulSoup) -> list[str]:
    """Give the addresses under which the page names MathJax."""
    return [address for address in loaded(page) if "mathjax" in address.lower()]
