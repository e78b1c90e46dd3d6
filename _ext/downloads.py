"""What the site offers for download: the executed notebook of each chapter, and the PDF.

The site gets the PDF that the variable ``REPORT_PDF`` names; ``{only} with_pdf`` shows its links.
"""

import os
import shutil
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def fill(app: Sphinx, env: BuildEnvironment) -> None:
    """Give the notebooks their outputs: MyST-NB writes them without where the cache had them."""
    cache = get_cache(app.config.nb_execution_cache_path)
    for file in Path(env.mystnb_config.output_folder).rglob("*.ipynb"):
        _, executed = cache.merge_match_into_notebook(nbformat.read(file, as_version=4))
        # Two renderings alike: cells bear their number in place of a random name, and no times.
        for number, cell in enumerate(executed.cells):
            cell["id"] = f"cell-{number}"
            cell.metadata.pop("execution", None)
        nbformat.write(executed, file)


def offer(app: Sphinx, pagename: str, template: str, context: dict, doctree: object) -> None:
    """Put the notebook beside the page's source, and let the theme offer it."""
    file = Path(app.env.mystnb_config.output_folder, f"{pagename}.ipynb")
    if file.is_file() and app.builder.format == "html":
        target = Path(app.outdir, "_sources", f"{pagename}.ipynb")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        context["ipynb_source"] = f"{pagename}.ipynb"


def copy_pdf(app: Sphinx, exception: Exception | None) -> None:
    """Copy the PDF into the finished site."""
    if not exception and app.builder.format == "html":
        shutil.copyfile(os.environ["REPORT_PDF"], Path(app.outdir, "report.pdf"))


def setup(app: Sphinx) -> None:
    """Register with Sphinx, the offer before the theme makes its buttons."""
    app.connect("env-updated", fill)
    app.connect("html-page-context", offer, priority=400)
    if os.environ.get("REPORT_PDF"):
        app.tags.add("with_pdf")
        app.connect("build-finished", copy_pdf)
