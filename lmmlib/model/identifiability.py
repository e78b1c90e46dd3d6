"""Effects that no response can tell of, or tell apart: of two variances only one sum."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from scipy.sparse import csc_array

from lmmlib.model.term import Term

CLOSE = 1e-10  # of a unit column: what is closer differs by rounding


@dataclass(frozen=True)
class TermsVerdict:
    """Why no response can tell of the terms of a design, judged by all of its rows, or None."""

    error: str | None


def terms_error(terms: Sequence[Term]) -> str | None:
    """Why no response can tell of the effects of some terms, or None."""
    for term in terms:
        error = term_error(term)
        if error:
            return error
    return confounded_terms(terms)


def term_error(term: Term) -> str | None:
    """Why no response can tell of the effects of one term, or None.

    Examples
    --------
    >>> term_error(Term.grouped("g", ["a", "a"]))
    ... # doctest: +NORMALIZE_WHITESPACE
    "grouping 'g' must have two levels or more, got 1: its effect would be one with the fixed
    effects; drop it"
    """
    J, q = term.size
    has_entry = np.zeros(J * q, bool)
    has_entry[term.Z.indices[term.Z.data != 0]] = True
    by_effect = has_entry.reshape(J, q)
    columns = has_entry if term.is_dense else by_effect.any(0)
    empty = np.flatnonzero(~columns)
    if len(empty):
        return (
            f"each column of {term.name!r} must have an entry other than zero, column "
            f"{empty[0]} is; drop it"
        )
    levels_with_rows = int(by_effect.any(1).sum())
    if levels_with_rows < 2 and not term.is_dense:
        declared = "" if levels_with_rows == J else f" with rows of {J} declared"
        return (
            f"grouping {term.name!r} must have two levels or more, got {levels_with_rows}"
            f"{declared}: its effect would be one with the fixed effects; drop it"
        )
    return None


@dataclass(frozen=True, eq=False)
class RowCovariance:
    """Covariance z A z' that an effect of SD one gives the rows, in one form for equal ones.

    z A z' = Σ_ij c_ij w_i w_j', with columns w_j of length one.

    Attributes
    ----------
    effect : str
        Name of the effect.
    columns : scipy.sparse.csc_array, shape (n, m)
        The w_j of levels that have rows, their first entry above zero, in order of ``keys``.
    keys : ndarray, shape (m,)
        One number a column, the same for the same column.
    coefficients : ndarray, shape (m,) or (m, m)
        Diagonal of c where levels are independent, else c itself; its trace is one.
    """

    effect: str
    columns: csc_array
    keys: np.ndarray
    coefficients: np.ndarray

    def is_proportional_to(self, other: "RowCovariance") -> bool:
        """Whether two covariances of the rows are proportional, to rounding."""
        same_shape = self.coefficients.shape == other.coefficients.shape
        if not same_shape or self.columns.nnz != other.columns.nnz:
            return False
        a = self.columns
        b = other.columns
        return (
            _close(self.keys, other.keys)
            and _close(self.coefficients, other.coefficients)
            and _close(a.data, b.data)
            and np.array_equal(a.indptr, b.indptr)
            and np.array_equal(a.indices, b.indices)
        )


def confounded_terms(terms: Sequence[Term]) -> str | None:
    """Two effects whose covariances z A z' of the rows are proportional, named in a message.

    None where there are none. Seen are scaled copies, other names, other order or sign of levels,
    levels without rows and an A that is a multiple of the identity; of dense matrices, the same
    columns, not every rotation of them. O(nnz) a term.

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
    # Few pairs are alike at first sight, and only those are compared entry by entry.
    signatures = [signature for term in terms for signature in _signatures(term)]
    for one, other in combinations(signatures, 2):
        is_candidate = one.resembles(other)
        if is_candidate and one.row_covariance.is_proportional_to(other.row_covariance):
            return (
                f"effects {one.effect!r} and {other.effect!r} are one: only one sum of their "
                "variances could be told; drop one"
            )
    return None


@dataclass(frozen=True, eq=False)
class Signature:
    """Two numbers that effects with proportional covariances z A z' of the rows have in common.

    Attributes
    ----------
    term : Term
        Term of the effect.
    k : int
        Its number among the effects of the term.
    levels : int
        How many of its columns have entries.
    key : float
        Σ_i v_i w_i over rows, of variances v_i whose sum is one and numbers w_i at random.
    """

    term: Term
    k: int
    levels: int
    key: float

    @property
    def effect(self) -> str:
        """Name of the effect."""
        return self.term.effect_names[self.k]

    def resembles(self, other: "Signature") -> bool:
        """Whether two effects may be one."""
        return self.levels == other.levels and abs(self.key - other.key) <= CLOSE

    @cached_property
    def row_covariance(self) -> RowCovariance:
        """The covariance of the rows that an effect of SD one makes."""
        columns = csc_array(self.term.Z[:, self.k :: len(self.term.effects)])
        columns.eliminate_zeros()
        columns.sort_indices()
        return _row_covariance(self.effect, columns, self.term.level_chol)


def _signatures(term: Term) -> Iterator[Signature]:
    """The signature of each effect, O(nnz)."""
    J, q = term.size
    has_entry = np.zeros(J * q, bool)
    has_entry[term.Z.indices[term.Z.data != 0]] = True
    levels = has_entry.reshape(J, q).sum(0)
    # Numbers without a regularity that an experiment could share, the same for every term.
    weights = np.random.default_rng(term.Z.shape[0]).random(term.Z.shape[0])
    for k, variances in enumerate(_row_variances(term)):
        total = variances.sum()
        share = variances / total if total > 0 else variances
        yield Signature(term, k, int(levels[k]), float(share @ weights))


def _row_variances(term: Term) -> Iterator[np.ndarray]:
    """Diagonal of z A z' for each effect, (n,), in units in which no square overflows."""
    if term.is_dense:
        columns = term.columns_of_independent_levels().toarray()
        yield ((columns / np.abs(columns).max()) ** 2).sum(1)
        return
    of_level = None if term.level_chol is None else (term.level_chol**2).sum(1)
    for covariate in term.row_covariates.T:
        variances = (covariate / np.abs(covariate).max()) ** 2
        yield variances if of_level is None else variances * of_level[term.row_levels]


def _row_covariance(
    effect: str, columns: csc_array, level_chol: np.ndarray | None
) -> RowCovariance:
    """Row covariance of an effect with columns (n, J), of levels with covariance LL'."""
    J = columns.shape[1]
    entries = np.diff(columns.indptr)
    with_rows = np.flatnonzero(entries)
    column_of_entry = np.repeat(np.arange(J), entries)
    starts = columns.indptr[with_rows]

    # Columns of length one whose first entry is above zero. Lengths are taken of columns whose
    # largest entry is one: a square may overflow.
    largest = np.zeros(J)
    largest[with_rows] = np.maximum.reduceat(np.abs(columns.data), starts)
    scaled = columns.data / largest[column_of_entry]
    length = np.sqrt(np.bincount(column_of_entry, scaled**2, J))
    length[with_rows] *= np.sign(columns.data[starts])
    unit = csc_array(
        (scaled / length[column_of_entry], columns.indices, columns.indptr), columns.shape
    )

    # Levels in an order that their names and numbers have no part in: that of Σ_i w_i cos i². Such
    # weights bear no regularity that an experiment could share, so that different columns of
    # ordinary designs have different keys; two that had one would only leave a pair unseen, since
    # is_proportional_to compares every entry.
    weights = np.cos(unit.indices.astype(float) ** 2)
    keys = np.bincount(column_of_entry, unit.data * weights, J)
    order = with_rows[np.argsort(keys[with_rows], kind="stable")]

    # The lengths go into the coefficients, which have a trace of one: proportional ones are equal.
    relative_length = (largest * length)[order] / largest.max()
    if level_chol is None or _is_diagonal(level_chol):
        variances = np.ones(J) if level_chol is None else np.diag(level_chol) ** 2
        coefficients = variances[order] * relative_length**2
        trace = coefficients.sum()
    else:
        A = level_chol @ level_chol.T
        coefficients = A[np.ix_(order, order)] * np.outer(relative_length, relative_length)
        trace = np.trace(coefficients)
    if trace > 0:  # zero: the levels with rows have no variance
        coefficients = coefficients / trace
    return RowCovariance(effect, unit[:, order], keys[order], coefficients)


def _is_diagonal(level_chol: np.ndarray) -> bool:
    """Whether the levels of a known covariance are independent, to rounding."""
    diagonal = np.diag(level_chol)
    others = np.abs(level_chol - np.diag(diagonal))
    return not np.any(others > CLOSE * diagonal[:, None])


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether numbers of the size of one are equal, to rounding."""
    return a.shape == b.shape and np.allclose(a, b, rtol=0, atol=CLOSE)
