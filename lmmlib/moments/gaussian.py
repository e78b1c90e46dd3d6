"""Exact means and covariances of y given u, of y, and of u given y."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular

from lmmlib.model import Data, Design, Params, checked_data, frozen_array
from lmmlib.model.descriptions import describe_arrays
from lmmlib.model.params import checked_params
from lmmlib.moments.covariances import (
    check_size,
    effects_cholesky,
    effects_covariance,
    residual_covariance,
    whitened_columns,
)


@dataclass(frozen=True, eq=False, repr=False)
class Gaussian:
    """A multivariate normal distribution; its covariance may be singular.

    Attributes
    ----------
    mean : ndarray, shape (m,)
        Mean.
    cov : ndarray, shape (m, m)
        Covariance matrix.
    """

    mean: np.ndarray
    cov: np.ndarray

    def __repr__(self) -> str:
        return describe_arrays(self, mean=self.mean, cov=self.cov)


def conditional(design: Design, params: Params, u: ArrayLike) -> Gaussian:
    """Moments of y given u: mean offset + Xβ + Zu, covariance R = σ²W⁻¹.

    Parameters
    ----------
    design : Design
        Design of the rows.
    params : Params
        Fixed effects, covariances of the effects and residual SD.
    u : array_like, shape (K,)
        Effects in the order of ``design.ranef``.

    Returns
    -------
    Gaussian
        Mean and covariance of n entries.

    Raises
    ------
    ValueError
        If sizes do not fit, or n > 5,000.

    References
    ----------
    Equation :eq:`eq-conditional-moments`.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> conditional(design, Params([1.0], {"g": 4.0}, 2.0), [0.5, 0.0]).mean.tolist()
    [1.5, 1.0]
    """
    check_size(design)
    theta = checked_params(params).theta(design)
    u = frozen_array("u", u, (design.Z.shape[1],), "one entry per effect, see design.ranef")
    mean = design.fixed_part(theta.beta) + design.random_part(u)
    return Gaussian(mean, residual_covariance(design, params))


def marginal(design: Design, params: Params) -> Gaussian:
    """Moments of y: mean offset + Xβ, covariance V = ZGZ' + R.

    Parameters
    ----------
    design : Design
        Design of the rows.
    params : Params
        Fixed effects, covariances of the effects and residual SD.

    Returns
    -------
    Gaussian
        Mean and covariance of n entries.

    Raises
    ------
    ValueError
        If sizes do not fit, or n > 5,000.

    References
    ----------
    Equation :eq:`eq-marginal-moments`.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> marginal(design, Params([1.0], {"g": 4.0}, 2.0)).cov.tolist()
    [[8.0, 0.0], [0.0, 8.0]]
    """
    check_size(design)
    theta = checked_params(params).theta(design)
    Z = design.Z.toarray()
    G = effects_covariance(design, params)
    R = residual_covariance(design, params)
    return Gaussian(design.fixed_part(theta.beta), Z @ G @ Z.T + R)


def effects(data: Data, params: Params) -> Gaussian:
    """Moments of u given y: mean GZ'V⁻¹(y − offset − Xβ), covariance G − GZ'V⁻¹ZG.

    Parameters
    ----------
    data : Data
        Response and design.
    params : Params
        Fixed effects, covariances of the effects and residual SD.

    Returns
    -------
    Gaussian
        Mean and covariance of K entries.

    Raises
    ------
    ValueError
        If sizes do not fit, or n > 5,000.
    TypeError
        If ``data`` is no Data.

    Notes
    -----
    As a penalised least-squares problem: with G = LL' and B = W^½ZL/σ, the mean is L(B'B +
    I)⁻¹B'W^½(y − offset − Xβ)/σ and the covariance L(B'B + I)⁻¹L', both through a QR factorisation.
    The differences above lose ε(τ/σ)².

    References
    ----------
    Henderson (1975), Biometrics 31(2); equation :eq:`eq-effects-given-y`.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> data = Data([3.0, 0.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> effects(data, Params([1.0], {"g": 4.0}, 2.0)).mean.round(12).tolist()
    [1.0, -0.5]
    """
    design = checked_data(data).design
    L = effects_cholesky(design, params)
    B = whitened_columns(design, params, L)
    fitted = design.fixed_part(params.theta(design).beta)
    residual = np.sqrt(design.weights) * (data.y - fitted) / params.sigma
    Q, R = np.linalg.qr(np.vstack([B, np.eye(len(L))]))
    half = solve_triangular(R, L.T, trans="T").T
    return Gaussian(half @ (Q[: design.n].T @ residual), half @ half.T)
