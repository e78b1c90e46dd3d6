"""Draws of the parameters and effects from their priors, exact and independent."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from lmmlib.draws import DISTRIBUTION, tree_of
from lmmlib.model import (
    Data,
    Design,
    Layout,
    Priors,
    RNGLike,
    Theta,
    checked_rng,
    lkj,
)
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
    >>> from lmmlib.model import ScalePrior, Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> priors = Priors.build(design, (0, 1), ScalePrior("fixed", 2.0))
    >>> tree = prior_draws(design, priors, 500, rng=np.random.default_rng(1))
    >>> dict(tree.posterior.sizes), float(tree.posterior.sd.std())
    ({'chain': 1, 'draw': 500, 'coef': 1, 'effect': 1, 'ranef': 2}, 0.0)
    """
    if not isinstance(of, Data | Design):
        raise TypeError(f"the first argument must be a Data or a Design, got {type(of).__name__}")
    design = of.design if isinstance(of, Data) else of
    generator = checked_rng(rng)
    checked_priors(priors, design)
    draws = whole_number("draws", draws, 1)
    parameters = draw_parameters(design.layout, priors, draws, generator)
    variables = parameters.variables
    variables["u"] = draw_effects(design, parameters.theta, generator)
    one_chain = {name: array[None] for name, array in variables.items()}
    groups = {"posterior": one_chain}
    if isinstance(of, Data):
        groups["observed_data"] = {"y": of.y}
    tree = tree_of(groups, design)
    tree.attrs[DISTRIBUTION] = "prior"
    return tree


@dataclass(frozen=True, eq=False)
class PriorParameters:
    """Draws of the parameters from their priors.

    Attributes
    ----------
    beta : ndarray, shape (S, p)
        Fixed effects.
    sd : ndarray, shape (S, effects)
        SDs of the effects.
    cor : ndarray, shape (S, pairs)
        Correlations of the effects.
    theta : Theta
        The same with the residual SDs, as Cholesky factors of covariances.
    """

    beta: np.ndarray
    sd: np.ndarray
    cor: np.ndarray
    theta: Theta

    @property
    def variables(self) -> dict[str, np.ndarray]:
        """All of them by name, the correlations where there are any."""
        named = {"beta": self.beta, "sd": self.sd, "sigma": self.theta.sigma}
        return named | {"cor": self.cor} if self.cor.shape[1] else named


def draw_parameters(
    layout: Layout, priors: Priors, draws: int, rng: RNGLike = None
) -> PriorParameters:
    """Draws of the parameters from their priors.

    Parameters
    ----------
    layout : Layout
        Names and terms of the design.
    priors : Priors
        Prior distributions of the parameters.
    draws : int
        Number S of draws.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator: β is drawn first, then the SDs in order, σ, and correlations term by
        term.

    Returns
    -------
    PriorParameters
        Arrays with one leading axis.

    Examples
    --------
    >>> from lmmlib.model import ScalePrior, Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> priors = Priors.build(design, (0, 1), ScalePrior("fixed", 2.0))
    >>> drawn = draw_parameters(design.layout, priors, 3, np.random.default_rng(1))
    >>> drawn.theta.effect_chols[0].ravel().tolist()
    [2.0, 2.0, 2.0]
    """
    rng = checked_rng(rng)
    gamma = priors.beta_mean + priors.beta_sd * rng.standard_normal((draws, len(layout.coef)))
    beta = priors.coefficients(gamma)
    sd = np.column_stack([priors.sd[name].draw(draws, rng) for name in layout.effects])
    sigma = priors.sigma.draw(draws, rng)
    ends = np.cumsum([len(term.effects) for term in layout.terms])
    chols = []
    correlations = []
    for term, sd_of_term in zip(layout.terms, np.split(sd, ends[:-1], axis=1), strict=True):
        if term.pairs:
            eta = priors.cor[term.name]
            L = _draw_correlation_chols(len(term.effects), eta, draws, rng)
            correlations += [np.sum(L[:, i] * L[:, j], -1) for i, j in term.pairs]
        else:
            L = np.eye(len(term.effects))
        chols.append(sd_of_term[:, :, None] * L)
    cor = np.column_stack(correlations) if correlations else np.zeros((draws, 0))
    return PriorParameters(beta, sd, cor, Theta(beta, tuple(chols), sigma))


def _draw_correlation_chols(q: int, eta: float, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Cholesky factors (S, q, q) of draws of LKJ(η) correlation matrices."""
    columns = [2 * rng.beta(shape, shape, draws) - 1 for shape in lkj.beta_shapes(q, eta)]
    partials = np.column_stack(columns)
    return lkj.correlation_cholesky(partials, 1 - partials**2, q)
