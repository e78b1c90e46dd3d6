"""Moments, draws, density and effects of several traits.

All but the dense moments go through univariate models.
"""

from dataclasses import dataclass

import numpy as np

from lmmlib import linalg
from lmmlib.loglik import LOG_2PI
from lmmlib.model import Data, Design, Params, RNGLike, checked_rng, frozen_array
from lmmlib.moments import LARGEST, Gaussian
from lmmlib.multivariate.data import (
    MultivariateData,
    MultivariateParams,
    checked_covariances,
    checked_traits,
)
from lmmlib.random_effects import conditional_mean


@dataclass(frozen=True, eq=False)
class Canonical:
    """T'R₀T = I and T'G₀T = diag(D): the columns of YT are independent univariate models.

    Attributes
    ----------
    T : ndarray, shape (t, t)
        Transformation to independent canonical traits.
    D : ndarray, shape (t,)
        Ratios of variances, falling.
    log_det : float
        Log|L| with R₀ = LL'; log|det T| is its negative.
    """

    T: np.ndarray
    D: np.ndarray
    log_det: float


@dataclass(frozen=True, eq=False)
class MultivariateSimulated:
    """A simulated response with the effects that made it.

    Attributes
    ----------
    Y : array_like, shape (n, t)
        Responses, a column per trait.
    U : ndarray, shape (J, t)
        Effects, a row per level, a column per trait.
    """

    Y: np.ndarray
    U: np.ndarray


def moments(design: Design, params: MultivariateParams) -> Gaussian:
    """vec(Y), trait by trait: mean vec(XB), covariance G₀⊗ZAZ' + R₀⊗W⁻¹.

    Parameters
    ----------
    design : Design
        Design with one term of one effect per level.
    params : MultivariateParams
        Fixed effects and covariances.

    Returns
    -------
    Gaussian
        Mean and covariance of n t entries.

    Raises
    ------
    ValueError
        If sizes do not fit, the design is of another kind, or n t > 5,000.

    References
    ----------
    Meyer (1985), Biometrics 41(1).

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> moments(
    ...     design, MultivariateParams([[1.0, 2.0]], [[4, 0], [0, 0]], [[4, 1], [1, 1]])
    ... ).cov.tolist()
    [[8.0, 0.0, 1.0, 0.0], [0.0, 8.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """
    checked_covariances(params).check(design)
    given = conditional_moments(design, params, np.zeros((design.shapes[0][0], len(params.G0))))
    Z = design.terms[0].columns_of_independent_levels().toarray()
    return Gaussian(given.mean, np.kron(params.G0, Z @ Z.T) + given.cov)


def conditional_moments(design: Design, params: MultivariateParams, U: object) -> Gaussian:
    """vec(Y) given U, trait by trait: mean vec(XB + ZU), covariance R₀⊗W⁻¹.

    Parameters
    ----------
    design : Design
        Design with one term of one effect per level.
    params : MultivariateParams
        Fixed effects and covariances.
    U : array_like, shape (J, t)
        A row per level, a column per trait.

    Returns
    -------
    Gaussian
        Mean and covariance of n t entries.

    Raises
    ------
    ValueError
        If sizes do not fit, the design is of another kind, or n t > 5,000.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> params = MultivariateParams([[1.0, 2.0]], np.eye(2), np.eye(2))
    >>> conditional_moments(design, params, [[0.5, 0.0], [0.0, -1.0]]).mean.tolist()
    [1.5, 1.0, 2.0, 1.0]
    """
    checked_covariances(params).check(design)
    t = len(params.R0)
    if design.n * t > LARGEST:
        told = f"got {design.n:,} rows of {t} traits"
        raise ValueError(
            f"dense moments are for {LARGEST:,} entries of Y or fewer, {told}; use log_density, "
            "which needs no such matrix"
        )
    U = frozen_array("U", U, (design.shapes[0][0], t), "a row per level, a column per trait")
    return Gaussian(
        (design.X @ params.B + design.Z @ U).T.ravel(),
        np.kron(params.R0, np.diag(1 / design.weights)),
    )


def simulate(
    design: Design, params: MultivariateParams, rng: RNGLike = None
) -> MultivariateSimulated:
    """Draw U ~ N(0, G₀⊗A), then Y = XB + ZU + E: one draw of their joint density.

    Parameters
    ----------
    design : Design
        Design with one term of one effect per level.
    params : MultivariateParams
        Fixed effects and covariances.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.

    Returns
    -------
    MultivariateSimulated
        Responses and effects; with one trait the same draw as that of ``lmmlib.simulate``.

    Raises
    ------
    ValueError
        If sizes do not fit, or the design is of another kind.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> made = simulate(
    ...     design,
    ...     MultivariateParams([[1.0, 2.0]], np.zeros((2, 2)), np.eye(2)),
    ...     np.random.default_rng(1),
    ... )
    >>> made.Y.shape, made.U.tolist()
    ((2, 2), [[0.0, 0.0], [0.0, 0.0]])
    """
    checked_covariances(params).check(design)
    rng = checked_rng(rng)
    J, t = design.shapes[0][0], len(params.R0)
    by_level = rng.standard_normal((J, t)) @ linalg.cholesky_semidefinite(params.G0).T
    U = design.layout.with_known_covariance(by_level.T).T
    E = (
        rng.standard_normal((design.n, t))
        @ np.linalg.cholesky(params.R0).T
        / np.sqrt(design.weights)[:, None]
    )
    return MultivariateSimulated(design.X @ params.B + design.Z @ U + E, U)


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
    return diagonalised(linalg.cholesky_semidefinite(params.G0), np.linalg.cholesky(params.R0))


def diagonalised(root: np.ndarray, L: np.ndarray) -> Canonical:
    """Canonical form from factors of both covariances.

    As :func:`canonical`, for G₀ = root root' and R₀ = LL', so that no ratio comes out below zero.

    Examples
    --------
    >>> diagonalised(np.diag([3.0, 0.0]), np.eye(2)).D.tolist()
    [9.0, 0.0]
    """
    Q, size, _ = np.linalg.svd(np.linalg.solve(L, root))
    return Canonical(np.linalg.solve(L.T, Q), size**2, float(np.log(np.abs(np.diag(L))).sum()))


def log_density(data: MultivariateData, params: MultivariateParams) -> float:
    r"""log p(Y|B,G₀,R₀).

    The marginal log densities of the t columns of YT, less n log\|L\| for the change of variables.

    Parameters
    ----------
    data : MultivariateData
        Responses and design.
    params : MultivariateParams
        A singular G₀ is allowed.

    Returns
    -------
    float
        Value in nats.

    Raises
    ------
    ValueError
        If sizes do not fit.

    Notes
    -----
    The rows are read once, when ``data`` is first used; after that the cost is O((J + p + t) t (p +
    t)).

    References
    ----------
    Meyer (1985), Biometrics 41(1); equation :eq:`eq-penalised` for each column.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> data = MultivariateData(
    ...     [[1.0, 0.0], [2.0, 0.0]], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    ... )
    >>> round(log_density(data, MultivariateParams([[0.0, 0.0]], [[3, 0], [0, 0]], np.eye(2))), 6)
    -5.687048
    """
    checked_traits(data).check(params)
    found, rows, (n, t) = canonical(params), data.rotated, data.Y.shape
    variance = 1 + np.outer(rows.s**2, found.D)
    squares = ((rows.Y - rows.X @ params.B) @ found.T) ** 2
    constant = n * t * LOG_2PI + 2 * n * found.log_det - t * data.log_weights
    return float(-0.5 * (constant + np.sum(np.log(variance) + squares / variance)))


def blup(data: MultivariateData, params: MultivariateParams) -> np.ndarray:
    """E[U|Y]: the means of the effects of the columns of YT, turned back.

    Parameters
    ----------
    data : MultivariateData
        Responses and design.
    params : MultivariateParams
        Fixed effects and covariances.

    Returns
    -------
    ndarray, shape (J, t)
        Conditional means of the effects; BLUPs where B is its estimate.

    Raises
    ------
    ValueError
        If sizes do not fit.

    References
    ----------
    Ducrocq & Chapuis (1997), Genet. Sel. Evol. 29(3); Henderson (1975), Biometrics 31(2).

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> data = MultivariateData(
    ...     [[3.0, 1.0], [0.0, 2.0]], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    ... )
    >>> blup(data, MultivariateParams([[1.0, 0.0]], [[4, 0], [0, 1]], [[4, 0], [0, 1]])).round(
    ...     12
    ... ).tolist()
    [[1.0, 0.5], [-0.5, 1.0]]
    """
    checked_traits(data).check(params)
    name, found = data.design.terms[0].name, canonical(params)
    columns = zip((data.Y @ found.T).T, (params.B @ found.T).T, found.D, strict=True)
    turned = [
        conditional_mean(Data(y, data.design), Params(beta, {name: ratio}, 1.0))
        for y, beta, ratio in columns
    ]
    return np.linalg.solve(found.T.T, np.array(turned)).T
