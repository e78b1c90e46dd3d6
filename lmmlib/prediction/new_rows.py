"""The rows that are predicted: those of the data, or new ones of the same model."""

import pandas as pd

from lmmlib.model import Data, Design
from lmmlib.model.new_rows import check_same_model

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
    check_same_model(rows, design.layout)
    return rows
