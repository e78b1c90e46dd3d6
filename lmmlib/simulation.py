"""Draws of u and y from a design, and the discussion's two experiments as generators."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from lmmlib.design import Design, Params, RNGLike, Term, Theta, checked_rng, frozen_array
from lmmlib.design.arguments import whole_number
from lmmlib.design.checks import positive
from lmmlib.design.design import checked_rows
from lmmlib.design.params import checked_params


@dataclass(frozen=True, eq=False)
class Simulated:
    """A simulated response with the effects that made it.

    Attributes
    ----------
    y : (n,);  u : (K,)
    """

    y: np.ndarray
    u: np.ndarray


@dataclass(frozen=True, eq=False)
class Experiment:
    """A simulated experiment with its truth.

    Attributes
    ----------
    design : Design
    y : (n,);  beta : (p,);  u : (K,)
    sigma : float
    """

    design: Design
    y: np.ndarray
    beta: np.ndarray
    u: np.ndarray
    sigma: float


def simulate(design: Design, params: Params, rng: RNGLike = None) -> Simulated:
    """Draw u ~ N(0, G), then y ~ N(offset + Xβ + Zu, σ²W⁻¹): one draw of the joint density of y and u.

    Parameters
    ----------
    design : Design
    params : Params
    rng : anything that ``numpy.random.default_rng`` takes

    Returns
    -------
    Simulated; its y alone is a draw from N(offset + Xβ, V)

    Raises
    ------
    ValueError  if sizes or names do not fit

    References
    ----------
    :eq:`eq-model`.

    Examples
    --------
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> simulate(design, Params([1.0], {"g": 0.0}, 2.0), np.random.default_rng(1)).u.tolist()
    [0.0, 0.0]
    """
    rng = checked_rng(rng)
    theta = checked_params(params).theta(checked_rows(design))
    u = draw_effects(design, theta, rng)
    return Simulated(draw_response(design, theta, u, rng), u)


def draw_effects(design: Design, theta: Theta, rng: RNGLike = None) -> np.ndarray:
    """u ~ N(0, G(θ)) for each draw of θ: levels independent but for a known covariance.

    Parameters
    ----------
    design : Design
    theta : Theta with any leading axes
    rng : anything that ``numpy.random.default_rng`` takes

    Returns
    -------
    (..., K)

    Examples
    --------
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> draw_effects(design, Params([0.0], {"g": 0.0}, 1.0).theta(design), np.random.default_rng(1)).tolist()
    [0.0, 0.0]
    """
    rng = checked_rng(rng)
    z = np.concatenate([rng.standard_normal((*theta.sigma.shape, J * q)) for J, q in design.shapes], -1)
    return design.layout.with_known_covariance(design.layout.scaled(z, theta.roots))


def draw_response(design: Design, theta: Theta, u: np.ndarray, rng: RNGLike = None) -> np.ndarray:
    """y ~ N(offset + Xβ + Zu, σ²W⁻¹) for each draw of (θ, u): (..., n).

    Examples
    --------
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])], weights=[1e30, 1e30])
    >>> theta = Params([1.0], {"g": 1.0}, 1.0).theta(design)
    >>> draw_response(design, theta, np.array([0.5, 0.0]), np.random.default_rng(1)).round(9).tolist()
    [1.5, 1.0]
    """
    rng = checked_rng(rng)
    noise = theta.sigma[..., None] / np.sqrt(design.weights) * rng.standard_normal((*theta.sigma.shape, design.n))
    return design.fixed_part(theta.beta) + design.random_part(u) + noise


def experiment_1(rng: RNGLike = None, n: int = 100, p: int = 4, q: int = 5, sigma: float = 0.01) -> Experiment:
    """The discussion's first experiment: one draw of q correlated effects, each with a column and an SD of its own.

    Q = WW' for a (q, q) matrix W of standard normals is the precision of u; Z and X are uniform on (0, 1), the first
    column of X is one; β = 5 + standard normal.

    Parameters
    ----------
    rng : anything that ``numpy.random.default_rng`` takes
    n, p, q : rows, fixed effects, random effects
    sigma : residual SD

    Returns
    -------
    Experiment, whose design has q dense terms of one column

    Examples
    --------
    >>> experiment_1(np.random.default_rng(1)).design.effects
    ('z1', 'z2', 'z3', 'z4', 'z5')
    """
    rng = checked_rng(rng)
    n, p, q = (whole_number(name, value, 1) for name, value in (("n", n), ("p", p), ("q", q)))
    sigma = positive("sigma", sigma)
    W = rng.standard_normal((q, q))
    L = cholesky(W @ W.T, lower=True)
    u = solve_triangular(L, rng.standard_normal(q), lower=True, trans="T")
    Z, X = rng.uniform(size=(n, q)), rng.uniform(size=(n, p))
    X[:, 0] = 1.0
    design = Design(X, [Term.dense(f"z{k + 1}", Z[:, [k]]) for k in range(q)])
    beta = 5 + rng.standard_normal(p)
    y = X @ beta + Z @ u + sigma * rng.standard_normal(n)
    return Experiment(design, y, beta, u, sigma)


def experiment_2(rng: RNGLike = None, n: int = 500, p: int = 5, groups: int = 10, tau: float = 0.5**0.5, sigma: float = 1.0) -> Experiment:
    """The discussion's second experiment: groups of equal size, each with an intercept of its own.

    X is standard normal, β ~ N(0, 2²), u ~ N(0, τ²).

    Parameters
    ----------
    rng : anything that ``numpy.random.default_rng`` takes
    n, p, groups : rows, fixed effects, groups; n is a multiple of groups
    tau, sigma : SDs of the effects and of the rows

    Returns
    -------
    Experiment, whose design has one term ``group``

    Raises
    ------
    ValueError  if the groups cannot be of equal size

    Examples
    --------
    >>> experiment_2(np.random.default_rng(1)).design.shapes
    ((10, 1),)
    """
    n, p, groups = (whole_number(name, value, 1) for name, value in (("n", n), ("p", p), ("groups", groups)))
    tau = float(frozen_array("tau", tau, ()))
    sigma = positive("sigma", sigma)
    if n % groups:
        raise ValueError(f"n must be a multiple of groups for groups of equal size, got {n} and {groups}")
    rng = checked_rng(rng)
    X = rng.standard_normal((n, p))
    beta = 2 * rng.standard_normal(p)
    design = Design(X, [Term.grouped("group", np.repeat(np.arange(groups), n // groups))])
    made = simulate(design, Params(beta, {"group": tau**2}, sigma), rng)
    return Experiment(design, made.y, beta, made.u, sigma)
