"""Exact means and covariances of y given u, of y, and of u given y.

What they say about each other in nats.

Dense on purpose: they are for reading and checking, not for fitting.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag, solve_triangular

from lmmlib.model import Data, Design, Params, checked_data, frozen_array
from lmmlib.model.design import checked_rows
from lmmlib.model.params import checked_params

LARGEST = 5_000  # rows of a dense covariance


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A normal distribution; ``cov`` may be singular.

    Attributes
    ----------
    mean : ndarray, shape (m,)
        Mean.
    cov : ndarray, shape (m, m)
        Covariance.
    """

    mean: np.ndarray
    cov: np.ndarray


def conditional(design: Design, params: Params, u: object) -> Gaussian:
    """y given u: mean offset + Xβ + Zu, covariance R = σ²W⁻¹.

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
    _small_enough(design)
    theta = checked_params(params).theta(design)
    u = frozen_array("u", u, (design.Z.shape[1],), "one entry per effect, see design.ranef")
    return Gaussian(
        design.fixed_part(theta.beta) + design.random_part(u), residual_covariance(design, params)
    )


def marginal(design: Design, params: Params) -> Gaussian:
    """y: mean offset + Xβ, covariance V = ZGZ' + R.

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
    _small_enough(design)
    Z = design.Z.toarray()
    V = Z @ effects_covariance(design, params) @ Z.T + residual_covariance(design, params)
    return Gaussian(design.fixed_part(checked_params(params).theta(design).beta), V)


def effects(data: Data, params: Params) -> Gaussian:
    """u given y: mean GZ'V⁻¹(y − offset − Xβ), covariance G − GZ'V⁻¹ZG.

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
    root, white = _spherical(design, params)
    Q, R = np.linalg.qr(np.vstack([white, np.eye(len(root))]))
    residual = (
        np.sqrt(design.weights)
        * (data.y - design.fixed_part(checked_params(params).theta(design).beta))
        / params.sigma
    )
    half = solve_triangular(R, root.T, trans="T").T
    return Gaussian(half @ (Q[: design.n].T @ residual), half @ half.T)


def effects_covariance(design: Design, params: Params) -> np.ndarray:
    """G, (K, K): per term A ⊗ Σ_k.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> effects_covariance(design, Params([1.0], {"g": 4.0}, 2.0)).tolist()
    [[4.0, 0.0], [0.0, 4.0]]
    """
    checked_params(params).theta(design)
    known = [
        np.eye(t.size[0]) if t.level_chol is None else t.level_chol @ t.level_chol.T
        for t in design.terms
    ]
    return block_diag(
        *(np.kron(A, params.cov[t.name]) for A, t in zip(known, design.terms, strict=True))
    )


def residual_covariance(design: Design, params: Params) -> np.ndarray:
    """R = σ²W⁻¹, (n, n).

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])], weights=[1.0, 4.0])
    >>> residual_covariance(design, Params([1.0], {"g": 4.0}, 2.0)).tolist()
    [[4.0, 0.0], [0.0, 1.0]]
    """
    return np.diag(checked_params(params).sigma ** 2 / checked_rows(design).weights)


def mutual_information(design: Design, params: Params) -> float:
    r"""I(y; u) = ½ log(\|V\| / \|R\|).

    What knowing u is worth, on average, to the log density of y.

    Returns
    -------
    float
        Value in nats.

    References
    ----------
    Equation :eq:`eq-offset`.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> round(mutual_information(design, Params([1.0], {"g": 4.0}, 2.0)), 6)
    0.693147
    """
    _, white = _spherical(design, params)
    R = np.linalg.qr(np.vstack([white, np.eye(white.shape[1])]), mode="r")
    return float(np.log(np.abs(np.diag(R))).sum())


def lautum_information(design: Design, params: Params) -> float:
    """tr(R⁻¹ZGZ') − I(y; u): what a wrong u costs on average, where y is drawn independently of it.

    Returns
    -------
    float
        Value in nats.

    References
    ----------
    Palomar & Verdú (2008), IEEE Trans. Inf. Theory 54(3); equation :eq:`eq-offset`.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> round(lautum_information(design, Params([1.0], {"g": 4.0}, 2.0)), 6)
    1.306853
    """
    V, R = marginal(design, params).cov, residual_covariance(design, params)
    return float(np.sum(np.diag(V - R) / np.diag(R))) - mutual_information(design, params)


def total_correlation(design: Design, params: Params) -> float:
    r"""½ (Σ log V_ii − log \|V\|): what dropping all correlations between rows costs on average.

    Returns
    -------
    float
        Value in nats.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "a", "b"])])
    >>> round(total_correlation(design, Params([1.0], {"g": 4.0}, 2.0)), 6)
    0.143841
    """
    V, R = marginal(design, params).cov, residual_covariance(design, params)
    return float(0.5 * np.log(np.diag(V) / np.diag(R)).sum()) - mutual_information(design, params)


def _spherical(design: Design, params: Params) -> tuple[np.ndarray, np.ndarray]:
    """L with G = LL', and W^½ZL/σ: the columns of effects that are independent standard normals."""
    _small_enough(design)
    theta = checked_params(params).theta(design)
    known = [np.eye(t.size[0]) if t.level_chol is None else t.level_chol for t in design.terms]
    root = block_diag(*(np.kron(A, own) for A, own in zip(known, theta.effect_chols, strict=True)))
    return root, np.sqrt(design.weights)[:, None] * (design.Z @ root) / params.sigma


def _small_enough(design: Design) -> None:
    if checked_rows(design).n > LARGEST:
        raise ValueError(
            f"dense moments are for {LARGEST:,} rows or fewer, the design has {design.n:,}; use "
            "loglik, which needs no n x n matrix"
        )
