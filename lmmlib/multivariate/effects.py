"""Effects of several traits given the response, through univariate models."""

from dataclasses import dataclass

import numpy as np

from lmmlib.model import Data, Params
from lmmlib.multivariate.canonical import canonical
from lmmlib.multivariate.data import MultivariateData, checked_traits
from lmmlib.multivariate.params import MultivariateParams
from lmmlib.random_effects import conditional_covariance, conditional_mean


def blup(data: MultivariateData, params: MultivariateParams) -> np.ndarray:
    """E[U|Y]: the means of the effects of the columns of YT, transformed back.

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
    >>> from lmmlib.model import Design, Term
    >>> data = MultivariateData(
    ...     [[3.0, 1.0], [0.0, 2.0]], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    ... )
    >>> params = MultivariateParams([[1.0, 0.0]], [[4, 0], [0, 1]], [[4, 0], [0, 1]])
    >>> blup(data, params).round(12).tolist()
    [[1.0, 0.5], [-0.5, 1.0]]
    """
    checked_traits(data).check(params)
    means = [conditional_mean(trait.data, trait.params) for trait in _univariate(data, params)]
    back = canonical(params).transform.T
    return np.linalg.solve(back, np.array(means)).T


def conditional_sd(data: MultivariateData, params: MultivariateParams) -> np.ndarray:
    """SDs of U given Y at known B and covariances.

    With U = CT⁻¹, the columns of C independent given Y, Var(u_jm) = Σ_k (T⁻¹)²_km Var(c_jk).

    Parameters
    ----------
    data : MultivariateData
        Responses and design.
    params : MultivariateParams
        Fixed effects and covariances.

    Returns
    -------
    ndarray, shape (J, t)
        Conditional SDs of the effects.

    Raises
    ------
    ValueError
        If sizes do not fit.

    References
    ----------
    Henderson (1975), Biometrics 31(2), for each canonical trait.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = MultivariateData(
    ...     [[3.0, 1.0], [0.0, 2.0]], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    ... )
    >>> params = MultivariateParams([[1.0, 0.0]], [[4, 0], [0, 1]], [[4, 0], [0, 1]])
    >>> (conditional_sd(data, params) ** 2).round(12).tolist()
    [[2.0, 0.5], [2.0, 0.5]]
    """
    checked_traits(data).check(params)
    name = data.design.terms[0].name
    variances = [
        conditional_covariance(trait.data, trait.params)[name].ravel()
        for trait in _univariate(data, params)
    ]
    back = np.linalg.inv(canonical(params).transform)
    return np.sqrt(np.array(variances).T @ back**2)


@dataclass(frozen=True, eq=False)
class CanonicalTrait:
    """The univariate model of one column of YT.

    Attributes
    ----------
    data : Data
        The column, with the design.
    params : Params
        Its fixed effects, the ratio D_k for a variance, and σ = 1.
    """

    data: Data
    params: Params


def _univariate(data: MultivariateData, params: MultivariateParams) -> list[CanonicalTrait]:
    name = data.design.terms[0].name
    independent = canonical(params)
    Y = data.Y @ independent.transform
    B = params.B @ independent.transform
    return [
        CanonicalTrait(Data(y, data.design), Params(beta, {name: ratio}, 1.0))
        for y, beta, ratio in zip(Y.T, B.T, independent.D, strict=True)
    ]
