"""Draws of the parameters and effects from their priors, exact and independent."""

import numpy as np
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.model import Data, Design, Layout, Priors, RNGLike, ScalePrior, Theta, checked_rng
from lmmlib.model.options import whole_number
from lmmlib.model.priors import checked_priors
from lmmlib.simulation import draw_effects


def prior_draws(
    of: Data | Design, priors: Priors, draws: int = 1000, *, rng: RNGLike = None
) -> xr.DataTree:
    r"""Independent draws of β, the SDs and correlations, σ and u ~ N(0, G(θ)) from the priors.

    Given to :func:`lmmlib.posterior_predict` they make prior predictive replicates.

    Parameters
    ----------
    of : Data or Design
        What is drawn for: a Data, or a Design alone.
    priors : Priors
        Prior distributions of the parameters.
    draws : int, default: 1000
        Number of draws.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.

    Returns
    -------
    xarray.DataTree
        Draws in the one form with one chain, and ``observed_data`` for a Data. The group is called
        ``posterior``, as everything after reads it; the attribute ``lmmlib_distribution`` says
        ``prior``.

    Raises
    ------
    ValueError
        If the priors do not fit the design, or ``draws`` is below one.

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009), J. Multivariate Anal. 100(9), section 2, for the
    correlations.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> priors = Priors.build(design, (0, 1), ScalePrior("fixed", 2.0))
    >>> tree = prior_draws(design, priors, 500, rng=np.random.default_rng(1))
    >>> dict(tree.posterior.sizes), float(tree.posterior.sd.std())
    ({'chain': 1, 'draw': 500, 'coef': 1, 'effect': 1, 'ranef': 2}, 0.0)
    """
    if not isinstance(of, Data | Design):
        raise TypeError(f"the first argument must be a Data or a Design, got {type(of).__name__}")
    design = of.design if isinstance(of, Data) else of
    rng = checked_rng(rng)
    checked_priors(priors, design)
    draws = whole_number("draws", draws, 1)
    arrays, theta = draw_parameters(design.layout, priors, draws, rng)
    arrays["u"] = draw_effects(design, theta, rng)
    groups = {"posterior": {name: a[None] for name, a in arrays.items()}}
    if isinstance(of, Data):
        groups["observed_data"] = {"y": of.y}
    tree = draws_.tree_of(groups, design)
    tree.attrs[draws_.DISTRIBUTION] = "prior"
    return tree


def draw_parameters(
    layout: Layout, priors: Priors, draws: int, rng: RNGLike = None
) -> tuple[dict[str, np.ndarray], Theta]:
    """Draws of the parameters from their priors, by name and as θ.

    β, SDs, correlations (where there are any) and σ, with one leading axis.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> priors = Priors.build(design, (0, 1), ScalePrior("fixed", 2.0))
    >>> draw_parameters(design.layout, priors, 3, np.random.default_rng(1))[1].effect_chols[
    ...     0
    ... ].ravel().tolist()
    [2.0, 2.0, 2.0]
    """
    rng = checked_rng(rng)
    gamma = priors.beta_mean + priors.beta_sd * rng.standard_normal((draws, len(layout.coef)))
    beta = priors.coefficients(gamma)
    sd = np.column_stack([_draw_scale(priors.sd[name], draws, rng) for name in layout.effects])
    sigma = _draw_scale(priors.sigma, draws, rng)
    roots, cor, first = [], [], 0
    for t in layout.terms:
        q = len(t.effects)
        L = _draw_correlation_root(q, priors.cor[t.name], draws, rng) if t.pairs else np.eye(q)
        cor += [np.sum(L[:, i] * L[:, j], -1) for i, j in t.pairs]
        roots.append(sd[:, first : first + q, None] * L)
        first += q
    arrays = {"beta": beta, "sd": sd, "sigma": sigma} | (
        {"cor": np.column_stack(cor)} if cor else {}
    )
    return arrays, Theta(beta, tuple(roots), sigma)


def _draw_scale(prior: ScalePrior, draws: int, rng: np.random.Generator) -> np.ndarray:
    if prior.family == "fixed":
        return np.full(draws, prior.scale)
    if prior.family == "exponential":
        return rng.exponential(prior.scale, draws)
    symmetric = (
        rng.standard_normal(draws)
        if prior.family == "half-normal"
        else rng.standard_t(prior.df, draws)
    )
    return prior.scale * np.abs(symmetric)


def _draw_correlation_root(q: int, eta: float, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Cholesky factors (S, q, q) of LKJ(η) correlation matrices.

    Row by row from canonical partial correlations.

    The partial correlation of i and j < i given those before j is 2B − 1 with B ~ Beta(a, a), a = η
    + (q − 2 − j)/2.
    """
    L = np.zeros((draws, q, q))
    L[:, 0, 0] = 1.0
    for i in range(1, q):
        left = np.ones(draws)  # what is left of the row's unit length, squared
        for j in range(i):
            shape = eta + (q - 2 - j) / 2
            partial = 2 * rng.beta(shape, shape, draws) - 1
            L[:, i, j] = partial * np.sqrt(left)
            left *= 1 - partial**2
        L[:, i, i] = np.sqrt(left)
    return L
