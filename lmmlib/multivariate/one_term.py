"""What the canonical transformation asks of a design."""

import numpy as np

from lmmlib.model import Design, Term
from lmmlib.model.design import checked_rows


def one_term(design: Design) -> Term:
    """The term of a design that the canonical transformation can take.

    Parameters
    ----------
    design : Design
        Design of the rows.

    Returns
    -------
    Term
        Its only term, of one effect per level.

    Raises
    ------
    ValueError
        If there are several terms, several effects per level, or an offset.

    Examples
    --------
    >>> one_term(Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])).name
    'g'
    """
    if len(checked_rows(design).terms) > 1:
        names = ", ".join(t.name for t in design.terms)
        raise ValueError(
            "several traits need a design of one random-effects term, got "
            f"{len(design.terms)}: {names}; drop terms, or fit each trait by itself"
        )
    term = design.terms[0]
    if len(term.effects) > 1:
        raise ValueError(
            f"several traits need a term of one effect per level, {term.name!r} has "
            f"{len(term.effects)}: {', '.join(term.effects)}; drop effects, or fit each trait by "
            "itself"
        )
    if np.any(design.offset):
        raise ValueError(
            "several traits need a design without offset; subtract each trait's offset from its "
            "column of Y"
        )
    return term
