"""What every page and the title page say of this edition, out of ``CITATION.cff``.

The date is that of the release or, before that, of the last commit, not of the build: the same
commit gives the same pages whenever it is built. The Makefile puts the commit's time into
``SOURCE_DATE_EPOCH``; without it, as in an archive, the date is that of the record.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.texescape import escape

import citation

LICENCE = "Text and figures are licensed under CC BY 4.0, code under the MIT licence."
# Sphinx's title page has no place for an abstract: it stands on the page after it.
ABSTRACT = r"""
\sphinxmaketitle
\begin{abstract}\noindent %s\par\bigskip\noindent %s\end{abstract}
"""


def date(root: Path) -> str:
    """Give the day of the edition."""
    record = citation.read(root)
    if "date-released" in record:
        return str(record["date-released"])
    changed = (root / citation.RECORD).stat().st_mtime
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or changed)
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def name_edition(app: Sphinx, config: Config) -> None:
    """Put version and date into Sphinx's variables, the pages' footer and the PDF's title page."""
    record = citation.read(Path(app.srcdir))
    config.version = str(record["version"])
    config.release = citation.version(record)
    config.today = date(Path(app.srcdir))
    stamp = citation.stamp(record, config.today)
    config.html_theme_options["extra_footer"] = f"<p>Version {stamp}</p>"
    abstract = escape(record["abstract"], "xelatex")
    config.latex_elements["maketitle"] = ABSTRACT % (abstract, LICENCE)
    number = escape(citation.number(record), "xelatex")
    keywords = escape(", ".join(record["keywords"]), "xelatex")
    preamble = rf"\authoraddress{{{number}}}\hypersetup{{pdfkeywords={{{keywords}}}}}"
    config.latex_elements["preamble"] += preamble


def setup(app: Sphinx) -> None:
    """Register with Sphinx, before the theme reads its options."""
    app.connect("config-inited", name_edition, priority=100)
