"""The executed notebook of each chapter, offered by the download button of its page."""

import shutil
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata


def fill(app: Sphinx, env: BuildEnvironment) -> None:
    """Give the notebooks their outputs: MyST-NB writes them without where the cache had them."""
    cache = get_cache(app.config.nb_execution_cache_path)
    for file in Path(env.mystnb_config.output_folder).rglob("*.ipynb"):
        _, executed = cache.merge_match_into_notebook(nbformat.read(file, as_version=4))
        nbformat.write(lasting(executed), file)


def lasting(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Make two renderings alike: cells bear their number in place of a random name, and no times."""
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        cell.metadata.pop("execution", None)
    return notebook


def offer(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Put the notebook beside the page's source, and let the theme offer it."""
    file = Path(app.env.mystnb_config.output_folder, f"{pagename}.ipynb")
    if file.is_file() and app.builder.format == "html":
        target = Path(app.outdir, "_sources", f"{pagename}.ipynb")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        context["ipynb_source"] = f"{pagename}.ipynb"


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx, the offer before the theme makes its buttons."""
    app.connect("env-updated", fill)
    app.connect("html-page-context", offer, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
