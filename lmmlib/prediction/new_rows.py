"""The rows that are predicted: those of the data, or new ones of the same model."""

import pandas as pd

from lmmlib.model import Data, Design

Rows = Data | Design


def design_of(data: Rows) -> Design:
    """The design of the data, which may be a design already.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(data, Data):
        return data.design
    if isinstance(data, Design):
        return data
    raise TypeError(
        f"data must be a Data or a Design, got {type(data).__name__}; give the data that the "
        "draws were made with"
    )


def rows_to_predict(design: Design, new: pd.DataFrame | Rows | None) -> Design:
    """The design itself, or that of new rows with its coefficients, terms and effects.

    Parameters
    ----------
    design : Design
        Design the draws are of.
    new : pandas.DataFrame, Data or Design, or None
        A table, where ``design`` comes from a formula, or rows at hand; None for the rows of
        ``design``.

    Raises
    ------
    ValueError
        If the rows are of another model, or a table is given and there is no formula.
    """
    if new is None:
        return design
    if isinstance(new, pd.DataFrame):
        return design.new_rows(new)
    if not isinstance(new, Data | Design):
        raise ValueError(
            f"new must be a pandas table, a Design or a Data, got {type(new).__name__}; give a "
            "table with the columns of the formula"
        )
    rows = design_of(new)
    _check_same_model(rows, design)
    return rows


def _check_same_model(rows: Design, design: Design) -> None:
    """Raise unless the rows have the coefficients, terms, effects and correlations of a design."""
    compared = {
        "coefficients": (rows.layout.coef, design.layout.coef),
        "terms": ([t.name for t in rows.terms], [t.name for t in design.terms]),
        "effects": (rows.effects, design.effects),
        "correlations": (rows.pairs, design.pairs),
    }
    for what, (got, expected) in compared.items():
        if tuple(got) != tuple(expected):
            raise ValueError(
                f"the new rows must have the {what} {', '.join(expected) or 'none'}, in this "
                f"order; they have {', '.join(got) or 'none'}"
            )
    if not rows.layout.same_columns(design.layout):
        raise ValueError(
            "the new rows must be made as those of the design were, and their formula took other "
            "means, knots or levels from its own table; give new=table, or design.new_rows(table)"
        )
    for new_term, term in zip(rows.terms, design.terms, strict=True):
        if (new_term.level_chol is None) != (term.level_chol is None):
            where = "the draws' design" if new_term.level_chol is None else "the new rows"
            raise ValueError(
                f"the levels of {term.name!r} have a known covariance in {where} alone; give "
                "both their between"
            )
