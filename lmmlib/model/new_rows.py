"""Rows other than those of a fit, if they are of the same model."""

from lmmlib.model.design import Design
from lmmlib.model.layout import Layout


def check_same_model(rows: Design, layout: Layout) -> None:
    """Raise unless ``rows`` have the coefficients, terms, effects and correlations of a layout.

    Parameters
    ----------
    rows : Design
        Design of the new rows.
    layout : Layout
        Layout of the design that was fitted.

    Raises
    ------
    ValueError
        If one of them differs, or a formula took other means, knots or levels from its own table.

    Examples
    --------
    >>> from lmmlib.model.term import Term
    >>> known = Design([[1.0], [1.0]], [Term.grouped("g", ["a", "b"])])
    >>> check_same_model(Design([[1.0, 2.0]], [Term.grouped("g", ["a"])]), known.layout)
    Traceback (most recent call last):
        ...
    ValueError: the new rows must have the coefficients x1, in this order; they have x1, x2
    """
    compared = {
        "coefficients": (rows.layout.coef, layout.coef),
        "terms": ([t.name for t in rows.terms], [t.name for t in layout.terms]),
        "effects": (rows.effects, layout.effects),
        "correlations": (rows.pairs, layout.pairs),
    }
    for what, (got, expected) in compared.items():
        if tuple(got) != tuple(expected):
            raise ValueError(
                f"the new rows must have the {what} {', '.join(expected) or 'none'}, in this "
                f"order; they have {', '.join(got) or 'none'}"
            )
    if not rows.layout.same_columns(layout):
        raise ValueError(
            "the new rows must be made as those of the model were, and their formula took other "
            "means, knots or levels from its own table; give the table itself, or "
            "design.new_rows(table)"
        )
    for new_term, term in zip(rows.terms, layout.terms, strict=True):
        if (new_term.level_chol is None) != (term.level_chol is None):
            where = "the model" if new_term.level_chol is None else "the new rows"
            raise ValueError(
                f"the levels of {term.name!r} have a known covariance in {where} alone; give "
                "both their between"
            )
