"""Components of a design: rows that share effects, directly or through other rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from lmmlib import linalg


def component_of_rows(partition: linalg.Partition, n: int) -> np.ndarray:
    """Component of each row, (n,) int, from the partition of each component by itself."""
    rows_of_blocks = np.diff(partition.row_start)
    component = np.empty(n, int)
    component[partition.rows] = np.repeat(partition.component, rows_of_blocks)
    return component


def widest_component(partition: linalg.Partition) -> int:
    """Effects in the largest component: those of its blocks and of its separator."""
    components = len(partition.separator_counts)
    in_blocks = np.bincount(partition.component, partition.counts.sum(1), minlength=components)
    return int(np.max(in_blocks + partition.separator_counts.sum(1)))


@dataclass(frozen=True, eq=False)
class TouchedColumns:
    """Columns of a sparse matrix of effects that some of its rows touch.

    Attributes
    ----------
    columns : ndarray, shape (k,)
        Their places; all effects of a level stay together.
    shapes : tuple of tuple (int, int)
        Levels J and effects q of each term among them.
    """

    columns: np.ndarray
    shapes: tuple[tuple[int, int], ...]


def touched_columns(
    Z: csr_array, shapes: Sequence[tuple[int, int]], rows: np.ndarray
) -> TouchedColumns:
    """Columns of Z (n, K), by term, level and effect, that some rows touch.

    Examples
    --------
    >>> Z = csr_array([[1.0, 0.0, 0.0], [0.0, 1.0, 2.0]])
    >>> touched = touched_columns(Z, [(1, 1), (1, 2)], np.array([1]))
    >>> touched.columns.tolist(), touched.shapes
    ([1, 2], ((0, 1), (1, 2)))
    """
    levels_of_terms = [J for J, _ in shapes]
    effects_of_terms = np.array([q for _, q in shapes])
    term_of_level = np.repeat(np.arange(len(shapes)), levels_of_terms)
    level_of_column = np.repeat(np.arange(len(term_of_level)), effects_of_terms[term_of_level])
    levels = np.unique(level_of_column[Z[rows].indices])
    counts = np.bincount(term_of_level[levels], minlength=len(shapes))
    columns = np.flatnonzero(np.isin(level_of_column, levels))
    touched_shapes = tuple(
        (count, q) for count, q in zip(counts.tolist(), effects_of_terms.tolist(), strict=True)
    )
    return TouchedColumns(columns, touched_shapes)
