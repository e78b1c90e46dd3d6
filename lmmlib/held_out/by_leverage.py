"""Single rows from the structured factor of all rows."""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array

from lmmlib import linalg
from lmmlib.held_out import fit_to_all
from lmmlib.held_out.fit_to_all import FitToAll, work_through_fits
from lmmlib.held_out.row_prediction import RowPredictions
from lmmlib.held_out.sets import set_predictions
from lmmlib.model import Data, Design, Theta

# what is left of a leverage's complement, below which the difference has lost too many digits
NEAR_ONE = 1e-4
MAX_ROW_ENTRIES = 1_000_000  # of coordinates of rows, or of rows in draws, held at a time


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
        Some of the rows.

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

    def by_inverse(fit: FitToAll) -> None:
        fitted_residual[fit.draws] = _residual(data, fit.residual_weights, fit.effects)
        complement[fit.draws] = 1 - _leverages(data.design.independent, fit).T

    def by_substitution(draws: slice) -> None:
        fitted_residual[draws], complement[draws] = _fitted(data, theta[draws])

    if _inverse_is_cheaper(data.design):
        work_through_fits(data, theta, by_inverse)
    else:
        linalg.side_by_side(by_substitution, data.reduction.chunks(S))

    # Some rows at a time: what is made of all of them at once leaves the cache.
    step = max(1, MAX_ROW_ENTRIES // max(1, S))
    for start in range(0, n, step):
        numbers = np.arange(start, min(start + step, n))
        yield _predictions(
            data, theta, numbers, fitted_residual[:, numbers], complement[:, numbers]
        )


def _predictions(
    data: Data, theta: Theta, numbers: np.ndarray, residual: np.ndarray, complement: np.ndarray
) -> RowPredictions:
    """Rows from their fitted residuals and complements of leverages, (S, r) both."""
    near_one = complement < NEAR_ONE
    divisor = np.where(near_one, 1.0, complement)
    residual = residual / divisor
    variance = 1 / divisor
    for k in np.flatnonzero(near_one.any(0)):
        draws_of_row = np.flatnonzero(near_one[:, k])
        for part in set_predictions(data, theta[draws_of_row], numbers[[k]]):
            chosen = draws_of_row[part.draws]
            residual[chosen, k] = part.residual[:, 0]
            variance[chosen, k] = part.chol[:, 0, 0] ** 2
    return RowPredictions(numbers, residual, variance)


def _inverse_is_cheaper(design: Design) -> bool:
    """Whether the factor's inverse, and products with it, cost less than substitution.

    Substitution takes h² products for each row through a separator of h columns; each entry of Z
    meets h of the inverse's K² entries, and these are written, which counts h products as well.
    """
    Z = design.independent
    n, K = Z.shape
    h = design.partition.separator_counts.sum(1).max()
    return K**2 <= fit_to_all.MAX_INVERSE_ENTRIES and bool(K**2 + Z.nnz < n * h)


def _leverages(Z: csr_array, fit: FitToAll) -> np.ndarray:
    """Leverages (n, D) of the rows of W^½Z: |R'⁻¹Λ'z|², from the entries that a row touches."""
    n, K = Z.shape
    D = fit.root.shape[-1]
    root = fit.root.reshape(K * K, D)
    touched = csr_array((np.ones(Z.nnz, int), Z.indices, Z.indptr), Z.shape)
    coordinates_of_rows = csr_array(touched @ csr_array(fit.has_entries.T.astype(int)))
    widest = np.diff(Z.indptr).max()
    parts = 1 + coordinates_of_rows.nnz * max(D, widest) // MAX_ROW_ENTRIES
    leverage = np.empty((n, D))
    for rows in np.array_split(np.arange(n), min(n, parts)):
        # One line for each coordinate of each row: the row's entries of W^½Z at the places of the
        # root that they meet there.
        of_rows = coordinates_of_rows[rows]
        entries = Z[np.repeat(rows, np.diff(of_rows.indptr))]
        coordinate = np.repeat(of_rows.indices, np.diff(entries.indptr))
        places = coordinate * K + entries.indices
        lines = csr_array((entries.data, places, entries.indptr), (entries.shape[0], K * K))
        squares = (lines @ root) ** 2
        by_line = (np.ones(len(squares)), np.arange(len(squares)), of_rows.indptr)
        leverage[rows] = csr_array(by_line, (len(rows), len(squares))) @ squares
    return leverage


def _residual(data: Data, residual_weights: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """W^½(y − offset − Xβ − Zû) of all rows, (S, n), with independent levels of û."""
    random_part = (data.design.independent @ effects.T).T
    return residual_weights @ data.whitened[:-1].T - random_part


def _fitted(data: Data, theta: Theta) -> tuple[np.ndarray, np.ndarray]:
    """W^½(y − offset − Xβ − Zû) and 1 − leverage of all rows, (S, n) both."""
    design = data.design
    Lam = theta.Lam
    factor = data.reduction.given(theta)
    complement = np.empty((len(theta.sigma), design.n))
    no_rhs = np.zeros((design.n, 0))
    for part in linalg.row_leverages(design.independent, no_rhs, design.partition, factor, Lam):
        complement[:, part.rows] = 1 - part.leverage.T
    effects = design.layout.scaled(linalg.back_substitute(factor, design.layout.width).T, Lam)
    return _residual(data, theta.residual_weights, effects), complement
