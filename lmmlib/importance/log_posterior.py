"""The posterior density of the variance parameters, for many values at once.

β and u are integrated out.

The free coordinates φ are the logarithms of the SDs that are not fixed, log σ, and the inverse
hyperbolic tangents of canonical partial correlations.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln

from lmmlib import linalg
from lmmlib.loglik import LOG_2PI
from lmmlib.model import Layout, Priors, Reduction


@dataclass(frozen=True, eq=False)
class VarianceParameters:
    """SDs, correlations and σ in arrays, one value a draw.

    Attributes
    ----------
    sd : ndarray, shape (S, effects)
        SDs of the effects.
    cor : ndarray, shape (S, pairs)
        Correlations of the effects.
    effect_chols : tuple of ndarray
        One array (S, q, q) per term, lower, with Σ_k = L_k L_k'.
    sigma : ndarray, shape (S,)
        Residual SD.
    log_prior : ndarray, shape (S,)
        Log prior density of the free coordinates, Jacobian included.
    """

    sd: np.ndarray
    cor: np.ndarray
    effect_chols: tuple[np.ndarray, ...]
    sigma: np.ndarray
    log_prior: np.ndarray

    def select(self, draws: slice | np.ndarray) -> "VarianceParameters":
        """The same for some of the draws."""
        return VarianceParameters(
            sd=self.sd[draws],
            cor=self.cor[draws],
            effect_chols=tuple(chol[draws] for chol in self.effect_chols),
            sigma=self.sigma[draws],
            log_prior=self.log_prior[draws],
        )


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


def variance_parameters(free: np.ndarray, layout: Layout, priors: Priors) -> VarianceParameters:
    """Variance parameters and their log prior from free coordinates φ.

    Parameters
    ----------
    free : ndarray, shape (S, d)
        Logarithms of the SDs that are not fixed and of σ, then the coordinates of the correlations.
    layout : Layout
        Names and terms of the design.
    priors : Priors
        Prior distributions of the parameters.

    Returns
    -------
    VarianceParameters
        The parameters at each of the S points.

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009), J. Multivariate Anal. 100(9), for the partial correlations
    of LKJ(η).

    Examples
    --------
    >>> from lmmlib.model import Design, ScalePrior, Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> priors = Priors.build(design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> variance_parameters(np.zeros((1, 2)), design.layout, priors).sd.tolist()
    [[1.0]]
    """
    size = len(free)
    log_prior = np.zeros(size)

    # SDs of the effects and σ: fixed, or the exponential of a coordinate of their own.
    scale_priors = [*(priors.sd[name] for name in layout.effects), priors.sigma]
    number_of_free_scales = sum(prior.family != "fixed" for prior in scale_priors)
    log_scales = iter(free[:, :number_of_free_scales].T)
    scales = []
    for prior in scale_priors:
        if prior.family == "fixed":
            scales.append(np.full(size, prior.scale))
            continue
        log_scale = next(log_scales)
        scale = np.exp(log_scale)
        log_prior += prior.log_density(scale) + log_scale
        scales.append(scale)
    sigma = scales.pop()
    sd = np.column_stack(scales)

    # Correlations term by term: Σ_k = D C D has the lower factor D L where C = L L'.
    sd_ends = np.cumsum([len(term.effects) for term in layout.terms])
    pair_ends = number_of_free_scales + np.cumsum([len(term.pairs) for term in layout.terms])
    effect_chols = []
    correlations = []
    for term, sd_end, pair_end in zip(layout.terms, sd_ends, pair_ends, strict=True):
        q = len(term.effects)
        cor_chol = np.tile(np.eye(q), (size, 1, 1))
        if term.pairs:
            coordinates = free[:, pair_end - len(term.pairs) : pair_end]
            cor_chol, log_density = _correlation_root(coordinates, q, priors.cor[term.name])
            log_prior += log_density
            correlations += [np.sum(cor_chol[:, i] * cor_chol[:, j], -1) for i, j in term.pairs]
        effect_chols.append(sd[:, sd_end - q : sd_end, None] * cor_chol)
    cor = np.column_stack(correlations) if correlations else np.zeros((size, 0))
    return VarianceParameters(sd, cor, tuple(effect_chols), sigma, log_prior)


def _correlation_root(z: np.ndarray, q: int, eta: float) -> tuple[np.ndarray, np.ndarray]:
    """Cholesky factor of a correlation matrix, and its log prior under LKJ(η).

    From q(q−1)/2 free numbers.
    """
    L, log_density = np.zeros((len(z), q, q)), np.zeros(len(z))
    L[:, 0, 0] = 1.0
    pairs = [(i, j) for i in range(q) for j in range(i)]
    left = np.ones((len(z), q))  # what is left of each row's unit length
    for (i, j), free in zip(pairs, z.T, strict=True):
        partial = np.tanh(free)
        shape = eta + (q - 2 - j) / 2  # (1 + partial) / 2 is Beta(shape, shape)
        log_one_minus = -2 * np.logaddexp(free, -free) + 2 * np.log(2)  # log(1 − tanh²)
        log_density += shape * log_one_minus - betaln(shape, shape) - (2 * shape - 1) * np.log(2)
        L[:, i, j] = partial * np.sqrt(left[:, i])
        left[:, i] *= np.exp(log_one_minus)
    for i in range(1, q):
        L[:, i, i] = np.sqrt(left[:, i])
    return L, log_density


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
        β given each of them and y, and the log density of y.

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
    p = len(priors.beta_mean)

    # Eliminate the spherical effects from the reduced rows.
    factor = reduction.factorise([chol / sigma[:, None, None] for chol in variances.effect_chols])

    # The prior of γ = Tβ ~ N(m, diag(s²)) is p rows more, (σ/s_j)(T_j β − m_j): a covariance matrix
    # of β would square its condition number.
    prior_weights = sigma / priors.beta_sd[:, None]
    rows_of_gamma = np.column_stack([priors.transform, priors.beta_mean])
    prior_rows = prior_weights[:, None] * rows_of_gamma[..., None]

    # Eliminate β: what is left of the last column is the penalised residual sum of squares.
    triangle = linalg.triangle_stack(np.concatenate([prior_rows, factor.rest]))
    R = triangle[:p, :p]
    t = triangle[:p, p]
    pwrss = triangle[p, p] ** 2

    # log N(y; Xb₀, V + XB₀X') from the determinant and the sum of squares.
    log_diagonal = np.log(np.abs(np.einsum("jjs->js", R)))
    log_det = factor.log_det + np.sum(log_diagonal - np.log(prior_weights), 0)
    constant = reduction.n * (LOG_2PI + 2 * np.log(sigma)) - reduction.log_weights
    log_density = -0.5 * (constant + 2 * log_det + pwrss / sigma**2)
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
