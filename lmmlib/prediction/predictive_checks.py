"""Predictive checks: statistics of the response, of the data and of its replicates."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy import sparse
from scipy.stats import skew

from lmmlib.model import Data, checked_data
from lmmlib.prediction.replicates import LEVELS_OF

Statistic = Callable[[np.ndarray], float]


def _means(y: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Mean of each group, (S, J)."""
    count = np.bincount(group)
    member = sparse.csr_array(
        (1 / count[group], group, np.arange(len(group) + 1)), shape=(len(group), len(count))
    )
    return y @ member


def _within(y: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Pooled SD within groups: √(Σ_ji (y_ji − ȳ_j)² / (n − J))."""
    means = _means(y, group)
    return np.sqrt(np.sum((y - means[:, group]) ** 2, 1) / (y.shape[1] - means.shape[1]))


def _between(y: np.ndarray, group: np.ndarray) -> np.ndarray:
    """SD of the J group means, each counted once."""
    return _means(y, group).std(1, ddof=1)


OF_GROUPS = {"within": _within, "between": _between}
OF_ROWS = {
    "smallest": lambda y: y.min(1),
    "largest": lambda y: y.max(1),
    "skewness": lambda y: skew(y, axis=1),
}
STATISTICS = (*OF_GROUPS, *OF_ROWS)


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
    >>> rng = np.random.default_rng(1)
    >>> found = predictive_check(
    ...     posterior_predict(as_draws(data=data, **given), data.design, "new", rng=rng),
    ...     data,
    ...     ["within", "between", np.ptp],
    ... )
    >>> found.table["observed"].round(3).to_dict()
    {'within': 1.414, 'between': 7.071, 'ptp': 12.0}
    """
    y = _replicated(replicates, checked_data(data))
    named = _named(statistics)
    of_groups = [s for s in named.values() if isinstance(s, str) and s in OF_GROUPS]
    term, group = _groups(data, term, of_groups) if of_groups else (term, None)
    drawn, observed = (_values(named, rows, group) for rows in (y, data.y[None]))
    above = {
        name: np.mean(v > observed[name]) + np.mean(v == observed[name]) / 2
        for name, v in drawn.items()
    }
    rows = {
        name: (observed[name][0], v.mean(), v.std(ddof=1), above[name]) for name, v in drawn.items()
    }
    table = pd.DataFrame.from_dict(
        rows, orient="index", columns=["observed", "mean", "sd", "p"]
    ).rename_axis("statistic")
    return PredictiveCheck(table, pd.DataFrame(drawn), term, replicates.attrs.get(LEVELS_OF, ""))


def _replicated(replicates: xr.DataTree, data: Data) -> np.ndarray:
    """Replicates (S, n), if they are of these rows."""
    if not isinstance(replicates, xr.DataTree):
        raise TypeError(
            f"replicates must be a DataTree, got {type(replicates).__name__}; make them with "
            "replicate"
        )
    if "posterior_predictive" not in replicates.children:
        raise ValueError(
            "check needs replicates with posterior_predictive, got "
            f"{', '.join(replicates.children)}; make them with replicate"
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


def _named(statistics: Sequence[str | Statistic]) -> dict[str, str | Statistic]:
    """Statistics by name."""
    if not isinstance(statistics, Iterable):
        raise TypeError(
            f"statistics must be a sequence of names and functions, got {type(statistics).__name__}"
        )
    if isinstance(statistics, str):
        raise ValueError(
            f"statistics must be a sequence, got {statistics!r}; give [{statistics!r}]"
        )
    names = [
        s if isinstance(s, str) else getattr(s, "__name__", type(s).__name__) for s in statistics
    ]
    unknown = [s for s in statistics if isinstance(s, str) and s not in STATISTICS]
    if unknown or not names:
        told = ", ".join(unknown) or "none"
        raise ValueError(
            f"statistics must be of {', '.join(STATISTICS)}, or functions of y; got {told}"
        )
    if len(set(names)) < len(names):
        twice = sorted({n for n in names if names.count(n) > 1})
        raise ValueError(
            f"statistics must have distinct names, got {', '.join(twice)} more than once; name "
            "functions with def"
        )
    return dict(zip(names, statistics, strict=True))


def _groups(data: Data, term: str | None, wanted: list[str]) -> tuple[str, np.ndarray]:
    """The grouping and the group of each row, numbered without gaps."""
    if term is None:
        grouped = [t.name for t in data.design.terms if not t.is_dense]
        if not grouped:
            raise ValueError(
                f"{' and '.join(wanted)} need a grouped term, and the design has none; give "
                "other statistics"
            )
        term = grouped[0]
    group = np.unique(data.design.level_of_rows(term), return_inverse=True)[1]
    groups = int(group.max()) + 1
    if "between" in wanted and groups < 2:
        raise ValueError(
            f"between needs two levels of {term!r} with rows at least, got {groups}; give "
            "another term"
        )
    if "within" in wanted and groups == len(group):
        raise ValueError(
            f"within needs two rows in some level of {term!r}, got one in each; give another term"
        )
    return term, group


def _values(
    named: dict[str, str | Statistic], y: np.ndarray, group: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Each statistic of each row of y (S, n)."""
    found = {}
    for name, statistic in named.items():
        if name in OF_GROUPS and isinstance(statistic, str):
            found[name] = OF_GROUPS[name](y, group)
        elif isinstance(statistic, str):
            found[name] = OF_ROWS[name](y)
        else:
            found[name] = np.array([_number(name, statistic(row)) for row in y])
        if not np.isfinite(found[name]).all():
            raise ValueError(
                f"{name} must be finite, got {int((~np.isfinite(found[name])).sum())} of "
                f"{len(y)} values that are not"
            )
    return found


def _number(name: str, value: object) -> float:
    if np.ndim(value) != 0:
        raise ValueError(
            f"{name} must return one number for a response (n,), got shape {np.shape(value)}"
        )
    return float(value)
