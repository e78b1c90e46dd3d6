"""The factor of Λ'Z'ZΛ + I for many Λ at once, over reduced rows.

Diagonal blocks are eliminated first, then the separator from what they leave.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lmmlib.linalg.arrowhead import Arrowhead
from lmmlib.linalg.arrowheads import AnyArrowhead
from lmmlib.linalg.elimination import (
    by_component,
    eliminate_separator,
    log_diagonal,
    penalised_rows,
    scaled_remainder,
)
from lmmlib.linalg.sparse_arrowhead import SparseArrowhead
from lmmlib.linalg.sparse_factor import SparseFactor, factorise_sparse
from lmmlib.linalg.stacks import eliminate_stack, triangle_stack


@dataclass(frozen=True, eq=False)
class FactoredArrowhead:
    """Factor of one :class:`Arrowhead`, its rows [R | coupling | right-hand sides].

    Attributes
    ----------
    arrowhead : Arrowhead
        What was factored.
    diagonal_blocks : tuple of ndarray
        One array (q, q + h + k, C, L, S) per DiagonalBlocks.
    separator : ndarray, shape (h, h + k, C, S)
        Factor of the separator.
    """

    arrowhead: Arrowhead
    diagonal_blocks: tuple[np.ndarray, ...]
    separator: np.ndarray


@dataclass(frozen=True, eq=False)
class FactoredSparse:
    """Factors of one :class:`SparseArrowhead` for S values of Λ.

    Attributes
    ----------
    arrowhead : SparseArrowhead
        What was factored.
    factors : tuple of SparseFactor
        One for each value.
    """

    arrowhead: SparseArrowhead
    factors: tuple[SparseFactor, ...]


@dataclass(frozen=True, eq=False)
class Factor:
    """Triangular factor R with R'R = Λ'Z'ZΛ + I, in its blocks, for S values of Λ.

    With what the right-hand sides keep when all columns are eliminated.

    Attributes
    ----------
    arrowheads : tuple of FactoredArrowhead or FactoredSparse
        Factors of the arrowheads, in their order.
    log_det : ndarray, shape (S,)
        Log determinant log|R|.
    rhs_triangle : ndarray, shape (k, k, S)
        Upper triangle T of k right-hand sides: the least sum of squares for a combination t of
        them is |Tt|².
    """

    arrowheads: tuple[FactoredArrowhead | FactoredSparse, ...]
    log_det: np.ndarray
    rhs_triangle: np.ndarray


@dataclass(frozen=True, eq=False)
class _Elimination:
    """One arrowhead after the elimination of all its columns.

    Attributes
    ----------
    factor : FactoredArrowhead
        Its factor.
    log_det : ndarray, shape (C, S)
        Log determinant of each component's factor.
    remainder : ndarray, shape (r, k, C, S)
        Rows that are left of the right-hand sides.
    """

    factor: FactoredArrowhead
    log_det: np.ndarray
    remainder: np.ndarray


def factorise(
    arrowheads: Sequence[AnyArrowhead],
    Lam: Sequence[np.ndarray],
    combination: np.ndarray | None = None,
) -> Factor:
    r"""Minimise \|B t − ZΛs\|² + \|s\|² over s for all t.

    By orthogonal factorisations, and of sparse arrowheads by cross products as long as these keep
    the digits of the determinant; sums of squares are never differences.

    Parameters
    ----------
    arrowheads : sequence of Arrowhead or SparseArrowhead
        From ``reduce_to_arrowheads``, with c right-hand sides B.
    Lam : sequence of ndarray
        One lower triangular array (S, w, w) per kind.
    combination : ndarray, shape (S, c, k), optional
        Combinations of the right-hand sides; the c right-hand sides themselves if None.

    Returns
    -------
    Factor
        Factor of Λ'Z'ZΛ + I for each of the S values.

    Notes
    -----
    Cost a value O(K q²) for blocks of q columns, and O((K q + h) h²) for a separator of h.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import find_partition, reduce_to_arrowheads
    >>> Z = csr_array(np.array([[1.0], [1.0]]))
    >>> B = np.array([[1.0], [2.0]])
    >>> arrowheads = reduce_to_arrowheads(Z, B, find_partition(Z, [(1, 1)]))
    >>> factor = factorise(arrowheads, [np.ones((1, 1, 1))])
    >>> np.exp(2 * factor.log_det).round(9).tolist()
    [3.0]
    >>> (factor.rhs_triangle**2).ravel().round(9).tolist()
    [2.0]
    """
    stacked_lam = [_stack_last(L) for L in Lam]
    stacked_combination = None
    if combination is not None:
        stacked_combination = np.ascontiguousarray(_stack_last(combination))
    log_det = np.zeros(len(Lam[0]))
    factored: list[FactoredArrowhead | FactoredSparse] = []
    remainders = []
    for arrowhead in _forms_for(arrowheads, Lam):
        if isinstance(arrowhead, SparseArrowhead):
            sparse = _factorise_sparse(arrowhead, Lam, combination)
            factored.append(sparse)
            log_det = log_det + np.array([one.log_det for one in sparse.factors])
            remainders.append(np.stack([one.triangle for one in sparse.factors], -1))
            continue
        eliminated = _eliminate(arrowhead, stacked_lam, stacked_combination)
        factored.append(eliminated.factor)
        log_det = log_det + eliminated.log_det.sum(0)
        by_row = np.moveaxis(eliminated.remainder, 2, 1)  # (r, C, k, S)
        remainders.append(by_row.reshape(-1, *by_row.shape[2:]))
    return Factor(tuple(factored), log_det, triangle_stack(np.concatenate(remainders)))


def _forms_for(
    arrowheads: Sequence[AnyArrowhead], Lam: Sequence[np.ndarray]
) -> Iterator[AnyArrowhead]:
    """The arrowheads, rotated where cross products would lose digits."""
    for arrowhead in arrowheads:
        if isinstance(arrowhead, SparseArrowhead) and not arrowhead.keeps_digits(Lam):
            yield from arrowhead.rotated
        else:
            yield arrowhead


def _factorise_sparse(
    arrowhead: SparseArrowhead, Lam: Sequence[np.ndarray], combination: np.ndarray | None
) -> FactoredSparse:
    """One factor a value of Λ."""
    factors = []
    for s in range(len(Lam[0])):
        of_value = None if combination is None else combination[s]
        factors.append(factorise_sparse(arrowhead, [L[s] for L in Lam], of_value))
    return FactoredSparse(arrowhead, tuple(factors))


def factorise_components(
    arrowhead: Arrowhead, Lam: Sequence[np.ndarray], combination: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log determinant and least sum of squares of each component by itself.

    Parameters
    ----------
    arrowhead : Arrowhead
        One of ``rotate_to_arrowheads``.
    Lam : sequence of ndarray
        One lower triangular array (S, w, w) per kind.
    combination : ndarray, shape (S, c, 1)
        Combination of the right-hand sides.

    Returns
    -------
    log_det : ndarray, shape (C, S)
        Log determinants log|R| of the components.
    squares : ndarray, shape (C, S)
        Least sums of squares of the one combined right-hand side.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import find_partition, rotate_to_arrowheads
    >>> Z = csr_array(np.array([[1.0, 0], [0, 1]]))
    >>> B = np.array([[1.0], [2.0]])
    >>> (arrowhead,) = rotate_to_arrowheads(Z, B, find_partition(Z, [(2, 1)], lump=False))
    >>> _, squares = factorise_components(arrowhead, [np.ones((1, 1, 1))], np.ones((1, 1, 1)))
    >>> squares.ravel().round(9).tolist()
    [0.5, 2.0]
    """
    stacked_lam = [_stack_last(L) for L in Lam]
    eliminated = _eliminate(arrowhead, stacked_lam, np.ascontiguousarray(_stack_last(combination)))
    return eliminated.log_det, np.sum(eliminated.remainder[:, 0] ** 2, 0)


def _stack_last(matrices: np.ndarray) -> np.ndarray:
    """Matrices (S, i, j) as (i, j, S)."""
    return np.moveaxis(matrices, 0, -1)


def _eliminate(
    arrowhead: Arrowhead, Lam: Sequence[np.ndarray], combination: np.ndarray | None
) -> _Elimination:
    """Eliminate all columns of one arrowhead: Λ is (w, w, S) a kind, the combination (c, k, S)."""
    h, C = arrowhead.separator.shape
    S = Lam[0].shape[-1]
    log_det = np.zeros((C, S))
    blocks = []
    remainders = []
    for diagonal in arrowhead.diagonal_blocks:
        q = len(diagonal.columns)
        rows = penalised_rows(diagonal, arrowhead.separator_counts, Lam, combination)
        block, remainder = eliminate_stack(rows, q, band=q)
        log_det += log_diagonal(block).sum(1)
        blocks.append(block)
        remainders.append(by_component(remainder))

    # What the blocks leave to the separator, on top of the rows that none of them has.
    own_rows = scaled_remainder(arrowhead, Lam, combination)
    rows_of_separator = np.concatenate([*remainders, own_rows])
    if h:
        separator, remainder = eliminate_separator(rows_of_separator, h)
        log_det += log_diagonal(separator)
    else:
        separator = rows_of_separator[:0]
        remainder = rows_of_separator
    factored = FactoredArrowhead(arrowhead, tuple(blocks), separator)
    return _Elimination(factored, log_det, remainder)
