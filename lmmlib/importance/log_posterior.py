"""The posterior density of the variance parameters, for many values at once.

β and u are integrated out.

The free coordinates are the logarithms of the SDs that are not fixed, the inverse hyperbolic
tangents of canonical partial correlations, and log σ.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln

from lmmlib import linalg
from lmmlib.loglik import LOG_2PI
from lmmlib.model import Layout, Priors, Reduction, lkj


@dataclass(frozen=True, eq=False)
class Scales:
    """Variance parameters in arrays.

    Attributes
    ----------
    sd : ndarray, shape (S, effects)
        SDs of the effects.
    cor : ndarray, shape (S, pairs)
        Correlations of the effects.
    effect_chols : tuple of ndarray
        One array (S, q, q) per term.
    sigma : ndarray, shape (S,)
        Residual SD of each draw.
    log_prior : ndarray, shape (S,)
        Log prior density of the free coordinates, Jacobian included.
    """

    sd: np.ndarray
    cor: np.ndarray
    effect_chols: tuple[np.ndarray, ...]
    sigma: np.ndarray
    log_prior: np.ndarray

    def at(self, part: object) -> "Scales":
        """The same for some of the draws."""
        roots = tuple(root[part] for root in self.effect_chols)
        return Scales(self.sd[part], self.cor[part], roots, self.sigma[part], self.log_prior[part])


@dataclass(frozen=True, eq=False)
class FixedPart:
    """β given the variance parameters: N(R⁻¹t, σ²(R'R)⁻¹), and the log density of y.

    Attributes
    ----------
    R : ndarray, shape (p, p, S)
        Upper.
    t : ndarray, shape (p, S)
        Right-hand side t of the mean R⁻¹t of β.
    log_density : ndarray, shape (S,)
        Log density of y.
    """

    R: np.ndarray
    t: np.ndarray
    log_density: np.ndarray

    def at(self, part: object) -> "FixedPart":
        """The same for some of the draws."""
        return FixedPart(self.R[..., part], self.t[..., part], self.log_density[part])


def unfold(phi: np.ndarray, layout: Layout, priors: Priors) -> Scales:
    """Variance parameters and their log prior from free coordinates φ (S, d).

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009), J. Multivariate Anal. 100(9), for the partial correlations
    of LKJ(η).

    Examples
    --------
    >>> from lmmlib.model import Design, ScalePrior, Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> priors = Priors.build(design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> unfold(np.zeros((1, 2)), design.layout, priors).sd.tolist()
    [[1.0]]
    """
    taken, log_prior = 0, np.zeros(len(phi))
    columns = []
    for prior in [*(priors.sd[name] for name in layout.effects), priors.sigma]:
        if prior.family == "fixed":
            columns.append(np.full(len(phi), prior.scale))
            continue
        columns.append(np.exp(phi[:, taken]))
        log_prior += prior.log_density(columns[-1]) + phi[:, taken]
        taken += 1
    scales, sigma = np.column_stack(columns[:-1]), columns[-1]
    roots, correlations, first = [], [], 0
    for t in layout.terms:
        q = len(t.effects)
        L = np.tile(np.eye(q), (len(phi), 1, 1))
        if t.pairs:
            z = phi[:, taken : taken + len(t.pairs)]
            taken += len(t.pairs)
            L, log_density = _correlation_root(z, q, priors.cor[t.name])
            log_prior += log_density
            correlations += [np.sum(L[:, i] * L[:, j], -1) for i, j in t.pairs]
        roots.append(scales[:, first : first + q, None] * L)
        first += q
    cor = np.column_stack(correlations) if correlations else np.zeros((len(phi), 0))
    return Scales(scales, cor, tuple(roots), sigma, log_prior)


def _correlation_root(free: np.ndarray, q: int, eta: float) -> tuple[np.ndarray, np.ndarray]:
    """Cholesky factors of correlation matrices, and their log prior under LKJ(η).

    From free numbers z (S, q(q−1)/2), whose hyperbolic tangents are the partial correlations.
    """
    log_complements = -2 * np.logaddexp(free, -free) + 2 * np.log(2)  # log(1 − tanh² z)
    log_density = np.zeros(len(free))
    for shape, log_complement in zip(lkj.beta_shapes(q, eta), log_complements.T, strict=True):
        log_beta = betaln(shape, shape)
        log_density += shape * log_complement - log_beta - (2 * shape - 1) * np.log(2)
    L = lkj.correlation_cholesky(np.tanh(free), np.exp(log_complements), q)
    return L, log_density


def fixed_part(reduction: Reduction, priors: Priors, scales: Scales) -> FixedPart:
    """Integrate u and β ~ N(b₀, B₀) out: N(y; Xb₀, V + XB₀X') for each draw, through triangles.

    Examples
    --------
    >>> from lmmlib.model import Data
    >>> from lmmlib.model import Design, ScalePrior, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> priors = Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> fixed_part(
    ...     data.reduction, priors, unfold(np.zeros((3, 2)), data.design.layout, priors)
    ... ).log_density.shape
    (3,)
    """
    parts = [
        _fixed_part(reduction, priors, scales.at(part))
        for part in reduction.chunks(len(scales.sigma))
    ]
    return FixedPart(
        *(
            np.concatenate([getattr(p, name) for p in parts], -1)
            for name in ("R", "t", "log_density")
        )
    )


def _fixed_part(reduction: Reduction, priors: Priors, scales: Scales) -> FixedPart:
    sigma, p = scales.sigma, len(priors.beta_mean)
    factor = reduction.factorise([root / sigma[:, None, None] for root in scales.effect_chols])
    relative = sigma / priors.beta_sd[:, None]
    # γ = Tβ ~ N(m, diag(s²)) as p rows more, (σ/s_j)(T_j β − m_j): a covariance of β would square
    # its condition.
    rows_of_beta = np.column_stack([priors.transform, priors.beta_mean])
    prior_rows = relative[:, None] * rows_of_beta[..., None]
    T = linalg.triangle_stack(np.concatenate([prior_rows, factor.rhs_triangle]))
    R, t, least = T[:p, :p], T[:p, p], T[p, p] ** 2
    log_det = factor.log_det + np.sum(np.log(np.abs(np.einsum("jjs->js", R))) - np.log(relative), 0)
    constant = reduction.n * (LOG_2PI + 2 * np.log(sigma)) - reduction.log_weights
    return FixedPart(R, t, -0.5 * (constant + 2 * log_det + least / sigma**2))


def log_posterior(
    phi: np.ndarray, reduction: Reduction, priors: Priors
) -> tuple[np.ndarray, tuple[Scales, FixedPart]]:
    """Log of prior times density of y at free coordinates φ, and its two parts.

    For φ (S, d); its integral over φ is p(y).

    Examples
    --------
    >>> from lmmlib.model import Data
    >>> from lmmlib.model import Design, ScalePrior, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> priors = Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> log_posterior(np.zeros((1, 2)), data.reduction, priors)[0].shape
    (1,)
    """
    scales = unfold(phi, reduction.layout, priors)
    part = fixed_part(reduction, priors, scales)
    return scales.log_prior + part.log_density, (scales, part)


def draw_fixed(part: FixedPart, sigma: np.ndarray, z: np.ndarray) -> np.ndarray:
    """β given the variance parameters and y, from standard normals z (S, p): (S, p)."""
    return linalg.solve_upper_stack(part.R, part.t + sigma * z.T).T
