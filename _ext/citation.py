"""How to cite the report: a directive and a role that write it out of ``CITATION.cff``.

``{citation}`` is the recommended citation, ``{citation} bibtex`` the entry for a bibliography, both
with the public address once ``html: baseurl:`` in ``_config.yml`` names it and with the DOI once
the record has a ``doi``. The role ``{citation-field}`title` `` gives one field, ``year`` and
``version`` as the citation has them. A version is released once the record has ``date-released``;
until then the date is the edition's.
"""

from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

RECORD = "CITATION.cff"


def read(root: Path) -> dict[str, Any]:
    """Read the record."""
    return yaml.safe_load((root / RECORD).read_text("utf-8"))


def authors(record: dict[str, Any], joint: str = ", ") -> str:
    """Give the authors, of whom each has a name or a given and a family name."""
    names = (a.get("name") or f"{a['given-names']} {a['family-names']}" for a in record["authors"])
    return joint.join(names)


def number(record: dict[str, Any]) -> str:
    """Give the number of the report."""
    by_description = {entry["description"]: entry["value"] for entry in record["identifiers"]}
    return by_description["report number"]


def year(record: dict[str, Any], today: str) -> str:
    """Give the year of the version, or of the edition that is not released yet."""
    return str(record.get("date-released", today))[:4]


def version(record: dict[str, Any]) -> str:
    """Give the version, and say where it is not released yet."""
    return str(record["version"]) + ("" if "date-released" in record else ", unreleased")


def stamp(record: dict[str, Any], today: str) -> str:
    """Give version and date."""
    return f"{version(record)}, {'' if 'date-released' in record else 'of '}{today}"


def cited(record: dict[str, Any], today: str) -> str:
    """Give the version as cited: with its date where the year alone would not tell which it was."""
    return version(record) if "date-released" in record else stamp(record, today)


def sentence(record: dict[str, Any], address: str, today: str) -> str:
    """Write the recommended citation in Markdown."""
    who = f"{authors(record)} ({year(record, today)})"
    what = f"{number(record)}, version {cited(record, today)}"
    where = f"https://doi.org/{record['doi']}" if "doi" in record else address
    return f"{who}. *{record['title']}*. {what}." + (f" <{where}>" if where else "")


def bibtex(record: dict[str, Any], address: str, today: str) -> str:
    """Write the entry; doubled braces keep names of groups and capitals as they are."""
    kind, _, serial = number(record).rpartition(" ")
    names = authors(record, " and ")
    fields = {
        "author": f"{{{names}}}" if "name" in record["authors"][0] else names,
        "title": f"{{{record['title']}}}",
        "year": year(record, today),
        "type": kind,
        "number": serial,
        "note": f"Version {cited(record, today)}",
        "doi": record.get("doi"),
        "url": address,
        "institution": authors(record),
    }
    lines = [f"  {key:<6} = {{{value}}}" for key, value in fields.items() if value]
    body = ",\n".join(lines)
    return f"@techreport{{lmmlib{year(record, today)},\n{body}\n}}"


class Citation(SphinxDirective):
    """The recommended citation, or with the argument ``bibtex`` its entry."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the citation."""
        self.env.note_dependency(RECORD)
        source = (read(Path(self.env.srcdir)), self.config.html_baseurl, self.config.today)
        if self.arguments not in ([], ["bibtex"]):
            raise self.error(f"citation: expected bibtex or nothing, got {self.arguments[0]!r}")
        if not self.arguments:
            return self.parse_text_to_nodes(sentence(*source))
        entry = bibtex(*source)
        return [nodes.literal_block(entry, entry, language="bibtex")]


class CitationField(SphinxRole):
    """A field of the record, such as the version."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return its text."""
        self.env.note_dependency(RECORD)
        record = read(Path(self.env.srcdir))
        as_cited = {"year": year(record, self.config.today), "version": version(record)}
        return [nodes.Text(str((record | as_cited)[self.text]))], []


def setup(app: Sphinx) -> None:
    """Register the directive and the role."""
    app.add_directive("citation", Citation)
    app.add_role("citation-field", CitationField())
