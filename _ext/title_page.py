"""The title page of the PDF, from ``CITATION.cff``: title, authors, number, version, date, abstract, licences."""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.texescape import escape
from sphinx.util.typing import ExtensionMetadata

import citation

PAGE = r"""
\begin{titlepage}
\raggedright
{\large %(number)s\par}
\vspace{22mm}
{\fontsize{24}{30}\selectfont\bfseries %(title)s\par}
\vspace{10mm}
{\Large %(authors)s\par}
\vspace{5mm}
{\large Version %(stamp)s\par}
\vspace{18mm}
{\bfseries Abstract\par}
\vspace{2mm}
%(abstract)s\par
\vfill
{\small %(licence)s\par}
\end{titlepage}
"""

HEADS = r"""
\makeatletter
\fancypagestyle{normal}{\fancyhf{}\fancyhead[L]{\small\itshape %(title)s}\fancyhead[R]{\small\itshape version %(version)s}%%
  \fancyfoot[L]{\small\nouppercase{\leftmark\sectionatfoot}}\fancyfoot[R]{\small\thepage}%%
  \renewcommand{\headrulewidth}{0.3pt}\renewcommand{\footrulewidth}{0pt}}
\fancypagestyle{plain}{\fancyhf{}\fancyfoot[R]{\small\thepage}\renewcommand{\headrulewidth}{0pt}\renewcommand{\footrulewidth}{0pt}}
\makeatother
"""


def short(record: dict[str, Any]) -> str:
    """Give the title up to its colon, for the head of a page."""
    return escape(record["title"].partition(":")[0], "xelatex")


def title_page(record: dict[str, Any], date: str) -> str:
    """Write the page in TeX."""
    fields = {
        "title": record["title"],
        "authors": citation.authors(record),
        "number": citation.number(record),
        "stamp": citation.stamp(record, date),
        "abstract": record["abstract"],
        "licence": citation.LICENCE,
    }
    return PAGE % {key: escape(str(text), "xelatex") for key, text in fields.items()}


def set_title_page(app: Sphinx, config: Config) -> None:
    """Give LaTeX the page, and the PDF its title, author and keywords."""
    record = citation.read(Path(app.srcdir))
    config.latex_elements["maketitle"] = title_page(record, config.today)
    config.latex_elements["preamble"] += HEADS % {
        "title": short(record),
        "version": citation.version(record),
    }
    about = {
        "pdftitle": record["title"],
        "pdfauthor": citation.authors(record),
        "pdfkeywords": ", ".join(record["keywords"]),
    }
    for key, text in about.items():
        config.latex_elements["preamble"] += (
            rf"\hypersetup{{{key}={{{escape(text, 'xelatex')}}}}}" + "\n"
        )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx, after the edition's date is known."""
    app.connect("config-inited", set_title_page, priority=110)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
