"""The parts of a design, checked against each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import csr_array, hstack

from lmmlib.model.options import in_brief
from lmmlib.model.row_labels import check_order, common_index, names_along, row_index
from lmmlib.model.term import Term
from lmmlib.model.validation import frozen_array, labels


@dataclass(frozen=True, eq=False)
class DesignParts:
    """Everything of a design but where it comes from.

    Attributes
    ----------
    X : ndarray, shape (n, p)
        Columns of the fixed effects.
    terms : tuple of Term
        Random-effects terms of n rows, one at least, of distinct names.
    weights, offset : ndarray, shape (n,)
        Weights above zero, and the known part of the mean.
    coef : tuple of str
        Names of the p coefficients.
    index : pandas.Index or None
        Labels of the rows, where some part came with some.
    """

    X: np.ndarray
    terms: tuple[Term, ...]
    weights: np.ndarray
    offset: np.ndarray
    coef: tuple[str, ...]
    index: pd.Index | None


def checked_parts(
    X: ArrayLike,
    terms: Sequence[Term],
    weights: ArrayLike | None,
    offset: ArrayLike | None,
    coef: Sequence[str] | None,
) -> DesignParts:
    """Copies of the parts of a design that fit each other, as :class:`lmmlib.Design` takes them."""
    columns = frozen_array("X", X, (None, None))
    n, p = columns.shape
    if n == 0:
        raise ValueError(f"X must have a row at least, got shape {columns.shape}")
    given_terms = _checked_terms(terms)
    labelled = {
        "X": row_index(X),
        "weights": row_index(weights),
        "offset": row_index(offset),
        **{f"term {t.name!r}": t.index for t in given_terms},
    }
    index = common_index(labelled)
    names = labels("coef", [f"x{i + 1}" for i in range(p)] if coef is None else coef, p)
    check_order("X", names_along(X, 1), names)
    labels("names of the terms", [t.name for t in given_terms], len(given_terms))
    for t in given_terms:
        if t.Z.shape[0] != n:
            raise ValueError(f"term {t.name!r} has {t.Z.shape[0]} rows; X has {n}")
    return DesignParts(
        X=columns,
        terms=given_terms,
        weights=_checked_weights(np.ones(n) if weights is None else weights, n),
        offset=_of_rows("offset", np.zeros(n) if offset is None else offset, n),
        coef=names,
        index=index,
    )


def whitened_columns(terms: Sequence[Term], weights: np.ndarray) -> csr_array:
    """W^½ Z (L ⊗ I), (n, K): columns of effects whose levels are independent, without zeros.

    Examples
    --------
    >>> term = Term.grouped("g", ["a", "b"], [[1.0, 0.0], [1.0, 2.0]])
    >>> columns = whitened_columns([term], np.array([4.0, 1.0]))
    >>> columns.toarray().tolist(), columns.nnz, term.Z.nnz
    ([[2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 2.0]], 3, 4)
    """
    Z = csr_array(hstack([t.columns_of_independent_levels() for t in terms], format="csr"))
    if np.any(weights != 1):
        data = np.repeat(np.sqrt(weights), np.diff(Z.indptr)) * Z.data
        Z = csr_array((data, Z.indices, Z.indptr), shape=Z.shape)
    if not np.all(Z.data):  # zeros that a term stores would tie blocks together
        Z = Z.copy()
        Z.eliminate_zeros()
    return Z


def term_of_name(terms: Sequence[Term], name: str) -> Term:
    """The term of that name.

    Raises
    ------
    ValueError
        If there is none; the message names those that there are.
    """
    named = {t.name: t for t in terms}
    if not isinstance(name, str) or name not in named:
        raise ValueError(f"there is no term {in_brief(name)}; the design has {', '.join(named)}")
    return named[name]


def _checked_terms(terms: Sequence[Term]) -> tuple[Term, ...]:
    """The terms of a design, one at least."""
    is_sequence = isinstance(terms, Iterable) and not isinstance(terms, str)
    given = tuple(terms) if is_sequence else ()
    strange = [type(t).__name__ for t in given if not isinstance(t, Term)]
    if strange or not is_sequence:
        got = f"{strange[0]} in it" if isinstance(terms, list | tuple) else type(terms).__name__
        raise TypeError(
            f"terms must be a sequence of Term, got {got}; give [Term.grouped(...)] or "
            "[Term.dense(...)]"
        )
    if not given:
        raise ValueError(
            "a mixed model needs one random-effects term at least; without one, use a linear model"
        )
    return given


def _checked_weights(weights: ArrayLike, n: int) -> np.ndarray:
    """Weights (n,) above zero."""
    values = _of_rows("weights", weights, n)
    if np.any(values <= 0):
        raise ValueError(
            f"weights must be above zero, got {values.min():g} in row {int(values.argmin())}; "
            "drop such rows"
        )
    return values


def _of_rows(name: str, values: ArrayLike, n: int) -> np.ndarray:
    """A number a row, (n,)."""
    return frozen_array(name, values, (n,), f"X has {n} rows")
