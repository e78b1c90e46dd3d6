"""Reductions of parts of one data set, merged to that of the whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack

from lmmlib import linalg
from lmmlib.model.data import Data, as_reduction
from lmmlib.model.layout import Layout
from lmmlib.model.reduction import Reduction
from lmmlib.model.term import Term

# parts are merged when together they hold this many times the rows of what they were merged to
GROWTH = 3


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
    held: list[Reduction] = []
    merged_size = 0
    for part in parts:
        held.append(without_rows(as_reduction(part)))
        size = sum(_row_count(reduction) for reduction in held)
        if len(held) > 1 and size > GROWTH * max(merged_size, 1):
            held = [_merged(held)]
            merged_size = _row_count(held[0])
    if not held:
        raise ValueError("there must be one part at least, got none")
    return held[0] if len(held) == 1 else _merged(held)


def _row_count(reduction: Reduction) -> int:
    """Rotated rows of a reduction."""
    Z, _ = reduction.rows
    return Z.shape[0]


def without_rows(reduction: Reduction) -> Reduction:
    """The same reduction, whose terms have no rows: those of a design hold all of its rows.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> without_rows(data.reduction).layout.terms[0].Z.shape
    (0, 2)
    """
    layout = reduction.layout
    terms = tuple(_term_without_rows(t, t.levels) for t in layout.terms)
    return replace(reduction, layout=replace(layout, terms=terms))


def _term_without_rows(term: Term, levels: tuple[str, ...]) -> Term:
    no_rows = csr_array((0, len(levels) * len(term.effects)))
    return replace(term, levels=levels, Z=no_rows, index=None)


def _merged(parts: Sequence[Reduction]) -> Reduction:
    """One reduction of the rotated rows of several."""
    layouts = [part.layout for part in parts]
    for other in layouts[1:]:
        _check_same_model(layouts[0], other)
    joint_levels = [
        _joint_levels([layout.terms[k].levels for layout in layouts])
        for k in range(len(layouts[0].terms))
    ]
    layout = _joint_layout(layouts, joint_levels)
    rows_of_parts = []
    for i, part in enumerate(parts):
        positions = [joint.positions[i] for joint in joint_levels]
        rows_of_parts.append(_in_columns_of(layout, part, positions))
    Z = csr_array(vstack(rows_of_parts))
    B = np.concatenate([part.rows[1] for part in parts])
    arrowheads = linalg.reduce_to_arrowhead(Z, B, linalg.find_partition(Z, layout.shapes))
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


def _in_columns_of(layout: Layout, part: Reduction, positions: Sequence[np.ndarray]) -> csr_array:
    """The rows of a part over the columns of a layout in which its levels have these positions."""
    columns = []
    for term, of_term, position in zip(layout.terms, layout.ranef_slices, positions, strict=True):
        q = len(term.effects)
        first_of_level = of_term.start + q * position
        columns.append((first_of_level[:, None] + np.arange(q)).ravel())
    rows, _ = part.rows
    moved = np.concatenate(columns)[rows.indices]
    return csr_array((rows.data, moved, rows.indptr), shape=(rows.shape[0], layout.width))
