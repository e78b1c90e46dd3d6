"""The function that a search minimises for several traits, with its gradient.

−2 log likelihood, less its constant, at given factors of G₀ and R₀, with B at its best. A pair of
factors is an array (2, t, t): F with G₀ = FF', then lower L with R₀ = LL'.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmmlib.multivariate.canonical import Canonical, diagonalized
from lmmlib.multivariate.rotation import RotatedRows


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


@dataclass(frozen=True, eq=False)
class ValueAndGradient:
    """A function's value at a point.

    Attributes
    ----------
    value : float
        The value.
    gradient : ndarray, shape (d,)
        Its derivatives by the entries of the point.
    """

    value: float
    gradient: np.ndarray


@dataclass(frozen=True, eq=False)
class WhitenedRows:
    """The rotated rows of each canonical trait, over their SDs.

    Attributes
    ----------
    sd : ndarray, shape (t, r)
        SDs of the rows.
    Q : ndarray, shape (t, r, p)
        Orthonormal basis of X over the SDs.
    R : ndarray, shape (t, p, p)
        Upper triangle with QR = X over the SDs.
    y : ndarray, shape (t, r)
        Canonical traits over the SDs.
    """

    sd: np.ndarray
    Q: np.ndarray
    R: np.ndarray
    y: np.ndarray


PointFunction = Callable[[np.ndarray], ValueAndGradient]
FramedDeviance = Callable[[np.ndarray, np.ndarray], ValueAndGradient]


def whitened(rows: RotatedRows, independent: Canonical) -> WhitenedRows:
    """Divide the rows of each canonical trait by their SDs √(1 + D_k s²)."""
    sd = np.sqrt(1 + np.outer(independent.D, rows.s**2))
    Q, R = np.linalg.qr(rows.X / sd[..., None])
    y = (rows.Y @ independent.transform).T / sd
    return WhitenedRows(sd, Q, R, y)


def deviance_in_frame(model: TraitModel, frame: np.ndarray, x: np.ndarray) -> ValueAndGradient:
    """Deviance less its constant, and its gradient by the entries of two triangles.

    With e_k = V_k⁻¹(Y − XB)T_k, the gradients by G₀ and R₀ are TMT' with
    M_kl = δ_kl tr(V_k⁻¹S) − e_k'Se_l and S = ZAZ' or W⁻¹; for REML V_k⁻¹ in the trace is less by
    what X explains.

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
    ValueAndGradient
        Value, and derivatives by x.

    References
    ----------
    Meyer (1985), Biometrics 41(1).
    """
    factors = frame @ triangles(x)
    independent = diagonalized(*factors)
    rows = whitened(model.rows, independent)
    squared_s = model.rows.s**2

    # Value: log determinants and sums of squares of the canonical traits.
    explained = np.einsum("krp,kp->kr", rows.Q, np.einsum("krp,kr->kp", rows.Q, rows.y))
    residual = rows.y - explained
    half_log_det = np.log(rows.sd).sum()
    explained_share = np.zeros_like(residual)
    if model.is_restricted:
        half_log_det = half_log_det + np.log(np.abs(np.einsum("kpp->kp", rows.R))).sum()
        explained_share = np.sum(rows.Q**2, -1)
    value = 2 * model.df * independent.log_det + 2 * half_log_det + np.sum(residual**2)

    # Gradients by G₀ and R₀ in the canonical scale, then by the entries of the triangles.
    trace = (1 - explained_share) / rows.sd**2 @ squared_s
    e = residual / rows.sd
    M_of_G0 = np.diag(trace) - (e * squared_s) @ e.T
    M_of_R0 = np.diag(model.df - independent.D * trace) - e @ e.T
    T = independent.transform
    by_factors = T @ np.array([M_of_G0, M_of_R0]) @ T.T @ factors
    by_triangles = 2 * np.swapaxes(frame, 1, 2) @ by_factors
    return ValueAndGradient(float(value), flattened(by_triangles))


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
