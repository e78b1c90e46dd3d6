"""Comparison of leave-one-out results of one task on one response, and of no others."""

from collections.abc import Mapping
from dataclasses import replace

import arviz_stats
import numpy as np
import pandas as pd
from scipy.stats import norm

from lmmlib.crossvalidation.independent_groups import standard_error
from lmmlib.crossvalidation.result import TaskLOO


def compare(results: Mapping[str, TaskLOO]) -> pd.DataFrame:
    """Rank models by the expected log predictive density of one task.

    Parameters
    ----------
    results : mapping of str to TaskLOO
        Results of ``loo`` by name, two or more.

    Returns
    -------
    pandas.DataFrame
        ArviZ's table: rank, elpd_diff and its standard error dse, p_worse, diag_diff (a difference
        below 4, or fewer than 100 points), diag_elpd (how many k are too high), p, elpd, se,
        stacking weight. Where all results have one ``by``, dse and p_worse take its groups for
        independent.

    Raises
    ------
    TypeError
        If the results are no mapping.
    ValueError
        If the results answer different tasks, or are of different responses, orders of rows or
        groups.

    Notes
    -----
    ``arviz_stats.compare``, with three differences: results of different questions are
    refused; all elpd_i are shifted by the best of each unit before stacking weights are computed,
    which are blind to it and do not underflow; standard errors go over the groups of ``by``.

    References
    ----------
    Sivula, Magnusson, Matamoros & Vehtari (2025), Bayesian Anal., for when differences can be
    trusted.

    Examples
    --------
    >>> from lmmlib import draws
    >>> from lmmlib.crossvalidation import loo
    >>> from lmmlib.model import Data
    >>> from lmmlib.model import Design, Term
    >>> rng = np.random.default_rng(1)
    >>> data = Data(
    ...     rng.normal(size=20),
    ...     Design(np.ones((20, 1)), [Term.grouped("g", np.repeat(list("abcd"), 5))]),
    ... )
    >>> sd = rng.uniform(0.9, 1.1, size=(2, 100))
    >>> def result(mean):
    ...     beta = np.full((2, 100, 1), mean)
    ...     return loo(draws.as_draws(data=data, beta=beta, sd=sd[..., None], sigma=sd), data)
    >>> compare({"near": result(0.0), "far": result(3.0)}).index.tolist()
    ['near', 'far']
    """
    if not isinstance(results, Mapping):
        example = "give {'first': loo_1, 'second': loo_2}"
        raise TypeError(
            "results must be a mapping from names to results of loo, got "
            f"{type(results).__name__}; {example}"
        )
    if len(results) < 2:
        raise ValueError(f"there must be two results at least to compare, got {len(results)}")
    reference_name, *other_names = results
    reference = results[reference_name]
    for name in other_names:
        _check_same_question(reference_name, reference, name, results[name])

    # The stacking weights are blind to what all models share, and do not underflow without it.
    best_of_units = np.max([result.elpd_i.to_numpy() for result in results.values()], 0)
    shifted = {
        name: replace(result, elpd_i=result.elpd_i - best_of_units)
        for name, result in results.items()
    }
    table = arviz_stats.compare(shifted, round_to="none")
    if reference.groups is None:
        return table
    return _with_errors_over_groups(table, results, reference.groups)


def _with_errors_over_groups(
    table: pd.DataFrame, results: Mapping[str, TaskLOO], groups: np.ndarray
) -> pd.DataFrame:
    """The table with dse and p_worse from the sums of groups."""
    best, *others = table.index
    best_elpd_i = results[best].elpd_i.to_numpy()
    for name in others:
        dse = standard_error(results[name].elpd_i.to_numpy() - best_elpd_i, groups)
        table.loc[name, "dse"] = dse
        table.loc[name, "p_worse"] = norm.cdf(-table.loc[name, "elpd_diff"] / dse)
    return table


def _check_same_question(first_name: str, first: TaskLOO, other_name: str, other: TaskLOO) -> None:
    """Raise unless both results answer one question about one response."""
    for name, result in ((first_name, first), (other_name, other)):
        if not isinstance(result, TaskLOO):
            raise ValueError(
                f"{name!r} carries no prediction task: it is a {type(result).__name__}; make it "
                "with lmm.loo"
            )
    both = f"{first_name!r} and {other_name!r}"
    if first.task != other.task:
        raise ValueError(f"{both} answer different questions: {first.task}; {other.task}")
    if first.y.shape != other.y.shape:
        raise ValueError(f"{both} are of different data: {len(first.y)} and {len(other.y)} rows")
    if not np.array_equal(first.y, other.y):
        is_reordered = np.array_equal(np.sort(first.y), np.sort(other.y))
        difference = (
            "of one response in different orders of rows"
            if is_reordered
            else "of different responses"
        )
        row = int(np.argmax(first.y != other.y))
        raise ValueError(f"{both} are {difference}, from row {row} on; use one table for both")
    if not np.array_equal(first.units, other.units):
        raise ValueError(
            f"{both} leave out different groups of rows under one name, {first.leave!r}"
        )
    if not _same_groups(first.groups, other.groups):
        raise ValueError(
            f"{both} take their standard errors over {first.se_over} and over {other.se_over}; "
            "give both the same by="
        )


def _same_groups(first: np.ndarray | None, other: np.ndarray | None) -> bool:
    """Whether two results take the same units for independent."""
    if first is None or other is None:
        return first is other
    return np.array_equal(first, other)
