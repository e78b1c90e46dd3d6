"""Random effects given the response: mean, covariance and exact draws; leverages of the rows."""

import numpy as np

from lmmlib import linalg
from lmmlib.model import (
    Data,
    Params,
    Reduction,
    RNGLike,
    Theta,
    as_reduction,
    checked_data,
    checked_rng,
)
from lmmlib.model.params import checked_params


def conditional_mean(data: Data | Reduction, params: Params) -> np.ndarray:
    r"""Mean of u given y, û = ΛR⁻¹t: BLUPs where β and the variances are estimates.

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.
    params : Params
        Fixed effects, covariances of the effects and residual SD.

    Returns
    -------
    ndarray, shape (K,)
        Effects in the order of ``design.ranef``.

    References
    ----------
    Henderson (1975), Biometrics 31(2); equation :eq:`eq-effects-given-y`.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([3.0, 0.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> conditional_mean(data, Params([1.0], {"g": 4.0}, 2.0)).round(12).tolist()
    [1.0, -0.5]
    """
    reduction = as_reduction(data)
    layout = reduction.layout
    theta = checked_params(params).theta(layout).repeat(1)
    factor = reduction.given(theta)
    s = linalg.back_substitute(factor, layout.width)
    return layout.with_known_covariance(layout.scaled(s.T, theta.Lam))[0]


def conditional_draws(data: Data | Reduction, theta: Theta, rng: RNGLike = None) -> np.ndarray:
    r"""One draw of u from p(u|y,θ) for each draw of θ.

    With M = Λ'Z'WZΛ + I = R'R and R⁻ᵀΛ'Z'W(y − offset − Xβ) = t, the draw is u = ΛR⁻¹(t + σz), z ~
    N(0, I).

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.
    theta : Theta
        Parameters with one leading axis of S draws.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.

    Returns
    -------
    ndarray, shape (S, K)
        Draws of u, in units of the response per unit of the covariate.

    Raises
    ------
    TypeError
        If ``theta`` is no Theta.

    Notes
    -----
    A zero SD gives effects of zero. Cost O(S q³) a block.

    Examples
    --------
    >>> from lmmlib.model import Design, Params, Term
    >>> data = Data([3.0, 0.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> theta = Params([1.0], {"g": 4.0}, 2.0).theta(data.design).repeat(100_000)
    >>> conditional_draws(data, theta, rng=1).mean(0).round(1).tolist()
    [1.0, -0.5]
    """
    if not isinstance(theta, Theta):
        kind = type(theta).__name__
        raise TypeError(
            f"theta must be a Theta with one axis of draws, got {kind}; make one with "
            "draws.theta(draws, design)"
        )
    reduction = as_reduction(data)
    layout = reduction.layout
    S = len(theta.sigma)
    noise = theta.sigma[:, None] * checked_rng(rng).standard_normal((S, layout.width))
    s = np.empty_like(noise)
    for part in reduction.chunks(S):
        factor = reduction.given(theta[part])
        shift = noise[part].T
        s[part] = linalg.back_substitute(factor, layout.width, shift).T
    return layout.with_known_covariance(layout.scaled(s, theta.Lam))


def conditional_covariance(data: Data | Reduction, params: Params) -> dict[str, np.ndarray]:
    r"""Covariance of each level's effects given y: diagonal blocks of σ²ΛM⁻¹Λ', M = Λ'Z'WZΛ + I.

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.
    params : Params
        Fixed effects, covariances of the effects and residual SD.

    Returns
    -------
    dict of str to ndarray
        Covariance matrices (J, q, q) of each term's levels at known β and variances, by the term's
        name.

    Notes
    -----
    Blocks of effects cost what the factor costs; a term with a known covariance of J levels costs
    J² more.

    References
    ----------
    Henderson (1975), Biometrics 31(2); equation :eq:`eq-effects-given-y`.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([3.0, 0.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> conditional_covariance(data, Params([1.0], {"g": 4.0}, 2.0))["g"].ravel().round(12).tolist()
    [2.0, 2.0]
    """
    reduction = as_reduction(data)
    layout = reduction.layout
    theta = checked_params(params).theta(layout).repeat(1)
    factor = reduction.given(theta)
    effect_chols = [chol[0] for chol in theta.effect_chols]
    blocks = linalg.inverse_blocks(factor, layout.width, layout.shapes, effect_chols)
    covariances = {}
    for term_number, term in enumerate(layout.terms):
        if term.level_chol is None:
            covariances[term.name] = blocks[term_number]
        else:
            covariances[term.name] = _covariance_of_dependent_levels(
                reduction, factor, term_number, term.level_chol, effect_chols[term_number]
            )
    return covariances


def _covariance_of_dependent_levels(
    reduction: Reduction,
    factor: linalg.Factor,
    term_number: int,
    level_chol: np.ndarray,
    effect_chol: np.ndarray,
) -> np.ndarray:
    """Covariance (J, q, q) of each level's effects where the levels have a known covariance.

    With the rows a of (level_chol ⊗ effect_chol) that belong to a level, it is aM⁻¹a'.
    """
    layout = reduction.layout
    J, q = layout.shapes[term_number]
    start = sum(levels * effects for levels, effects in layout.shapes[:term_number])
    stop = start + J * q
    covariance = np.empty((J, q, q))
    for level in range(J):
        rhs = np.zeros((layout.width, q))
        rhs[start:stop] = np.kron(level_chol[level][:, None], effect_chol.T)
        half = linalg.forward_substitute(factor, rhs[..., None])[..., 0]
        covariance[level] = half.T @ half
    return covariance


def shrinkage_information(data: Data | Reduction, params: Params) -> np.ndarray:
    r"""Share of each effect's variance that the response removes: 1 − Var(u_k|y,θ) / Var(u_k|θ).

    Near one the data determine the effect, and a sampler does well to sample it itself; near zero
    the prior does.

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.
    params : Params
        Fixed effects, covariances of the effects and residual SD.

    Returns
    -------
    ndarray, shape (K,)
        Values within 0 and 1, in the order of ``design.ranef``; zero for an effect without
        variance.

    References
    ----------
    Papaspiliopoulos, Roberts & Sköld (2007), Stat. Sci. 22(1); equation :eq:`eq-effects-given-y`.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([3.0, 0.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> shrinkage_information(data, Params([1.0], {"g": 4.0}, 2.0)).round(12).tolist()
    [0.5, 0.5]
    """
    layout = as_reduction(data).layout
    covariances = conditional_covariance(data, params)
    shares = []
    for term in layout.terms:
        if term.level_chol is None:
            level_variance = np.ones(len(term.levels))
        else:
            level_variance = np.sum(term.level_chol**2, 1)
        prior = np.outer(level_variance, np.diag(params.cov[term.name]))
        posterior = np.einsum("jqq->jq", covariances[term.name])
        ratio = np.divide(posterior, prior, out=np.ones_like(prior), where=prior > 0)
        shares.append(1 - ratio.ravel())
    return np.concatenate(shares)


def leverages(data: Data, params: Params) -> np.ndarray:
    r"""Diagonal of the matrix that maps y to Xβ̂ + Zû at known variances.

    β̂ is the generalised least-squares estimate (a flat prior on β).

    Parameters
    ----------
    data : Data
        Response and design.
    params : Params
        Covariances of the effects and residual SD; β plays no part.

    Returns
    -------
    ndarray, shape (n,)
        Values within 0 and 1; their sum is the effective number of parameters.

    References
    ----------
    Hodges & Sargent (2001), Biometrika 88(2), for the sum.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([3.0, 0.0, 1.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> leverages(data, Params([1.0], {"g": 0.0}, 2.0)).round(12).tolist()
    [0.333333333333, 0.333333333333, 0.333333333333]
    """
    reduction = checked_data(data).reduction
    design = data.design
    Lam = checked_params(params).theta(design).repeat(1).Lam
    factor = reduction.factorise(Lam)
    p = design.X.shape[1]
    X = data.whitened[:-1, :p]
    R_X = factor.rhs_triangle[:p, :p, None]
    leverage = np.empty(design.n)
    for part in linalg.row_leverages(design.independent, X, design.partition, factor, Lam):
        by_fixed = linalg.solve_lower_stack(R_X, part.remainder)
        leverage[part.rows] = (part.leverage + np.sum(by_fixed**2, 0))[:, 0]
    return leverage
