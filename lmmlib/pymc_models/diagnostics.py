"""Diagnostics that draws must pass before anything is computed from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import arviz_stats
import numpy as np
import xarray as xr

from lmmlib.draws import VARIABLES

LARGEST_RHAT = 1.01
SMALLEST_ESS = 400
SMALLEST_BFMI = 0.3
MOST_SATURATED = 0.01
NAMED = 5  # parameters at most in a message


class SamplingError(RuntimeError):
    """A fit failed its diagnostics, after one longer attempt."""


class SamplingWarning(UserWarning):
    """A fit is usable but doubtful, or is handed back although it failed its diagnostics."""


@dataclass(frozen=True)
class Diagnosis:
    """Diagnostics of one fit over every parameter, effects included.

    Attributes
    ----------
    divergences : int
        Number of divergent transitions.
    rhat : float
        Largest R-hat.
    ess_bulk, ess_tail : float
        Smallest effective sample sizes.
    bfmi : float
        Smallest E-BFMI of the chains.
    saturated : float
        Share of draws at the largest tree.
    failures : tuple of str
        Sentences, one per criterion that failed, naming the variables; none if the fit passes.
    doubts : tuple of str
        Sentences on what only warns.
    """

    divergences: int
    rhat: float
    ess_bulk: float
    ess_tail: float
    bfmi: float
    saturated: float
    failures: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    def explanation(self, formulation: str, reason: str | None = None) -> str:
        """What failed, and what may help.

        Parameters
        ----------
        formulation : str
            ``conditional`` or another one.
        reason : str, optional
            Why the fit cannot but fail, with its remedy, where that is known.

        Returns
        -------
        str
            Part of a sentence.
        """
        failed = "; ".join(self.failures)
        if reason:
            return f"{failed}; {reason}"
        remedies = ["more draws", "or narrower priors on the SDs"]
        if formulation == "conditional":
            remedies = ["the marginal model", "the other value of centered", *remedies]
        return f"{failed}; what may help: {', '.join(remedies)}"


@dataclass(frozen=True, eq=False)
class DiagnosedDraws:
    """Draws of one run of NUTS, with their diagnostics.

    Attributes
    ----------
    draws : xarray.DataTree
        Draws in the one form.
    diagnosis : Diagnosis
        What their diagnostics say.
    """

    draws: xr.DataTree
    diagnosis: Diagnosis


def diagnose(
    draws: xr.DataTree, var_names: Sequence[str] = VARIABLES, max_tree_depth: int = 10
) -> Diagnosis:
    """Check draws: R-hat at most 1.01, bulk and tail ESS at least 400, and no divergence.

    R-hat and ESS are those of all parameters and effects. E-BFMI below 0.3 and more than 1 % of
    trees at their largest only raise doubts.

    Parameters
    ----------
    draws : xarray.DataTree
        Draws with ``posterior`` and ``sample_stats``.
    var_names : sequence of str, default: VARIABLES
        Variables to look at; those that the draws lack are passed over.
    max_tree_depth : int, default: 10
        Largest depth of the sampler's trees.

    Returns
    -------
    Diagnosis
        Numbers of the diagnostics, and what failed.

    Notes
    -----
    The statistics are ArviZ's. ``arviz_stats.diagnose`` asks something else of them: its tail ESS
    need only be a thousandth of the draws, a single tree at its largest or a low E-BFMI is an
    error, and it names variables, not which of their entries failed.

    References
    ----------
    Vehtari et al. (2021), Bayesian Anal. 16(2), for R-hat and ESS; Betancourt (2016), arXiv
    1604.00695, for E-BFMI.
    """
    names = [name for name in var_names if name in draws.posterior]
    posterior = draws.posterior.to_dataset()[names]
    with np.errstate(invalid="ignore"):  # of a constant both are 0 / 0
        rhat = _by_entry(arviz_stats.rhat(posterior))
        ess_bulk = _by_entry(arviz_stats.ess(posterior, method="bulk"))
        ess_tail = _by_entry(arviz_stats.ess(posterior, method="tail"))

    stats = draws.sample_stats
    divergences = int(stats["diverging"].sum())
    bfmi = float(arviz_stats.bfmi(stats["energy"]).min())
    saturated = float((stats["tree_depth"] >= max_tree_depth).mean())

    failures = []
    if divergences:
        failures.append(f"{divergences} divergent transitions")
    too_large = {entry: value for entry, value in rhat.items() if value > LARGEST_RHAT}
    if too_large:
        worst = max(too_large, key=too_large.__getitem__)
        failures.append(_sentence(f"R-hat above {LARGEST_RHAT}", too_large, worst))
    for kind, ess in (("bulk", ess_bulk), ("tail", ess_tail)):
        too_small = {entry: value for entry, value in ess.items() if value < SMALLEST_ESS}
        if too_small:
            worst = min(too_small, key=too_small.__getitem__)
            failures.append(_sentence(f"{kind} ESS below {SMALLEST_ESS}", too_small, worst))

    doubts = []
    if bfmi < SMALLEST_BFMI:
        doubts.append(f"E-BFMI is {bfmi:.2f}, below {SMALLEST_BFMI}")
    if saturated > MOST_SATURATED:
        doubts.append(f"{saturated:.1%} of the trees reached their largest size")
    return Diagnosis(
        divergences=divergences,
        rhat=max(rhat.values()),
        ess_bulk=min(ess_bulk.values()),
        ess_tail=min(ess_tail.values()),
        bfmi=bfmi,
        saturated=saturated,
        failures=tuple(failures),
        doubts=tuple(doubts),
    )


def _by_entry(values: xr.Dataset) -> dict[str, float]:
    """A number for each scalar parameter, by name and label; constants have none."""
    by_entry = {}
    for name, array in values.data_vars.items():
        labels = product(*(array[dim].to_numpy().tolist() for dim in array.dims))
        for label, value in zip(labels, array.to_numpy().ravel().tolist(), strict=True):
            entry = f"{name}[{', '.join(map(str, label))}]" if label else str(name)
            by_entry[entry] = value
    return {entry: value for entry, value in by_entry.items() if np.isfinite(value)}


def _sentence(what: str, offenders: dict[str, float], worst: str) -> str:
    names = list(offenders)[:NAMED]
    if len(offenders) > NAMED:
        names.append("…")
    return (
        f"{what} for {len(offenders)} parameters ({', '.join(names)}); "
        f"worst {worst}: {offenders[worst]:.4g}"
    )
