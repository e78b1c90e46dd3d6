"""The conditional formulation.

u is a parameter like any other, and y given u has independent rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy.linalg import block_diag

from lmmlib import linalg
from lmmlib.estimation import estimate, initial_scales
from lmmlib.model import Data, Design, Params, Priors, ScalePrior, Term, checked_data
from lmmlib.model.priors import checked_priors
from lmmlib.pymc_models.parameters import (
    declare_parameters,
    empty_model,
    product,
    record_source,
)
from lmmlib.random_effects import shrinkage_information

# Mean information about an effect over its levels, above which it is sampled itself.
WELL_INFORMED = 0.9
Centered = bool | str | Mapping[str, bool]


def conditional_model(data: Data, priors: Priors, centered: Centered = "auto") -> pm.Model:
    r"""u ~ N(0, G), y given u ~ N(offset + Xβ + Zu, σ²W⁻¹), as an ordinary PyMC model.

    Parameters
    ----------
    data : Data
        Response and design.
    priors : Priors
        The same object as for the marginal model.
    centered : bool or str or mapping of str to bool, default: "auto"
        True samples u itself, which suits levels that the data inform well; False samples z ~ N(0,
        I) with u = Lz and LL' = G, which suits levels that they inform little; a mapping says it
        effect by effect; ``auto`` chooses so, by the information about the levels at the REML
        estimates (:func:`lmmlib.random_effects.shrinkage_information`). All are the same model.

    Returns
    -------
    pymc.Model
        Model with ``beta``, ``sd``, ``cor``, ``sigma``, ``u`` and the observed ``y``, whose values
        are ``y_data``; priors on γ = Tβ make ``gamma`` the free variable and ``beta`` a function of
        it; no fixed effects, no ``beta``.

    Raises
    ------
    ValueError
        If the priors do not fit the design, or ``centered`` is none of these.

    Notes
    -----
    An SD fixed at zero needs ``centered=False``, as a singular known covariance of levels does:
    their effects have no density.

    References
    ----------
    Papaspiliopoulos, Roberts & Sköld (2007), Stat. Sci. 22(1), for the two parameterisations;
    equation :eq:`eq-conditional-moments`.

    Examples
    --------
    >>> from lmmlib.model import ScalePrior, Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> model = conditional_model(
    ...     data, Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0)), centered=False
    ... )
    >>> [v.name for v in model.free_RVs]
    ['beta', 'sd', 'sigma', 'g z']
    """
    design = checked_data(data).design
    checked_priors(priors, design)
    is_centered = _centered_effects(data, priors, centered)
    with empty_model(data) as model:
        parameters = declare_parameters(design, priors)
        v = _independent_effects(design, parameters.effect_chols, is_centered)
        pm.Deterministic("u", _with_known_covariance(design, v), dims="ranef")
        mean = design.offset + product(design.X, parameters.beta) + random_part(design)(v)
        row_sd = parameters.sigma / np.sqrt(design.weights)
        pm.Normal("y", mean, row_sd, observed=model["y_data"], dims="row")
    return record_source(model, data, priors, "conditional")


def random_part(design: Design) -> Callable[[pt.TensorVariable], pt.TensorVariable]:
    """The map from effects with independent levels, (K,), to Zu, (n,).

    Block by block, by looking up rows.
    """
    blocks = design.blocks
    place = linalg.positions(blocks, design.n)
    root_weight = np.sqrt(design.weights)

    def apply(v: pt.TensorVariable) -> pt.TensorVariable:
        whitened = [
            pt.matmul(block.values, v[block.columns][..., None]).ravel() for block in blocks
        ]
        return pt.concatenate(whitened)[place] / root_weight

    return apply


def _independent_effects(
    design: Design,
    effect_chols: Sequence[pt.TensorVariable],
    is_centered: Mapping[str, bool],
) -> pt.TensorVariable:
    """Effects with independent levels, (K,), sampled themselves or from standard normals."""
    parts = []
    for term, (J, q), chol in zip(design.terms, design.shapes, effect_chols, strict=True):
        centered = [is_centered[name] for name in term.effect_names]
        if not any(centered):
            z = pm.Normal(f"{term.name} z", 0, 1, shape=(J, q))
            v = pt.dot(z, chol.T)
        elif not all(centered):
            v = _one_effect_after_another(term, J, chol, centered)
        elif q == 1:
            v = pm.Normal(f"{term.name} v", 0, chol[0, 0], shape=J)
        else:
            v = pm.MvNormal(f"{term.name} v", np.zeros(q), chol=chol, shape=(J, q))
        parts.append(v.ravel())
    return pt.concatenate(parts)


def _one_effect_after_another(
    term: Term, J: int, chol: pt.TensorVariable, centered: Sequence[bool]
) -> pt.TensorVariable:
    """Effects of J levels, (J, q), each given the ones before it.

    v_a given these is N(Σ_{b<a} L_ab z_b, L_aa²), with z_b the standardised effect b.
    """
    z: list[pt.TensorVariable] = []
    v: list[pt.TensorVariable] = []
    for a, (name, is_centered) in enumerate(zip(term.effect_names, centered, strict=True)):
        mean = sum((chol[a, b] * z[b] for b in range(a)), pt.zeros(J))
        sd = chol[a, a]
        if is_centered:
            v.append(pm.Normal(f"{name} v", mean, sd, shape=J))
            z.append((v[a] - mean) / sd)
        else:
            z.append(pm.Normal(f"{name} z", 0, 1, shape=J))
            v.append(mean + sd * z[a])
    return pt.stack(v, axis=1)


def effects_from_normals(
    design: Design, effect_chols: Sequence[pt.TensorVariable], z: pt.TensorVariable
) -> pt.TensorVariable:
    """Effects with independent levels L_k z, level by level, from standard normals z (K,)."""
    parts = []
    ends = np.cumsum([J * q for J, q in design.shapes]).tolist()
    for (J, q), end, chol in zip(design.shapes, ends, effect_chols, strict=True):
        z_of_term = z[end - J * q : end].reshape((J, q))
        parts.append(pt.dot(z_of_term, chol.T).ravel())
    return pt.concatenate(parts)


def well_informed(data: Data, priors: Priors, above: float = WELL_INFORMED) -> dict[str, bool]:
    """Whether the data inform the levels of each effect well, at the REML estimates.

    Those of an SD known to be zero they never do.

    Correlations are left out: at ±1 an effect would have all information from another, and yet no
    more of its own.

    Parameters
    ----------
    data : Data
        Response and design.
    priors : Priors
        Prior distributions of the parameters.
    above : float, default: WELL_INFORMED
        Mean information over the levels above which they are informed well.

    Returns
    -------
    dict of str to bool
        By the effect's name.
    """
    variances = _estimated_variances(data)
    if variances is None:
        return dict.fromkeys(data.design.effects, False)
    design = data.design
    uncorrelated = Params(np.zeros(len(design.coef)), variances.cov, variances.sigma)
    shares = design.layout.split(shrinkage_information(data, uncorrelated))
    informed = {}
    for term, shares_of_term in zip(design.terms, shares, strict=True):
        means = shares_of_term.mean(0)
        for name, mean in zip(term.effect_names, means, strict=True):
            has_density = not _is_singular(term) and not _is_zero(priors, name)
            informed[name] = bool(mean > above and has_density)
    return informed


@dataclass(frozen=True)
class _Variances:
    """Covariances of the effects by term, without correlations, and the SD of the rows."""

    cov: dict[str, np.ndarray]
    sigma: float


def _estimated_variances(data: Data) -> _Variances | None:
    """Variances by REML, or near it where REML refuses what proper priors allow.

    None where nothing is left to estimate from.
    """
    try:
        params = estimate(data).params
    except ValueError:
        rough = initial_scales(data)
        if rough is None:
            return None
        sds, sigma = rough
        terms = data.design.terms
        ends = np.cumsum([len(term.effects) for term in terms])[:-1]
        sds_by_term = zip(terms, np.split(sds, ends), strict=True)
        return _Variances({term.name: np.diag(sd**2) for term, sd in sds_by_term}, sigma)
    without_correlations = {name: np.diag(np.diag(cov)) for name, cov in params.cov.items()}
    return _Variances(without_correlations, params.sigma)


def _centered_effects(data: Data, priors: Priors, centered: Centered) -> dict[str, bool]:
    """Whether each effect is sampled itself, by its name.

    Raises
    ------
    ValueError
        If ``centered`` is none of its kinds, or an effect that is to be sampled has no density.
    """
    design = data.design
    names = design.effects
    if isinstance(centered, bool):
        centered = dict.fromkeys(names, centered)
    elif isinstance(centered, str) and centered == "auto":
        centered = well_informed(data, priors)
    if not isinstance(centered, Mapping) or set(centered) != set(names):
        raise ValueError(
            f"centered must be True, False, 'auto' or a mapping of {', '.join(names)} to these, "
            f"got {centered!r}"
        )
    if any(centered[name] and _is_zero(priors, name) for name in names):
        raise ValueError("an SD fixed at zero gives effects without a density; use centered=False")
    for term in design.terms:
        if _is_singular(term) and any(centered[name] for name in term.effect_names):
            raise ValueError(
                f"the known covariance of the levels of {term.name!r} is singular, so that their "
                "effects have no density; use centered=False"
            )
    return dict(centered)


def _is_singular(term: Term) -> bool:
    """Whether effects of its levels lie in a space of fewer dimensions."""
    return term.level_chol is not None and not term.level_chol.any(0).all()


def _is_zero(priors: Priors, effect: str) -> bool:
    """Whether the SD of an effect is known to be zero."""
    return priors.sd.get(effect) == ScalePrior("fixed", 0.0)


def _with_known_covariance(design: Design, v: pt.TensorVariable) -> pt.TensorVariable:
    """u from effects v (K,) with independent levels: (level_chol ⊗ I) v, term by term."""
    if all(term.level_chol is None for term in design.terms):
        return v
    factors = []
    for term, (J, q) in zip(design.terms, design.shapes, strict=True):
        level_chol = np.eye(J) if term.level_chol is None else term.level_chol
        factors.append(np.kron(level_chol, np.eye(q)))
    return pt.dot(block_diag(*factors), v)
