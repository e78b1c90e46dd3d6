"""What both formulations share.

β, SDs, correlations and σ under one Priors object, and where a model came from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytensor.tensor as pt
from pymc.distributions.transforms import CholeskyCorrTransform
from pytensor.graph.basic import Variable

from lmmlib.draws import coords
from lmmlib.model import Data, Design, Priors, ScalePrior, Term, checked_data
from lmmlib.model.priors import checked_priors
from lmmlib.pymc_models.quiet import pymc as pm


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
    inside : mapping of str to ndarray or None
        Values that all chains start from, by name, where hardly any others have a density; None
        lets PyMC choose.
    """

    data: Data
    priors: Priors
    formulation: str
    variables: Mapping[str, Variable]
    inside: Mapping[str, np.ndarray] | None = None

    @property
    def names(self) -> frozenset[str]:
        """Names of the above."""
        return frozenset(self.variables)


@dataclass(frozen=True, eq=False)
class Parameters:
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


def start(data: Data) -> pm.Model:
    """An empty model with the labels of ``data``.

    Its response is the exchangeable data ``y_data``.
    """
    model = pm.Model(coords=coords(checked_data(data).design))
    with model:
        pm.Data("y_data", data.y, dims="row")
    return model


def remember(
    model: pm.Model,
    data: Data,
    priors: Priors,
    formulation: str,
    inside: Mapping[str, np.ndarray] | None = None,
) -> pm.Model:
    """Note on ``model`` what it was made from."""
    model.lmmlib_source = Source(data, priors, formulation, dict(model.named_vars), inside)
    return model


def stochastic(model: pm.Model) -> frozenset[str]:
    """Everything in a model that enters its density."""
    return frozenset(v.name for v in [*model.basic_RVs, *model.potentials])


def declare(design: Design, priors: Priors, on_variance: bool = False) -> Parameters:
    """Declare β, sd, cor and σ in the model on the stack.

    With ``on_variance`` the prior of σ is put on σ² instead.
    """
    checked_priors(priors, design)
    beta = _fixed_effects(priors)
    sd = _vector([priors.sd[name] for name in design.effects], design.effects)
    roots, correlations, first = [], [], 0
    for term in design.terms:
        here = sd[first : first + len(term.effects)]
        first += len(term.effects)
        factor = _correlation_factor(term, priors)
        roots.append(here[:, None] * (np.eye(len(term.effects)) if factor is None else factor))
        if factor is not None:
            C = pt.dot(factor, factor.T)
            correlations += [C[i, j] for i, j in term.pairs]
    if correlations:
        pm.Deterministic("cor", pt.stack(correlations), dims="effect_pair")
    return Parameters(beta, roots, _residual_sd(priors.sigma, on_variance))


def times(A: np.ndarray, x: pt.TensorVariable) -> pt.TensorVariable | np.ndarray:
    """A x, without a product where A has no entries.

    A rewrite of PyTensor's stumbles over an empty constant.
    """
    return pt.dot(A, x) if A.size else np.zeros(A.shape[:-1])


def _fixed_effects(priors: Priors) -> pt.TensorVariable:
    """β, free where its own prior is one of independent normals.

    Else a function of the free γ = Tβ; none of none.
    """
    mean, spread = priors.beta_mean, priors.beta_sd
    if not len(mean):
        return pt.as_tensor(np.zeros(0))
    if priors.beta_transform is None:
        return pm.Normal("beta", mean, spread, dims="coef")
    gamma = pm.Normal("gamma", mean, spread, dims="coef")
    inverse = priors.coefficients(np.eye(len(mean))).T
    return pm.Deterministic("beta", pt.dot(inverse, gamma), dims="coef")


def _residual_sd(prior: ScalePrior, on_variance: bool) -> pt.TensorVariable:
    declared = _scale("variance" if on_variance else "sigma", prior)
    if not on_variance and prior.family != "fixed":
        return declared
    return pm.Deterministic("sigma", pt.sqrt(declared) if on_variance else declared)


def _correlation_factor(term: Term, priors: Priors) -> pt.TensorVariable | None:
    if not term.pairs:
        return None
    q = len(term.effects)
    keeps_name = CholeskyCorrWithoutUnderscore(n=q, upper=False)
    return pm.LKJCorr(
        f"{term.name} cor_factor", n=q, eta=priors.cor[term.name], default_transform=keeps_name
    )


def _vector(priors: Sequence[ScalePrior], names: Sequence[str]) -> pt.TensorVariable:
    """The SDs as one variable: drawn as a vector where all priors are of one family."""
    families = {(p.family, p.df) for p in priors}
    if len(families) == 1 and priors[0].family != "fixed":
        return _scale("sd", priors[0], [p.scale for p in priors], dims="effect")
    return pm.Deterministic(
        "sd",
        pt.stack([_scale(f"sd {name}", p) for p, name in zip(priors, names, strict=True)]),
        dims="effect",
    )


def _scale(
    name: str, prior: ScalePrior, scale: list[float] | None = None, dims: str | None = None
) -> pt.TensorVariable:
    scale = np.asarray(
        prior.scale if scale is None else scale
    )  # a bare 10.0 would have its logarithm in single precision
    if prior.family == "half-normal":
        return pm.HalfNormal(name, sigma=scale, dims=dims)
    if prior.family == "half-Student-t":
        return pm.HalfStudentT(name, nu=prior.df, sigma=scale, dims=dims)
    if prior.family == "exponential":
        return pm.Exponential(name, scale=scale, dims=dims)
    return pt.as_tensor(float(prior.scale))
