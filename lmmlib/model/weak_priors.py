"""A weak prior of the fixed effects.

Wide on every fitted value, wherever the covariates have their zero.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

WIDTH = 10.0  # prior SD of the fitted values, in spreads of the response
EPSILON = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class WeakFixedEffects:
    """Independent normal priors of γ = Tβ, and the spread of the response that they are scaled by.

    Attributes
    ----------
    mean, sd : ndarray, shape (p,)
        Means and SDs of γ.
    transform : ndarray, shape (p, p)
        Matrix T, upper triangular with ones on its diagonal.
    spread : float
        Spread of the response that the SDs are scaled by.
    """

    mean: np.ndarray
    sd: np.ndarray
    transform: np.ndarray
    spread: float


def weak_fixed_effects(X: np.ndarray, y: np.ndarray) -> WeakFixedEffects:
    r"""γ_j ~ N(m_j, (10 s √n / abs(R_jj))²) with X = QR = QDT and γ = Tβ.

    The same as β ~ N(b, (10 s)² n (X'X)⁻¹), which depends on X by its column space alone. Where the
    space holds a constant, Xb is the mean of y and s the SD of y about it; else b = 0 and s is the
    root mean square of y.

    Parameters
    ----------
    X : ndarray, shape (n, p)
        Columns of the fixed effects, of full column rank.
    y : ndarray, shape (n,)
        Response, with the offset subtracted.

    Returns
    -------
    WeakFixedEffects
        Prior whose spread is zero where y does not vary beyond rounding.

    Notes
    -----
    A reflection errs by the precision times the length of a column. What is no larger counts as
    zero: that of a constant's part outside the space, that of an entry of R beside the diagonal
    entry below it.

    Examples
    --------
    >>> X = np.array([[1.0, 2010], [1, 2011], [1, 2012]])
    >>> prior = weak_fixed_effects(X, np.array([1.0, 4.0, 4.0]))
    >>> prior.transform.round(9).tolist(), prior.mean.round(9).tolist(), round(prior.spread, 9)
    ([[1.0, 2011.0], [0.0, 1.0]], [3.0, 0.0], 1.414213562)
    """
    n, p = X.shape
    rounding = 4 * max(n, p) * EPSILON
    # Columns are scaled by powers of two, which rounds nothing.
    _, exponent = np.frexp(np.abs(X).max(0))
    Q, R = np.linalg.qr(np.ldexp(X, -exponent))
    diagonal = np.diag(R)
    R = np.where(np.abs(R) <= rounding * np.abs(diagonal), 0.0, R)

    # The constant in coordinates of the space: Xb = Q(Q'1), so that Rb = Q'1 and
    # Tb = (Q'1) / diag(R).
    ones = np.ones(n)
    constant = Q.T @ ones
    constant = np.where(np.abs(constant) <= rounding * np.sqrt(n), 0.0, constant)
    b = solve_triangular(R, constant)
    outside = np.abs(ones - Q @ constant).max()
    holds_constant = p > 0 and outside <= rounding * max(1.0, np.abs(b).sum())

    level = y.mean() if holds_constant else 0.0
    spread = np.sqrt(np.mean((y - level) ** 2))
    if spread <= 4 * EPSILON * np.abs(y).max():
        spread = 0.0
    # Back in the units of X; adding zero leaves no zero of negative sign.
    mean = np.ldexp(level * constant / diagonal, -exponent)
    transform = np.ldexp(R / diagonal[:, None], exponent[None, :] - exponent[:, None])
    return WeakFixedEffects(
        mean=mean + 0.0,
        sd=np.ldexp(WIDTH * spread * np.sqrt(n) / np.abs(diagonal), -exponent),
        transform=transform + 0.0,
        spread=float(spread),
    )
