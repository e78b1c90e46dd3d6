"""One draw of the parameters from the priors."""

import numpy as np

from lmmlib.design import Layout, Params, Priors, ScalePrior


def draw_prior(layout: Layout, priors: Priors, rng: np.random.Generator) -> Params:
    """β, covariances and σ drawn from their priors.

    Correlations by canonical partial correlations (Lewandowski, Kurowicka & Joe 2009).

    Examples
    --------
    >>> from lmmlib.design import Design, Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> priors = Priors.build(design, (0, 1), ScalePrior("fixed", 2.0))
    >>> draw_prior(design.layout, priors, np.random.default_rng(1)).cov["g"].tolist()
    [[4.0]]
    """
    beta = rng.normal(priors.beta_mean, priors.beta_sd)
    cov = {}
    for t in layout.terms:
        sd = np.array([_draw_scale(priors.sd[name], rng) for name in t.effect_names])
        root = sd[:, None] * (_draw_root(len(sd), priors.cor[t.name], rng) if t.pairs else np.eye(len(sd)))
        cov[t.name] = root @ root.T
    return Params(beta, cov, max(_draw_scale(priors.sigma, rng), np.finfo(float).tiny))


def _draw_scale(prior: ScalePrior, rng: np.random.Generator) -> float:
    """One SD from its prior."""
    if prior.family == "fixed":
        return prior.scale
    if prior.family == "exponential":
        return float(rng.exponential(prior.scale))
    return prior.scale * abs(float(rng.standard_normal() if prior.family == "half-normal" else rng.standard_t(prior.df)))


def _draw_root(q: int, eta: float, rng: np.random.Generator) -> np.ndarray:
    """Lower Cholesky factor of a correlation matrix from LKJ(η)."""
    L = np.zeros((q, q))
    for i in range(q):
        left = 1.0
        for j in range(i):
            shape = eta + (q - 2 - j) / 2
            partial = 2 * rng.beta(shape, shape) - 1
            L[i, j], left = partial * np.sqrt(left), left * (1 - partial**2)
        L[i, i] = np.sqrt(left)
    return L
