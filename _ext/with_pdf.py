"""The PDF beside the pages: where the variable ``REPORT_PDF`` names one, the site gets it, and ``{only} with_pdf`` shows its links."""

import os
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

NAME = "report.pdf"


def copy_pdf(app: Sphinx, exception: Exception | None) -> None:
    """Copy the PDF into the finished site."""
    if not exception and app.builder.format == "html":
        shutil.copyfile(os.environ["REPORT_PDF"], Path(app.outdir, NAME))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx."""
    if os.environ.get("REPORT_PDF"):
        app.tags.add("with_pdf")
        app.connect("build-finished", copy_pdf)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
