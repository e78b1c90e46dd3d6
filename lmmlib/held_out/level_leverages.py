"""The rows of each level given all others, from one factor of all rows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lmmlib.held_out.by_leverage import NEAR_ONE
from lmmlib.held_out.fit_to_all import FitToAll, work_through_fits
from lmmlib.held_out.sets import RotatedRows, density_of_set, rotated_rows, set_in_draws
from lmmlib.model import Data, Theta


@dataclass(frozen=True, eq=False)
class _Level:
    """A level's rows, rotated to m.

    Attributes
    ----------
    number : int
        Number of the level.
    rows : ndarray of int
        Its rows before the rotation.
    columns : ndarray of int, shape (d,)
        Columns of the effects that they touch.
    rotated : RotatedRows
        Those columns and [X, y − offset].
    """

    number: int
    rows: np.ndarray
    columns: np.ndarray
    rotated: RotatedRows


@dataclass(frozen=True, eq=False)
class _LeftOut:
    """What the density of a level needs, in D draws.

    Attributes
    ----------
    log_det : ndarray, shape (D,)
        −½ log|I − H|.
    squares : ndarray, shape (D,)
        r'(I − H)⁻¹r, and the squares outside of the rotated rows.
    norm : ndarray, shape (D,)
        Frobenius norm of (I − H)⁻¹, infinite where I − H is not positive definite.
    """

    log_det: np.ndarray
    squares: np.ndarray
    norm: np.ndarray


def levels_by_leverage(
    data: Data, theta: Theta, level: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    r"""log p(y_I|y_−I,θ), joint over the rows I of each level, by the block of their leverages.

    With A the rows I of W^½ZΛ, M = I + Λ'Z'WZΛ over all rows and H = A M⁻¹A', y_I has the residual
    (I − H)⁻¹r, r what the fit to all rows leaves, and the covariance σ²(I − H)⁻¹: the density needs
    r'(I − H)⁻¹r and |I − H|.

    Parameters
    ----------
    data : Data
        Response and design.
    theta : Theta
        Parameters with one leading axis of S draws.
    level : ndarray of int, shape (n,)
        Level of each row.

    Yields
    ------
    levels : ndarray of int, shape (1,)
        Number of a level.
    log_density : ndarray, shape (S, 1)
        Its log densities in nats.

    Notes
    -----
    An error δ of H is one of |(I − H)⁻¹|δ in the log density, both as Frobenius norms: to first
    order in the determinant, and relative to it in the squares. Draws where that norm is above 1e4
    take :func:`set_in_draws`, which reduces the other rows anew.

    Examples
    --------
    >>> from lmmlib.model import Design, Params, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> theta = Params([0.0], {"g": 3.0}, 1.0).theta(data.design).repeat(1)
    >>> [values.round(6).tolist() for _, values in levels_by_leverage(data, theta, np.arange(2))]
    [[[-1.737086]], [[-2.112086]]]
    """
    S = len(theta.sigma)
    levels = _rotated_levels(data, theta, level)
    log_det = np.empty((S, len(levels)))
    squares = np.empty((S, len(levels)))
    norm = np.empty((S, len(levels)))

    def leave_out(fit: FitToAll) -> None:
        draws = fit.draws
        for j, one in enumerate(levels):
            left_out = _left_out(one, fit)
            log_det[draws, j] = left_out.log_det
            squares[draws, j] = left_out.squares + one.rotated.outside[draws]
            norm[draws, j] = left_out.norm

    work_through_fits(data, theta, leave_out)

    for j, one in enumerate(levels):
        density = density_of_set(data, theta, one.rows, log_det[:, j], squares[:, j])
        near_one = np.flatnonzero(norm[:, j] > 1 / NEAR_ONE)
        if near_one.size:
            density[near_one] = set_in_draws(data, theta[near_one], one.rows)
        yield np.array([one.number]), density[:, None]


def _rotated_levels(data: Data, theta: Theta, level: np.ndarray) -> list[_Level]:
    """The rows of each level, as few as the columns that they touch."""
    Z = data.design.independent
    levels = []
    for number in np.unique(level):
        rows = np.flatnonzero(level == number)
        Z_rows = Z[rows]
        columns = np.unique(Z_rows.indices)
        A = Z_rows[:, columns].toarray()
        rotated = rotated_rows(A, data.whitened[rows], theta.residual_weights)
        levels.append(_Level(number, rows, columns, rotated))
    return levels


def _left_out(level: _Level, fit: FitToAll) -> _LeftOut:
    """A level's rows given all others, from the block I − H of their leverages."""
    A = level.rotated.A
    m = len(A)
    coordinates = np.flatnonzero(fit.has_entries[:, level.columns].any(1))
    root = np.moveaxis(fit.root[np.ix_(coordinates, level.columns)], -1, 0)
    half = root @ A.T
    complement = np.eye(m) - np.swapaxes(half, -1, -2) @ half
    r = fit.residual_weights @ level.rotated.B.T
    r -= fit.effects[:, level.columns] @ A.T

    # A complement that rounding has made singular is not inverted.
    sign, log_det = np.linalg.slogdet(complement)
    singular = sign <= 0
    complement[singular] = np.eye(m)
    inverse = np.linalg.inv(complement)
    squares = np.sum(r * (inverse @ r[..., None])[..., 0], -1)
    norm = np.where(singular, np.inf, np.sqrt(np.einsum("sij,sij->s", inverse, inverse)))
    return _LeftOut(-0.5 * log_det, squares, norm)
