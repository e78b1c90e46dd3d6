"""Numbers as print wants them: a true minus sign, and powers of ten instead of ``e-05``; for glued and published ones."""

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

MINUS = "\N{MINUS SIGN}"
TIMES_TEN = "\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}10"
NUMBER = re.compile(r"-?[\d,]*\.?\d+(e[+-]?\d+)?")


def typeset(number: str) -> list[nodes.Node]:
    """Return a number with true minus signs, and a power of ten for its exponent."""
    mantissa, _, exponent = number.lower().partition("e")
    mantissa = mantissa.replace("-", MINUS)
    if not exponent:
        return [nodes.Text(mantissa)]
    power = str(int(exponent)).replace("-", MINUS)
    return [nodes.Text(mantissa + TIMES_TEN), nodes.superscript("", power)]


def glued(doctree: nodes.document) -> Iterator[nodes.inline]:
    """Yield the places where a computed number was pasted into the text."""
    for node in doctree.findall(nodes.inline):
        if "pasted-text" in node["classes"] and NUMBER.fullmatch(node.astext()):
            yield node


def typeset_glued(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Typeset every pasted number of a page."""
    for node in list(glued(doctree)):
        text = node.astext()
        node.clear()
        node += typeset(text)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx."""
    app.connect("doctree-resolved", typeset_glued)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
