"""The result of leave-one-out: ArviZ's, with the task that it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.utils import ELPDDataLOO

from lmmlib.model import Data
from lmmlib.model.row_labels import check_same_rows, row_index


@dataclass(kw_only=True, repr=False)
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
    units : ndarray, shape (n,)
        Number of the row or level with which a row was left out.
    groups : ndarray
        One number a left-out unit, those of one group alike, for the standard error; None for the
        units themselves.
    """

    task: str = ""
    leave: str = "row"
    route: str = ""
    refitted: tuple[str, ...] = ()
    se_over: str = "row"
    y: np.ndarray = None
    units: np.ndarray = None
    groups: np.ndarray = None
    _kind: ClassVar[str] = "loo"

    def _header(self) -> str:
        told = f"Task: {self.task}\nRoute: {self.route}\nStandard error over: {self.se_over}\n"
        if self.refitted:
            told += f"Refitted: {', '.join(self.refitted)}\n"
        return told + super()._header()


def collected(
    data: Data,
    leave: str,
    route: str,
    units: np.ndarray,
    labels: list[str],
    by: object,
    found: dict[str, np.ndarray],
    S: int,
    good_k: float,
) -> TaskLOO:
    """One result from the elpd, in-sample density and Pareto k of every unit."""
    elpd_i, k, refitted = found["elpd_i"], found["pareto_k"], found["refitted"]
    groups, se_over = _groups(data, leave, units, by)
    dim = "row" if leave == "row" else "level"
    index = {dim: np.arange(len(labels)) if leave == "row" else labels}
    return TaskLOO(
        elpd=float(elpd_i.sum()),
        se=standard_error(elpd_i, groups),
        p=float((found["in_sample"] - elpd_i).sum()),
        n_samples=S,
        n_data_points=len(elpd_i),
        scale="log",
        warning=bool(np.any((k > good_k) & ~refitted)),
        good_k=float(good_k),
        elpd_i=xr.DataArray(elpd_i, coords=index, name="elpd_i"),
        pareto_k=xr.DataArray(k, coords=index, name="pareto_k"),
        approx_posterior=False,
        task="row i from all other rows"
        if leave == "row"
        else f"all rows of one {leave} from the rows of all others",
        leave=leave,
        route=route,
        refitted=tuple(labels[i] for i in np.flatnonzero(refitted)),
        se_over=se_over,
        y=data.y,
        units=units,
        groups=groups,
    )


def standard_error(values: np.ndarray, groups: np.ndarray | None) -> float:
    """√(G Var) of the sums of G groups of values, which are taken for independent."""
    sums = values if groups is None else np.bincount(groups, values)
    return float(np.sqrt(len(sums) * sums.var()))


def _groups(data: Data, leave: str, units: np.ndarray, by: object) -> tuple[np.ndarray | None, str]:
    """Group of each unit, numbered from zero, and what they are called."""
    if by is None:
        return None, "rows" if leave == "row" else f"levels of {leave}"
    check_same_rows("by", row_index(by), "the data", data.design.index)
    if isinstance(by, Mapping):
        raise TypeError(f"by must name a term or hold one label per row, got {type(by).__name__}")
    label = data.design.level_of_rows(by) if isinstance(by, str) else np.asarray(by)
    if label.shape != (data.design.n,):
        raise ValueError(
            f"by must name a term or hold one label per row, shape ({data.design.n},), got shape "
            f"{label.shape}"
        )
    if pd.isna(label).any():
        raise ValueError(
            f"by must have no missing labels, got {int(pd.isna(label).sum())} of {len(label)}"
        )
    pairs = np.unique(np.column_stack([units, pd.factorize(label)[0]]), axis=0)
    if len(pairs) != len(np.unique(units)):
        raise ValueError(
            f"rows left out together must lie in one group, but those of one {leave} lie in "
            "several; take another by"
        )
    return np.unique(pairs[:, 1], return_inverse=True)[1], f"levels of {by}" if isinstance(
        by, str
    ) else "groups"
