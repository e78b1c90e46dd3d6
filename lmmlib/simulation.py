"""Simulation of effects and responses from a design."""

from dataclasses import dataclass

import numpy as np

from lmmlib.model import Design, Params, RNGLike, Theta, checked_rng
from lmmlib.model.descriptions import describe_arrays
from lmmlib.model.design import checked_rows
from lmmlib.model.params import checked_params


@dataclass(frozen=True, eq=False, repr=False)
class Simulated:
    """A simulated response and its effects.

    Attributes
    ----------
    y : ndarray, shape (n,)
        Response.
    u : ndarray, shape (K,)
        Effects in the order of ``design.ranef``.
    """

    y: np.ndarray
    u: np.ndarray

    def __repr__(self) -> str:
        return describe_arrays(self, y=self.y, u=self.u)


def simulate(design: Design, params: Params, rng: RNGLike = None) -> Simulated:
    """Draw u ~ N(0, G), then y ~ N(offset + Xβ + Zu, σ²W⁻¹).

    One draw of the joint density of y and u.

    Parameters
    ----------
    design : Design
        Design of the rows.
    params : Params
        Fixed effects, covariances of the effects and residual SD.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.

    Returns
    -------
    Simulated
        Response and effects; y alone is a draw from N(offset + Xβ, V).

    Raises
    ------
    ValueError
        If sizes or names do not fit.

    References
    ----------
    Equation :eq:`eq-model`.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> simulate(design, Params([1.0], {"g": 0.0}, 2.0), np.random.default_rng(1)).u.tolist()
    [0.0, 0.0]
    """
    rng = checked_rng(rng)
    theta = checked_params(params).theta(checked_rows(design))
    u = draw_effects(design, theta, rng)
    y = draw_response(design, theta, u, rng)
    return Simulated(y, u)


def draw_effects(design: Design, theta: Theta, rng: RNGLike = None) -> np.ndarray:
    """Draw u ~ N(0, G(θ)) for each draw of θ.

    Parameters
    ----------
    design : Design
        Design of the rows.
    theta : Theta
        Parameters with any leading axes, one draw a position.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.

    Returns
    -------
    ndarray, shape (..., K)
        Draws of u, in the order of ``design.ranef``.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> theta = Params([0.0], {"g": 9.0}, 1.0).theta(design).repeat(100_000)
    >>> draw_effects(design, theta, rng=1).std(0).round(1).tolist()
    [3.0, 3.0]
    """
    rng = checked_rng(rng)
    draws = theta.sigma.shape
    by_term = [rng.standard_normal((*draws, J * q)) for J, q in design.shapes]
    z = np.concatenate(by_term, -1)
    return design.layout.with_known_covariance(design.layout.scaled(z, theta.effect_chols))


def draw_response(design: Design, theta: Theta, u: np.ndarray, rng: RNGLike = None) -> np.ndarray:
    """Draw y ~ N(offset + Xβ + Zu, σ²W⁻¹) for each draw of θ and u.

    Parameters
    ----------
    design : Design
        Design of the rows.
    theta : Theta
        Parameters with any leading axes, one draw a position.
    u : ndarray, shape (..., K)
        Effects of each draw, in the order of ``design.ranef``.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.

    Returns
    -------
    ndarray, shape (..., n)
        Draws of y.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])], weights=[1e30, 1e30])
    >>> theta = Params([1.0], {"g": 1.0}, 1.0).theta(design)
    >>> draw_response(design, theta, np.array([0.5, 0.0]), rng=1).round(9).tolist()
    [1.5, 1.0]
    """
    rng = checked_rng(rng)
    z = rng.standard_normal((*theta.sigma.shape, design.n))
    noise = theta.sigma[..., None] / np.sqrt(design.weights) * z
    return design.fixed_part(theta.beta) + design.random_part(u) + noise
