"""The anchors of theorems, equations, figures, tables and terms.

Others cite them, so none may vanish. Run to add new ones.
"""

import re
from pathlib import Path

from bs4 import BeautifulSoup
from scanners import parse

LIST = Path(__file__).with_name("anchors.txt")
SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
CITABLE = "div.math[id], div.proof[id], figure[id], table[id], dl.glossary dt[id]"
UNNAMED = re.compile(
    r"(id\d+|proof.*)"
)  # counted or bare names move when something is put before them


def found(site: Path, pages: dict[Path, BeautifulSoup]) -> set[str]:
    """Collect the anchors of a site, as page#anchor."""
    all_of = {
        path.relative_to(site).as_posix(): page.select("article")[0].select(CITABLE)
        for path, page in pages.items()
        if page.article
    }
    return {
        f"{name}#{tag['id']}"
        for name, tags in all_of.items()
        for tag in tags
        if not UNNAMED.fullmatch(tag["id"])
    }


def known() -> set[str]:
    """Read the list."""
    return set(LIST.read_text("utf-8").split())


if __name__ == "__main__":
    site = SITE.resolve()
    files = [file for file in site.rglob("*.html") if "_static" not in file.parts]
    new = found(site, {file: parse(file.read_text("utf-8")) for file in files}) - known()
    LIST.write_text("\n".join(sorted(known() | new)) + "\n", "utf-8")
    print(f"anchors: {len(new)} added to {LIST.name}")
