"""The discussion's two experiments as generators."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from lmmlib.model import Design, Params, RNGLike, Term, checked_rng, frozen_array
from lmmlib.model.descriptions import describe_arrays
from lmmlib.model.options import whole_number
from lmmlib.model.validation import positive
from lmmlib.simulation import simulate


@dataclass(frozen=True, eq=False, repr=False)
class Experiment:
    """A simulated experiment with its truth.

    Attributes
    ----------
    design : Design
        Design of the rows.
    y : ndarray, shape (n,)
        Response.
    beta : ndarray, shape (p,)
        Fixed effects.
    u : ndarray, shape (K,)
        Effects in the order of ``design.ranef``.
    sigma : float
        Residual SD.
    """

    design: Design
    y: np.ndarray
    beta: np.ndarray
    u: np.ndarray
    sigma: float

    def __repr__(self) -> str:
        return describe_arrays(self, y=self.y, beta=self.beta, u=self.u)


def experiment_1(
    rng: RNGLike = None, n: int = 100, p: int = 4, q: int = 5, sigma: float = 0.01
) -> Experiment:
    """The discussion's first experiment.

    One draw of q correlated effects, each with a column and an SD of its own.

    Q = WW' for a (q, q) matrix W of standard normals is the precision of u; Z and X are uniform on
    (0, 1), the first column of X is one; β = 5 + standard normal.

    Parameters
    ----------
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.
    n, p, q : int, optional
        Numbers of rows, fixed effects and random effects.
    sigma : float, default: 0.01
        Residual SD.

    Returns
    -------
    Experiment
        Design, truth and response; the design has q dense terms of one column.

    Examples
    --------
    >>> experiment_1(np.random.default_rng(1)).design.effects
    ('z1', 'z2', 'z3', 'z4', 'z5')
    """
    rng = checked_rng(rng)
    n = whole_number("n", n, 1)
    p = whole_number("p", p, 1)
    q = whole_number("q", q, 1)
    sigma = positive("sigma", sigma)

    # u with precision Q = LL': L⁻ᵀ times standard normals.
    W = rng.standard_normal((q, q))
    L = cholesky(W @ W.T, lower=True)
    u = solve_triangular(L, rng.standard_normal(q), lower=True, trans="T")

    Z = rng.uniform(size=(n, q))
    X = rng.uniform(size=(n, p))
    X[:, 0] = 1.0
    design = Design(X, [Term.dense(f"z{k + 1}", Z[:, [k]]) for k in range(q)])
    beta = 5 + rng.standard_normal(p)
    y = X @ beta + Z @ u + sigma * rng.standard_normal(n)
    return Experiment(design, y, beta, u, sigma)


def experiment_2(
    rng: RNGLike = None,
    n: int = 500,
    p: int = 5,
    groups: int = 10,
    tau: float = 0.5**0.5,
    sigma: float = 1.0,
) -> Experiment:
    """The discussion's second experiment: groups of equal size, each with an intercept of its own.

    X is standard normal, β ~ N(0, 2²), u ~ N(0, τ²).

    Parameters
    ----------
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.
    n, p, groups : int, optional
        Numbers of rows, fixed effects and groups; n is a multiple of groups.
    tau, sigma : float, optional
        SDs of the effects and of the rows.

    Returns
    -------
    Experiment
        Design, truth and response; the design has one term ``group``.

    Raises
    ------
    ValueError
        If the groups cannot be of equal size.

    Examples
    --------
    >>> experiment_2(np.random.default_rng(1)).design.shapes
    ((10, 1),)
    """
    n = whole_number("n", n, 1)
    p = whole_number("p", p, 1)
    groups = whole_number("groups", groups, 1)
    tau = float(frozen_array("tau", tau, ()))
    sigma = positive("sigma", sigma)
    if n % groups:
        raise ValueError(
            f"n must be a multiple of groups for groups of equal size, got {n} and {groups}"
        )
    rng = checked_rng(rng)
    X = rng.standard_normal((n, p))
    beta = 2 * rng.standard_normal(p)
    group = np.repeat(np.arange(groups), n // groups)
    design = Design(X, [Term.grouped("group", group)])
    params = Params(beta, {"group": np.array([[tau**2]])}, sigma)
    simulated = simulate(design, params, rng)
    return Experiment(design, simulated.y, beta, simulated.u, sigma)
