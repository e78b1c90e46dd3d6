"""What draws must pass before anything is computed from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import arviz_stats
import numpy as np
import xarray as xr

from lmmlib.draws import VARIABLES

LARGEST_RHAT = 1.01
SMALLEST_ESS = 400
SMALLEST_BFMI = 0.3
MOST_SATURATED = 0.01


class SamplingError(RuntimeError):
    """A fit failed the gate, after one longer attempt."""


class SamplingWarning(UserWarning):
    """A fit is usable but doubtful, or is used although it failed the gate."""


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

    def refusal(self, formulation: str, reason: str | None = None) -> str:
        """What failed in both attempts, and what may help.

        The reason with its remedy where it is known.
        """
        failed = f"the fit failed twice: {'; '.join(self.failures)}"
        if reason:
            return f"{failed}; {reason}"
        other = (
            "the marginal model, the other value of centered, "
            if formulation == "conditional"
            else ""
        )
        return f"{failed}; what may help: {other}more draws, or narrower priors on the SDs"


def diagnose(
    draws: xr.DataTree, names: Sequence[str] = VARIABLES, max_tree_depth: int = 10
) -> Diagnosis:
    """Check draws against the gate.

    R-hat is at most 1.01, bulk and tail ESS are at least 400 over all parameters and effects, and
    there is no divergence.

    E-BFMI below 0.3 and more than 1 % of trees at their largest only raise doubts.

    Parameters
    ----------
    draws : xarray.DataTree
        Draws with ``posterior`` and ``sample_stats``.
    names : sequence of str, default: VARIABLES
        Variables to look at; those that the draws lack are passed over.
    max_tree_depth : int, default: 10
        Largest depth of the sampler's trees.

    Returns
    -------
    Diagnosis
        Numbers of the diagnostics, and what failed.

    References
    ----------
    Vehtari et al. (2021), Bayesian Anal. 16(2), for R-hat and ESS; Betancourt (2016), arXiv
    1604.00695, for E-BFMI.
    """
    posterior = draws.posterior.to_dataset()[[name for name in names if name in draws.posterior]]
    rhat = _flat(arviz_stats.rhat(posterior))
    bulk = _flat(arviz_stats.ess(posterior, method="bulk"))
    tail = _flat(arviz_stats.ess(posterior, method="tail"))
    stats = draws.sample_stats
    divergences = int(stats["diverging"].sum())
    bfmi = float(np.min(_energy_bfmi(stats["energy"].transpose("chain", "draw").to_numpy())))
    saturated = float((stats["tree_depth"] >= max_tree_depth).mean())
    failures = [f"{divergences} divergent transitions"] * bool(divergences)
    failures += _worst("R-hat above 1.01", {k: v for k, v in rhat.items() if v > LARGEST_RHAT}, max)
    failures += _worst(
        "bulk ESS below 400", {k: v for k, v in bulk.items() if v < SMALLEST_ESS}, min
    )
    failures += _worst(
        "tail ESS below 400", {k: v for k, v in tail.items() if v < SMALLEST_ESS}, min
    )
    doubts = [f"E-BFMI is {bfmi:.2f}, below {SMALLEST_BFMI}"] * (bfmi < SMALLEST_BFMI)
    doubts += [f"{saturated:.1%} of the trees reached their largest size"] * (
        saturated > MOST_SATURATED
    )
    return Diagnosis(
        divergences,
        max(rhat.values()),
        min(bulk.values()),
        min(tail.values()),
        bfmi,
        saturated,
        tuple(failures),
        tuple(doubts),
    )


def _flat(values: xr.Dataset) -> dict[str, float]:
    """One number a scalar parameter, by name and label; constants have none and are left out."""
    found = {}
    for name, array in values.data_vars.items():
        labels = array[array.dims[0]].to_numpy() if array.dims else [None]
        for label, value in zip(
            labels, np.atleast_1d(array.to_numpy()).reshape(len(labels), -1), strict=True
        ):
            if np.isfinite(value).all():
                found[str(name) if label is None else f"{name}[{label}]"] = float(value[0])
    return found


def _worst(what: str, offenders: dict[str, float], pick: object) -> list[str]:
    if not offenders:
        return []
    worst = pick(offenders, key=offenders.get)
    names = ", ".join(list(offenders)[:5]) + (", …" if len(offenders) > 5 else "")
    return [
        f"{what} for {len(offenders)} parameters ({names}); worst {worst}: {offenders[worst]:.4g}"
    ]


def _energy_bfmi(energy: np.ndarray) -> np.ndarray:
    """Energy fraction of missing information of each chain, (chains,)."""
    return np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1)
