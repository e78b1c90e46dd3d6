"""What both formulations share.

β, SDs, correlations and σ under one Priors object, and where a model came from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.transforms import CholeskyCorrTransform
from pytensor.graph.basic import Variable

from lmmlib.draws import coords
from lmmlib.model import Data, Design, Priors, ScalePrior, Term, checked_data
from lmmlib.model.priors import checked_priors


@dataclass(frozen=True, eq=False)
class Source:
    """What a model of ours was made from, so that draws of it can be completed.

    Attributes
    ----------
    data : Data
        Response and design.
    priors : Priors
        Prior distributions of the parameters.
    formulation : str
        ``conditional``, ``marginal`` or ``reconstructed``.
    variables : mapping of str to Variable
        Everything that had a name when it was made.
    initvals : mapping of str to ndarray or None
        Values that all chains start from, by name, where hardly any others have a density; None
        lets PyMC choose.
    """

    data: Data
    priors: Priors
    formulation: str
    variables: Mapping[str, Variable]
    initvals: Mapping[str, np.ndarray] | None = None

    @property
    def names(self) -> frozenset[str]:
        """Names of the above."""
        return frozenset(self.variables)


@dataclass(frozen=True, eq=False)
class ParameterTensors:
    """The parameters of a model as tensors.

    Attributes
    ----------
    beta : pt.TensorVariable
        Fixed effects.
    effect_chols : sequence of pt.TensorVariable
        One array (q, q) per term, lower, Σ_k = L_k L_k'.
    sigma : pt.TensorVariable
        Residual SD.
    """

    beta: pt.TensorVariable
    effect_chols: Sequence[pt.TensorVariable]
    sigma: pt.TensorVariable


class CholeskyCorrWithoutUnderscore(CholeskyCorrTransform):
    """PyMC 6.4 cuts a transform's name at its underscore and then finds no such variable."""

    name = "cholesky-corr"

    def backward(self, vector: pt.TensorVariable, *_: pt.TensorVariable) -> pt.TensorVariable:
        """The factor as PyMC makes it, but for its diagonal: XLA takes long to compile ``set``."""
        filled = self._fill_triangular_spiral(vector)
        below_diagonal = pt.pad(filled, [*[(0, 0)] * (filled.ndim - 2), (1, 0), (0, 1)])
        unscaled = below_diagonal + np.eye(self.n)
        return unscaled / pt.sqrt(pt.sum(pt.sqr(unscaled), axis=-1, keepdims=True))


def empty_model(data: Data) -> pm.Model:
    """An empty model with the labels of ``data``.

    Its response is the exchangeable data ``y_data``.
    """
    model = pm.Model(coords=coords(checked_data(data).design))
    with model:
        pm.Data("y_data", data.y, dims="row")
    return model


def record_source(
    model: pm.Model,
    data: Data,
    priors: Priors,
    formulation: str,
    initvals: Mapping[str, np.ndarray] | None = None,
) -> pm.Model:
    """The model itself, which from now on knows what it was made from."""
    model.lmmlib_source = Source(data, priors, formulation, dict(model.named_vars), initvals)
    return model


def stochastic(model: pm.Model) -> frozenset[str]:
    """Everything in a model that enters its density."""
    return frozenset(v.name for v in [*model.basic_RVs, *model.potentials])


def declare_parameters(
    design: Design, priors: Priors, on_variance: bool = False, effects_on_variance: bool = False
) -> ParameterTensors:
    """Declare β, sd, cor and σ in the model on the stack.

    Parameters
    ----------
    design : Design
        Design of the rows.
    priors : Priors
        Prior distributions of the parameters.
    on_variance : bool, default: False
        Whether the prior of σ is put on σ² instead.
    effects_on_variance : bool, default: False
        Whether the priors of the effects' SDs are put on their squares instead.

    Returns
    -------
    ParameterTensors
        The parameters as tensors.
    """
    checked_priors(priors, design)
    beta = _fixed_effects(priors)
    sd = _effect_sds(priors, design.effects, effects_on_variance)

    # Term by term: Σ_k = D C D has the lower factor D L where C = L L'.
    effect_chols = []
    correlations = []
    sd_ends = np.cumsum([len(term.effects) for term in design.terms]).tolist()
    for term, sd_end in zip(design.terms, sd_ends, strict=True):
        q = len(term.effects)
        term_sd = sd[sd_end - q : sd_end]
        if not term.pairs:
            effect_chols.append(term_sd[:, None] * np.eye(q))
            continue
        cor_chol = _correlation_chol(term, priors)
        effect_chols.append(term_sd[:, None] * cor_chol)
        cor = pt.dot(cor_chol, cor_chol.T)
        correlations += [cor[i, j] for i, j in term.pairs]
    if correlations:
        pm.Deterministic("cor", pt.stack(correlations), dims="effect_pair")
    return ParameterTensors(beta, effect_chols, _residual_sd(priors.sigma, on_variance))


def product(A: np.ndarray, x: pt.TensorVariable) -> pt.TensorVariable:
    """A x, without a product where A has no entries.

    A rewrite of PyTensor's stumbles over an empty constant.
    """
    if A.size == 0:
        return pt.as_tensor(np.zeros(A.shape[:-1]))
    return pt.dot(A, x)


def _fixed_effects(priors: Priors) -> pt.TensorVariable:
    """β, free where its own prior is one of independent normals.

    Else a function of the free γ = Tβ; none of none.
    """
    mean = priors.beta_mean
    sd = priors.beta_sd
    if len(mean) == 0:
        return pt.as_tensor(np.zeros(0))
    if priors.beta_transform is None:
        return pm.Normal("beta", mean, sd, dims="coef")
    gamma = pm.Normal("gamma", mean, sd, dims="coef")
    inverse = priors.coefficients(np.eye(len(mean))).T
    return pm.Deterministic("beta", pt.dot(inverse, gamma), dims="coef")


def _residual_sd(prior: ScalePrior, on_variance: bool) -> pt.TensorVariable:
    """σ, with the prior on itself or on its square."""
    if on_variance:
        variance = _scale("variance", prior)
        return pm.Deterministic("sigma", pt.sqrt(variance))
    sigma = _scale("sigma", prior)
    return pm.Deterministic("sigma", sigma) if prior.family == "fixed" else sigma


def _correlation_chol(term: Term, priors: Priors) -> pt.TensorVariable:
    """Lower Cholesky factor of the correlation matrix of a term's effects."""
    q = len(term.effects)
    transform = CholeskyCorrWithoutUnderscore(n=q, upper=False)
    eta = priors.cor[term.name]
    # Where PyMC starts too, but it would compile the draws of a prior to know their shape.
    start = np.eye(q)
    name = f"{term.name} cor_factor"
    return pm.LKJCorr(name, n=q, eta=eta, default_transform=transform, initval=start)


def _effect_sds(priors: Priors, effects: Sequence[str], on_variance: bool) -> pt.TensorVariable:
    """The SDs as one variable: drawn as a vector where all priors are of one family."""
    sd_priors = [priors.sd[name] for name in effects]
    families = {(prior.family, prior.df) for prior in sd_priors}
    if on_variance:
        variances = [
            _scale(f"variance {name}", prior)
            for name, prior in zip(effects, sd_priors, strict=True)
        ]
        return pm.Deterministic("sd", pt.sqrt(pt.stack(variances)), dims="effect")
    if len(families) == 1 and sd_priors[0].family != "fixed":
        scales = np.array([prior.scale for prior in sd_priors])
        return _scale("sd", sd_priors[0], scales, dims="effect")
    sds = [_scale(f"sd {name}", prior) for name, prior in zip(effects, sd_priors, strict=True)]
    return pm.Deterministic("sd", pt.stack(sds), dims="effect")


def _scale(
    name: str, prior: ScalePrior, scales: np.ndarray | None = None, dims: str | None = None
) -> pt.TensorVariable:
    """A variable with the prior of an SD, or several with priors of one family."""
    # As an array: a bare 10.0 would have its logarithm in single precision.
    scale = np.asarray(prior.scale) if scales is None else scales
    if prior.family == "half-normal":
        return pm.HalfNormal(name, sigma=scale, dims=dims)
    if prior.family == "half-Student-t":
        return pm.HalfStudentT(name, nu=prior.df, sigma=scale, dims=dims)
    if prior.family == "exponential":
        return pm.Exponential(name, scale=scale, dims=dims)
    if prior.family == "fixed":
        return pt.as_tensor(float(prior.scale))
    raise ValueError(
        f"{name} has a prior of the family {prior.family}, which has no distribution here"
    )
