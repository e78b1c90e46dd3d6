"""The conditional formulation.

u is a parameter like any other, and y given u has independent rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytensor.tensor as pt
from scipy.linalg import block_diag

from lmmlib import linalg
from lmmlib.estimation import estimate, initial_scales
from lmmlib.model import Data, Design, Params, Priors, Term, checked_data
from lmmlib.model.priors import checked_priors
from lmmlib.pymc_models.parameters import declare, remember, start, times
from lmmlib.pymc_models.quiet import pymc as pm
from lmmlib.random_effects import shrinkage_information

WELL_INFORMED = (
    0.9  # mean information about an effect over its levels, above which it is sampled itself
)


def conditional_model(
    data: Data, priors: Priors, centered: bool | str | Mapping[str, bool] = "auto"
) -> pm.Model:
    r"""u ~ N(0, G), y given u ~ N(offset + Xβ + Zu, σ²W⁻¹), as an ordinary PyMC model.

    Parameters
    ----------
    data : Data
        Response and design.
    priors : Priors
        The same object as for the marginal model.
    centered : bool or str or mapping of str to bool, default: "auto"
        True samples u itself, which suits levels that the data inform well; False samples z ~ N(0,
        I) with u = root z, which suits levels that they inform little; a mapping says it effect by
        effect; ``auto`` chooses so, by the information about the levels at the REML estimates
        (:func:`lmmlib.random_effects.information`). All are the same model.

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
    chosen = _chosen(data, priors, centered)
    with start(data) as model:
        parameters = declare(design, priors)
        v = _effects(design, parameters.effect_chols, chosen)
        pm.Deterministic(
            "u",
            pt.dot(_known_root(design), v) if _has_known_covariance(design) else v,
            dims="ranef",
        )
        mean = design.offset + times(design.X, parameters.beta) + random_part(design)(v)
        pm.Normal(
            "y",
            mean,
            parameters.sigma / np.sqrt(design.weights),
            observed=model["y_data"],
            dims="row",
        )
    return remember(model, data, priors, "conditional")


def random_part(design: Design) -> Callable[[pt.TensorVariable], pt.TensorVariable]:
    """The map from effects with independent levels, (K,), to Zu, (n,).

    Block by block, by looking up rows.
    """
    blocks, place = design.blocks, linalg.positions(design.blocks, design.n)
    root_weight = np.sqrt(design.weights)

    def apply(v: pt.TensorVariable) -> pt.TensorVariable:
        parts = [pt.matmul(b.values, v[b.columns][..., None]).ravel() for b in blocks]
        return pt.concatenate(parts)[place] / root_weight

    return apply


def _effects(
    design: Design, roots: Sequence[pt.TensorVariable], centered: Mapping[str, bool]
) -> pt.TensorVariable:
    """Effects with independent levels, (K,), sampled themselves or from standard normals."""
    parts = []
    for term, (J, q), root in zip(design.terms, design.shapes, roots, strict=True):
        itself = [centered[name] for name in term.effect_names]
        if not any(itself):
            z = pm.Normal(f"{term.name} z", 0, 1, shape=(J, q))
            part = pt.dot(z, root.T)
        elif not all(itself):
            part = _one_by_one(term, J, root, itself)
        else:
            name = f"{term.name} v"
            part = (
                pm.Normal(name, 0, root[0, 0], shape=J)
                if q == 1
                else pm.MvNormal(name, np.zeros(q), chol=root, shape=(J, q))
            )
        parts.append(part.ravel())
    return pt.concatenate(parts)


def _one_by_one(
    term: Term, J: int, root: pt.TensorVariable, itself: Sequence[bool]
) -> pt.TensorVariable:
    """Effects of J levels, (J, q), each given the ones before it.

    N(Σ_b<a root_ab z_b, root_aa²).
    """
    z, v = [], []
    for a, (name, sampled) in enumerate(zip(term.effect_names, itself, strict=True)):
        mean = sum((root[a, b] * z[b] for b in range(a)), pt.zeros(J))
        if sampled:
            v.append(pm.Normal(f"{name} v", mean, root[a, a], shape=J))
            z.append((v[a] - mean) / root[a, a])
        else:
            z.append(pm.Normal(f"{name} z", 0, 1, shape=J))
            v.append(mean + root[a, a] * z[a])
    return pt.stack(v, axis=1)


def scaled(
    design: Design, roots: Sequence[pt.TensorVariable], z: pt.TensorVariable
) -> pt.TensorVariable:
    """Effects root_k z, level by level, from standard normals z (K,)."""
    parts, first = [], 0
    for (J, q), root in zip(design.shapes, roots, strict=True):
        parts.append(pt.dot(z[first : first + J * q].reshape((J, q)), root.T).ravel())
        first += J * q
    return pt.concatenate(parts)


def well_informed(data: Data, priors: Priors, above: float = WELL_INFORMED) -> dict[str, bool]:
    """Whether the data inform the levels of each effect well, at the REML estimates.

    Those of an SD known to be zero they never do.

    Correlations are left out: at ±1 an effect would have all information from another, and yet no
    more of its own.
    """
    variances = _estimated_variances(data)
    if variances is None:
        return dict.fromkeys(data.design.effects, False)
    alone = Params(np.zeros(len(data.design.coef)), variances.cov, variances.sigma)
    shares, first, informed = shrinkage_information(data, alone), 0, {}
    for term, (J, q) in zip(data.design.terms, data.design.shapes, strict=True):
        means = shares[first : first + J * q].reshape(J, q).mean(0)
        first += J * q
        has_density = not _is_singular(term)
        for name, mean in zip(term.effect_names, means, strict=True):
            informed[name] = bool(mean > above and has_density and not _is_zero(priors, name))
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
        roughly = initial_scales(data)
        if roughly is None:
            return None
        sds, sigma = roughly
        ends = np.cumsum([len(t.effects) for t in data.design.terms])[:-1]
        by_term = zip(data.design.terms, np.split(sds, ends), strict=True)
        return _Variances({t.name: np.diag(own**2) for t, own in by_term}, sigma)
    return _Variances(
        {name: np.diag(np.diag(cov)) for name, cov in params.cov.items()}, params.sigma
    )


def _chosen(
    data: Data, priors: Priors, centered: bool | str | Mapping[str, bool]
) -> dict[str, bool]:
    """Whether each effect is sampled itself."""
    names = data.design.effects
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
    singular = [
        t.name
        for t in data.design.terms
        if _is_singular(t) and any(centered[name] for name in t.effect_names)
    ]
    if singular:
        raise ValueError(
            f"the known covariance of the levels of {singular[0]!r} is singular, so that their "
            "effects have no density; use centered=False"
        )
    return dict(centered)


def _is_singular(term: Term) -> bool:
    """Whether effects of its levels lie in a space of fewer dimensions."""
    return term.level_chol is not None and not term.level_chol.any(0).all()


def _is_zero(priors: Priors, effect: str) -> bool:
    return (
        effect in priors.sd and priors.sd[effect].family == "fixed" and priors.sd[effect].scale == 0
    )


def _has_known_covariance(design: Design) -> bool:
    return any(t.level_chol is not None for t in design.terms)


def _known_root(design: Design) -> np.ndarray:
    """Root ⊗ I over all terms, (K, K): levels with a known covariance from independent ones."""
    return block_diag(
        *(
            np.kron(np.eye(J) if t.level_chol is None else t.level_chol, np.eye(q))
            for t, (J, q) in zip(design.terms, design.shapes, strict=True)
        )
    )
