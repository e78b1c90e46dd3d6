"""Reductions of parts of one data set, merged to that of the whole."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array, csr_array, vstack

from lmmlib import linalg
from lmmlib.model.data import Data, as_reduction
from lmmlib.model.layout import Layout
from lmmlib.model.reduction import Reduction

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
        held.append(as_reduction(part))
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


def _merged(parts: Sequence[Reduction]) -> Reduction:
    """One reduction of the rotated rows of several."""
    layout = _joint_layout([part.layout for part in parts])
    Z = csr_array(vstack([_in_columns_of(layout, part) for part in parts]))
    B = np.concatenate([part.rows[1] for part in parts])
    arrowheads = linalg.reduce_to_arrowheads(Z, B, linalg.find_partition(Z, layout.shapes))
    n = sum(part.n for part in parts)
    log_weights = sum(part.log_weights for part in parts)
    return Reduction(layout, arrowheads, n, log_weights)


def _joint_layout(layouts: Sequence[Layout]) -> Layout:
    """The first layout with the levels of all."""
    reference = layouts[0]
    for other in layouts[1:]:
        _check_same_model(reference, other)
    terms = []
    units = []
    for k, t in enumerate(reference.terms):
        # Levels in the order in which they first appear; the terms of a layout have no rows.
        every_level = (level for layout in layouts for level in layout.terms[k].levels)
        levels = tuple(dict.fromkeys(every_level))
        no_rows = csr_array((0, len(levels) * len(t.effects)))
        terms.append(replace(t, levels=levels, Z=no_rows))
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


def _in_columns_of(layout: Layout, part: Reduction) -> csr_array:
    """The rows of a part over the columns of a layout that holds all its levels."""
    columns: list[int] = []
    by_term = zip(layout.terms, layout.ranef_slices, part.layout.terms, strict=True)
    for t, columns_of_term, term_of_part in by_term:
        q = len(t.effects)
        place = {level: j for j, level in enumerate(t.levels)}
        for level in term_of_part.levels:
            start = columns_of_term.start + place[level] * q
            columns.extend(range(start, start + q))
    rows, _ = part.rows
    Z = rows.tocoo()
    moved = np.array(columns)[Z.col]
    return csr_array(coo_array((Z.data, (Z.row, moved)), shape=(Z.shape[0], layout.width)))
