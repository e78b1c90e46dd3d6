"""Predicted means of rows, with the effects of known levels or without any."""

import numpy as np
import pandas as pd

from lmmlib.model import Design, Layout
from lmmlib.model.new_rows import check_same_model
from lmmlib.model.options import choice
from lmmlib.model.row_labels import some

LEVELS = ("known", "new")


def population_mean(
    fitted: Design | Layout, beta: np.ndarray, new: pd.DataFrame | Design
) -> pd.Series:
    """Offset + Xβ of new rows, whose levels play no part.

    Parameters
    ----------
    fitted : Design or Layout
        What was fitted: a Design, or the layout of a Reduction.
    beta : ndarray, shape (p,)
        Fixed effects.
    new : pandas.DataFrame or Design
        The new rows; a table need not have the grouping columns.

    Returns
    -------
    pandas.Series
        Means with the labels of the rows, in units of the response.
    """
    if isinstance(new, pd.DataFrame):
        spec = _with_rows(fitted).formula_spec
        if spec is None:
            raise ValueError(
                "only a design made by from_formula can build rows from a table; give a Design "
                "of the new rows instead"
            )
        return spec.fixed_mean(new, beta)
    rows = _checked_rows(new, layout_of(fitted))
    return labelled_rows(rows, rows.fixed_part(beta))


def rows_of_known_levels(fitted: Design | Layout, new: pd.DataFrame | Design) -> Design:
    """The design of new rows, whose levels all have effects.

    Parameters
    ----------
    fitted : Design or Layout
        What was fitted: a Design, or the layout of a Reduction.
    new : pandas.DataFrame or Design
        The new rows.

    Returns
    -------
    Design
        Rows with the coefficients and terms of the fit, without any further level.

    Raises
    ------
    ValueError
        If a level is unknown, or the rows are of another model.
    """
    layout = layout_of(fitted)
    if isinstance(new, pd.DataFrame):
        rows = _with_rows(fitted).new_rows(new)
    else:
        rows = _checked_rows(new, layout)
    for term, fitted_term in zip(rows.terms, layout.terms, strict=True):
        known = set(fitted_term.levels)
        unknown = [level for level in term.levels if level not in known]
        if unknown:
            raise ValueError(
                f"the fit knows no level {some(unknown)} of {term.name!r}; give levels='new' for "
                "population means, or leave those rows out"
            )
    return rows


def effects_of_rows(layout: Layout, u: np.ndarray, rows: Design) -> np.ndarray:
    """The fitted effects u (K, …) in the order of the levels of new rows."""
    place = {label: k for k, label in enumerate(layout.ranef["ranef"])}
    return u[[place[label] for label in rows.ranef["ranef"]]]


def labelled_rows(design: Design, values: np.ndarray) -> pd.Series:
    """Values (n,) with the labels of the rows, or their numbers where they have none."""
    index = pd.RangeIndex(design.n) if design.index is None else design.index
    return pd.Series(values, index)


def checked_levels(levels: object) -> str:
    """``levels`` themselves, if they are an option of a prediction."""
    return choice("levels", levels, LEVELS)


def _checked_rows(new: object, layout: Layout) -> Design:
    if not isinstance(new, Design):
        raise TypeError(
            f"new rows must be a pandas table or a Design, got {type(new).__name__}; give "
            "data.design, not the data"
        )
    check_same_model(new, layout)
    return new


def layout_of(fitted: Design | Layout) -> Layout:
    """The layout of what was fitted, which may be one already."""
    return fitted if isinstance(fitted, Layout) else fitted.layout


def _with_rows(fitted: Design | Layout) -> Design:
    if isinstance(fitted, Layout):
        raise ValueError(
            "the fit is of a Reduction, which keeps no formula; give a Design of the new rows"
        )
    return fitted
