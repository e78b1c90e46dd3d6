"""Draws of several traits from their model."""

from dataclasses import dataclass

import numpy as np

from lmmlib import linalg
from lmmlib.model import Design, RNGLike, checked_rng
from lmmlib.model.descriptions import describe_arrays
from lmmlib.multivariate.params import MultivariateParams, checked_covariances


@dataclass(frozen=True, eq=False, repr=False)
class MultivariateSimulated:
    """A simulated response with its effects.

    Attributes
    ----------
    Y : ndarray, shape (n, t)
        Responses, a column per trait.
    U : ndarray, shape (J, t)
        Effects, a row per level, a column per trait.
    """

    Y: np.ndarray
    U: np.ndarray

    def __repr__(self) -> str:
        return describe_arrays(self, Y=self.Y, U=self.U)


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
    >>> simulated = simulate(
    ...     design,
    ...     MultivariateParams([[1.0, 2.0]], np.zeros((2, 2)), np.eye(2)),
    ...     np.random.default_rng(1),
    ... )
    >>> simulated.Y.shape, simulated.U.tolist()
    ((2, 2), [[0.0, 0.0], [0.0, 0.0]])
    """
    checked_covariances(params).check(design)
    generator = checked_rng(rng)
    levels, _ = design.shapes[0]
    t = len(params.R0)

    # Effects of independent levels first, then with the known covariance of the levels.
    G0_chol = linalg.cholesky_semidefinite(params.G0)
    of_independent_levels = generator.standard_normal((levels, t)) @ G0_chol.T
    U = design.layout.with_known_covariance(of_independent_levels.T).T

    R0_chol = np.linalg.cholesky(params.R0)
    of_weight_one = generator.standard_normal((design.n, t)) @ R0_chol.T
    E = of_weight_one / np.sqrt(design.weights)[:, None]
    return MultivariateSimulated(design.X @ params.B + design.Z @ U + E, U)
