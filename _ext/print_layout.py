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
SIGNS, TYPED = 90, 88  # of a line of text, and of one of code
ANNOUNCED = 3  # lines of what is announced that stand on the same page
WHOLE, BEGUN = (
    12,
    6,
)  # lines; a block of code up to the first is not broken, and of a longer one the second stand together
CODE, FRAME, HEADING = (
    0.88,
    1.2,
    3,
)  # how high a line of code, the frame around a block and a heading are, in lines of text
CODE_BLOCKS = (nodes.literal_block, nodes.doctest_block)
LISTED = "chapters/api"  # sections of this chapter are in the contents, and name their pages
REFERENCES = "chapters/references"  # a heading alone: Sphinx puts the list itself at the end, under a heading of its own


def raw(tex: str) -> nodes.raw:
    """Make a piece of TeX."""
    return nodes.raw("", f"\n{tex}\n", format="latex")


def openings(root: Path) -> dict[str, str]:
    """Give the TeX before the first chapter of each part, by that chapter's name."""
    parts = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))["parts"]
    return {
        part["chapters"][0][
            "file"
        ]: rf"\{'numberedpart' if part.get('numbered') else 'unnumberedpart'}{{{part['caption']}}}"
        for part in parts
    }


def summarise(first: nodes.section) -> None:
    """Gather what stands on the first page before its contents into a section."""
    own = [node for node in first.children[1:] if not any(node.findall(addnodes.start_of_file))]
    for node in own:
        first.remove(node)
    summary = nodes.section(
        "", nodes.title(SUMMARY, SUMMARY), *own, ids=["summary"], names=["summary"]
    )
    first.insert(1, [raw(r"\unnumberedchapters{front}"), summary])


def list_sections(file: nodes.Element) -> None:
    """Put the sections of a chapter without number into the contents and at the foot of its pages."""
    file.insert(0, raw(r"\clearpage\contentsto{1}\sectionsatfoot{ \textbullet{} \rightmark}"))
    file += raw(r"\clearpage\contentsto{0}\sectionsatfoot{}")


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
            if file["docname"] == LISTED:
                list_sections(file)
        summarise(next(self.document.findall(nodes.section)))


class StandTogether(SphinxPostTransform):
    """Turn the page before a short block of code, and before a sentence that ends with a colon rather than after it."""

    default_priority = 850
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        """Ask for room before what belongs together; printed.sty has the commands."""
        for code in [node for node in self.document.findall() if isinstance(node, CODE_BLOCKS)]:
            ask(code, height(code))
        for node in [
            node
            for node in self.document.findall(nodes.paragraph)
            if isinstance(node.parent, nodes.section) and announces(node)
        ]:
            shown = announced(node)
            if isinstance(shown, nodes.table):
                node.parent.insert(node.parent.index(node) + 1, raw(r"\par\nobreak"))
            else:
                lines = len(node.astext()) / SIGNS + 1 + (height(shown) if shown else ANNOUNCED)
                ask(node, lines)


def ask(node: nodes.Element, lines: float) -> None:
    """Ask for room on the page before a node, or else before the heading that it follows, whose names end the section before."""
    while heading := heading_of(node):
        node, lines = heading, lines + HEADING * (not isinstance(heading, nodes.container))
    above, place = node.parent, node.parent.index(node)
    while place and isinstance(above[place - 1], nodes.section):
        above, place = above[place - 1], len(above[place - 1])
    while place and isinstance(above[place - 1], nodes.target):
        place -= 1
    above.insert(place, raw(rf"\roomfor{{{lines:.1f}\baselineskip}}"))


def heading_of(node: nodes.Element) -> nodes.Element | None:
    """Give the heading before a node, if nothing stands between; a section stands for its title, and a cell begins with its first node."""
    above = node.parent
    before = [
        other for other in above[: above.index(node)] if not isinstance(other, nodes.Invisible)
    ]
    if not before:
        return above if isinstance(above, nodes.container) else None
    if isinstance(before[-1], nodes.title):
        return above if isinstance(above.parent, nodes.section) else None
    return before[-1] if isinstance(before[-1], nodes.rubric) else None


def height(code: nodes.Element) -> float:
    """Give the lines of text that the undivided start of a block of code takes; its own long lines are broken."""
    lines = sum(len(line) // TYPED + 1 for line in code.astext().splitlines())
    return (lines if lines <= WHOLE else BEGUN) * CODE + FRAME


def announced(node: nodes.paragraph) -> nodes.Element | None:
    """Find the table or the block of code that a paragraph announces, however deep a cell holds it."""
    after = node.next_node(
        descend=False,
        siblings=True,
        condition=lambda other: not isinstance(other, nodes.comment | nodes.raw),
    )
    return (
        next(
            (found for found in after.findall() if isinstance(found, (nodes.table, *CODE_BLOCKS))),
            None,
        )
        if after
        else None
    )


class TypesInPrint(SphinxPostTransform):
    """Print the type of a parameter after its name, where Sphinx would put it into brackets."""

    default_priority = 860
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        """Move the types."""
        for kind in list(self.document.findall(nodes.classifier)):
            term = kind.parent[kind.parent.index(kind) - 1]
            if isinstance(term, nodes.term):
                kind.parent.remove(kind)
                term += [
                    nodes.raw("", r"\textmd{ : ", format="latex"),
                    *kind.children,
                    nodes.raw("", "}", format="latex"),
                ]


def announces(node: nodes.paragraph) -> bool:
    """Tell whether a paragraph leads to what follows it."""
    return node.astext().rstrip().endswith(":")


class PlainAddresses(SphinxPostTransform):
    """Do not repeat in a footnote the DOI that a reference ends with."""

    default_priority = 390  # before Sphinx shows addresses in footnotes, at 400
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        """Write the links of the list of references in TeX."""
        for link in [
            link
            for citation in self.document.findall(nodes.citation)
            for link in citation.findall(nodes.reference)
        ]:
            if "refuri" in link:
                shown = escape(link.astext().removeprefix("https://"), "xelatex")
                link.replace_self(
                    nodes.raw(
                        "",
                        rf"\sphinxhref{{{escape_uri(link['refuri'])}}}{{{shown}}}",
                        format="latex",
                    )
                )


class NoEmptyChapter(SphinxPostTransform):
    """Leave out the chapter of references, when its list has gone to the end."""

    default_priority = 800  # Sphinx moves the list at 750
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        """Take the chapter out and keep the place that links lead to."""
        for file in [
            file
            for file in self.document.findall(addnodes.start_of_file)
            if file["docname"] == REFERENCES
        ]:
            file.replace_self(
                raw(
                    rf"\renewcommand{{\referenceslabel}}{{\label{{\detokenize{{{REFERENCES}::doc}}}}}}"
                )
            )


def escape_uri(uri: str) -> str:
    """Escape what TeX would not take as an address."""
    return re.sub(r"[%#&]", r"\\\g<0>", uri)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx."""
    app.add_post_transform(PrintLayout)
    app.add_post_transform(StandTogether)
    app.add_post_transform(TypesInPrint)
    app.add_post_transform(PlainAddresses)
    app.add_post_transform(NoEmptyChapter)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
