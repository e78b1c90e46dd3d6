"""NUTS by NumPyro, its diagnostics, and exact effects for marginal fits."""

import time
import warnings

import numpy as np
import pymc as pm
import xarray as xr

from lmmlib import draws as draws_
from lmmlib import linalg
from lmmlib.estimation import confounded_with_sigma
from lmmlib.model import Data, RNGLike, checked_rng, frozen_array
from lmmlib.model.options import choice
from lmmlib.pymc_models.additions import Additions, additions
from lmmlib.pymc_models.completion import assembled, posterior_arrays
from lmmlib.pymc_models.diagnostics import DiagnosedDraws, SamplingError, SamplingWarning, diagnose
from lmmlib.pymc_models.machine_warnings import machine_warnings_ignored
from lmmlib.pymc_models.nuts import nuts_draws
from lmmlib.pymc_models.parameters import Source
from lmmlib.pymc_models.settings import NutsSettings

# prior SD: what is estimated of variances is drawn towards 1e-3 while NUTS adapts (Stan, NumPyro)
SMALLEST_UNIT = 1e-3
LARGEST_SEED = 2**31  # of those that a generator draws
ON_FAILURE = ("raise", "return")
FAILURES = "failed_diagnostics"  # attribute of draws


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

    A fit that fails :func:`lmmlib.pymc_models.diagnose` is run once more with twice the draws and
    smaller steps; if that fails too, it is an error. With ``on_failure="return"`` the model is
    fitted once, and a fit that fails is handed back with a warning: to look at it, or to show why
    it cannot be trusted.

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
    on_failure : {"raise", "return"}, default: "raise"
        What to do with a fit that fails its diagnostics.

    Returns
    -------
    xarray.DataTree
        Draws in the one form, with the model's other variables beside it, so that PyMC's predictive
        sampling works on it; ``sample_stats`` holds NUTS's own, the attribute ``sampling_time`` the
        seconds that compiling and sampling took. Draws that failed bear what failed in the
        attribute ``failed_diagnostics``.

    Raises
    ------
    SamplingError
        If the fit fails twice, naming the variables and what to try.
    TypeError
        If an option is of another kind.
    ValueError
        If ``on_failure`` is unknown, the model is not one of ours or something was taken out of it,
        a discrete variable was added to it, an option is out of range, or the values of ``y_data``
        are not finite.

    Warns
    -----
    SamplingWarning
        On a fit that failed and is handed back, on a low E-BFMI, on saturated trees, and where the
        user has added to a marginal model, so that no exact draws of u can be made, or to a
        conditional one on u or y, so that ``loo`` can do less with the draws.

    References
    ----------
    Hoffman & Gelman (2014), J. Mach. Learn. Res. 15; equation :eq:`eq-effects-given-y` for u.
    """
    on_failure = choice("on_failure", on_failure, ON_FAILURE)
    source = _source(model)
    seed = _seed(random_seed)
    settings = NutsSettings(draws, tune, chains, target_accept)
    added = additions(model, source)
    doubt = added.doubt(source.formulation)
    if doubt:
        warnings.warn(doubt, SamplingWarning, stacklevel=2)

    fit = _fit(model, source, added, seed, settings)
    failed = not fit.diagnosis.passed
    if failed and on_failure == "raise":
        fit = _fit(model, source, added, seed, settings.longer(2).with_smaller_steps())
        if not fit.diagnosis.passed:
            explanation = fit.diagnosis.explanation(source.formulation, _known_reason(source))
            raise SamplingError(f"the fit failed twice: {explanation}")
    elif failed:
        explanation = fit.diagnosis.explanation(source.formulation, _known_reason(source))
        warnings.warn(f"the fit failed: {explanation}", SamplingWarning, stacklevel=2)
        fit.draws.attrs[FAILURES] = "; ".join(fit.diagnosis.failures)
        return fit.draws
    for doubt in fit.diagnosis.doubts:
        warnings.warn(doubt, SamplingWarning, stacklevel=2)
    return fit.draws


def _known_reason(source: Source) -> str | None:
    """Why NUTS cannot but fail on a model, where that is known, with what to do."""
    smallest = np.min(source.priors.beta_sd, initial=np.inf)
    if smallest < SMALLEST_UNIT:
        return (
            f"the prior SD of a coefficient is {smallest:.2g}, and NUTS adapts in units of about "
            "one; multiply the response by a power of ten, or take lmm.posterior, which has no unit"
        )
    return confounded_with_sigma(source.data.reduction, source.priors)


def _source(model: pm.Model) -> Source:
    source = getattr(model, "lmmlib_source", None)
    if not isinstance(source, Source):
        raise ValueError(
            "model must come from conditional_model or marginal_model, or be a reconstruction, "
            "and copies and what pymc.do, pymc.observe or clone_model return do not remember "
            "that; build it anew, or sample any other with pymc.sample"
        )
    return source


def _seed(random_seed: RNGLike) -> int:
    """A seed for NUTS and for the effects; a whole number is taken as it is."""
    rng = checked_rng(random_seed)
    if isinstance(random_seed, int | np.integer):
        return int(random_seed)
    return int(rng.integers(LARGEST_SEED))


def _fit(
    model: pm.Model, source: Source, added: Additions, seed: int, settings: NutsSettings
) -> DiagnosedDraws:
    """One run of NUTS, its draws completed, and their diagnostics."""
    data = _current_data(model, source)
    _allow_devices(settings.chains)
    began = time.perf_counter()
    # JAX factors by SciPy's BLAS, and the chains are threads already.
    one_thread = linalg.threads_for(data.reduction.widest_separator)
    with machine_warnings_ignored(), one_thread:
        raw = nuts_draws(model, source.initvals, seed, settings)
    seconds = time.perf_counter() - began

    has_exact_u = source.formulation == "marginal" and not added.names
    rng = np.random.default_rng([seed, 1]) if has_exact_u else None
    tree = _completed(data, raw, rng)
    tree.attrs.update(sampling_time=seconds, **added.attributes)

    new_variables = set(map(str, tree.posterior.data_vars)) - source.names
    return DiagnosedDraws(tree, diagnose(tree, [*draws_.VARIABLES, *sorted(new_variables)]))


def _current_data(model: pm.Model, source: Source) -> Data:
    """The data with the values that ``y_data`` has now: they may have been exchanged."""
    n = source.data.design.n
    y = frozen_array(
        "y_data",
        model["y_data"].get_value(),
        (n,),
        f"the model was made of {n} rows; make another for others",
    )
    return source.data.with_y(y)


def _allow_devices(chains: int) -> None:
    """Let JAX run the chains side by side; it listens only before it has started."""
    with machine_warnings_ignored():
        import tqdm.auto  # noqa: F401  NumPyro imports it, and here its warning is not shown
    import numpyro  # slow to import

    numpyro.set_host_device_count(chains)


def _completed(data: Data, raw: xr.DataTree, rng: np.random.Generator | None) -> xr.DataTree:
    """The draws in the one form, with u drawn given y if there is an rng.

    The model's other variables are kept as they came: PyMC's predictive sampling needs them all.
    """
    arrays = posterior_arrays(raw)
    stats = {
        str(name): array.to_numpy()
        for name, array in raw.sample_stats.data_vars.items()
        if array.dims == ("chain", "draw")
    }
    tree = assembled(data, arrays, stats, rng)
    others = [name for name in raw.posterior.data_vars if name not in arrays]
    if others:
        tree["posterior"] = tree.posterior.to_dataset().merge(raw.posterior.to_dataset()[others])
    return tree
