"""Random effects given the response: exact draws for any number of parameter draws, without Markov chains."""

import numpy as np

from lmmlib import linalg
from lmmlib.data import Data, Triangles
from lmmlib.design import Theta

CHUNK = 2_000_000  # entries of the stacked factors held at a time


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
    >>> theta = Params([0.0], {"g": 0.0}, 1.0).theta(design)
    >>> many = Theta(theta.beta[None], (theta.roots[0][None],), theta.sigma[None])
    >>> draw_given_y(Data([1.0, 2.0, 3.0, 4.0], design), many, np.random.default_rng(1)).tolist()
    [[0.0, 0.0]]
    """
    draws, width = len(theta.sigma), sum(J * q for J, q in data.design.shapes)
    z = rng.standard_normal((draws, width))
    v = np.empty((draws, width))
    for block in data.reduction.blocks:
        step = max(1, CHUNK // max(1, 2 * block.R.size))
        for start in range(0, draws, step):
            part = slice(start, start + step)
            v[part, block.columns] = _draw_block(block, theta[part], z[part])
    return data.design.with_known_covariance(v)


def _draw_block(block: Triangles, theta: Theta, z: np.ndarray) -> np.ndarray:
    R, t, _ = block.solve(theta)
    s = linalg.solve_upper(R, t + theta.sigma[:, None, None] * z[:, block.columns])
    turned = [np.swapaxes(L, -1, -2) for L in theta.Lam]
    return linalg.scale_columns(s[..., None, :], turned, block.counts)[..., 0, :]
