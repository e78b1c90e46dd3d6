"""Placeholders: one private character of Unicode for each column or call among the terms.

No column, level or function is called so, whatever a table holds, and formulaic expands the terms
without ever reading what stands for a column.
"""

from collections.abc import Sequence

from lmmlib.formula.expression import Expression, displayed

FIRST = 0xE000  # of Unicode's private characters


def placeholder(number: int) -> str:
    """The character that stands for an atom, by its number."""
    return chr(FIRST + number)


def placeholder_number(character: str) -> int:
    """The number of the atom that a placeholder stands for."""
    return ord(character) - FIRST


def placeholders_in(terms: str) -> set[str]:
    """The placeholders that occur in terms."""
    return {character for character in terms if ord(character) >= FIRST}


def fill_placeholders(terms: str, atoms: Sequence[Expression]) -> str:
    r"""Terms, or the name of a column of a matrix, with the atoms as they were typed.

    Examples
    --------
    >>> from lmmlib.formula.expression import Name
    >>> fill_placeholders("`\ue000` + `\ue001`", [Name("x"), Name("the site")])
    'x + the site'
    """
    names = {FIRST + number: displayed(atom) for number, atom in enumerate(atoms)}
    return terms.replace("`", "").translate(names)
