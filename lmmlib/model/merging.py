"""Reductions of parts of one data set, merged to that of the whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack

from lmmlib import linalg
from lmmlib.model.data import Data, as_reduction
from lmmlib.model.design import Design
from lmmlib.model.layout import Layout
from lmmlib.model.reduction import Reduction, whitened_rows
from lmmlib.model.term import Term

# Rows wait until they hold this many times the numbers of what was merged before: a row is rotated
# GROWTH / (GROWTH − 1) times on the way, and memory stays in proportion to the result, ...
GROWTH = 4
# ... or this many, so that small parts are not merged one by one.
LEAST_NUMBERS = 4_000_000


def merge_reductions(parts: Iterable[Data | Reduction]) -> Reduction:
    r"""Merge parts of one data set, in any order and any split, to what its log density needs.

    Each part holds some of the rows; its levels may be some of the levels. The triangles of all
    parts are stacked and rotated again, which keeps every \|y − Xβ − Zv\|² to rounding.

    Parameters
    ----------
    parts : iterable of Data or Reduction
        Parts of the data, taken one at a time, so that not all need fit into memory.

    Returns
    -------
    Reduction
        Reduction that ``loglik.marginal``, ``loglik.restricted``, ``estimate`` and ``posterior``
        take in place of a Data; levels are in the order in which they first appeared.

    Raises
    ------
    ValueError
        If there is no part, or the parts differ in coefficients, terms or known covariances.

    See Also
    --------
    lmmlib.reduce_tables : The same from a formula and tables.

    References
    ----------
    Golub & Van Loan (2013), Matrix Computations, 4th ed., section 6.5, for updating a QR
    factorisation by rows.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> first = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> second = Design([[1.0]] * 2, [Term.grouped("g", ["b", "c"])])
    >>> merged = merge_reductions([Data([1.0, 2.0], first), Data([4.0, 3.0], second)])
    >>> merged.n, merged.layout.terms[0].levels
    (4, ('a', 'b', 'c'))
    """
    if not isinstance(parts, Iterable):
        raise TypeError(
            f"parts must be an iterable of Data or Reduction, got {type(parts).__name__}; give "
            "[data]"
        )
    return merge_rows(map(_rows_of_part, parts))


@dataclass(frozen=True, eq=False)
class WhitenedRows:
    """Rows of a part of the data, or what they were rotated to.

    Attributes
    ----------
    layout : Layout
        Names and terms; the terms have no rows.
    Z : scipy.sparse.csr_array, shape (r, K)
        Columns of the effects whose levels are independent.
    B : ndarray, shape (r, p + 1)
        The columns [X, y − offset].
    n : int
        Number of rows of the data.
    log_weights : float
        Sum of their log weights.
    """

    layout: Layout
    Z: csr_array
    B: np.ndarray
    n: int
    log_weights: float

    @property
    def numbers(self) -> int:
        """How many numbers they hold."""
        return self.Z.nnz + self.B.size


def rows_of_design(y: np.ndarray, design: Design) -> WhitenedRows:
    """The rows of a response and its design, which need not be fit for estimation by themselves."""
    return WhitenedRows(
        _layout_without_rows(design.layout),
        design.independent,
        whitened_rows(y, design),
        design.n,
        float(np.log(design.weights).sum()),
    )


def rows_of_reduction(reduction: Reduction) -> WhitenedRows:
    """The few rows of a reduction."""
    Z, B = reduction.rows
    layout = _layout_without_rows(reduction.layout)
    return WhitenedRows(layout, Z, B, reduction.n, reduction.log_weights)


def _rows_of_part(part: Data | Reduction) -> WhitenedRows:
    if isinstance(part, Data):  # whose rows are rotated once, with those of other parts
        return rows_of_design(part.y, part.design)
    return rows_of_reduction(as_reduction(part))


def merge_rows(parts: Iterable[WhitenedRows]) -> Reduction:
    """The reduction of all rows; few of them wait at a time.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> rows = rows_of_design(np.array([1.0, 2.0]), design)
    >>> merge_rows([rows, rows]).n
    4
    """
    waiting: list[WhitenedRows] = []
    numbers = 0
    limit = LEAST_NUMBERS
    for rows in parts:
        waiting.append(rows)
        numbers += rows.numbers
        if numbers > limit and len(waiting) > 1:
            waiting = [rows_of_reduction(_reduced(waiting))]
            numbers = waiting[0].numbers
            limit = max(LEAST_NUMBERS, GROWTH * numbers)
    if not waiting:
        raise ValueError("there must be one part at least, got none")
    return _reduced(waiting)


def _layout_without_rows(layout: Layout) -> Layout:
    """The same layout; the terms of a design hold all of its rows."""
    return replace(layout, terms=tuple(_term_without_rows(t, t.levels) for t in layout.terms))


def _term_without_rows(term: Term, levels: tuple[str, ...]) -> Term:
    no_rows = csr_array((0, len(levels) * len(term.effects)))
    return replace(term, levels=levels, Z=no_rows, index=None)


def _reduced(parts: Sequence[WhitenedRows]) -> Reduction:
    """One reduction of the rows of several parts."""
    layouts = [part.layout for part in parts]
    for other in layouts[1:]:
        _check_same_model(layouts[0], other)
    joint_levels = [
        _joint_levels([layout.terms[k].levels for layout in layouts])
        for k in range(len(layouts[0].terms))
    ]
    layout = _joint_layout(layouts, joint_levels)
    moved = []
    for i, part in enumerate(parts):
        positions = [joint.positions[i] for joint in joint_levels]
        moved.append(_in_columns_of(layout, part.Z, positions))
    Z = csr_array(vstack(moved, format="csr"))
    B = np.concatenate([part.B for part in parts])
    arrowheads = linalg.reduce_to_arrowheads(Z, B, linalg.find_partition(Z, layout.shapes))
    n = sum(part.n for part in parts)
    log_weights = sum(part.log_weights for part in parts)
    return Reduction(layout, arrowheads, n, log_weights)


@dataclass(frozen=True, eq=False)
class JointLevels:
    """The levels of one term in several parts.

    Attributes
    ----------
    levels : tuple of str
        Levels of all parts, in the order in which they first appear.
    positions : list of ndarray of int
        Where the levels of each part stand among them.
    """

    levels: tuple[str, ...]
    positions: list[np.ndarray]


def _joint_levels(levels_of_parts: Sequence[tuple[str, ...]]) -> JointLevels:
    """Levels of several parts, each hashed once."""
    every_level = np.concatenate([np.array(levels, object) for levels in levels_of_parts])
    codes, distinct = pd.factorize(every_level)
    ends = np.cumsum([len(levels) for levels in levels_of_parts])
    return JointLevels(tuple(distinct), np.split(codes, ends[:-1]))


def _joint_layout(layouts: Sequence[Layout], joint_levels: Sequence[JointLevels]) -> Layout:
    """The first layout with the levels of all; the terms of a layout have no rows."""
    reference = layouts[0]
    terms = []
    units = []
    for k, (term, joint) in enumerate(zip(reference.terms, joint_levels, strict=True)):
        terms.append(_term_without_rows(term, joint.levels))
        squares = [np.square(layout.units[k]) for layout in layouts]
        units.append(np.sqrt(np.mean(squares, 0)))
    taken = [layout.taken_from_data for layout in layouts if layout.taken_from_data]
    taken_from_data = taken[0] if taken else None
    return Layout(reference.coef, tuple(terms), tuple(units), taken_from_data)


def _check_same_model(reference: Layout, other: Layout) -> None:
    """Raise unless two parts have the same coefficients, columns and terms."""
    if other.coef != reference.coef:
        raise ValueError(
            f"all parts must have the coefficients {', '.join(reference.coef)}; one has "
            f"{', '.join(other.coef)}"
        )
    if _kinds(other) != _kinds(reference):
        raise ValueError(
            f"all parts must have the terms {_described(reference)}; one has {_described(other)}"
        )
    for a, b in zip(reference.terms, other.terms, strict=True):
        if a.level_chol is None or b.level_chol is None:
            continue
        if a.levels != b.levels or not np.array_equal(a.level_chol, b.level_chol):
            raise ValueError(
                f"all parts must have the same levels of {a.name!r} with the same known covariance"
            )
    if not reference.same_columns(other):
        raise ValueError(
            "all parts must take levels of factors, means and knots from one table, and the "
            "formula took others from each; use reduce_tables, which takes them from the first, "
            "or data.design.new_rows"
        )


def _kinds(layout: Layout) -> list[tuple[str, tuple[str, ...], bool, bool, bool]]:
    """What terms of one model have in common, whatever their levels."""
    return [
        (t.name, t.effects, t.correlated, t.is_dense, t.level_chol is None) for t in layout.terms
    ]


def _described(layout: Layout) -> str:
    """Terms and their effects, for a message."""
    return ", ".join(f"{t.name} ({', '.join(t.effects)})" for t in layout.terms)


def _in_columns_of(layout: Layout, Z: csr_array, positions: Sequence[np.ndarray]) -> csr_array:
    """The rows of a part over the columns of a layout in which its levels have these positions."""
    columns = []
    for term, of_term, position in zip(layout.terms, layout.ranef_slices, positions, strict=True):
        q = len(term.effects)
        first_of_level = of_term.start + q * position
        columns.append((first_of_level[:, None] + np.arange(q)).ravel())
    moved = np.concatenate(columns)[Z.indices]
    return csr_array((Z.data, moved, Z.indptr), shape=(Z.shape[0], layout.width))
