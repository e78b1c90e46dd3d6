"""The PDF as one document: a summary first, named parts, chapters numbered as on the web.

On the web only parts with ``numbered: true`` number their chapters, and equations and figures of
the others count by themselves; printed.sty has the commands. In print the appendix comes last, and
what is looked up or played with on a screen stays there; the summary says what that is.
"""

from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders.latex.nodes import thebibliography
from sphinx.transforms.post_transforms import SphinxPostTransform

ON_THE_WEB_ONLY = ("chapters/calls", "chapters/explore", "chapters/api")  # numbered ones are last
REFERENCES = "chapters/references"
SUMMARY = "Summary"
APPENDIX = "Appendix"


def leave_out(app: Sphinx, doctree: nodes.document) -> None:
    """Take what is on the web only from the contents; references to it become plain text."""
    if app.builder.format == "latex":
        for toctree in doctree.findall(addnodes.toctree):
            kept = [name for name in toctree["includefiles"] if name not in ON_THE_WEB_ONLY]
            toctree["includefiles"] = kept
            toctree["entries"] = [entry for entry in toctree["entries"] if entry[1] in kept]


def raw(tex: str) -> nodes.raw:
    """Make a piece of TeX."""
    return nodes.raw("", f"\n{tex}\n", format="latex")


class PrintOrder(SphinxPostTransform):
    """Name the parts, and gather what stands on the first page before its contents."""

    default_priority = 2
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        """Rearrange the whole report, which is one document here."""
        toc = yaml.safe_load(Path(self.env.srcdir, "_toc.yml").read_text("utf-8"))
        part_of = {part["chapters"][0]["file"]: part for part in toc["parts"]}
        for file in list(self.document.findall(addnodes.start_of_file)):
            if part := part_of.get(file["docname"]):
                kind = "numberedpart" if part.get("numbered") else "unnumberedpart"
                file.insert(0, raw(rf"\{kind}{{{part['caption']}}}"))
                if part["caption"] == APPENDIX:
                    appendix, contents = file.parent, file.parent.parent
                    contents.remove(appendix)
                    contents.append(appendix)
        first = next(self.document.findall(nodes.section))
        own = [n for n in first.children[1:] if not any(n.findall(addnodes.start_of_file))]
        for node in own:
            first.remove(node)
        titles = [self.env.titles[name].astext() for name in ON_THE_WEB_ONLY]
        own.append(nodes.paragraph("", f"On the site alone: {'; '.join(titles)}."))
        title = nodes.title(SUMMARY, SUMMARY)
        summary = nodes.section("", title, *own, ids=["summary"], names=["summary"])
        first.insert(1, [raw(r"\unnumberedchapters{front}"), summary])


class ReferencesInPlace(SphinxPostTransform):
    """Put the references, which Sphinx gathers at the end of a document, under their heading."""

    default_priority = 751  # Sphinx gathers them at 750
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        """Move them before the appendix."""
        for file in list(self.document.findall(addnodes.start_of_file)):
            if file["docname"] != REFERENCES:
                continue
            section = next(file.findall(nodes.section))
            for entries in list(self.document.findall(thebibliography)):
                entries.parent.remove(entries)
                section.append(entries)


def setup(app: Sphinx) -> None:
    """Register with Sphinx, after the contents were collected."""
    app.connect("doctree-read", leave_out, priority=900)
    app.add_post_transform(PrintOrder)
    app.add_post_transform(ReferencesInPlace)
