"""Single rows from the merged triangles of the rows before and after them."""

from collections.abc import Iterator

import numpy as np

from lmmlib import linalg
from lmmlib.held_out.row_prediction import RowPredictions
from lmmlib.model import Data, Theta

# held at a time: few, where a loop over rows goes through them again and again
MAX_ROW_ENTRIES = 1_000_000
MAX_TRIANGLE_ENTRIES = 20_000_000  # of the triangles of the rows after each row, held at a time


def predictions_by_merging(data: Data, theta: Theta) -> Iterator[RowPredictions]:
    """Every row predicted from the others of its block, some blocks at a time.

    Parameters
    ----------
    data : Data
        Response and design.
    theta : Theta
        Parameters with one leading axis of S draws.

    Yields
    ------
    RowPredictions
        Rows of some of the blocks.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> theta = Theta(np.zeros((1, 1)), (np.full((1, 1, 1), 3**0.5),), np.ones(1))
    >>> [part.variance.round(9).tolist() for part in predictions_by_merging(data, theta)]
    [[[4.0, 4.0]]]
    """
    n = data.design.n
    S = len(theta.sigma)
    for batch in data.design.blocks:
        q = batch.values.shape[-1]
        height = int((batch.rows < n).sum(1).max())  # padding stands last
        blocks_held = max(1, MAX_ROW_ENTRIES // max(1, S * height * (q + 1)))
        for start in range(0, len(batch.rows), blocks_held):
            blocks = slice(start, start + blocks_held)
            rows = batch.rows[blocks, :height]
            columns = batch.values[blocks, :height]
            residual = np.empty((S, *rows.shape))
            variance = np.empty((S, *rows.shape))
            draws_held = max(1, MAX_TRIANGLE_ENTRIES // max(1, rows.size * q * (q + 1)))
            for first in range(0, S, draws_held):
                draws = slice(first, first + draws_held)
                r = _whitened_residual(data, rows, theta.beta[draws])
                A = linalg.scale_columns(columns, theta[draws].Lam, batch.counts)
                residual[draws], variance[draws] = linalg.predict_from_others(A, r)
            real = rows < n
            yield RowPredictions(rows[real], residual[:, real], variance[:, real])


def _whitened_residual(data: Data, rows: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """W^½(y − offset − Xβ) of rows (b, m) at draws of β (S, p): (S, b, m)."""
    whitened = data.whitened[rows]
    X = whitened[..., :-1]
    y = whitened[..., -1]
    return y - np.einsum("bmp,sp->sbm", X, beta)
