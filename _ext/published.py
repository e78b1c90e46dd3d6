"""The role ``pub`` prints a figure of the discussion from the one table that holds them all.

``{pub}`C.sigma` `` prints the value as it was published, ``{pub}`C.sigma|.2e` `` in a Python number format.
"""

import csv
from difflib import get_close_matches
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole
from sphinx.util.typing import ExtensionMetadata

from typeset_numbers import typeset

TABLE = "published.csv"


def read(path: Path) -> dict[str, str]:
    """Return the published values, as text, by key."""
    return {
        row["key"]: row["value"]
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    }


class Published(SphinxRole):
    """A published value by its key, with an optional format after a bar."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the value with class ``published``, or an error that names the nearest keys."""
        self.env.note_dependency(TABLE)
        values = read(Path(self.env.srcdir, TABLE))
        key, _, spec = (part.strip() for part in self.text.partition("|"))
        if key not in values:
            return self.error(
                f"{TABLE} has no key {key!r}; nearest: {get_close_matches(key, values, n=3)}"
            )
        try:
            number = format(float(values[key]), spec) if spec else values[key]
        except ValueError as reason:
            return self.error(f"{key} = {values[key]} cannot be formatted by {spec!r}: {reason}")
        return [nodes.inline(self.rawtext, "", *typeset(number), classes=["published"])], []

    def error(self, text: str) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Report an error at the role's place in the source."""
        message = self.inliner.reporter.error(text, line=self.lineno)
        return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the role."""
    app.add_role("pub", Published())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
