"""Finish the book just rendered in ``_build/next`` and make it the site: one rename of a link.

So a kill at any moment, or a failed build, leaves the last good site in ``_build/html``. The site
gets the PDF that the variable ``REPORT_PDF`` names.
"""

import os
import shutil
import time
from pathlib import Path

from execution_cache import PREFIX, cache_path
from finished_pages import finish
from small_pictures import make_small

ROOT = Path(__file__).resolve().parents[1]
KEPT = 2  # the site and the one before it


def publish(build: Path) -> None:
    """Move the rendered pages into a folder of their own and point the link to it."""
    site = build / time.strftime("site-%Y%m%dT%H%M%S", time.gmtime())
    rendered = build / "next" / "_build" / "html"
    finish(rendered)
    make_small(rendered)
    if pdf := os.environ.get("REPORT_PDF"):
        shutil.copyfile(pdf, rendered / "report.pdf")
    rendered.rename(site)
    link = build / "html.new"
    current = build / "html"
    link.unlink(missing_ok=True)
    link.symlink_to(site.name)
    if current.is_dir() and not current.is_symlink():  # from Jupyter Book called by hand
        shutil.rmtree(current)
    link.replace(current)


def tidy(build: Path) -> None:
    """Remove the remains of the build, older sites, and the outputs of changed sources."""
    older = sorted(build.glob("site-*"))[:-KEPT]
    stale = [cache for cache in build.glob(f"{PREFIX}*") if cache != cache_path(build.parent)]
    for folder in (build / "next", *older, *stale):
        shutil.rmtree(folder)


if __name__ == "__main__":
    publish(ROOT / "_build")
    tidy(ROOT / "_build")
