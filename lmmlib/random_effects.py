"""Random effects given the response.

Their mean and covariance, exact draws, and the leverages of the rows.
"""

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
    r"""û = ΛR⁻¹t, the mean of u given y: BLUPs where β and the variances are estimates.

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
    layout, theta = reduction.layout, checked_params(params).theta(reduction.layout).repeat(1)
    s = linalg.back_substitute(reduction.forms, reduction.given(theta), layout.width)
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

    Notes
    -----
    A zero SD gives effects of zero. Cost O(S q³) a block.

    Examples
    --------
    >>> from lmmlib.model import Design, Params, Term
    >>> design = Design([[1.0]] * 4, [Term.grouped("g", ["a", "a", "b", "b"])])
    >>> once = Params([0.0], {"g": 0.0}, 1.0).theta(design).repeat(1)
    >>> conditional_draws(
    ...     Data([1.0, 2.0, 3.0, 4.0], design), once, np.random.default_rng(1)
    ... ).tolist()
    [[0.0, 0.0]]
    """
    if not isinstance(theta, Theta):
        kind = type(theta).__name__
        raise TypeError(
            f"theta must be a Theta with one axis of draws, got {kind}; make one with "
            "draws.theta(draws, design)"
        )
    reduction = as_reduction(data)
    layout, draws = reduction.layout, len(theta.sigma)
    s = theta.sigma[:, None] * checked_rng(rng).standard_normal((draws, layout.width))
    for part in reduction.chunks(draws):
        factor = reduction.given(theta[part])
        s[part] = linalg.back_substitute(reduction.forms, factor, layout.width, s[part].T).T
    return layout.with_known_covariance(layout.scaled(s, theta.Lam))


def conditional_covariance(data: Data | Reduction, params: Params) -> dict[str, np.ndarray]:
    r"""Var(u|y,θ) of each level's effects: the diagonal blocks of σ²ΛM⁻¹Λ', with M = Λ'Z'WZΛ + I.

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
    layout, theta = reduction.layout, checked_params(params).theta(reduction.layout).repeat(1)
    factor = reduction.given(theta)
    roots = [root[0] for root in theta.effect_chols]
    blocks = linalg.covariance_blocks(reduction.forms, factor, layout.width, layout.shapes, roots)
    known = enumerate(zip(layout.terms, blocks, roots, strict=True))
    return {
        t.name: own if t.level_chol is None else _mixed(reduction, factor, k, root)
        for k, (t, own, root) in known
    }


def _mixed(reduction: Reduction, factor: linalg.Factor, k: int, own: np.ndarray) -> np.ndarray:
    """Covariance of each level's effects where the levels have a known covariance.

    ``own`` is the root of Σ.
    """
    layout = reduction.layout
    (J, q), root = layout.shapes[k], layout.terms[k].level_chol
    first = sum(a * b for a, b in layout.shapes[:k])
    found = np.empty((J, q, q))
    for level in range(J):
        side = np.zeros((layout.width, q))
        side[first : first + J * q] = np.kron(root[level][:, None], own.T)
        half = linalg.forward_substitute(reduction.forms, factor, side[..., None])[..., 0]
        found[level] = half.T @ half
    return found


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
    layout, left = as_reduction(data).layout, conditional_covariance(data, params)
    shares = []
    for t in layout.terms:
        known = np.ones(len(t.levels)) if t.level_chol is None else np.sum(t.level_chol**2, 1)
        prior = np.outer(known, np.diag(params.cov[t.name]))
        after = np.einsum("jqq->jq", left[t.name])
        shares.append(1 - np.divide(after, prior, out=np.ones_like(prior), where=prior > 0).ravel())
    return np.concatenate(shares)


def leverages(data: Data, params: Params) -> np.ndarray:
    r"""Diagonal of the matrix that maps y to Xβ̂ + Zû at known variances.

    β̂ is the generalised least-squares estimate (a flat prior on β).

    Parameters
    ----------
    data : Data
        Response and design.
    params : Params
        Its β plays no part.

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
    reduction, design = checked_data(data).reduction, data.design
    Lam = checked_params(params).theta(design).repeat(1).Lam
    factor = reduction.factorise(Lam)
    p, found = design.X.shape[1], np.empty(design.n)
    for rows, seen, rest in linalg.row_leverages(
        design.independent, data.whitened[:-1, :p], design.partition, reduction.forms, factor, Lam
    ):
        by_fixed = linalg.solve_lower_stack(factor.rest[:p, :p, None], rest)
        found[rows] = (seen + np.sum(by_fixed**2, 0))[:, 0]
    return found
