"""Log densities of some rows given all others, the effects integrated out.

Of a row, of the rows of a level, of any set. Residuals and variances come from the *other* rows
wherever a leverage is near one, and never as a difference there.
"""

from lmmlib.held_out.levels import levels_in_draws
from lmmlib.held_out.sets import set_in_draws
from lmmlib.held_out.single_rows import RowPredictions, row_predictions, rows, rows_in_draws

__all__ = [
    "RowPredictions",
    "levels_in_draws",
    "row_predictions",
    "rows",
    "rows_in_draws",
    "set_in_draws",
]
