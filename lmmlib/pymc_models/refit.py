"""One model, compiled once and fitted to many responses: NUTS by nutpie, for calibration."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pymc as pm
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.estimation import confounded_with_sigma
from lmmlib.model import Data, Priors
from lmmlib.model.options import in_brief
from lmmlib.pymc_models.completion import assembled, chains_first, posterior_arrays
from lmmlib.pymc_models.conditional import (
    WELL_INFORMED,
    Centered,
    conditional_model,
    well_informed,
)
from lmmlib.pymc_models.diagnostics import DiagnosedDraws, Diagnosis, SamplingError, diagnose
from lmmlib.pymc_models.machine_warnings import machine_warnings_ignored
from lmmlib.pymc_models.marginal import marginal_model
from lmmlib.pymc_models.settings import NutsSettings

Builder = Callable[[Data, Priors], pm.Model]

# nutpie's names of what NUTS notes on itself, and ArviZ's
STATS = {
    "diverging": "diverging",
    "energy": "energy",
    "depth": "tree_depth",
    "maxdepth_reached": "reached_max_treedepth",
    "n_steps": "n_steps",
    "step_size": "step_size",
    "mean_tree_accept": "acceptance_rate",
    "logp": "lp",
}
MAX_TREE_DEPTH = 10
FORMULATIONS = ("marginal", "conditional")
# β and the mean of levels that are sampled themselves lie on a ridge, which a mass matrix of low
# rank can follow. What is left to avoid is the funnel of a small SD, so effects are sampled
# themselves as soon as the data say more of them than the prior; a fit that fails may have met a
# funnel all the same, and the second attempt does so only where they say nearly all.
INFORMED_AT_FIRST = 0.5
INFORMED_AFTER_FAILURE = WELL_INFORMED
SEEDS = 2**63


@dataclass(frozen=True)
class _Attempt:
    """How a model is fitted once.

    Settings of NUTS, and the information above which effects are sampled themselves.
    """

    settings: NutsSettings
    informed_above: float


class Refitter:
    """An engine for calibration.

    A model of either formulation, or another one, compiled once and fitted anew at every call.

    Parameters
    ----------
    formulation : {"marginal", "conditional"} or callable
        One of the two formulations, or a function of data and priors that returns another
        pymc.Model without u, as the wrong ones of ``lmmlib.report`` do: u is then drawn as if
        the model were right.
    data : Data
        Response and design; the design is kept.
    priors : Priors
        Kept for good.
    draws, tune, chains : int, optional
        Iterations kept and discarded per chain, and number of chains.
    target_accept : float, default: 0.95
        Target acceptance of the first attempt of each fit.
    centered : bool or str or mapping of str to bool, default: "auto"
        As for ``conditional_model``; ``auto`` chooses for every response anew, because those
        simulated from wide priors want different values, by an information above one half (0.9 at
        the second attempt), and compiles each choice once, when it first occurs. The marginal model
        has no use for it.

    Raises
    ------
    TypeError
        If an option is of another kind.
    ValueError
        If the formulation is unknown, an option is out of range, or the model cannot be built.

    See Also
    --------
    lmmlib.sample : One fit of a model that may have been added to.

    Notes
    -----
    Compiling takes minutes, but seconds where PyTensor finds the compiled parts in its cache; a fit
    takes seconds. Compiled code lives in one process: let ``calibrate`` run it with
    ``executor=ThreadPoolExecutor(1)``.

    References
    ----------
    Hoffman & Gelman (2014), J. Mach. Learn. Res. 15, for NUTS.

    Examples
    --------
    >>> from lmmlib.model import Design, ScalePrior, Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> Refitter("joint", data, Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0)))
    Traceback (most recent call last):
        ...
    ValueError: formulation must be one of marginal, conditional or a function, got 'joint'
    """

    def __init__(
        self,
        formulation: str | Builder,
        data: Data,
        priors: Priors,
        *,
        draws: int = 1000,
        tune: int = 500,
        chains: int = 4,
        target_accept: float = 0.95,
        centered: Centered = "auto",
    ) -> None:
        if not callable(formulation) and formulation not in FORMULATIONS:
            raise ValueError(
                f"formulation must be one of {', '.join(FORMULATIONS)} or a function, got "
                f"{in_brief(formulation)}"
            )
        self.formulation = formulation
        self.design = data.design
        self.priors = priors
        self.settings = NutsSettings(draws, tune, chains, target_accept)
        self.centered = centered
        # Compiled models by which effects are sampled themselves; None: as the option says.
        self._compiled: dict[tuple[bool, ...] | None, Any] = {}
        self._compiled_with(data, INFORMED_AT_FIRST)

    def __call__(self, data: Data, priors: Priors, rng: np.random.Generator) -> xr.DataTree:
        """Draws given another response; a fit that fails its diagnostics is run once more.

        The second attempt takes smaller steps and twice the draws if the first diverged, four times
        the draws if not.

        Parameters
        ----------
        data : Data
            Data of the design that the model was compiled for.
        priors : Priors
            The ones it was compiled with.
        rng : numpy.random.Generator
            Generator of NUTS's seeds and of u.

        Returns
        -------
        xarray.DataTree
            Draws in the one form, with exact ``u`` unless the model is the conditional one, which
            samples it; the attribute ``sampling_time`` holds the seconds that the attempt that
            passed took, ``doubts`` what :func:`diagnose` only doubts, as one string.

        Raises
        ------
        ValueError
            If the design or the priors are others.
        SamplingError
            If the fit fails twice, naming the variables and what to try.
        """
        self._check(data, priors)
        fit = self._fit(data, rng, _Attempt(self.settings, INFORMED_AT_FIRST))
        if not fit.diagnosis.passed:
            if fit.diagnosis.divergences:
                settings = self.settings.longer(2).with_smaller_steps()
            else:  # smaller steps would cost as much and mend nothing
                settings = self.settings.longer(4)
            fit = self._fit(data, rng, _Attempt(settings, INFORMED_AFTER_FAILURE))
        if not fit.diagnosis.passed:
            raise SamplingError(f"the fit failed twice: {self._explanation(data, fit.diagnosis)}")
        return fit.draws

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: compiled code stays where it is."""
        raise TypeError(
            "a Refitter holds compiled code and cannot be sent to another process; give "
            "calibrate executor=ThreadPoolExecutor(1)"
        )

    def _check(self, data: Data, priors: Priors) -> None:
        if data.design.fingerprint != self.design.fingerprint:
            raise ValueError(
                "data are of another design than the one compiled for: other values of X, Z, "
                "weights or offset, or other rows or another order of rows; only y may differ, so "
                "make another Refitter"
            )
        different = self.priors.differing(priors)
        if different:
            raise ValueError(
                f"priors must be the ones compiled with; {', '.join(different)} differ, so make "
                "another Refitter"
            )

    def _explanation(self, data: Data, diagnosis: Diagnosis) -> str:
        """What failed, and what may help."""
        formulation = self.formulation if isinstance(self.formulation, str) else "other"
        reason = confounded_with_sigma(data.reduction, self.priors)
        return diagnosis.explanation(formulation, reason)

    def _compiled_with(self, data: Data, informed_above: float) -> Any:
        """nutpie's compiled model with the response of ``data``.

        In the parameterisation that the data call for, where that is left to them.
        """
        centered = self.centered
        key = None
        if self.formulation == "conditional" and centered == "auto":
            centered = well_informed(data, self.priors, informed_above)
            key = tuple(centered.values())
        if key not in self._compiled:
            self._compiled[key] = _compile(self._build(data, centered))
        return self._compiled[key].with_data(y_data=data.y)

    def _build(self, data: Data, centered: Centered) -> pm.Model:
        """The model of this formulation."""
        if not isinstance(self.formulation, str):
            return self.formulation(data, self.priors)
        if self.formulation == "conditional":
            return conditional_model(data, self.priors, centered)
        return marginal_model(data, self.priors)

    def _fit(self, data: Data, rng: np.random.Generator, attempt: _Attempt) -> DiagnosedDraws:
        """One run of NUTS, its draws completed, and their diagnostics."""
        import nutpie  # slow to import

        began = time.perf_counter()
        settings = attempt.settings
        raw = nutpie.sample(
            self._compiled_with(data, attempt.informed_above),
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            seed=int(rng.integers(SEEDS)),
            target_accept=settings.target_accept,
            maxdepth=MAX_TREE_DEPTH,
            adaptation="diag" if self.formulation == "marginal" else "low_rank",
            save_warmup=False,
            progress_bar=False,
        )
        seconds = time.perf_counter() - began

        stats = {name: chains_first(raw.sample_stats[theirs]) for theirs, name in STATS.items()}
        rng_of_u = None if self.formulation == "conditional" else rng
        tree = assembled(data, posterior_arrays(raw), stats, rng_of_u)
        diagnosis = diagnose(tree, max_tree_depth=MAX_TREE_DEPTH)
        tree.attrs.update(sampling_time=seconds, doubts="; ".join(diagnosis.doubts))
        return DiagnosedDraws(tree, diagnosis)


def _compile(model: pm.Model) -> Any:
    """nutpie's compiled form of a model."""
    import nutpie

    with machine_warnings_ignored():
        return nutpie.compile_pymc_model(model, backend="numba", var_names=draws_.VARIABLES)
