"""Statistics of a response: of its rows, and of the groups that the rows lie in."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.stats import skew

from lmmlib.model import Data

Statistic = Callable[[np.ndarray], float]


def _group_means(y: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Mean of each group, (S, J)."""
    count = np.bincount(group)
    n = len(group)
    averaging = sparse.csr_array((1 / count[group], group, np.arange(n + 1)), shape=(n, len(count)))
    return y @ averaging


def _within(y: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Pooled SD within groups: √(Σ_ji (y_ji − ȳ_j)² / (n − J))."""
    means = _group_means(y, group)
    squares = np.sum((y - means[:, group]) ** 2, 1)
    return np.sqrt(squares / (y.shape[1] - means.shape[1]))


def _between(y: np.ndarray, group: np.ndarray) -> np.ndarray:
    """SD of the J group means, each counted once."""
    return _group_means(y, group).std(1, ddof=1)


def _smallest(y: np.ndarray) -> np.ndarray:
    return y.min(1)


def _largest(y: np.ndarray) -> np.ndarray:
    return y.max(1)


def _skewness(y: np.ndarray) -> np.ndarray:
    return np.asarray(skew(y, axis=1))


GROUP_STATISTICS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "within": _within,
    "between": _between,
}
ROW_STATISTICS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "smallest": _smallest,
    "largest": _largest,
    "skewness": _skewness,
}
STATISTICS = (*GROUP_STATISTICS, *ROW_STATISTICS)


@dataclass(frozen=True, eq=False)
class Grouping:
    """The groups that the rows lie in.

    Attributes
    ----------
    term : str
        Name of the grouped term.
    of_rows : ndarray of int, shape (n,)
        Group of each row, numbered without gaps.
    """

    term: str
    of_rows: np.ndarray


def needs_groups(statistic: str | Statistic) -> bool:
    """Whether a statistic is one of groups of rows."""
    return isinstance(statistic, str) and statistic in GROUP_STATISTICS


def statistics_by_name(
    statistics: Sequence[str | Statistic],
) -> dict[str, str | Statistic]:
    """Statistics by their own names.

    Raises
    ------
    TypeError
        If they are no sequence.
    ValueError
        If there is none, one is unknown, or two have one name.
    """
    if not isinstance(statistics, Iterable):
        raise TypeError(
            f"statistics must be a sequence of names and functions, got {type(statistics).__name__}"
        )
    if isinstance(statistics, str):
        raise ValueError(
            f"statistics must be a sequence, got {statistics!r}; give [{statistics!r}]"
        )
    statistics = list(statistics)
    unknown = [s for s in statistics if isinstance(s, str) and s not in STATISTICS]
    if unknown or not statistics:
        raise ValueError(
            f"statistics must be of {', '.join(STATISTICS)}, or functions of y; got "
            f"{', '.join(unknown) or 'none'}"
        )
    names = [_name_of(statistic) for statistic in statistics]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"statistics must have distinct names, got {', '.join(repeated)} more than once; name "
            "functions with def"
        )
    return dict(zip(names, statistics, strict=True))


def grouping_for(data: Data, term: str | None, statistics: Sequence[str]) -> Grouping:
    """The groups of a term, or of the first grouped one, if the statistics can be had of them.

    Parameters
    ----------
    data : Data
        Data whose rows are grouped.
    term : str or None
        Name of a grouped term; the first one of the design if None.
    statistics : sequence of str
        Names of the statistics of groups that are wanted.

    Raises
    ------
    ValueError
        If there is no such term, or its groups are too few or too small.
    """
    if term is None:
        grouped = [t.name for t in data.design.terms if not t.is_dense]
        if not grouped:
            raise ValueError(
                f"{' and '.join(statistics)} need a grouped term, and the design has none; give "
                "other statistics"
            )
        term = grouped[0]
    of_rows = np.unique(data.design.level_of_rows(term), return_inverse=True)[1]
    n_groups = int(of_rows.max()) + 1
    if "between" in statistics and n_groups < 2:
        raise ValueError(
            f"between needs two levels of {term!r} with rows at least, got {n_groups}; give "
            "another term"
        )
    if "within" in statistics and n_groups == len(of_rows):
        raise ValueError(
            f"within needs two rows in some level of {term!r}, got one in each; give another term"
        )
    return Grouping(term, of_rows)


def values_of(
    statistics: Mapping[str, str | Statistic], y: np.ndarray, group: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Each statistic of each row of y (S, n).

    Raises
    ------
    ValueError
        If a value is not finite, or a function does not return one number.
    """
    values_by_name = {}
    for name, statistic in statistics.items():
        values = _values(name, statistic, y, group)
        infinite = int((~np.isfinite(values)).sum())
        if infinite:
            raise ValueError(
                f"{name} must be finite, got {infinite} of {len(y)} values that are not"
            )
        values_by_name[name] = values
    return values_by_name


def _values(
    name: str, statistic: str | Statistic, y: np.ndarray, group: np.ndarray | None
) -> np.ndarray:
    """One statistic of each row of y (S, n)."""
    if not isinstance(statistic, str):
        return np.array([_one_number(name, statistic(row)) for row in y])
    if group is not None and statistic in GROUP_STATISTICS:
        return GROUP_STATISTICS[statistic](y, group)
    return ROW_STATISTICS[statistic](y)


def _one_number(name: str, value: object) -> float:
    """What a user's function returned, if it is one number."""
    array = np.asarray(value)
    if array.ndim != 0:
        raise ValueError(
            f"{name} must return one number for a response (n,), got shape {array.shape}"
        )
    return float(array)


def _name_of(statistic: str | Statistic) -> str:
    if isinstance(statistic, str):
        return statistic
    return getattr(statistic, "__name__", type(statistic).__name__)
