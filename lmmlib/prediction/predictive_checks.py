"""Predictive checks: statistics of the response, of the data and of its replicates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from lmmlib.model import Data, checked_data
from lmmlib.prediction.predictions import LEVELS_OF
from lmmlib.prediction.statistics import (
    STATISTICS,
    Statistic,
    grouping_for,
    needs_groups,
    statistics_by_name,
    values_of,
)


@dataclass(frozen=True, eq=False)
class PredictiveCheck:
    """What a predictive check found.

    Attributes
    ----------
    table : pandas.DataFrame
        A row a statistic: ``observed``, ``mean`` and ``sd`` of the replicates, and ``p``.
    replicates : pandas.DataFrame
        The statistic of each replicate.
    term : str or None
        Grouping of ``within`` and ``between``, or None where neither was asked for.
    levels : str
        ``known`` or ``new``, what the replicates are of; empty for those of another engine.
    """

    table: pd.DataFrame
    replicates: pd.DataFrame
    term: str | None
    levels: str

    def __repr__(self) -> str:
        return f"{self._title}\n{self.table.to_string(float_format=_four_digits)}"

    def _repr_html_(self) -> str:
        return f"<p>{self._title}</p>{self.table.to_html(float_format=_four_digits)}"

    @property
    def _title(self) -> str:
        levels = f", {self.levels} levels" if self.levels else ""
        groups = f", groups by {self.term}" if self.term else ""
        return f"Predictive check, {len(self.replicates):,} replicates{levels}{groups}"


def _four_digits(value: float) -> str:
    return f"{value:.4g}"


def predictive_check(
    replicates: xr.DataTree,
    data: Data,
    statistics: Sequence[str | Statistic] = STATISTICS,
    term: str | None = None,
) -> PredictiveCheck:
    r"""Statistics T of the response beside those of its replicates.

    p = P(T(y_rep) > T(y)) + ½ P(T(y_rep) = T(y)): near 0 the data lie above what the model makes,
    near 1 below. ``within`` is the pooled SD within the levels of ``term``, ``between`` the SD of
    their means; ``smallest``, ``largest`` and ``skewness`` are those of y.

    Parameters
    ----------
    replicates : xarray.DataTree
        Draws of :func:`lmmlib.posterior_predict`, of the rows of ``data``.
    data : Data
        Response and design.
    statistics : sequence of (str or Statistic), default: STATISTICS
        Names of the statistics above, and functions of one response (n,) that return a number.
    term : str, optional
        Grouped term of ``within`` and ``between``; the first one if None.

    Returns
    -------
    PredictiveCheck
        PredictiveCheck whose ``table`` holds the numbers; :func:`lmmlib.plots.statistics` draws it.

    Raises
    ------
    TypeError
        If the replicates are no tree, or data is no Data.
    ValueError
        If the replicates are of other rows or another response, a statistic is unknown or not
        finite, or the groups are too few or too small for it.

    Notes
    -----
    Under replicates from the prior, p is uniform. Under replicates from the posterior the data have
    been used twice, and p gathers about one half: an extreme p speaks against the model, a middling
    one hardly for it. Levels drawn anew test what was assumed of the levels; known ones, whose u
    have seen these rows, hardly can.

    References
    ----------
    Gelman, Meng & Stern (1996), Statistica Sinica 6(4); Bayarri & Berger (2000), J. Am. Stat.
    Assoc. 95(452), for the two uses of the data.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> from lmmlib.draws import as_draws
    >>> from lmmlib.prediction import posterior_predict
    >>> data = Data(
    ...     [0.0, 2.0, 10.0, 12.0], Design(np.ones((4, 1)), [Term.grouped("g", list("aabb"))])
    ... )
    >>> given = {
    ...     "beta": np.full((2, 500, 1), 6.0),
    ...     "sd": np.full((2, 500, 1), 5.0),
    ...     "sigma": np.ones((2, 500)),
    ... }
    >>> replicates = posterior_predict(as_draws(data=data, **given), data, "new", rng=1)
    >>> check = predictive_check(replicates, data, ["within", "between", np.ptp])
    >>> check.table["observed"].round(3).to_dict()
    {'within': 1.414, 'between': 7.071, 'ptp': 12.0}
    """
    y = _replicated_response(replicates, checked_data(data))
    statistic_by_name = statistics_by_name(statistics)
    of_groups = [name for name, statistic in statistic_by_name.items() if needs_groups(statistic)]
    group_of_rows = None
    if of_groups:
        grouping = grouping_for(data, term, of_groups)
        term = grouping.term
        group_of_rows = grouping.of_rows
    replicated = values_of(statistic_by_name, y, group_of_rows)
    observed = values_of(statistic_by_name, data.y[None], group_of_rows)
    rows = {name: _row(values, observed[name][0]) for name, values in replicated.items()}
    table = pd.DataFrame.from_dict(
        rows, orient="index", columns=["observed", "mean", "sd", "p"]
    ).rename_axis("statistic")
    return PredictiveCheck(
        table, pd.DataFrame(replicated), term, replicates.attrs.get(LEVELS_OF, "")
    )


def _row(replicated: np.ndarray, observed: float) -> tuple[float, float, float, float]:
    """What the table says of one statistic: observed, mean, SD and p."""
    p = np.mean(replicated > observed) + np.mean(replicated == observed) / 2
    return observed, replicated.mean(), replicated.std(ddof=1), p


def _replicated_response(replicates: xr.DataTree, data: Data) -> np.ndarray:
    """Replicates (S, n), if they are of these rows."""
    if not isinstance(replicates, xr.DataTree):
        raise TypeError(
            f"replicates must be a DataTree, got {type(replicates).__name__}; make them with "
            "posterior_predict"
        )
    if "posterior_predictive" not in replicates.children:
        raise ValueError(
            "predictive_check needs replicates with posterior_predictive, got "
            f"{', '.join(replicates.children)}; make them with posterior_predict"
        )
    if "y" not in replicates.posterior_predictive:
        raise ValueError(
            "predictive_check needs replicates of y, got "
            f"{', '.join(map(str, replicates.posterior_predictive.data_vars))}; make them with "
            "posterior_predict"
        )
    y = replicates.posterior_predictive["y"].transpose("chain", "draw", "row").to_numpy()
    if y.shape[-1] != data.design.n:
        raise ValueError(
            f"the replicates have {y.shape[-1]} rows; the data have {data.design.n}; replicate "
            "the rows of the data"
        )
    if "observed_data" in replicates.children and not np.array_equal(
        replicates.observed_data["y"], data.y
    ):
        raise ValueError(
            "the replicates are of another response, or of rows in another order; use the data "
            "that the draws were made with"
        )
    return y.reshape(-1, data.design.n)
