"""The function that a search minimises for several traits, with its exact derivatives.

−2 log likelihood, less its constant, at given factors of G₀ and R₀, with B at its best. A pair of
factors is an array (2, t, t): F with G₀ = FF', then lower L with R₀ = LL'.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmmlib import linalg
from lmmlib.multivariate.canonical import diagonalized
from lmmlib.multivariate.hessian import hessian_by_covariances
from lmmlib.multivariate.rotation import RotatedRows
from lmmlib.multivariate.whitened_rows import whitened


@dataclass(frozen=True, eq=False)
class TraitModel:
    """What a deviance of several traits depends on.

    Attributes
    ----------
    rows : RotatedRows
        The rotated rows.
    n : int
        Number of rows before the rotation.
    is_restricted : bool
        Whether the likelihood is the restricted one.
    """

    rows: RotatedRows
    n: int
    is_restricted: bool

    @property
    def df(self) -> int:
        """Degrees of freedom that each trait leaves for the covariances."""
        return self.n - self.rows.X.shape[1] if self.is_restricted else self.n


FramedDeviance = Callable[[np.ndarray, np.ndarray], linalg.Evaluation]


def deviance_in_frame(model: TraitModel, frame: np.ndarray, x: np.ndarray) -> linalg.Evaluation:
    """Deviance less its constant, with its derivatives by the entries of two triangles.

    With e_k = V_k⁻¹(Y − XB)T_k, the gradients by G₀ and R₀ are TMT' with
    M_kl = δ_kl tr(V_k⁻¹S) − e_k'Se_l and S = ZAZ' or W⁻¹; for REML V_k⁻¹ in the trace is less by
    what X explains. The Hessian is that by the covariances, see
    :func:`~lmmlib.multivariate.hessian.hessian_by_covariances`, along the changes that the entries
    make in them, and 2 δ_jl tr(M (T'F_i)(T'F_k)') for entries (i, j) and (k, l) of one triangle,
    with F_i the columns of its frame: covariances are of second degree in them.

    Parameters
    ----------
    model : TraitModel
        Rows and method.
    frame : ndarray, shape (2, t, t)
        What the triangles are multiplied by to give factors of G₀ and R₀.
    x : ndarray, shape (t (t + 1),)
        Entries of the triangles, see :func:`flattened`.

    Returns
    -------
    linalg.Evaluation
        Value, gradient and Hessian.

    References
    ----------
    Meyer (1985), Biometrics 41(1).
    """
    factors = frame @ triangles(x)
    independent = diagonalized(*factors)
    rows = whitened(model.rows, independent)
    squared_s = model.rows.s**2

    # Value: log determinants and sums of squares of the canonical traits.
    residual = rows.residual(rows.y)
    half_log_det = np.log(rows.sd).sum()
    explained_share = np.zeros_like(residual)
    if model.is_restricted:
        half_log_det = half_log_det + np.log(np.abs(np.einsum("kpp->kp", rows.R))).sum()
        explained_share = np.sum(rows.Q**2, -1)
    value = 2 * model.df * independent.log_det + 2 * half_log_det + np.sum(residual**2)

    # Gradients by G₀ and R₀ in the canonical scale, then by the entries of the triangles.
    rows_beyond = model.n - len(squared_s)
    precision = (1 - explained_share) / rows.sd**2
    e = residual / rows.sd
    M_of_G0 = np.diag(precision @ squared_s) - (e * squared_s) @ e.T
    M_of_R0 = np.diag(precision.sum(1) + rows_beyond) - e @ e.T
    M = np.array([M_of_G0, M_of_R0])
    T = independent.transform
    by_triangles = 2 * np.swapaxes(T.T @ frame, 1, 2) @ M @ T.T @ factors

    # Hessian by both covariances along the change of them by each entry, and that of the factors.
    changes = _changes(T.T @ frame, T.T @ factors)
    hessian = hessian_by_covariances(rows, squared_s, rows_beyond, model.is_restricted, changes)
    hessian += _curvature_of_factors(T.T @ frame, M)
    return linalg.Evaluation(float(value), flattened(by_triangles), hessian)


def _changes(frame: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Changes (d, 2, t, t) of both covariances by each entry of the triangles, canonical scale."""
    t = factors.shape[-1]
    rows, columns = np.tril_indices(t)
    entries = len(rows)
    changes = np.zeros((2, entries, 2, t, t))
    for which in range(2):
        half = np.einsum("ka,la->akl", frame[which][:, rows], factors[which][:, columns])
        changes[which, :, which] = half + np.swapaxes(half, 1, 2)
    return changes.reshape(2 * entries, 2, t, t)


def _curvature_of_factors(frame: np.ndarray, M: np.ndarray) -> np.ndarray:
    """What the second changes of both covariances by the entries add to the Hessian (d, d)."""
    rows, columns = np.tril_indices(M.shape[-1])
    entries = len(rows)
    is_same_column = columns[:, None] == columns
    curvature = np.zeros((2 * entries, 2 * entries))
    for which in range(2):
        of_rows = 2 * frame[which].T @ M[which] @ frame[which]
        block = slice(which * entries, (which + 1) * entries)
        curvature[block, block] = np.where(is_same_column, of_rows[np.ix_(rows, rows)], 0.0)
    return curvature


def deviance_at(deviance: FramedDeviance, factors: np.ndarray) -> float:
    """The deviance less its constant for factors (2, t, t) of G₀ and R₀."""
    identity = np.eye(factors.shape[-1])
    return deviance(factors, flattened(np.array([identity, identity]))).value


def flattened(pair: np.ndarray) -> np.ndarray:
    """Lower triangles of two matrices (2, t, t), row by row: (t (t + 1),).

    Examples
    --------
    >>> flattened(np.arange(8.0).reshape(2, 2, 2)).tolist()
    [0.0, 2.0, 3.0, 4.0, 6.0, 7.0]
    """
    rows, columns = np.tril_indices(pair.shape[-1])
    return pair[:, rows, columns].ravel()


def triangles(x: np.ndarray) -> np.ndarray:
    """Two lower triangles (2, t, t) from their entries, the inverse of :func:`flattened`.

    Examples
    --------
    >>> triangles(np.array([1.0, 2.0])).tolist()
    [[[1.0]], [[2.0]]]
    """
    t = int(np.sqrt(len(x)))
    rows, columns = np.tril_indices(t)
    pair = np.zeros((2, t, t))
    pair[:, rows, columns] = x.reshape(2, -1)
    return pair


def lower_factor(factor: np.ndarray) -> np.ndarray:
    """The lower triangle L with LL' = FF', up to signs of its columns.

    Examples
    --------
    >>> abs(lower_factor(np.array([[0.0, 2.0], [3.0, 0.0]]))).round(12).tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    return np.linalg.qr(factor.T, mode="r").T
