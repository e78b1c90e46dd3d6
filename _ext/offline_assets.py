"""Serve MathJax from the site itself and leave thebe out, so that no page asks another host for anything.

MathJax comes from the wheel ``sphinx-mathjax-offline``. Only its loader and its fonts are copied, and only after
the build: Jupyter Book puts every script that it finds below ``_static`` onto every page.
"""

from importlib.metadata import files
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.fileutil import copy_asset, copy_asset_file
from sphinx.util.typing import ExtensionMetadata

WHEEL = "sphinx-mathjax-offline"
LOADER = "tex-chtml-full.js"
FONTS = Path("output", "chtml", "fonts")


def mathjax_folder() -> Path:
    """Find the folder of the installed wheel that holds the MathJax loader."""
    for file in files(WHEEL) or []:
        if file.name == LOADER:
            return Path(file.locate()).parent
    raise RuntimeError(f"{WHEEL} holds no {LOADER}; its version is not the one in requirements.txt")


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy the loader and its fonts into the finished site, where ``mathjax_path`` points."""
    if exception or app.builder.format != "html":
        return
    source, target = mathjax_folder(), Path(app.outdir) / "_static" / "mathjax"
    target.mkdir(parents=True, exist_ok=True)
    copy_asset_file(str(source / LOADER), str(target))
    copy_asset(str(source / FONTS), str(target / FONTS))


def is_thebe(script: Any) -> bool:
    """Tell whether a script of the page is thebe's: its file, or the inline setting with thebe's address."""
    inline = (getattr(script, "attributes", None) or {}).get("body") or ""
    return "sphinx-thebe" in str(getattr(script, "filename", script)) or "THEBE_JS_URL" in inline


def drop_thebe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Take thebe's scripts off the page: Jupyter Book loads them even where no launch button is configured."""
    context["script_files"] = [
        script for script in context.get("script_files", []) if not is_thebe(script)
    ]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx; the late priority lets every other extension add its scripts first."""
    app.connect("build-finished", copy_mathjax)
    app.connect("html-page-context", drop_thebe, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
