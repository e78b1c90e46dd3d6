"""The result of leave-one-out: ArviZ's, with the task that it answers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr
from arviz_stats.utils import ELPDDataLOO
from numpy.typing import ArrayLike

from lmmlib.crossvalidation.independent_groups import independent_groups, standard_error
from lmmlib.crossvalidation.units import Units
from lmmlib.model import Data


@dataclass(frozen=True, eq=False)
class UnitEstimates:
    """What was found of every unit, before it is summed.

    Attributes
    ----------
    elpd_i : ndarray, shape (units,)
        Log predictive density of each unit, given all others.
    in_sample : ndarray, shape (units,)
        The same with the unit itself among what is given.
    pareto_k : ndarray, shape (units,)
        Shape of the tail of the weights.
    is_refitted : ndarray of bool, shape (units,)
        Whether ``elpd_i`` comes from an exact refit.
    n_draws : int
        Number S of draws.
    """

    elpd_i: np.ndarray
    in_sample: np.ndarray
    pareto_k: np.ndarray
    is_refitted: np.ndarray
    n_draws: int

    @property
    def good_k(self) -> float:
        """The largest Pareto k that S draws bear: min(1 − 1/log10 S, 0.7)."""
        return float(min(1 - 1 / np.log10(self.n_draws), 0.7))

    @property
    def unreliable(self) -> np.ndarray:
        """Numbers of the units whose weights cannot be trusted, a k of NaN among them."""
        return np.flatnonzero(~(self.pareto_k <= self.good_k))


@dataclass(kw_only=True, repr=False, eq=False)
class TaskLOO(ELPDDataLOO):
    """ArviZ's result with the prediction task on it.

    Attributes
    ----------
    task : str
        What is predicted from what.
    leave : str
        ``row``, or the term whose levels were left out.
    route : str
        ``leverage`` or ``conditional``, the density whose weights were smoothed.
    refitted : tuple of str
        Labels of what was left out by refitting, since its weights could not be trusted.
    se_over : str
        ``row``, a term or ``groups``: whose sums the standard error takes for independent.
    y : ndarray, shape (n,)
        Response.
    units : ndarray of int, shape (n,)
        Number of the row or level with which a row was left out.
    groups : ndarray of int, or None
        One number a left-out unit, those of one group alike, for the standard error; None for the
        units themselves.
    """

    task: str
    leave: str
    route: str
    refitted: tuple[str, ...]
    se_over: str
    y: np.ndarray
    units: np.ndarray
    groups: np.ndarray | None
    _kind: ClassVar[str] = "loo"
    # ArviZ's comparison of arrays has no truth value; a result is equal to itself alone.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def _header(self) -> str:
        lines = [
            f"Task: {self.task}",
            f"Route: {self.route}",
            f"Standard error over: {self.se_over}",
        ]
        if self.refitted:
            lines.append(f"Refitted: {', '.join(self.refitted)}")
        return "\n".join([*lines, super()._header()])


def task_loo(
    data: Data, units: Units, route: str, by: str | ArrayLike | None, estimates: UnitEstimates
) -> TaskLOO:
    """One result from the estimates of every unit."""
    groups = independent_groups(data, units, by)
    elpd_i = estimates.elpd_i
    is_high = estimates.pareto_k > estimates.good_k
    refitted = tuple(units.labels[i] for i in np.flatnonzero(estimates.is_refitted))
    return TaskLOO(
        elpd=float(elpd_i.sum()),
        se=standard_error(elpd_i, groups.of_units),
        p=float((estimates.in_sample - elpd_i).sum()),
        n_samples=estimates.n_draws,
        n_data_points=len(elpd_i),
        scale="log",
        warning=bool(np.any(is_high & ~estimates.is_refitted)),
        good_k=estimates.good_k,
        elpd_i=xr.DataArray(elpd_i, coords=units.coords, name="elpd_i"),
        pareto_k=xr.DataArray(estimates.pareto_k, coords=units.coords, name="pareto_k"),
        approx_posterior=False,
        task=units.task,
        leave=units.leave,
        route=route,
        refitted=refitted,
        se_over=groups.plural,
        y=data.y,
        units=units.of_rows,
        groups=groups.of_units,
    )
