"""Numbers in running text: the role ``pub`` for published ones, and their look.

``{pub}`C.sigma` `` prints a figure of the discussion as ``published.csv`` has it,
``{pub}`C.sigma|.2e` `` in a Python number format. Published and glued numbers alike get a true
minus sign, and a power of ten instead of ``e-05``.
"""

import csv
import re
from difflib import get_close_matches
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

TABLE = "lmmlib/tables/published.csv"
MINUS = "\N{MINUS SIGN}"
TIMES_TEN = "\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}10"
NUMBER = re.compile(r"-?[\d,]*\.?\d+(e[+-]?\d+)?")


def typeset(number: str) -> list[nodes.Node]:
    """Return a number with true minus signs, and a power of ten for its exponent.

    What is no number, as the ``NA`` of a printed table, stays as it is.
    """
    if not NUMBER.fullmatch(number):
        return [nodes.Text(number)]
    mantissa, _, exponent = number.lower().partition("e")
    mantissa = mantissa.replace("-", MINUS)
    if not exponent:
        return [nodes.Text(mantissa)]
    power = str(int(exponent)).replace("-", MINUS)
    return [nodes.Text(mantissa + TIMES_TEN), nodes.superscript("", power)]


def typeset_glued(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Typeset every number that was pasted into the text of a page."""
    for node in list(doctree.findall(nodes.inline)):
        if "pasted-text" in node["classes"] and NUMBER.fullmatch(node.astext()):
            number = node.astext()
            node.clear()
            node += typeset(number)


class Published(SphinxRole):
    """A published value by its key, with an optional format after a bar."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the value with class ``published``, or an error that names the nearest keys."""
        self.env.note_dependency(TABLE)
        with Path(self.env.srcdir, TABLE).open(encoding="utf-8", newline="") as file:
            values = {row["key"]: row["value"] for row in csv.DictReader(file)}
        key, _, spec = (part.strip() for part in self.text.partition("|"))
        try:
            number = format(float(values[key]), spec) if spec else values[key]
        except (KeyError, ValueError) as reason:
            nearest = get_close_matches(key, values, n=3)
            text = f"{self.text}: {reason!r}; the nearest keys of {TABLE} are {nearest}"
            message = self.inliner.reporter.error(text, line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        return [nodes.inline(self.rawtext, "", *typeset(number), classes=["published"])], []


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_role("pub", Published())
    app.connect("doctree-resolved", typeset_glued)
