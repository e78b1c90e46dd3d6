"""Random effects given the response: their mean, and exact draws for any number of parameter draws."""

import numpy as np

from lmmlib import linalg
from lmmlib.data import Data
from lmmlib.design import Params, Theta

CHUNK = 2_000_000  # entries of the stacked factors held at a time


def mean_given_y(data: Data, params: Params) -> np.ndarray:
    r"""û = ΛR⁻¹t, the mean of u given y: BLUPs where β and the variances are estimates.

    Parameters
    ----------
    data : Data
    params : Params

    Returns
    -------
    (K,) in the order of ``design.ranef``

    References
    ----------
    Henderson (1975), Biometrics 31(2); :eq:`eq-effects-given-y`.

    Examples
    --------
    >>> from lmmlib.design import Design, Term
    >>> data = Data([3.0, 0.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> mean_given_y(data, Params([1.0], {"g": 4.0}, 2.0)).round(12).tolist()
    [1.0, -0.5]
    """
    theta = params.theta(data.design)
    v = np.empty(data.design.Z.shape[1])
    for block in data.reduction.blocks:
        R, t, _ = block.solve(theta)
        v[block.columns] = block.effects(linalg.solve_upper(R, t), theta)
    return data.design.with_known_covariance(v)


def draw_given_y(data: Data, theta: Theta, rng: np.random.Generator) -> np.ndarray:
    r"""One draw of u from p(u|y,θ) for each draw of θ.

    With M = Λ'Z'ZΛ + I = R'R and R⁻ᵀΛ'Z'(y − Xβ) = t, the draw is u = ΛR⁻¹(t + σz), z ~ N(0, I).

    Parameters
    ----------
    data : Data
    theta : Theta with one leading axis of S draws
    rng : numpy.random.Generator

    Returns
    -------
    (S, K), in units of the response per unit of the covariate

    Notes
    -----
    A zero SD gives effects of zero. Cost O(S q³) a block.

    Examples
    --------
    >>> from lmmlib.design import Design, Params, Term
    >>> design = Design([[1.0]] * 4, [Term.grouped("g", ["a", "a", "b", "b"])])
    >>> once = Params([0.0], {"g": 0.0}, 1.0).theta(design).repeat(1)
    >>> draw_given_y(Data([1.0, 2.0, 3.0, 4.0], design), once, np.random.default_rng(1)).tolist()
    [[0.0, 0.0]]
    """
    draws, width = len(theta.sigma), sum(J * q for J, q in data.design.shapes)
    z = rng.standard_normal((draws, width))
    v = np.empty((draws, width))
    for block in data.reduction.blocks:
        step = max(1, CHUNK // max(1, 2 * block.R.size))
        for start in range(0, draws, step):
            part = slice(start, start + step)
            R, t, _ = block.solve(theta[part])
            noise = theta.sigma[part, None, None] * z[part][:, block.columns]
            v[part, block.columns] = block.effects(linalg.solve_upper(R, t + noise), theta[part])
    return data.design.with_known_covariance(v)


def information(data: Data, params: Params) -> np.ndarray:
    r"""Share of each effect's variance that the response removes: 1 − Var(u_k|y,θ) / Var(u_k|θ).

    Near one the data determine the effect, and a sampler does well to sample it itself; near zero the prior does.

    Parameters
    ----------
    data : Data
    params : Params

    Returns
    -------
    (K,) within 0 and 1, in the order of ``design.ranef``; zero for an effect without variance

    Notes
    -----
    For effects with independent levels: a known covariance of the levels is taken out first.

    References
    ----------
    Papaspiliopoulos, Roberts & Sköld (2007), Stat. Sci. 22(1); :eq:`eq-effects-given-y`.

    Examples
    --------
    >>> from lmmlib.design import Design, Term
    >>> data = Data([3.0, 0.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> information(data, Params([1.0], {"g": 4.0}, 2.0)).round(12).tolist()
    [0.5, 0.5]
    """
    theta = params.theta(data.design)
    left = np.empty(data.design.Z.shape[1])
    for block in data.reduction.blocks:
        R, _, _ = block.solve(theta)
        half = block.effects(np.moveaxis(np.linalg.inv(R), -1, 0), theta)  # ΛR⁻¹, column by column
        left[block.columns] = np.sum(half**2, 0)
    prior = np.concatenate([np.tile(np.sum(L**2, -1), J) for (J, _), L in zip(data.design.shapes, theta.Lam, strict=True)])
    return 1 - np.divide(left, prior, out=np.ones_like(left), where=prior > 0)
