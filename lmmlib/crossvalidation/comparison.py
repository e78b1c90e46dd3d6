"""Comparison of leave-one-out results of one task on one response, and of no others."""

from collections.abc import Mapping
from dataclasses import replace

import arviz_stats
import numpy as np
import pandas as pd
from scipy.stats import norm

from lmmlib.crossvalidation.result import TaskLOO, standard_error


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
    >>> spread = rng.uniform(0.9, 1.1, size=(2, 100))
    >>> found = {
    ...     name: loo(
    ...         draws.as_draws(
    ...             data=data, beta=np.full((2, 100, 1), b), sd=spread[..., None], sigma=spread
    ...         ),
    ...         data,
    ...     )
    ...     for name, b in (("near", 0.0), ("far", 3.0))
    ... }
    >>> compare(found).index.tolist()
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
    (first_name, first), *others = results.items()
    for name, other in others:
        _same_question(first_name, first, name, other)
    best = np.max(
        [r.elpd_i.to_numpy() for r in results.values()], 0
    )  # the weights are blind to it, and do not underflow
    shifted = {name: replace(r, elpd_i=r.elpd_i - best) for name, r in results.items()}
    table = arviz_stats.compare(shifted, round_to="none")
    if first.groups is None or any(r.groups is None for r in results.values()):
        return table
    top = results[table.index[0]].elpd_i.to_numpy()
    for name in table.index[1:]:
        table.loc[name, "dse"] = standard_error(results[name].elpd_i.to_numpy() - top, first.groups)
        table.loc[name, "p_worse"] = norm.cdf(
            -table.loc[name, "elpd_diff"] / table.loc[name, "dse"]
        )
    return table


def _same_question(first_name: str, first: TaskLOO, name: str, other: TaskLOO) -> None:
    """Raise unless both results answer one question about one response."""
    for who, r in ((first_name, first), (name, other)):
        if not isinstance(r, TaskLOO):
            raise ValueError(
                f"{who!r} carries no prediction task: it is a {type(r).__name__}; make it with "
                "lmm.loo"
            )
    both = f"{first_name!r} and {name!r}"
    if first.task != other.task:
        raise ValueError(f"{both} answer different questions: {first.task}; {other.task}")
    if first.y.shape != other.y.shape:
        raise ValueError(f"{both} are of different data: {len(first.y)} and {len(other.y)} rows")
    if not np.array_equal(first.y, other.y):
        same = np.array_equal(np.sort(first.y), np.sort(other.y))
        what = "of one response in different orders of rows" if same else "of different responses"
        raise ValueError(
            f"{both} are {what}, from row {int(np.argmax(first.y != other.y))} on; use one table "
            "for both"
        )
    if not np.array_equal(first.units, other.units):
        raise ValueError(
            f"{both} leave out different groups of rows under one name, {first.leave!r}"
        )
    if (first.groups is None) != (other.groups is None) or (
        first.groups is not None and not np.array_equal(first.groups, other.groups)
    ):
        raise ValueError(
            f"{both} take their standard errors over {first.se_over} and over {other.se_over}; "
            "give both the same by="
        )
