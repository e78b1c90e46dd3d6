"""Any set of rows given all others."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr

from lmmlib import linalg
from lmmlib.loglik import LOG_2PI
from lmmlib.model import Data, Theta

MAX_REDUCED_ENTRIES = 400_000  # of the others' factors held at a time
MAX_STACKED_ENTRIES = 4_000_000  # of the set's rows held at a time


@dataclass(frozen=True, eq=False)
class SetPrediction:
    """A set of rows, whitened and rotated to m, predicted from all others in some of the draws.

    Attributes
    ----------
    draws : slice
        Numbers of the D draws.
    residual : ndarray, shape (D, m)
        Residuals of the rows.
    chol : ndarray, shape (D, m, m)
        Upper triangles R with R'R the covariance of the residuals, in units of σ².
    outside : ndarray, shape (D,)
        Sum of squares of the rows that no effect touches after the rotation.
    """

    draws: slice
    residual: np.ndarray
    chol: np.ndarray
    outside: np.ndarray


@dataclass(frozen=True, eq=False)
class RotatedRows:
    """Rows [A B] as few.

    Attributes
    ----------
    A : ndarray, shape (m, K)
        Columns of the effects.
    B : ndarray, shape (m, p + 1)
        [X, y − offset].
    outside : ndarray, shape (S,)
        Sum of squares of y − Xβ in the rows that A does not reach.
    """

    A: np.ndarray
    B: np.ndarray
    outside: np.ndarray


def set_in_draws(data: Data, theta: Theta, rows: np.ndarray) -> np.ndarray:
    r"""log p(y_I|y_−I,θ), joint over any set I of rows, at S draws of θ.

    With M = I + Λ'Z'WZΛ over the other rows and A the set's rows of W^½ZΛ, y_I is normal with
    residual r − A M⁻¹Λ'Z'W(y − offset − Xβ) and covariance σ²(I + A M⁻¹A'), both from the other
    rows alone.

    Parameters
    ----------
    data : Data
        Response and design.
    theta : Theta
        Parameters with one leading axis of S draws.
    rows : ndarray of int, shape (m,)
        Numbers of the rows.

    Returns
    -------
    ndarray, shape (S,)
        Log densities in nats.

    Notes
    -----
    Only rows that share effects, directly or through others, are worked on; a long set is rotated
    to as many rows as it has columns first.

    Examples
    --------
    >>> from lmmlib.model import Design, Params, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> params = Params([0.0], {"g": 3.0}, 1.0)
    >>> set_in_draws(data, params.theta(data.design).repeat(1), np.array([0])).round(6).tolist()
    [-1.737086]
    """
    S = len(theta.sigma)
    log_det = np.empty(S)
    squares = np.empty(S)
    for part in set_predictions(data, theta, rows):
        R_transposed = np.swapaxes(part.chol, -1, -2)
        half = np.linalg.solve(R_transposed, part.residual[..., None])[..., 0]
        diagonal = np.einsum("sii->si", part.chol)
        log_det[part.draws] = np.log(np.abs(diagonal)).sum(-1)
        squares[part.draws] = np.sum(half**2, -1) + part.outside
    return density_of_set(data, theta, rows, log_det, squares)


def density_of_set(
    data: Data, theta: Theta, rows: np.ndarray, log_det: np.ndarray, squares: np.ndarray
) -> np.ndarray:
    """Log density (S,) of rows of y from what the others predict of the whitened rows.

    Parameters
    ----------
    data : Data
        Response and design.
    theta : Theta
        Parameters with one leading axis of S draws.
    rows : ndarray of int, shape (m,)
        Numbers of the rows.
    log_det : ndarray, shape (S,)
        Half the log determinant of their covariance, in units of σ².
    squares : ndarray, shape (S,)
        Squared length of their residuals in units of that covariance.

    Returns
    -------
    ndarray, shape (S,)
        Log densities in nats.

    Examples
    --------
    >>> from lmmlib.model import Design, Params, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> theta = Params([0.0], {"g": 3.0}, 1.0).theta(data.design).repeat(1)
    >>> half_log_det = np.log([2.0])
    >>> density_of_set(data, theta, np.array([0]), half_log_det, np.array([0.25])).round(6).tolist()
    [-1.737086]
    """
    log_weights = np.log(data.design.weights[rows]).sum()
    constant = len(rows) * (LOG_2PI + 2 * np.log(theta.sigma)) - log_weights
    return -0.5 * (constant + 2 * log_det + squares / theta.sigma**2)


def set_predictions(data: Data, theta: Theta, rows: np.ndarray) -> Iterator[SetPrediction]:
    """A set of rows predicted from all others, some draws at a time.

    The covariance's triangle is that of [W I]', W = R'⁻¹A', never a root of I + WW', which squares
    the ratio of SDs.

    Parameters
    ----------
    data : Data
        Response and design.
    theta : Theta
        Parameters with one leading axis of S draws.
    rows : ndarray of int, shape (m,)
        Numbers of the rows.

    Yields
    ------
    SetPrediction
        At some of the draws.

    Examples
    --------
    >>> from lmmlib.model import Design, Params, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> theta = Params([0.0], {"g": 3.0}, 1.0).theta(data.design).repeat(1)
    >>> (part,) = set_predictions(data, theta, np.array([0]))
    >>> part.residual.tolist(), abs(part.chol).round(9).tolist()
    ([[1.0]], [[[2.0]]])
    """
    design = data.design
    residual_weights = theta.residual_weights

    # Only rows that are connected with the set say anything of its effects.
    connected = np.isin(design.components, design.components[rows])
    others = np.setdiff1d(np.flatnonzero(connected), rows)
    Z, shapes = design.columns_of(connected)
    held = rotated_rows(Z[rows].toarray(), data.whitened[rows], residual_weights)
    arrowheads = linalg.rotate_to_arrowheads(
        Z[others], data.whitened[others], linalg.find_partition(Z[others], shapes)
    )

    m, K = held.A.shape
    step = _draws_held(arrowheads, m, K)
    for start in range(0, len(residual_weights), step):
        draws = slice(start, start + step)
        Lam = theta[draws].Lam

        # The other rows' factor R and right-hand side t, and W = R'⁻¹A' of the set.
        factor = linalg.factorise(arrowheads, Lam, residual_weights[draws, :, None])
        t = linalg.projected_rhs(factor, K)
        scaled = linalg.scale_stack(
            held.A[..., None],
            [np.moveaxis(L, 0, -1) for L in Lam],
            [J * q for J, q in shapes],
        )[:, :, 0]
        W = linalg.forward_substitute(factor, np.swapaxes(scaled, 0, 1))

        # The set's residual y − offset − Xβ − At, and the triangle of I + WW'.
        fitted = np.einsum("kms,ks->sm", W, t)
        residual = residual_weights[draws] @ held.B.T - fitted
        identity = np.broadcast_to(np.eye(m), (len(residual), m, m))
        stacked = np.concatenate([np.moveaxis(W, -1, 0), identity], 1)
        chol = np.linalg.qr(stacked, mode="r")
        yield SetPrediction(draws, residual, chol, held.outside[draws])


def _draws_held(arrowheads: tuple[linalg.Arrowhead, ...], m: int, K: int) -> int:
    """How many draws are worked on at a time."""
    of_others = sum(arrowhead.remainder.size for arrowhead in arrowheads)
    of_set = m * (m + K)
    fitting = min(MAX_REDUCED_ENTRIES // max(1, of_others), MAX_STACKED_ENTRIES // max(1, of_set))
    return max(1, fitting)


def rotated_rows(A: np.ndarray, B: np.ndarray, residual_weights: np.ndarray) -> RotatedRows:
    """Rows [A B] (n, K + p + 1) as few, with what A does not reach summed up for each draw."""
    K = A.shape[1]
    width = K + B.shape[1]
    if len(A) <= width:
        return RotatedRows(A, B, np.zeros(len(residual_weights)))
    T = qr(np.hstack([A, B]), mode="r")[0][:width]
    outside = np.sum((residual_weights @ T[K:, K:].T) ** 2, -1)
    return RotatedRows(T[:K, :K], T[:K, K:], outside)
