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
    >>> first, second = (
    ...     Design([[1.0]] * 2, [Term.grouped("g", codes)]) for codes in (["a", "b"], ["b", "c"])
    ... )
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
    size = 0
    for part in parts:
        held.append(as_reduction(part))
        if sum(r.rows[0].shape[0] for r in held) > GROWTH * max(size, 1) and len(held) > 1:
            held = [_merged(held)]
            size = held[0].rows[0].shape[0]
    if not held:
        raise ValueError("there must be one part at least, got none")
    return held[0] if len(held) == 1 else _merged(held)


def _merged(parts: Sequence[Reduction]) -> Reduction:
    layout = _joint_layout([part.layout for part in parts])
    Z = csr_array(vstack([_in_columns_of(layout, part) for part in parts]))
    B = np.concatenate([part.rows[1] for part in parts])
    arrowheads = linalg.reduce_to_arrowhead(Z, B, linalg.find_partition(Z, layout.shapes))
    return Reduction(
        layout,
        arrowheads,
        sum(part.n for part in parts),
        sum(part.log_weights for part in parts),
    )


def _joint_layout(layouts: Sequence[Layout]) -> Layout:
    """The first layout with the levels of all."""
    first = layouts[0]
    for other in layouts[1:]:
        if other.coef != first.coef:
            raise ValueError(
                f"all parts must have the coefficients {', '.join(first.coef)}; one has "
                f"{', '.join(other.coef)}"
            )
        _same_terms(first, other)
        if not first.same_columns(other):
            raise ValueError(
                "all parts must take levels of factors, means and knots from one table, and the "
                "formula took others from each; "
                "use reduce_tables, which takes them from the first, or data.design.new_rows"
            )
    terms = []
    for k, t in enumerate(first.terms):
        levels = tuple(
            dict.fromkeys(level for layout in layouts for level in layout.terms[k].levels)
        )
        terms.append(replace(t, levels=levels, Z=csr_array((0, len(levels) * len(t.effects)))))
    units = tuple(
        np.sqrt(np.mean([np.square(layout.units[k]) for layout in layouts], 0))
        for k in range(len(terms))
    )
    taken = next((layout.taken_from_data for layout in layouts if layout.taken_from_data), None)
    return Layout(first.coef, tuple(terms), units, taken)


def _same_terms(first: Layout, other: Layout) -> None:
    kinds = [
        [(t.name, t.effects, t.correlated, t.is_dense, t.level_chol is None) for t in layout.terms]
        for layout in (first, other)
    ]
    if kinds[0] != kinds[1]:
        told = [
            ", ".join(f"{t.name} ({', '.join(t.effects)})" for t in layout.terms)
            for layout in (first, other)
        ]
        raise ValueError(f"all parts must have the terms {told[0]}; one has {told[1]}")
    for a, b in zip(first.terms, other.terms, strict=True):
        if a.level_chol is not None and (
            a.levels != b.levels or not np.array_equal(a.level_chol, b.level_chol)
        ):
            raise ValueError(
                f"all parts must have the same levels of {a.name!r} with the same known covariance"
            )


def _in_columns_of(layout: Layout, part: Reduction) -> csr_array:
    """The rows of a part over the columns of a layout that holds all its levels."""
    moved, start = [], 0
    for t, own in zip(layout.terms, part.layout.terms, strict=True):
        where = {level: j for j, level in enumerate(t.levels)}
        q = len(t.effects)
        moved += [start + where[level] * q + i for level in own.levels for i in range(q)]
        start += len(t.levels) * q
    Z = part.rows[0].tocoo()
    return csr_array(
        coo_array((Z.data, (Z.row, np.array(moved)[Z.col])), shape=(Z.shape[0], layout.width))
    )
