"""The list of references headed by author and year, as the citations in the text read, and sorted by them."""

import unicodedata
from collections.abc import Iterator

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting.author_year_title import SortingStyle as AuthorYearTitle
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata


class AuthorYearLabels(BaseLabelStyle):
    """Labels such as ``Bates et al., 2015``."""

    def format_labels(self, sorted_entries: list[Entry]) -> Iterator[str]:
        """Yield a label for each entry."""
        for entry in sorted_entries:
            names = [
                unbraced(" ".join(person.prelast_names + person.last_names))
                for person in people(entry)
            ]
            several = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
            yield f"{several}, {entry.fields['year']}"


class WithoutAccents(AuthorYearTitle):
    """Säilynoja before Spiegelhalter, not after Zeger."""

    def sorting_key(self, entry: Entry) -> tuple[str, ...]:
        """Return the usual key with its accents and braces taken off."""
        apart = (
            unicodedata.normalize("NFKD", unbraced(str(part)))
            for part in super().sorting_key(entry)
        )
        return tuple(part.encode("ascii", "ignore").decode().lower() for part in apart)


class Style(PlainStyle):
    """The plain style with these labels and this order."""

    default_label_style = AuthorYearLabels
    default_sorting_style = WithoutAccents


def people(entry: Entry) -> list:
    """Return the authors, or the editors of a work without any."""
    return entry.persons.get("author") or entry.persons["editor"]


def unbraced(text: str) -> str:
    """Take off the braces that keep a group's name, or capitals, as they are."""
    return text.replace("{", "").replace("}", "")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the style under the name that the configuration asks for."""
    register_plugin("pybtex.style.formatting", "author_year", Style)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
