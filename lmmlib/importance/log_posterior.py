"""The posterior density of the variance parameters, for many values at once.

β and u are integrated out.
"""

from dataclasses import dataclass

import numpy as np

from lmmlib import linalg
from lmmlib.importance.variance_parameters import VarianceParameters, variance_parameters
from lmmlib.loglik import LOG_2PI
from lmmlib.model import Priors, Reduction


@dataclass(frozen=True, eq=False)
class ConditionalBeta:
    """β given the variance parameters and y: N(R⁻¹t, σ²(R'R)⁻¹), and the log density of y.

    Attributes
    ----------
    R : ndarray, shape (p, p, S)
        Upper triangles.
    t : ndarray, shape (p, S)
        Right-hand side t of the mean R⁻¹t of β.
    log_density : ndarray, shape (S,)
        Log density of y given the variance parameters, in nats.
    """

    R: np.ndarray
    t: np.ndarray
    log_density: np.ndarray

    def select(self, draws: slice | np.ndarray) -> "ConditionalBeta":
        """The same for some of the draws."""
        return ConditionalBeta(self.R[..., draws], self.t[..., draws], self.log_density[draws])


@dataclass(frozen=True, eq=False)
class VariancePosterior:
    """The posterior density of the variance parameters at S points, and what it was made of.

    Attributes
    ----------
    log_density : ndarray, shape (S,)
        Log of prior times density of y; its exponential integrates to p(y) over φ.
    variances : VarianceParameters
        The variance parameters at these points.
    beta : ConditionalBeta
        β given each of them.
    """

    log_density: np.ndarray
    variances: VarianceParameters
    beta: ConditionalBeta


def conditional_beta(
    reduction: Reduction, priors: Priors, variances: VarianceParameters
) -> ConditionalBeta:
    """Integrate u and β ~ N(b₀, B₀) out: N(y; Xb₀, V + XB₀X') for each draw, through triangles.

    Parameters
    ----------
    reduction : Reduction
        Response and design, reduced.
    priors : Priors
        Prior distributions of the parameters.
    variances : VarianceParameters
        Variance parameters of S draws.

    Returns
    -------
    ConditionalBeta
        Distribution of β given each of them and y, and the log density of y.

    References
    ----------
    Equation :eq:`eq-penalised`, with the prior of β as p rows more.

    Examples
    --------
    >>> from lmmlib.model import Data, Design, ScalePrior, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> priors = Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> variances = variance_parameters(np.zeros((3, 2)), data.design.layout, priors)
    >>> conditional_beta(data.reduction, priors, variances).log_density.round(6).tolist()
    [-3.565098, -3.565098, -3.565098]
    """
    parts = [
        _conditional_beta(reduction, priors, variances.select(part))
        for part in reduction.chunks(len(variances.sigma))
    ]
    return ConditionalBeta(
        R=np.concatenate([part.R for part in parts], -1),
        t=np.concatenate([part.t for part in parts], -1),
        log_density=np.concatenate([part.log_density for part in parts], -1),
    )


def _conditional_beta(
    reduction: Reduction, priors: Priors, variances: VarianceParameters
) -> ConditionalBeta:
    """The same for few enough draws to hold all their factors."""
    sigma = variances.sigma
    factor = reduction.factorise([chol / sigma[:, None, None] for chol in variances.effect_chols])
    return beta_given_triangle(reduction, priors, factor.rhs_triangle, factor.log_det, sigma)


def beta_given_triangle(
    reduction: Reduction,
    priors: Priors,
    rhs_triangle: np.ndarray,
    log_det: np.ndarray,
    sigma: np.ndarray,
) -> ConditionalBeta:
    """β and the density of y once the spherical effects are eliminated.

    Parameters
    ----------
    reduction : Reduction
        Response and design, reduced.
    priors : Priors
        Prior distributions of the parameters.
    rhs_triangle : ndarray, shape (p + 1, p + 1, S)
        Upper triangles of [X, y] at the ratios of SDs.
    log_det : ndarray, shape (S,)
        Half log determinants there.
    sigma : ndarray, shape (S,)
        Residual SDs.

    Returns
    -------
    ConditionalBeta
        Distribution of β given each σ and y, and the log density of y.
    """
    p = len(priors.beta_mean)

    # The prior of γ = Tβ ~ N(m, diag(s²)) is p rows more, (σ/s_j)(T_j β − m_j): a covariance matrix
    # of β would square its condition number.
    prior_weights = sigma / priors.beta_sd[:, None]
    rows_of_gamma = np.column_stack([priors.transform, priors.beta_mean])
    prior_rows = prior_weights[:, None] * rows_of_gamma[..., None]

    # Eliminate β: what is left of the last column is the penalised residual sum of squares.
    triangle = linalg.triangle_stack(np.concatenate([prior_rows, rhs_triangle]))
    R = triangle[:p, :p]
    t = triangle[:p, p]
    pwrss = triangle[p, p] ** 2

    # log N(y; Xb₀, V + XB₀X') from the determinant and the sum of squares.
    log_diagonal = np.log(np.abs(np.einsum("jjs->js", R)))
    log_det_of_both = log_det + np.sum(log_diagonal - np.log(prior_weights), 0)
    constant = reduction.n * (LOG_2PI + 2 * np.log(sigma)) - reduction.log_weights
    log_density = -0.5 * (constant + 2 * log_det_of_both + pwrss / sigma**2)
    return ConditionalBeta(R, t, log_density)


def log_posterior(free: np.ndarray, reduction: Reduction, priors: Priors) -> VariancePosterior:
    """Log of prior times density of y at free coordinates φ; its integral over φ is p(y).

    Parameters
    ----------
    free : ndarray, shape (S, d)
        Free coordinates, as :func:`variance_parameters` takes them.
    reduction : Reduction
        Response and design, reduced.
    priors : Priors
        Prior distributions of the parameters.

    Returns
    -------
    VariancePosterior
        Log density at each of the S points, with its parts.

    Examples
    --------
    >>> from lmmlib.model import Data, Design, ScalePrior, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> priors = Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> log_posterior(np.zeros((1, 2)), data.reduction, priors).log_density.round(6).tolist()
    [-5.016681]
    """
    variances = variance_parameters(free, reduction.layout, priors)
    beta = conditional_beta(reduction, priors, variances)
    return VariancePosterior(variances.log_prior + beta.log_density, variances, beta)


def draw_beta(beta: ConditionalBeta, sigma: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """β = R⁻¹(t + σz) given the variance parameters and y, from standard normals z.

    Parameters
    ----------
    beta : ConditionalBeta
        Mean and precision of β for S draws.
    sigma : ndarray, shape (S,)
        Residual SDs.
    normals : ndarray, shape (S, p)
        Standard normals z.

    Returns
    -------
    ndarray, shape (S, p)
        One β for each draw.

    Examples
    --------
    >>> one = ConditionalBeta(np.full((1, 1, 1), 2.0), np.array([[6.0]]), np.zeros(1))
    >>> draw_beta(one, np.array([4.0]), np.array([[0.5]])).tolist()
    [[4.0]]
    """
    return linalg.solve_upper_stack(beta.R, beta.t + sigma * normals.T).T
