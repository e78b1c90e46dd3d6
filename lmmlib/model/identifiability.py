"""Effects that do the same to the rows: of their variances only one sum could be told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.sparse import csc_array

from lmmlib.model.term import Term

CLOSE = 1e-10  # of a unit column: what is closer differs by rounding


@dataclass(frozen=True, eq=False)
class Trace:
    """What one effect does to the rows: z A z' = Σ_ij c_ij w_i w_j', with w_j of length one.

    Attributes
    ----------
    name : str
        Name of the effect.
    columns : scipy.sparse.csc_array
        The w_j that are not zero, their first entry above zero, in order of ``marks``.
    marks : ndarray, shape (J,)
        Sum of each w_j over rows with weights of no regularity: alike for alike columns.
    c : ndarray, shape (J,)
        Where levels are independent, or (J, J); its trace is one.
    """

    name: str
    columns: csc_array
    marks: np.ndarray
    c: np.ndarray

    def like(self, other: "Trace") -> bool:
        """Whether the two are proportional, to rounding."""
        a, b = self.columns, other.columns
        if (
            abs(self.marks[0] - other.marks[0]) > CLOSE
            or a.nnz != b.nnz
            or self.c.shape != other.c.shape
        ):
            return False
        pairs = ((self.marks, other.marks), (self.c, other.c), (a.data, b.data))
        same = all(np.allclose(x, y, rtol=0, atol=CLOSE) for x, y in pairs)
        return same and np.array_equal(a.indptr, b.indptr) and np.array_equal(a.indices, b.indices)


def confounded_terms(terms: Sequence[Term]) -> str | None:
    """Two effects whose covariances z A z' of the rows are proportional, told as a fault, or None.

    Found are scaled copies, other names, other order or sign of levels, levels without rows and an
    A that is a multiple of the identity; of dense matrices, the same columns, not every rotation of
    them. O(nnz) a term.

    Examples
    --------
    >>> confounded_terms(
    ...     [Term.grouped("g", list("aab")), Term.grouped("h", list("vvw"), [[2.0]] * 3)]
    ... )
    ... # doctest: +NORMALIZE_WHITESPACE
    "effects 'g: Intercept' and 'h: x1' are one: only one sum of their variances could be told; drop
    one"
    >>> confounded_terms([Term.grouped("g", list("aab")), Term.grouped("h", list("vww"))])
    """
    counts = [_entries(t) for t in terms]
    numbers, how_often = np.unique(np.concatenate(counts), return_counts=True)
    shared = numbers[how_often > 1]  # what is alike has as many entries
    traces = [
        trace
        for t, own in zip(terms, counts, strict=True)
        for trace in _traces(t, np.isin(own, shared))
    ]
    for one, other in combinations(traces, 2):
        if one.like(other):
            return (
                f"effects {one.name!r} and {other.name!r} are one: only one sum of their "
                "variances could be told; drop one"
            )
    return None


def _entries(term: Term) -> np.ndarray:
    """How many entries of each effect's columns are not zero, (q,)."""
    q = len(term.effects)
    return np.bincount(term.Z.indices % q, term.Z.data != 0, q)


def _traces(term: Term, wanted: np.ndarray) -> Iterator[Trace]:
    """Traces of the effects that are wanted, (q,) bool."""
    q = len(term.effects)
    for k in np.flatnonzero(wanted):
        columns = csc_array(term.Z[:, k::q])
        columns.eliminate_zeros()
        columns.sort_indices()
        yield _trace(term.effect_names[k], columns, term.level_chol)


def _trace(name: str, columns: csc_array, root: np.ndarray | None) -> Trace:
    J, there = columns.shape[1], np.flatnonzero(np.diff(columns.indptr))
    owner = np.repeat(np.arange(J), np.diff(columns.indptr))
    peak = np.zeros(J)
    peak[there] = np.maximum.reduceat(
        np.abs(columns.data), columns.indptr[there]
    )  # or a square may overflow
    norm = np.sqrt(np.bincount(owner, (columns.data / peak[owner]) ** 2, J))
    norm[there] *= np.sign(columns.data[columns.indptr[there]])
    unit = csc_array(
        (columns.data / peak[owner] / norm[owner], columns.indices, columns.indptr), columns.shape
    )
    marks = np.bincount(owner, unit.data * np.cos(unit.indices.astype(float) ** 2), J)
    order = there[np.argsort(marks[there], kind="stable")]
    size = (peak * norm)[order] / peak.max()
    c = _between(root, order) * (size**2 if _independent(root) else np.outer(size, size))
    total = c.sum() if c.ndim == 1 else np.trace(c)
    return Trace(
        name, unit[:, order], marks[order], c / total if total > 0 else c
    )  # zero: levels without variance


def _independent(root: np.ndarray | None) -> bool:
    if root is None:
        return True
    diagonal = np.diag(root)
    others = np.abs(root - np.diag(diagonal))
    return not np.any(others > CLOSE * diagonal[:, None])


def _between(root: np.ndarray | None, order: np.ndarray) -> np.ndarray:
    """A of some levels, or its diagonal where they are independent."""
    if root is None:
        return np.ones(len(order))
    return (
        np.diag(root)[order] ** 2 if _independent(root) else (root @ root.T)[np.ix_(order, order)]
    )
