"""One model, compiled once and fitted to many responses: NUTS by nutpie, for calibration."""

import time
from collections.abc import Callable, Mapping
from typing import NoReturn

import numpy as np
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.estimation import confounded_with_sigma
from lmmlib.model import Data, Priors
from lmmlib.pymc_models.conditional import WELL_INFORMED, conditional_model, well_informed
from lmmlib.pymc_models.diagnostics import Diagnosis, SamplingError, diagnose
from lmmlib.pymc_models.marginal import marginal_model
from lmmlib.pymc_models.quiet import pymc as pm
from lmmlib.random_effects import conditional_draws

# nutpie's names of what NUTS notes on itself, and the ones that ArviZ and the gate know
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
# β and the mean of levels that are sampled themselves lie on a ridge, which a mass matrix of low
# rank can follow. What is left to avoid is the funnel of a small SD, so effects are sampled
# themselves as soon as the data say more of them than the prior; a fit that fails may have met a
# funnel all the same, and the second attempt does so only where they say nearly all.
MODELS = ("marginal", "conditional")
INFORMED = {1: 0.5, 2: WELL_INFORMED}
SEEDS = 2**63


class Refitter:
    """An engine for calibration.

    A model of either formulation, or a wrong one, compiled once and fitted anew at every call.

    Parameters
    ----------
    formulation : str or callable
        ``marginal``, ``conditional``, or a function of data and priors that builds another model
        without u, as the wrong ones of :mod:`lmmlib.report` do: u is then drawn as if the model
        were right.
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
    ValueError
        If the formulation is unknown, or ``conditional_model`` or ``marginal_model`` raises one.

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
        formulation: str | Callable[[Data, Priors], pm.Model],
        data: Data,
        priors: Priors,
        *,
        draws: int = 1000,
        tune: int = 500,
        chains: int = 4,
        target_accept: float = 0.95,
        centered: bool | str | Mapping[str, bool] = "auto",
    ) -> None:
        if not callable(formulation) and formulation not in MODELS:
            raise ValueError(
                f"formulation must be one of {', '.join(MODELS)} or a function, got {formulation!r}"
            )
        self.formulation, self.design, self.priors, self.centered = (
            formulation,
            data.design,
            priors,
            centered,
        )
        self.draws, self.tune, self.chains, self.target_accept = draws, tune, chains, target_accept
        self._adaptation = "diag" if formulation == "marginal" else "low_rank"
        self._compiled = {}
        self._compiled_for(data)

    def __call__(self, data: Data, priors: Priors, rng: np.random.Generator) -> xr.DataTree:
        """Draws given another response; a fit that fails the gate is run once more.

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
            Draws in the one form, ``u`` of a marginal fit drawn exactly; the attribute
            ``sampling_time`` holds the seconds that the attempt that passed took, ``doubts`` what
            :func:`diagnose` only doubts, as one string.

        Raises
        ------
        ValueError
            If the design or the priors are others.
        SamplingError
            If the fit fails the gate twice, naming the variables and what to try.
        """
        self._check(data, priors)
        tree, diagnosis = self._attempt(data, rng, 1, self.draws, self.target_accept)
        if diagnosis.divergences:
            tree, diagnosis = self._attempt(
                data, rng, 2, 2 * self.draws, 1 - (1 - self.target_accept) / 5
            )
        elif not diagnosis.passed:  # smaller steps would cost as much and mend nothing
            tree, diagnosis = self._attempt(data, rng, 2, 4 * self.draws, self.target_accept)
        if not diagnosis.passed:
            raise SamplingError(
                diagnosis.refusal(
                    self.formulation, confounded_with_sigma(data.reduction, self.priors)
                )
            )
        return tree

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
                "weights or offset, or other rows "
                "or another order of rows; only y may differ, so make another Refitter"
            )
        other = self.priors.differing(priors)
        if other:
            raise ValueError(
                f"priors must be the ones compiled with; {', '.join(other)} differ, so make "
                "another Refitter"
            )

    def _compiled_for(self, data: Data, attempt: int = 1) -> object:
        """The compiled model with the response of ``data``.

        In the parameterisation that the data call for.
        """
        automatic = self.formulation == "conditional" and self.centered == "auto"
        centered = (
            well_informed(data, self.priors, INFORMED[attempt]) if automatic else self.centered
        )
        key = tuple(centered.values()) if automatic else None
        if key not in self._compiled:
            import nutpie  # slow to import

            model = self._model(data, centered)
            self._compiled[key] = nutpie.compile_pymc_model(
                model, backend="numba", var_names=draws_.VARIABLES
            )
        return self._compiled[key].with_data(y_data=data.y)

    def _model(self, data: Data, centered: bool | str | Mapping[str, bool]) -> pm.Model:
        if self.formulation == "conditional":
            return conditional_model(data, self.priors, centered)
        build = marginal_model if self.formulation == "marginal" else self.formulation
        return build(data, self.priors)

    def _attempt(
        self, data: Data, rng: np.random.Generator, attempt: int, draws: int, target_accept: float
    ) -> tuple[xr.DataTree, Diagnosis]:
        """Draws of the first or the second attempt, and what the gate says of them."""
        import nutpie

        began = time.perf_counter()
        raw = nutpie.sample(
            self._compiled_for(data, attempt),
            draws=draws,
            tune=attempt * self.tune,
            chains=self.chains,
            seed=int(rng.integers(SEEDS)),
            target_accept=target_accept,
            maxdepth=MAX_TREE_DEPTH,
            adaptation=self._adaptation,
            save_warmup=False,
            progress_bar=False,
        )
        seconds = time.perf_counter() - began
        tree = self._completed(data, raw, rng)
        diagnosis = diagnose(tree, max_tree_depth=MAX_TREE_DEPTH)
        tree.attrs.update(sampling_time=seconds, doubts="; ".join(diagnosis.doubts))
        return tree, diagnosis

    def _completed(self, data: Data, raw: xr.DataTree, rng: np.random.Generator) -> xr.DataTree:
        """The draws in the one form, with u."""
        arrays = {
            name: _array(raw.posterior[name]) for name in draws_.VARIABLES if name in raw.posterior
        }
        stats = {name: _array(raw.sample_stats[theirs]) for theirs, name in STATS.items()}
        tree = draws_.assemble(data, arrays, stats)
        if self.formulation == "conditional":
            return tree
        u = conditional_draws(data, draws_.theta(tree, data.design), rng)
        return draws_.assemble(data, {**arrays, "u": u.reshape(*arrays["sigma"].shape, -1)}, stats)


def _array(values: xr.DataArray) -> np.ndarray:
    return values.transpose("chain", "draw", ...).to_numpy()
