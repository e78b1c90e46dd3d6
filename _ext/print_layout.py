"""The order of the PDF: the first page becomes a summary, parts are named, and chapters bear the numbers that they have on the web.

On the web only parts with ``numbered: true`` number their chapters, and equations and figures of the others count by themselves.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.texescape import escape
from sphinx.util.typing import ExtensionMetadata

SUMMARY = "Summary"
REFERENCES = "chapters/references"  # a heading alone: Sphinx puts the list itself at the end, under a heading of its own


def raw(tex: str) -> nodes.raw:
    """Make a piece of TeX."""
    return nodes.raw("", f"\n{tex}\n", format="latex")


def openings(root: Path) -> dict[str, str]:
    """Give the TeX before the first chapter of each part, by that chapter's name."""
    parts = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))["parts"]
    return {
        part["chapters"][0]["file"]: rf"\{'numberedpart' if part.get('numbered') else 'unnumberedpart'}{{{part['caption']}}}"
        for part in parts
    }


def summarise(first: nodes.section) -> None:
    """Gather what stands on the first page before its contents into a section."""
    own = [node for node in first.children[1:] if not any(node.findall(addnodes.start_of_file))]
    for node in own:
        first.remove(node)
    summary = nodes.section("", nodes.title(SUMMARY, SUMMARY), *own, ids=["summary"], names=["summary"])
    first.insert(1, [raw(r"\unnumberedchapters{front}"), summary])


class PrintLayout(SphinxPostTransform):
    """Rearrange the report for print."""

    default_priority = 2
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        """Rearrange the whole report, which is one document here."""
        before = openings(Path(self.env.srcdir))
        for file in list(self.document.findall(addnodes.start_of_file)):
            if file["docname"] in before:
                file.insert(0, raw(before[file["docname"]]))
        summarise(next(self.document.findall(nodes.section)))


class PlainAddresses(SphinxPostTransform):
    """Do not repeat in a footnote the DOI that a reference ends with."""

    default_priority = 390  # before Sphinx shows addresses in footnotes, at 400
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        """Write the links of the list of references in TeX."""
        for link in [link for citation in self.document.findall(nodes.citation) for link in citation.findall(nodes.reference)]:
            if "refuri" in link:
                shown = escape(link.astext().removeprefix("https://"), "xelatex")
                link.replace_self(nodes.raw("", rf"\sphinxhref{{{escape_uri(link['refuri'])}}}{{{shown}}}", format="latex"))


class NoEmptyChapter(SphinxPostTransform):
    """Leave out the chapter of references, when its list has gone to the end."""

    default_priority = 800  # Sphinx moves the list at 750
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        """Take the chapter out and keep the place that links lead to."""
        for file in [file for file in self.document.findall(addnodes.start_of_file) if file["docname"] == REFERENCES]:
            file.replace_self(raw(rf"\renewcommand{{\referenceslabel}}{{\label{{\detokenize{{{REFERENCES}::doc}}}}}}"))


def escape_uri(uri: str) -> str:
    """Escape what TeX would not take as an address."""
    return re.sub(r"[%#&]", r"\\\g<0>", uri)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx."""
    app.add_post_transform(PrintLayout)
    app.add_post_transform(PlainAddresses)
    app.add_post_transform(NoEmptyChapter)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
