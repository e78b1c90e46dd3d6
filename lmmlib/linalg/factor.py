"""The factor of Λ'Z'ZΛ + I for many Λ at once, over reduced rows.

Blocks first, then what they leave to the border.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmmlib.linalg.arrowhead import Arrowhead
from lmmlib.linalg.stacks import WIDEST, eliminate_stack, scale_stack, triangle_stack

LARGEST_SQUARE = (
    1e8  # of a column of ZΛ, up to which cross products keep ten digits of the determinant
)


@dataclass(frozen=True, eq=False)
class FactoredForm:
    """Factor of one :class:`Arrowhead`, each block [R | coupling | sides].

    Attributes
    ----------
    blocks : tuple of ndarray
        Per DiagonalBlocks (q, q + h + c, C, L, S).
    border : ndarray, shape (h, h + c, C, S)
        Factor of the border.
    """

    blocks: tuple[np.ndarray, ...]
    border: np.ndarray


@dataclass(frozen=True, eq=False)
class Factor:
    """Triangular factor R with R'R = Λ'Z'ZΛ + I, in its blocks.

    With what the right-hand sides keep when all columns are eliminated.

    Attributes
    ----------
    forms : tuple of FactoredForm
        Factors of the blocks of each form.
    log_det : ndarray, shape (S,)
        Log determinant log|R|.
    rest : ndarray, shape (c, c, S)
        Upper triangle.
    """

    forms: tuple[FactoredForm, ...]
    log_det: np.ndarray
    rest: np.ndarray


def factorise(
    forms: Sequence[Arrowhead], Lam: Sequence[np.ndarray], sides: np.ndarray | None = None
) -> Factor:
    r"""Minimise \|B t − ZΛs\|² + \|s\|² over s for all t.

    By orthogonal factorisations, never as a difference.

    Parameters
    ----------
    forms : sequence of Arrowhead
        From ``reduce_to_arrowhead``, with c right-hand sides B.
    Lam : sequence of ndarray
        One lower triangular array (S, w, w) per kind.
    sides : ndarray, shape (S, c, k), optional
        Combinations of the right-hand sides; the sides themselves if None.

    Notes
    -----
    Cost a draw O(K q²) for blocks of q columns, and O((K q + h) h²) for a border of h.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import find_partition, reduce_to_arrowhead
    >>> Z = csr_array(np.array([[1.0], [1.0]]))
    >>> forms = reduce_to_arrowhead(Z, np.array([[1.0], [2.0]]), find_partition(Z, [(1, 1)]))
    >>> found = factorise(forms, [np.ones((1, 1, 1))])
    >>> np.exp(2 * found.log_det).round(9).tolist(), (found.rest**2).ravel().round(9).tolist()
    ([3.0], [2.0])
    """
    factors = [np.moveaxis(L, 0, -1) for L in Lam]
    turn = None if sides is None else np.ascontiguousarray(np.moveaxis(sides, 0, -1))
    log_det, factored, rests = 0.0, [], []
    for form in forms:
        made, half, rest = _factorise_form(form, factors, turn)
        factored.append(made)
        log_det = log_det + half.sum(0)
        rests.append(np.moveaxis(rest, 2, 1).reshape(-1, *rest.shape[1::2]))
    return Factor(tuple(factored), log_det, triangle_stack(np.concatenate(rests)))


def factorise_components(
    form: Arrowhead, Lam: Sequence[np.ndarray], sides: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log determinant and least sum of squares of each component by itself.

    Both are (C, S), for one combined right-hand side.

    Parameters
    ----------
    form : Arrowhead
        One of ``reduce_to_arrowhead``.
    Lam : sequence of ndarray
        One lower triangular array (S, w, w) per kind.
    sides : ndarray, shape (S, c, 1)
        Combination of the right-hand sides.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import find_partition, reduce_to_arrowhead
    >>> Z = csr_array(np.array([[1.0, 0], [0, 1]]))
    >>> (form,) = reduce_to_arrowhead(
    ...     Z, np.array([[1.0], [2.0]]), find_partition(Z, [(2, 1)], lump=False)
    ... )
    >>> factorise_components(form, [np.ones((1, 1, 1))], np.ones((1, 1, 1)))[1].ravel().round(
    ...     9
    ... ).tolist()
    [0.5, 2.0]
    """
    turn = np.ascontiguousarray(np.moveaxis(sides, 0, -1))
    _, log_det, rest = _factorise_form(form, [np.moveaxis(L, 0, -1) for L in Lam], turn)
    return log_det, np.sum(rest[:, 0] ** 2, 0)


def _factorise_form(
    form: Arrowhead, factors: Sequence[np.ndarray], turn: np.ndarray | None
) -> tuple[FactoredForm, np.ndarray, np.ndarray]:
    """Factor, half its log determinant (C, S), and the rows left of the sides (r, c, C, S)."""
    S, h, C = factors[0].shape[-1], len(form.columns), form.rest.shape[-1]
    log_det, blocks, left = np.zeros((C, S)), [], []
    for leaves in form.leaves:
        q, _, _, L = leaves.rows.shape
        rows = np.zeros((2 * q, q + h + _sides(form, turn), C, L, S))
        rows[:q, :q] = scale_stack(leaves.rows[:, :q], factors, leaves.counts)
        if h:
            rows[:q, q : q + h] = scale_stack(leaves.rows[:, q : q + h], factors, form.counts)
        rows[:q, q + h :] = _turned(leaves.rows[:, q + h :], turn)
        rows[range(q, 2 * q), range(q)] = 1.0
        top, rest = eliminate_stack(rows, q, band=q)
        log_det += _log_diagonal(top).sum(1)
        blocks.append(top)
        left.append(np.moveaxis(rest, 3, 1).reshape(-1, rest.shape[1], C, S))
    shared = np.zeros((len(form.rest), h + _sides(form, turn), C, S))
    if h:
        shared[:, :h] = scale_stack(form.rest[:, :h], factors, form.counts)
    shared[:, h:] = _turned(form.rest[:, h:], turn)
    if not h:
        rest = np.concatenate([*left, shared])
        return FactoredForm(tuple(blocks), rest[:0]), log_det, rest
    border, rest = _factorise_border(np.concatenate([*left, shared]), h)
    log_det += _log_diagonal(border)
    return FactoredForm(tuple(blocks), border), log_det, rest


def _factorise_border(rows: np.ndarray, h: int) -> tuple[np.ndarray, np.ndarray]:
    """Factor of the border, and what is left of its right-hand sides.

    [R | sides] (h, ·, C, S) of [[A, D], [I, 0]], given by rows (m, h + c, C, S).

    A wide border goes through the Cholesky factor of A'A + I while that keeps ten digits. What is
    left of D is then D − AW with W its best, and W itself: a sum of squares at its minimum, which
    errors of W enter squared.
    """
    if h > WIDEST:
        stacked = np.ascontiguousarray(np.moveaxis(rows, (0, 1), (-2, -1)))
        A, D = stacked[..., :h], stacked[..., h:]
        M = np.swapaxes(A, -1, -2) @ A
        if np.max(np.einsum("...jj->...j", M)) < LARGEST_SQUARE:
            M[..., range(h), range(h)] += 1.0
            W = np.linalg.solve(M, np.swapaxes(A, -1, -2) @ D)
            R = np.swapaxes(np.linalg.cholesky(M), -1, -2)
            border = np.concatenate([R, R @ W], -1)
            rest = np.concatenate([D - A @ W, W], -2)
            return np.moveaxis(border, (-2, -1), (0, 1)), np.moveaxis(rest, (-2, -1), (0, 1))
    penalty = np.zeros((h, *rows.shape[1:]))
    penalty[range(h), range(h)] = 1.0
    return eliminate_stack(np.concatenate([rows, penalty]), h)


def _sides(form: Arrowhead, turn: np.ndarray | None) -> int:
    return form.rest.shape[0] - len(form.columns) if turn is None else turn.shape[1]


def _turned(B: np.ndarray, turn: np.ndarray | None) -> np.ndarray:
    """Right-hand sides (r, c, ...) combined by (c, k, S): (r, k, ..., S)."""
    return B[..., None] if turn is None else np.einsum("rc...,cks->rk...s", B, turn)


def _log_diagonal(top: np.ndarray) -> np.ndarray:
    """Sum of the logarithms of the diagonal, over the matrix axes."""
    return np.log(np.abs(np.einsum("jj...->j...", top[:, : len(top)]))).sum(0)
