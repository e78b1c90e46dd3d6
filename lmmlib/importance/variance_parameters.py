"""Variance parameters and their prior, from free coordinates, for many values at once.

The free coordinates φ are the logarithms of the SDs that are not fixed, log σ, and the inverse
hyperbolic tangents of canonical partial correlations.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln

from lmmlib.model import Layout, Priors, ScalePrior, lkj


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


def scale_priors(layout: Layout, priors: Priors) -> list[ScalePrior]:
    """The priors of the SDs of all effects and of σ, in the order of their coordinates.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> priors = Priors.build(design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> [prior.scale for prior in scale_priors(design.layout, priors)]
    [1.0, 1.0]
    """
    return [*(priors.sd[name] for name in layout.effects), priors.sigma]


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
    of_scales = scale_priors(layout, priors)
    number_of_free_scales = sum(prior.family != "fixed" for prior in of_scales)
    log_scales = iter(free[:, :number_of_free_scales].T)
    scales = []
    for prior in of_scales:
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
            correlated = free_correlations(coordinates, q, priors.cor[term.name])
            log_prior += correlated.log_prior
            cor_chol = correlated.chols
            correlations += [np.sum(cor_chol[:, i] * cor_chol[:, j], -1) for i, j in term.pairs]
        effect_chols.append(sd[:, sd_end - q : sd_end, None] * cor_chol)
    cor = np.column_stack(correlations) if correlations else np.zeros((size, 0))
    return VarianceParameters(sd, cor, tuple(effect_chols), sigma, log_prior)


@dataclass(frozen=True, eq=False)
class FreeCorrelations:
    """Correlation matrices at free coordinates.

    Attributes
    ----------
    chols : ndarray, shape (S, q, q)
        Their lower Cholesky factors.
    log_prior : ndarray, shape (S,)
        Log density of the coordinates under LKJ(η), Jacobian included.
    """

    chols: np.ndarray
    log_prior: np.ndarray


def free_correlations(free: np.ndarray, q: int, eta: float) -> FreeCorrelations:
    """Correlation matrices from coordinates z (S, q(q−1)/2): partial correlations are tanh z.

    Examples
    --------
    >>> free_correlations(np.zeros((1, 1)), 2, 1.0).log_prior.round(6).tolist()
    [-0.693147]
    """
    log_complements = -2 * np.logaddexp(free, -free) + 2 * np.log(2)  # log(1 − tanh² z)
    log_prior = np.zeros(len(free))
    for shape, log_complement in zip(lkj.beta_shapes(q, eta), log_complements.T, strict=True):
        log_beta = betaln(shape, shape)
        log_prior += shape * log_complement - log_beta - (2 * shape - 1) * np.log(2)
    chols = lkj.correlation_cholesky(np.tanh(free), np.exp(log_complements), q)
    return FreeCorrelations(chols, log_prior)
