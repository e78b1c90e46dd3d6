"""NUTS by NumPyro on the compiled density of a PyMC model.

It draws what ``pymc.sample`` draws with ``nuts_sampler="numpyro"``, and compiles less before it
does: that one evaluates the density at the starts operation by operation, each compiled by itself,
compiles density and gradient once more for NumPyro's first step, and has PyTensor differentiate
the density only to see that it can.
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import arviz_base
import numpy as np
import pymc as pm
import xarray as xr
from pymc.backends.arviz import coords_and_dims_for_inferencedata
from pymc.initial_point import make_initial_point_fn

from lmmlib.pymc_models.settings import NutsSettings

if TYPE_CHECKING:
    import jax
    from numpyro.infer.util import ParamInfo

# NumPyro's names of what NUTS notes on itself, and ArviZ's
STATS = {
    "diverging": "diverging",
    "energy": "energy",
    "num_steps": "n_steps",
    "adapt_state.step_size": "step_size",
    "accept_prob": "acceptance_rate",
    "potential_energy": "lp",
}
ATTEMPTS = 11  # to find starts of finite density, as many as PyMC makes
LARGEST_KEY = 2**31  # that JAX takes as a seed without wide integers

Point = Mapping[str, np.ndarray]  # unconstrained values of the free variables, by name
Potential = Callable[["jax.Array"], "jax.Array"]  # of a vector of all of them


@dataclass(frozen=True, eq=False)
class _Chains:
    """What NumPyro returns.

    Attributes
    ----------
    vectors : ndarray, shape (chains, draws, d)
        Draws of the free variables, unconstrained, one after the other.
    stats : dict of str to ndarray, shape (chains, draws)
        What NUTS noted on itself, by ArviZ's names.
    """

    vectors: np.ndarray
    stats: dict[str, np.ndarray]


def nuts_draws(
    model: pm.Model,
    initvals: Mapping[str, np.ndarray] | None,
    seed: int,
    settings: NutsSettings,
) -> xr.DataTree:
    """Draw from the posterior of a model with continuous variables; progress is for terminals.

    Parameters
    ----------
    model : pymc.Model
        Any model that JAX can compile.
    initvals : mapping of str to ndarray or None
        Values that all chains start from, by name; None starts each chain near the model's own.
    seed : int
        Not negative; equal seeds give equal draws.
    settings : NutsSettings
        Numbers of iterations and chains, and the target acceptance.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior``, with all variables, and ``sample_stats``.

    Raises
    ------
    pymc.exceptions.SamplingError
        If no start of finite density is found, or no variable is free.
    ValueError
        If a free variable is discrete.

    References
    ----------
    Hoffman & Gelman (2014), J. Mach. Learn. Res. 15.
    """
    from pymc.sampling.jax import get_jaxified_logp  # slow to import: it brings JAX

    if not model.free_RVs:
        raise pm.exceptions.SamplingError(
            "the model has no free variables: all of its parameters are fixed, so nothing is left "
            "to sample"
        )
    discrete = [variable.name for variable in model.discrete_value_vars]
    if discrete:
        raise ValueError(
            f"{', '.join(discrete)} of the model is discrete, and NUTS needs continuous variables; "
            "sum it out, or sample the model with pymc.sample"
        )
    rng = np.random.default_rng([seed, 2])  # [seed, 1] draws the effects
    draw_start = _starter(model, initvals)
    shapes = [value.shape for value in draw_start(rng).values()]
    of_parts = get_jaxified_logp(model, negative_logp=False)

    def potential(vector: "jax.Array") -> "jax.Array":
        return of_parts(_parts(vector, shapes))

    starts = _starts(model, potential, lambda: draw_start(rng), settings.chains)
    chains = _run(potential, starts, int(rng.integers(LARGEST_KEY)), settings)
    values = _parts(chains.vectors, shapes)
    coords, dims = coords_and_dims_for_inferencedata(model)
    groups = {"posterior": _variables(model, values), "sample_stats": chains.stats}
    return arviz_base.from_dict(groups, coords=coords, dims=dims)


def _parts(vectors: Any, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """Vectors (…, d), of NumPy or JAX, cut into one array for each free variable.

    NumPyro gets vectors, since the program that it compiles grows with the number of arrays.
    """
    parts = []
    end = 0
    for shape in shapes:
        start = end
        end = start + math.prod(shape)
        parts.append(vectors[..., start:end].reshape(*vectors.shape[:-1], *shape))
    return parts


def _starter(
    model: pm.Model, initvals: Mapping[str, np.ndarray] | None
) -> Callable[[np.random.Generator], Point]:
    """A function that draws starts: near the model's own values, or at given ones."""
    initial_point = make_initial_point_fn(model=model, overrides=initvals)

    def draw_start(rng: np.random.Generator) -> Point:
        point = initial_point(rng.integers(LARGEST_KEY))
        if initvals is not None:
            return point
        return {name: value + rng.uniform(-1, 1, value.shape) for name, value in point.items()}

    return draw_start


def _starts(
    model: pm.Model, potential: Potential, draw_start: Callable[[], Point], chains: int
) -> list["ParamInfo"]:
    """A start of finite density for each chain, with the potential energy and its gradient there.

    NumPyro takes these over, so that its program holds the density once and not twice.
    """
    import jax
    from numpyro.infer.util import ParamInfo

    energy_and_gradient = jax.jit(jax.value_and_grad(potential))

    def start() -> ParamInfo:
        for _ in range(ATTEMPTS):
            point = draw_start()
            vector = np.concatenate([np.ravel(value) for value in point.values()])
            energy, gradient = jax.device_get(energy_and_gradient(vector))
            if np.isfinite(energy):
                return ParamInfo(vector, energy, gradient)
        model.check_start_vals(dict(point))  # raises, and says whose density is not finite
        raise pm.exceptions.SamplingError(f"JAX finds no finite density at the start {point}")

    return [start() for _ in range(chains)]


def _run(
    potential: Potential, starts: Sequence["ParamInfo"], key: int, settings: NutsSettings
) -> _Chains:
    """The chains, side by side where there are devices for that."""
    import jax
    from numpyro.infer import MCMC, NUTS

    mcmc = MCMC(
        NUTS(potential_fn=potential, target_accept_prob=settings.target_accept),
        num_warmup=settings.tune,
        num_samples=settings.draws,
        num_chains=settings.chains,
        chain_method="parallel",
        progress_bar=sys.stderr.isatty(),
    )
    # One axis of chains in front; NumPyro wants none for a single chain.
    stacked = jax.tree.map(lambda *of_chains: np.stack(of_chains), *starts)
    init_params = stacked if settings.chains > 1 else starts[0]
    mcmc.run(jax.random.key(key), init_params=init_params, extra_fields=tuple(STATS))
    noted = jax.device_get(mcmc.get_extra_fields(group_by_chain=True))
    stats = {name: noted[theirs] for theirs, name in STATS.items()}
    # A tree of depth d has from 2^(d - 1) steps to 2^d - 1.
    stats["tree_depth"] = np.log2(stats["n_steps"]).astype(int) + 1
    return _Chains(jax.device_get(mcmc.get_samples(group_by_chain=True)), stats)


def _variables(model: pm.Model, values: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Draws of every variable of a model, (chains, draws, …) each, from those of the free ones."""
    import jax
    from pymc.sampling.jax import get_jaxified_graph

    # A free variable is the one it was before it was transformed.
    variables = model.replace_rvs_by_values(model.unobserved_RVs)
    transform = get_jaxified_graph(inputs=model.value_vars, outputs=variables)
    of_all_draws = jax.jit(jax.vmap(jax.vmap(transform)))
    names = [variable.name for variable in model.unobserved_RVs]
    return dict(zip(names, jax.device_get(of_all_draws(*values)), strict=True))
