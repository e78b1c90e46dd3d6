"""The canonical transformation: traits whose univariate models are independent."""

from dataclasses import dataclass

import numpy as np

from lmmlib import linalg
from lmmlib.multivariate.params import MultivariateParams, checked_covariances


@dataclass(frozen=True, eq=False)
class Canonical:
    """T'R₀T = I and T'G₀T = diag(D): the columns of YT are independent univariate models.

    Attributes
    ----------
    transform : ndarray, shape (t, t)
        T, the transformation to independent canonical traits.
    D : ndarray, shape (t,)
        Ratios of variances, falling.
    log_det : float
        Log|L| with R₀ = LL'; log|det T| is its negative.
    """

    transform: np.ndarray
    D: np.ndarray
    log_det: float


def canonical(params: MultivariateParams) -> Canonical:
    """The transformation to independent univariate models.

    T = L⁻ᵀQ, with R₀ = LL' and L⁻¹G₀L⁻ᵀ = QDQ'.

    Parameters
    ----------
    params : MultivariateParams
        Fixed effects and covariances.

    Returns
    -------
    Canonical
        Canonical form of both covariances.

    References
    ----------
    Meyer (1985), Biometrics 41(1), 153-165; Ducrocq & Chapuis (1997), Genet. Sel. Evol. 29(3),
    205-224.

    Examples
    --------
    >>> canonical(MultivariateParams([[1.0, 2.0]], [[4, 6], [6, 9]], [[4, 0], [0, 1]])).D.round(
    ...     9
    ... ).tolist()
    [10.0, 0.0]
    """
    checked_covariances(params)
    return diagonalized(linalg.cholesky_semidefinite(params.G0), np.linalg.cholesky(params.R0))


def diagonalized(G0_factor: np.ndarray, R0_chol: np.ndarray) -> Canonical:
    """The same from factors of both covariances, so that no ratio comes out below zero.

    Parameters
    ----------
    G0_factor : ndarray, shape (t, t)
        Any F with G₀ = FF'.
    R0_chol : ndarray, shape (t, t)
        Lower L with R₀ = LL'.

    Returns
    -------
    Canonical
        Canonical form of both covariances.

    Examples
    --------
    >>> diagonalized(np.diag([3.0, 0.0]), np.eye(2)).D.tolist()
    [9.0, 0.0]
    """
    Q, ratios_of_sds, _ = np.linalg.svd(np.linalg.solve(R0_chol, G0_factor))
    transform = np.linalg.solve(R0_chol.T, Q)
    log_det = float(np.log(np.abs(np.diag(R0_chol))).sum())
    return Canonical(transform, ratios_of_sds**2, log_det)
