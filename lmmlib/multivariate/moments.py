"""Dense mean and covariance of several traits, with effects integrated out or given."""

import numpy as np
from numpy.typing import ArrayLike

from lmmlib.model import Design, frozen_array
from lmmlib.moments import LARGEST, Gaussian
from lmmlib.multivariate.params import MultivariateParams, checked_covariances


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
    levels, _ = design.shapes[0]
    without_effects = conditional_moments(design, params, np.zeros((levels, len(params.G0))))
    Z = design.terms[0].columns_of_independent_levels().toarray()
    cov = np.kron(params.G0, Z @ Z.T) + without_effects.cov
    return Gaussian(without_effects.mean, cov)


def conditional_moments(design: Design, params: MultivariateParams, U: ArrayLike) -> Gaussian:
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
        raise ValueError(
            f"dense moments are for {LARGEST:,} entries of Y or fewer, got {design.n:,} rows of "
            f"{t} traits; use log_density, which needs no such matrix"
        )
    levels, _ = design.shapes[0]
    effects = frozen_array("U", U, (levels, t), "a row per level, a column per trait")
    mean = design.X @ params.B + design.Z @ effects
    cov = np.kron(params.R0, np.diag(1 / design.weights))
    return Gaussian(mean.T.ravel(), cov)
