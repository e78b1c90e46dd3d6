"""Each row given all others."""

from collections.abc import Iterator

import numpy as np

from lmmlib import linalg
from lmmlib.held_out.by_leverage import predictions_by_leverage
from lmmlib.held_out.by_merging import predictions_by_merging
from lmmlib.held_out.row_prediction import RowPredictions
from lmmlib.loglik import log_normal
from lmmlib.model import Data, Params, Theta, checked_data
from lmmlib.model.params import checked_params


def rows(data: Data, params: Params) -> np.ndarray:
    r"""Log density of each row given all others, the effects integrated out: log p(y_i|y_−i,θ).

    y_i|y_−i,θ ~ N(y_i − e_i, σ²v_i/w_i), with e_i the residual of row i when it is predicted from
    the others. With h_i the leverage, v_i = 1/(1 − h_i) and e_i = r_i/(1 − h_i), where r = y −
    offset − Xβ − Zû.

    Parameters
    ----------
    data : Data
        Response and design.
    params : Params
        Fixed effects, covariances of the effects and residual SD; a zero SD is allowed.

    Returns
    -------
    ndarray, shape (n,)
        Log densities in nats.

    Raises
    ------
    ValueError
        If sizes or names do not fit.

    Notes
    -----
    Both e_i and v_i come from the other rows where h_i is near one: relative error of the variance
    near 1e-12.

    References
    ----------
    Sundararajan & Keerthi (2001), Neural Comput. 13(5), for the form in the inverse covariance;
    equation :eq:`eq-left-out`.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> rows(data, Params([0.0], {"g": 3.0}, 1.0)).round(6).tolist()
    [-1.737086, -2.112086]
    """
    design = checked_data(data).design
    theta = checked_params(params).theta(design).repeat(1)
    density = np.empty(design.n)
    for numbers, log_density in rows_in_draws(data, theta):
        density[numbers] = log_density[0]
    return density


def rows_in_draws(data: Data, theta: Theta) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """log p(y_i|y_−i,θ) of each row at S draws of θ, some rows at a time.

    Parameters
    ----------
    data : Data
        Response and design.
    theta : Theta
        Parameters with one leading axis of S draws.

    Yields
    ------
    rows : ndarray of int, shape (r,)
        Numbers of some of the rows.
    log_density : ndarray, shape (S, r)
        Their log densities in nats.

    Notes
    -----
    Where rows that share effects have up to eight columns, by merging triangles of the rows before
    and after. Else through leverages from the structured factor, and from a reduction of the other
    rows where a leverage is near one.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> theta = Theta(np.zeros((3, 1)), (np.ones((3, 1, 1)),), np.ones(3))
    >>> [log_density.shape for _, log_density in rows_in_draws(data, theta)]
    [(3, 2)]
    """
    half_log_weight = 0.5 * np.log(data.design.weights)
    for part in row_predictions(data, theta):
        variance = theta.sigma[:, None] ** 2 * part.variance
        yield part.rows, log_normal(part.residual, variance) + half_log_weight[part.rows]


def row_predictions(data: Data, theta: Theta) -> Iterator[RowPredictions]:
    """Whitened rows W^½(y − offset − Xβ) predicted from all others at S draws of θ, some at a time.

    Parameters
    ----------
    data : Data
        Response and design.
    theta : Theta
        Parameters with one leading axis of S draws.

    Returns
    -------
    iterator of RowPredictions
        Residuals and variances of some of the rows.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> theta = Params([0.0], {"g": 3.0}, 1.0).theta(data.design).repeat(1)
    >>> (part,) = row_predictions(data, theta)
    >>> part.residual.tolist(), part.variance.round(9).tolist()
    ([[1.0, 2.0]], [[4.0, 4.0]])
    """
    if data.design.widest_component <= linalg.WIDEST_MERGED:
        return predictions_by_merging(data, theta)
    return predictions_by_leverage(data, theta)
