"""How to cite the report, made from ``CITATION.cff`` and the edition's date alone.

The directive ``{citation}`` writes the recommended citation, ``{citation} bibtex`` the entry for a bibliography, both with the
public address once ``html: baseurl:`` in ``_config.yml`` names it; the role ``{citation-field}`title` `` gives one field, and
``year`` and ``version`` as the citation has them.

A version is released once the record has ``date-released``. Until then it says so, and its date is the edition's.
"""

import textwrap
from pathlib import Path
from typing import Any, ClassVar

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.typing import ExtensionMetadata

NARROW = {
    "width": 68,
    "initial_indent": "  ",
    "subsequent_indent": 12 * " ",
    "break_long_words": False,
    "break_on_hyphens": False,
}
RECORD = "CITATION.cff"
LICENCE = "Text and figures are licensed under CC BY 4.0, code under the MIT licence."


def read(root: Path) -> dict[str, Any]:
    """Read the record."""
    return yaml.safe_load((root / RECORD).read_text("utf-8"))


def authors(record: dict[str, Any], joint: str = ", ") -> str:
    """Give the authors, of whom each has a name or a given and a family name."""
    return joint.join(
        a.get("name") or f"{a['given-names']} {a['family-names']}" for a in record["authors"]
    )


def number(record: dict[str, Any]) -> str:
    """Give the number of the report."""
    return next(
        entry["value"] for entry in record["identifiers"] if entry["description"] == "report number"
    )


def released(record: dict[str, Any]) -> bool:
    """Tell whether the version is out: the one source for it is the date in the record."""
    return "date-released" in record


def year(record: dict[str, Any], today: str) -> str:
    """Give the year of the version, or of the edition that is not released yet."""
    return str(record.get("date-released", today))[:4]


def version(record: dict[str, Any]) -> str:
    """Give the version, and say where it is not released yet."""
    return str(record["version"]) if released(record) else f"{record['version']}, unreleased"


def stamp(record: dict[str, Any], today: str) -> str:
    """Give version and date."""
    return f"{version(record)}, {today}" if released(record) else f"{version(record)}, of {today}"


def cited(record: dict[str, Any], today: str) -> str:
    """Give the version as it is cited: with its date only where the year alone would not tell which one it was."""
    return version(record) if released(record) else stamp(record, today)


def sentence(record: dict[str, Any], address: str, today: str) -> str:
    """Write the recommended citation in Markdown."""
    end = f" <{address}>" if address else ""
    return f"{authors(record)} ({year(record, today)}). *{record['title']}*. {number(record)}, version {cited(record, today)}.{end}"


def bibtex(record: dict[str, Any], address: str, today: str) -> str:
    """Write the entry; doubled braces keep names of groups and capitals as they are."""
    fields = {
        "author": f"{{{authors(record, ' and ')}}}"
        if "name" in record["authors"][0]
        else authors(record, " and "),
        "title": f"{{{record['title']}}}",
        "year": year(record, today),
        "type": number(record).rsplit(" ", 1)[0],
        "number": number(record).rsplit(" ", 1)[1],
        "note": f"Version {cited(record, today)}",
        "url": address,
    }
    fields["institution"] = authors(record)
    lines = (
        textwrap.fill(f"{key:<6} = {{{value}}}", **NARROW) for key, value in fields.items() if value
    )
    return f"@techreport{{lmmlib{year(record, today)},\n" + ",\n".join(lines) + "\n}"


class Citation(SphinxDirective):
    """The recommended citation, or with the argument ``bibtex`` its entry."""

    optional_arguments = 1
    kinds: ClassVar = ("text", "bibtex")

    def run(self) -> list[nodes.Node]:
        """Return the citation."""
        self.env.note_dependency(str(Path(self.env.srcdir, RECORD)))
        record, address = read(Path(self.env.srcdir)), self.config.html_baseurl
        kind = (self.arguments or ["text"])[0]
        if kind not in self.kinds:
            raise self.error(f"citation: expected one of {self.kinds}, got {kind!r}")
        if kind == "text":
            return self.parse_text_to_nodes(sentence(record, address, self.config.today))
        entry = bibtex(record, address, self.config.today)
        return [nodes.literal_block(entry, entry, language="bibtex")]


class CitationField(SphinxRole):
    """A field of the record, such as the version."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return its text."""
        self.env.note_dependency(str(Path(self.env.srcdir, RECORD)))
        record = read(Path(self.env.srcdir))
        made = {"year": year(record, self.config.today), "version": version(record)}
        return [nodes.Text(str(made.get(self.text) or record[self.text]))], []


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive and the role."""
    app.add_directive("citation", Citation)
    app.add_role("citation-field", CitationField())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
