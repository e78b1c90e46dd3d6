"""NUTS by NumPyro through PyMC, a gate on its diagnostics, and exact effects for marginal fits."""

import time
import warnings

import numpy as np
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.estimation import confounded_with_sigma
from lmmlib.model import Data, RNGLike, checked_rng, frozen_array
from lmmlib.model.options import fraction, whole_number
from lmmlib.pymc_models.additions import Additions, additions
from lmmlib.pymc_models.diagnostics import Diagnosis, SamplingError, SamplingWarning, diagnose
from lmmlib.pymc_models.parameters import Source
from lmmlib.pymc_models.quiet import ON_TERMINAL, only_about_the_fit
from lmmlib.pymc_models.quiet import pymc as pm
from lmmlib.random_effects import conditional_draws

# prior SD: what is estimated of variances is drawn towards 1e-3 while NUTS adapts (Stan, NumPyro)
SMALLEST_UNIT = 1e-3
LARGEST_SEED = 2**31  # that PyMC takes


def sample(
    model: pm.Model,
    *,
    random_seed: RNGLike = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.95,
    on_failure: str = "raise",
) -> xr.DataTree:
    """Draw from the posterior of a conditional, marginal or reconstructed model by NUTS.

    A marginal fit gets its exact draws of u.

    A fit that fails the gate of :func:`lmmlib.pymc_models.diagnose` is run once more with twice the
    draws and smaller steps; if that fails too, it is an error or a warning.

    Parameters
    ----------
    model : pymc.Model
        Made by ``conditional_model`` or ``marginal_model``, perhaps added to.
    random_seed : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.
    draws, tune, chains : int, optional
        Iterations kept and discarded per chain, and number of chains.
    target_accept : float, default: 0.95
        Target acceptance of the first attempt.
    on_failure : {"raise", "warn"}, default: "raise"
        What to do when the fit fails the gate twice.

    Returns
    -------
    xarray.DataTree
        Draws in the one form, with the model's other variables beside it, so that PyMC's predictive
        sampling works on it; ``sample_stats`` holds NUTS's own, the attribute ``sampling_time`` the
        seconds that compiling and sampling took.

    Raises
    ------
    SamplingError
        If the fit fails the gate twice, naming the variables and what to try.
    TypeError
        If an option is of another kind.
    ValueError
        If ``on_failure`` is unknown, the model is not one of ours or something was taken out of it,
        an option is out of range, or the values of ``y_data`` are not finite.

    Warns
    -----
    SamplingWarning
        On a low E-BFMI, on saturated trees, and where the user has added to a marginal model, so
        that no exact draws of u can be made, or to a conditional one on u or y, so that ``loo`` can
        do less with the draws.

    References
    ----------
    Hoffman & Gelman (2014), J. Mach. Learn. Res. 15; equation :eq:`eq-effects-given-y` for u.
    """
    if on_failure not in ("raise", "warn"):
        raise ValueError(f"on_failure must be 'raise' or 'warn', got {on_failure!r}")
    source = _source(model)
    seed = _seed(random_seed)
    _check_numbers(draws, tune, chains, target_accept)
    added = additions(model, source)
    doubt = added.doubt(source.formulation)
    if doubt:
        warnings.warn(doubt, SamplingWarning, stacklevel=2)
    tree, diagnosis = _attempt(model, source, added, seed, draws, tune, chains, target_accept)
    if not diagnosis.passed:
        steps_shrunk = 1 - (1 - target_accept) / 5
        tree, diagnosis = _attempt(
            model, source, added, seed, 2 * draws, 2 * tune, chains, steps_shrunk
        )
    if not diagnosis.passed:
        told = diagnosis.refusal(source.formulation, _known_reason(source))
        if on_failure == "raise":
            raise SamplingError(told)
        warnings.warn(told, SamplingWarning, stacklevel=2)
    for doubt in diagnosis.doubts:
        warnings.warn(doubt, SamplingWarning, stacklevel=2)
    return tree


def sample_outside_gate(
    model: pm.Model,
    *,
    random_seed: RNGLike = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.8,
) -> tuple[xr.DataTree, Diagnosis]:
    """Draw once and hand back whatever came, with what the gate has against it.

    To show a fit that cannot be trusted.

    Parameters
    ----------
    model : pymc.Model
        Made by this module.
    random_seed : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.
    draws, tune, chains : int, optional
        Iterations kept and discarded per chain, and number of chains.
    target_accept : float, default: 0.8
        Target acceptance of NUTS; by default what PyMC and Stan take.

    Returns
    -------
    draws : xarray.DataTree
        Draws as from :func:`lmmlib.sample`, whose attribute ``outside_gate`` holds the failures in
        one string.
    diagnosis : Diagnosis
        Diagnosis with the divergences.

    Raises
    ------
    ValueError
        If the model is not one of ours.

    See Also
    --------
    lmmlib.sample : For every fit that something is to be learned from.
    """
    source = _source(model)
    seed = _seed(random_seed)
    _check_numbers(draws, tune, chains, target_accept)
    added = additions(model, source)
    tree, diagnosis = _attempt(model, source, added, seed, draws, tune, chains, target_accept)
    tree.attrs["outside_gate"] = "; ".join(diagnosis.failures)
    return tree, diagnosis


def _known_reason(source: Source) -> str | None:
    """Why NUTS cannot but fail on a model, where that is known, with what to do."""
    smallest = np.min(source.priors.beta_sd, initial=np.inf)
    if smallest < SMALLEST_UNIT:
        return (
            f"the prior SD of a coefficient is {smallest:.2g}, and NUTS adapts in units of about "
            "one; "
            "multiply the response by a power of ten, or take lmm.posterior, which has no unit"
        )
    return confounded_with_sigma(source.data.reduction, source.priors)


def _source(model: pm.Model) -> Source:
    source = getattr(model, "lmmlib_source", None)
    if not isinstance(source, Source):
        raise ValueError(
            "model must come from conditional_model or marginal_model, or be a reconstruction, "
            "and copies and what pymc.do, "
            "pymc.observe or clone_model return do not remember that; build it anew, or sample "
            "any other with pymc.sample"
        )
    return source


def _seed(random_seed: RNGLike) -> int:
    """A seed for PyMC and for the effects; a whole number is taken as it is."""
    if isinstance(random_seed, int | np.integer):
        checked_rng(random_seed)
        return int(random_seed)
    return int(checked_rng(random_seed).integers(LARGEST_SEED))


def _check_numbers(draws: int, tune: int, chains: int, target_accept: float) -> None:
    whole_number("draws", draws, 1)
    whole_number("tune", tune, 0)
    whole_number("chains", chains, 1)
    fraction("target_accept", target_accept)


def _attempt(
    model: pm.Model,
    source: Source,
    added: Additions,
    seed: int,
    draws: int,
    tune: int,
    chains: int,
    target_accept: float,
) -> tuple[xr.DataTree, Diagnosis]:
    n = source.data.design.n
    y = frozen_array(
        "y_data",
        model["y_data"].get_value(),
        (n,),
        f"the model was made of {n} rows; make another for others",
    )
    data = source.data.with_y(y)  # the values may have been exchanged
    _enough_devices(chains)
    began = time.perf_counter()
    with model, only_about_the_fit():
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
    with_exact_u = source.formulation == "marginal" and not added.names
    tree = _completed(data, raw, np.random.default_rng([seed, 1]) if with_exact_u else None)
    tree.attrs.update(sampling_time=seconds, **added.attributes)
    others = set(tree.posterior.data_vars) - source.names
    return tree, diagnose(tree, [*draws_.VARIABLES, *others])


def _completed(data: Data, raw: xr.DataTree, rng: np.random.Generator | None) -> xr.DataTree:
    """The draws in the one form, with u drawn given y if there is an rng.

    The model's other variables are kept as they came.
    """
    ours = {
        name: raw.posterior[name].transpose("chain", "draw", ...).to_numpy()
        for name in draws_.VARIABLES
        if name in raw.posterior
    }
    stats = {
        str(name): array.to_numpy()
        for name, array in raw.sample_stats.data_vars.items()
        if array.dims == ("chain", "draw")
    }
    tree = draws_.assemble(data, ours, stats)
    if rng is not None:
        u = conditional_draws(data, draws_.theta(tree, data.design), rng)
        tree = draws_.assemble(data, {**ours, "u": u.reshape(*ours["sigma"].shape, -1)}, stats)
    others = [
        name for name in raw.posterior.data_vars if name not in ours
    ]  # PyMC's predictive sampling needs them all
    if others:
        tree["posterior"] = tree.posterior.to_dataset().merge(raw.posterior.to_dataset()[others])
    return tree


def _enough_devices(chains: int) -> None:
    """Let JAX run the chains side by side; it listens only before it has started."""
    import numpyro

    numpyro.set_host_device_count(chains)
