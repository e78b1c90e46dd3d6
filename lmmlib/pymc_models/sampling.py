"""NUTS by NumPyro through PyMC, a gate on its diagnostics, and exact effects for marginal fits."""

import time
import warnings

import numpy as np
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.effects import draw_given_y
from lmmlib.estimation import confounded_with_sigma
from lmmlib.pymc_models.gate import Diagnosis, SamplingError, SamplingWarning, diagnose
from lmmlib.pymc_models.parameters import Source, stochastic
from lmmlib.pymc_models.quiet import ON_TERMINAL
from lmmlib.pymc_models.quiet import pymc as pm


def sample(
    model: pm.Model,
    *,
    random_seed: int,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.95,
    on_failure: str = "raise",
) -> xr.DataTree:
    """Draw from the posterior of a conditional, marginal or reconstructed model by NUTS; a marginal fit gets its exact draws of u.

    A fit that fails the gate of :func:`lmmlib.pymc_models.diagnose` is run once more with twice the draws and smaller steps; if that
    fails too, it is an error or a warning.

    Parameters
    ----------
    model : pymc.Model, made by ``conditional_model`` or ``marginal_model``, perhaps added to
    random_seed : int
    draws, tune, chains : iterations kept and discarded a chain, and chains
    target_accept : of the first attempt
    on_failure : ``raise`` or ``warn``

    Returns
    -------
    xarray.DataTree in the one form, with the model's other variables beside it, so that PyMC's predictive sampling
    works on it; ``sample_stats`` holds NUTS's own, the attribute ``sampling_time`` the seconds
        that compiling and sampling took

    Raises
    ------
    SamplingError  if the fit fails the gate twice, naming the variables and what to try
    ValueError  if ``on_failure`` is unknown, or the model is not one of ours

    Warns
    -----
    SamplingWarning  on a low E-BFMI, on saturated trees, and where the user has added to a marginal model, so that
        no exact draws of u can be made

    References
    ----------
    Hoffman & Gelman (2014), J. Mach. Learn. Res. 15; :eq:`eq-effects-given-y` for u.
    """
    if on_failure not in ("raise", "warn"):
        raise ValueError(f"on_failure must be 'raise' or 'warn', got {on_failure!r}")
    source = _source(model)
    tree, diagnosis = _attempt(model, source, random_seed, draws, tune, chains, target_accept)
    if not diagnosis.passed:
        steps_shrunk = 1 - (1 - target_accept) / 5
        tree, diagnosis = _attempt(model, source, random_seed, 2 * draws, 2 * tune, chains, steps_shrunk)
    if not diagnosis.passed:
        told = diagnosis.refusal(source.formulation, confounded_with_sigma(source.data.reduction, source.priors))
        if on_failure == "raise":
            raise SamplingError(told)
        warnings.warn(told, SamplingWarning, stacklevel=2)
    for doubt in diagnosis.doubts:
        warnings.warn(doubt, SamplingWarning, stacklevel=2)
    return tree


def sample_outside_gate(
    model: pm.Model, *, random_seed: int, draws: int = 1000, tune: int = 1000, chains: int = 4, target_accept: float = 0.8
) -> tuple[xr.DataTree, Diagnosis]:
    """Draw once and hand back whatever came, with what the gate has against it: to show a fit that cannot be trusted.

    Parameters
    ----------
    model : pymc.Model, made by this module
    random_seed : int
    draws, tune, chains : iterations kept and discarded a chain, and chains
    target_accept : of NUTS; what PyMC and Stan take where nothing is said

    Returns
    -------
    xarray.DataTree as from :func:`lmmlib.sample`, whose attribute ``outside_gate`` holds the failures in one string
    Diagnosis, with the divergences

    Raises
    ------
    ValueError  if the model is not one of ours

    See Also
    --------
    lmmlib.sample : for every fit that something is to be learned from
    """
    tree, diagnosis = _attempt(model, _source(model), random_seed, draws, tune, chains, target_accept)
    tree.attrs["outside_gate"] = "; ".join(diagnosis.failures)
    return tree, diagnosis


def _source(model: pm.Model) -> Source:
    source = getattr(model, "lmmlib_source", None)
    if not isinstance(source, Source):
        raise ValueError(
            "model must come from conditional_model or marginal_model, or be a reconstruction; sample any other with pymc.sample"
        )
    return source


def _attempt(
    model: pm.Model, source: Source, seed: int, draws: int, tune: int, chains: int, target_accept: float
) -> tuple[xr.DataTree, Diagnosis]:
    _enough_devices(chains)
    began = time.perf_counter()
    with model:
        raw = pm.sample(
            draws,
            tune=tune,
            chains=chains,
            target_accept=target_accept,
            nuts_sampler="numpyro",
            nuts={"chain_method": "parallel", "jitter": source.inside is None},
            initvals=source.inside,
            random_seed=seed,
            progressbar=ON_TERMINAL,
            quiet=not ON_TERMINAL,
            compute_convergence_checks=False,  # the gate is ours
        )
    seconds = time.perf_counter() - began
    tree = _completed(model, source, raw, np.random.default_rng([seed, 1]))
    tree.attrs["sampling_time"] = seconds
    added = set(tree.posterior.data_vars) - source.names
    return tree, diagnose(tree, [*draws_.VARIABLES, *added])


def _completed(model: pm.Model, source: Source, raw: xr.DataTree, rng: np.random.Generator) -> xr.DataTree:
    """The draws in the one form, with u; the model's other variables are kept as they came."""
    ours = {name: raw.posterior[name].transpose("chain", "draw", ...).to_numpy() for name in draws_.VARIABLES if name in raw.posterior}
    stats = {str(name): array.to_numpy() for name, array in raw.sample_stats.data_vars.items() if array.dims == ("chain", "draw")}
    data = source.data.with_y(model["y_data"].get_value())  # the values may have been exchanged
    tree = draws_.assemble(data, ours, stats)
    if source.formulation == "marginal" and _is_unchanged(model, source):
        u = draw_given_y(data, draws_.theta(tree, data.design), rng)
        tree = draws_.assemble(data, {**ours, "u": u.reshape(*ours["sigma"].shape, -1)}, stats)
    others = [name for name in raw.posterior.data_vars if name not in ours]  # PyMC's predictive sampling needs them all
    if others:
        tree["posterior"] = tree.posterior.to_dataset().merge(raw.posterior.to_dataset()[others])
    return tree


def _is_unchanged(model: pm.Model, source: Source) -> bool:
    """Whether u given y is still what it was when the model was made; deterministic quantities do not count."""
    added = sorted(stochastic(model) - source.names)
    if added:
        told = f"{', '.join(added)} was added to the marginal model, so u given y is not known in closed form any more and is left out"
        warnings.warn(told, SamplingWarning, stacklevel=4)
    return not added


def _enough_devices(chains: int) -> None:
    """Let JAX run the chains side by side; it listens only before it has started."""
    import numpyro

    numpyro.set_host_device_count(chains)
