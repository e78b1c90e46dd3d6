"""Which left-out units the standard error takes for independent."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lmmlib.crossvalidation.units import Units
from lmmlib.model import Data
from lmmlib.model.row_labels import check_same_rows, row_index


@dataclass(frozen=True, eq=False)
class IndependentGroups:
    """Groups of units whose sums are taken for independent.

    Attributes
    ----------
    of_units : ndarray of int, shape (units,), or None
        Group of each unit, numbered from zero; None where each unit is a group.
    plural : str
        What the groups are called: ``rows``, ``levels of Subject``, ``groups``.
    """

    of_units: np.ndarray | None
    plural: str


def independent_groups(data: Data, units: Units, by: str | ArrayLike | None) -> IndependentGroups:
    """The units themselves, or the groups that ``by`` puts them into.

    Parameters
    ----------
    data : Data
        Data whose rows are left out.
    units : Units
        What is left out.
    by : str or array_like, shape (n,), or None
        Name of a term, or a label for each row.

    Raises
    ------
    TypeError
        If ``by`` is a mapping.
    ValueError
        If it is no term and no label for each row, or the rows of one unit lie in several groups.
    """
    if by is None:
        return IndependentGroups(None, units.plural)
    labels = _labels_of_rows(data, by)
    unit_and_group = np.column_stack([units.of_rows, pd.factorize(labels)[0]])
    distinct = np.unique(unit_and_group, axis=0)
    if len(distinct) != len(units.labels):
        raise ValueError(
            f"rows left out together must lie in one group, but those of one {units.leave} lie in "
            "several; take another by"
        )
    of_units = np.unique(distinct[:, 1], return_inverse=True)[1]
    return IndependentGroups(of_units, f"levels of {by}" if isinstance(by, str) else "groups")


def standard_error(values: np.ndarray, groups: np.ndarray | None) -> float:
    """√(G Var) of the sums of G groups of values, which are taken for independent.

    Examples
    --------
    >>> standard_error(np.array([0.0, 1.0, 2.0, 1.0]), np.array([0, 0, 1, 1]))
    1.4142135623730951
    """
    sums = values if groups is None else np.bincount(groups, values)
    return float(np.sqrt(len(sums) * sums.var()))


def _labels_of_rows(data: Data, by: str | ArrayLike) -> np.ndarray:
    """One label a row, none of them missing."""
    expected = "by must name a term or hold one label per row"
    check_same_rows("by", row_index(by), "the data", data.design.index)
    if isinstance(by, Mapping):
        raise TypeError(f"{expected}, got {type(by).__name__}")
    labels = data.design.level_of_rows(by) if isinstance(by, str) else np.asarray(by)
    n = data.design.n
    if labels.shape != (n,):
        raise ValueError(f"{expected}, shape ({n},), got shape {labels.shape}")
    missing = int(pd.isna(labels).sum())
    if missing:
        raise ValueError(f"by must have no missing labels, got {missing} of {n}")
    return labels
