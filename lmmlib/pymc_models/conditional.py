"""The conditional formulation: u is a parameter like any other, and y given u has independent rows."""

from collections.abc import Callable, Sequence

import numpy as np
import pytensor.tensor as pt
from scipy.linalg import block_diag

from lmmlib import linalg
from lmmlib.data import Data
from lmmlib.design import Design, Priors
from lmmlib.effects import information
from lmmlib.estimation import estimate
from lmmlib.pymc_models.parameters import declare, remember, start
from lmmlib.pymc_models.quiet import pymc as pm

WELL_INFORMED = 0.9  # mean information about the levels of a term, above which its effects are sampled themselves


def conditional_model(data: Data, priors: Priors, centred: bool | str = "auto") -> pm.Model:
    r"""u ~ N(0, G), y given u ~ N(offset + Xβ + Zu, σ²W⁻¹), as an ordinary PyMC model.

    Parameters
    ----------
    data : Data
    priors : Priors, the same object as for the marginal model
    centred : True samples u itself, which suits levels that the data inform well; False samples z ~ N(0, I) with
        u = root z, which suits levels that they inform little; ``auto`` chooses term by term, by the information
        about the levels at the REML estimates (:func:`lmmlib.effects.information`). All are the same model.

    Returns
    -------
    pymc.Model with ``beta``, ``sd``, ``cor``, ``sigma``, ``u`` and the observed ``y``, whose values are ``y_data``

    Raises
    ------
    ValueError  if the priors do not fit the design, or ``centred`` is neither True nor False

    Notes
    -----
    An SD fixed at zero needs ``centred=False``: its effects have no density.

    References
    ----------
    Papaspiliopoulos, Roberts & Sköld (2007), Stat. Sci. 22(1), for the two parameterisations;
    :eq:`eq-conditional-moments`.

    Examples
    --------
    >>> from lmmlib.design import ScalePrior, Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> model = conditional_model(data, Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0)), centred=False)
    >>> [v.name for v in model.free_RVs]
    ['beta', 'sd', 'sigma', 'g z']
    """
    design = data.design
    if centred != "auto" and not isinstance(centred, bool):
        raise ValueError(f"centred must be True, False or 'auto', got {centred!r}")
    chosen = _well_informed(data) if centred == "auto" else [centred] * len(design.terms)
    known_zero = {name for name, p in priors.sd.items() if p.family == "fixed" and p.scale == 0}
    if any(c and known_zero & set(t.effect_names) for c, t in zip(chosen, design.terms, strict=True)):
        raise ValueError("an SD fixed at zero gives effects without a density; use centred=False")
    with start(data) as model:
        parameters = declare(design, priors)
        v = _effects(design, parameters.roots, chosen)
        pm.Deterministic("u", pt.dot(_known_root(design), v) if _has_known_covariance(design) else v, dims="ranef")
        mean = design.offset + pt.dot(design.X, parameters.beta) + random_part(design)(v)
        pm.Normal("y", mean, parameters.sigma / np.sqrt(design.weights), observed=model["y_data"], dims="row")
    return remember(model, data, priors, "conditional")


def random_part(design: Design) -> Callable[[pt.TensorVariable], pt.TensorVariable]:
    """The map from effects with independent levels, (K,), to Zu, (n,): block by block, by looking up rows."""
    blocks, place = design.blocks, linalg.positions(design.blocks, design.n)
    root_weight = np.sqrt(design.weights)

    def apply(v: pt.TensorVariable) -> pt.TensorVariable:
        parts = [pt.matmul(b.values, v[b.columns][..., None]).ravel() for b in blocks]
        return pt.concatenate(parts)[place] / root_weight

    return apply


def _effects(design: Design, roots: Sequence[pt.TensorVariable], centred: Sequence[bool]) -> pt.TensorVariable:
    """Effects with independent levels, (K,), each term's sampled themselves or from standard normals."""
    parts = []
    for term, (J, q), root, itself in zip(design.terms, design.shapes, roots, centred, strict=True):
        if not itself:
            z = pm.Normal(f"{term.name} z", 0, 1, shape=(J, q))
            parts.append(pt.dot(z, root.T).ravel())
            continue
        name = f"{term.name} v"
        part = pm.Normal(name, 0, root[0, 0], shape=J) if q == 1 else pm.MvNormal(name, np.zeros(q), chol=root, shape=(J, q))
        parts.append(part.ravel())
    return pt.concatenate(parts)


def scaled(design: Design, roots: Sequence[pt.TensorVariable], z: pt.TensorVariable) -> pt.TensorVariable:
    """Effects root_k z, level by level, from standard normals z (K,)."""
    parts, first = [], 0
    for (J, q), root in zip(design.shapes, roots, strict=True):
        parts.append(pt.dot(z[first : first + J * q].reshape((J, q)), root.T).ravel())
        first += J * q
    return pt.concatenate(parts)


def _well_informed(data: Data) -> list[bool]:
    """Whether the data inform the levels of each term well, at the REML estimates."""
    shares = information(data, estimate(data).params)
    ends = np.cumsum([J * q for J, q in data.design.shapes])[:-1]
    return [bool(part.mean() > WELL_INFORMED) for part in np.split(shares, ends)]


def _has_known_covariance(design: Design) -> bool:
    return any(t.root is not None for t in design.terms)


def _known_root(design: Design) -> np.ndarray:
    """Root ⊗ I over all terms, (K, K): levels with a known covariance from independent ones."""
    return block_diag(
        *(np.kron(np.eye(J) if t.root is None else t.root, np.eye(q)) for t, (J, q) in zip(design.terms, design.shapes, strict=True))
    )
