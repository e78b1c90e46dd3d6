"""Single rows from the structured factor of all rows."""

from collections.abc import Iterator

import numpy as np

from lmmlib import linalg
from lmmlib.held_out.row_prediction import RowPredictions
from lmmlib.held_out.sets import set_predictions
from lmmlib.model import Data, Theta

# what is left of a leverage's complement, below which the difference has lost too many digits
NEAR_ONE = 1e-4


def predictions_by_leverage(data: Data, theta: Theta) -> Iterator[RowPredictions]:
    """Every row by its leverage h: residual r/(1 − h) and variance 1/(1 − h).

    Where a leverage is near one, both come from a reduction of the other rows.

    Parameters
    ----------
    data : Data
        Response and design.
    theta : Theta
        Parameters with one leading axis of S draws.

    Yields
    ------
    RowPredictions
        All rows.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> theta = Theta(np.zeros((1, 1)), (np.full((1, 1, 1), 3**0.5),), np.ones(1))
    >>> [part.variance.round(9).tolist() for part in predictions_by_leverage(data, theta)]
    [[[4.0, 4.0]]]
    """
    n = data.design.n
    S = len(theta.sigma)
    fitted_residual = np.empty((S, n))
    complement = np.empty((S, n))  # 1 − leverage
    for draws in data.reduction.chunks(S):
        fitted_residual[draws], complement[draws] = _fitted(data, theta[draws])

    near_one = complement < NEAR_ONE
    divisor = np.where(near_one, 1.0, complement)
    residual = fitted_residual / divisor
    variance = 1 / divisor
    for row in np.flatnonzero(near_one.any(0)):
        draws_of_row = np.flatnonzero(near_one[:, row])
        for part in set_predictions(data, theta[draws_of_row], np.array([row])):
            chosen = draws_of_row[part.draws]
            residual[chosen, row] = part.residual[:, 0]
            variance[chosen, row] = part.chol[:, 0, 0] ** 2
    yield RowPredictions(np.arange(n), residual, variance)


def _fitted(data: Data, theta: Theta) -> tuple[np.ndarray, np.ndarray]:
    """W^½(y − offset − Xβ − Zû) and 1 − leverage of all rows, (S, n) both."""
    design = data.design
    Lam = theta.Lam
    factor = data.reduction.given(theta)
    complement = np.empty((len(theta.sigma), design.n))
    no_rhs = np.zeros((design.n, 0))
    for part in linalg.row_leverages(design.independent, no_rhs, design.partition, factor, Lam):
        complement[:, part.rows] = 1 - part.leverage.T
    s = linalg.back_substitute(factor, design.layout.width)
    random_part = (design.independent @ design.layout.scaled(s.T, Lam).T).T
    residual = theta.residual_weights @ data.whitened[:-1].T - random_part
    return residual, complement
