"""Penalised rows of an arrowhead for many Λ, and the elimination of its separator."""

from collections.abc import Sequence

import numpy as np

from lmmlib.linalg.arrowhead import Arrowhead, DiagonalBlocks
from lmmlib.linalg.stacks import WIDEST_UNROLLED, eliminate_stack, scale_stack

# of a column of ZΛ, up to which cross products keep ten digits of the determinant
LARGEST_SQUARE = 1e8


def penalised_rows(
    diagonal: DiagonalBlocks,
    separator_counts: Sequence[int],
    Lam: Sequence[np.ndarray],
    combination: np.ndarray | None,
) -> np.ndarray:
    """Rows (2q, q + h + k, C, L, S) of blocks: [ZΛ | separator's ZΛ | B] above [I | 0 | 0]."""
    q, _, C, L = diagonal.rows.shape
    h = sum(separator_counts)
    S = Lam[0].shape[-1]
    rhs = _combined(diagonal.rows[:, q + h :], combination)
    rows = np.zeros((2 * q, q + h + rhs.shape[1], C, L, S))
    rows[:q, :q] = scale_stack(diagonal.rows[:, :q], Lam, diagonal.counts)
    if h:
        rows[:q, q : q + h] = scale_stack(diagonal.rows[:, q : q + h], Lam, separator_counts)
    rows[:q, q + h :] = rhs
    rows[range(q, 2 * q), range(q)] = 1.0
    return rows


def scaled_remainder(
    arrowhead: Arrowhead, Lam: Sequence[np.ndarray], combination: np.ndarray | None
) -> np.ndarray:
    """Rows (h + c, h + k, C, S) of the separator: the Schur remainder with ZΛ for Z."""
    h, C = arrowhead.separator.shape
    S = Lam[0].shape[-1]
    rhs = _combined(arrowhead.remainder[:, h:], combination)
    rows = np.zeros((len(arrowhead.remainder), h + rhs.shape[1], C, S))
    if h:
        rows[:, :h] = scale_stack(arrowhead.remainder[:, :h], Lam, arrowhead.separator_counts)
    rows[:, h:] = rhs
    return rows


def by_component(remainder: np.ndarray) -> np.ndarray:
    """What is left of blocks (r, w, C, L, S), as rows (r L, w, C, S) of their components."""
    _, w, C, _, S = remainder.shape
    return np.moveaxis(remainder, 3, 1).reshape(-1, w, C, S)


def eliminate_separator(rows: np.ndarray, h: int) -> tuple[np.ndarray, np.ndarray]:
    """Factor of the separator, and what is left of its right-hand sides.

    [R | rhs] (h, h + k, C, S) of [[A, D], [I, 0]], given by rows (m, h + k, C, S).

    A wide separator goes through the Cholesky factor of A'A + I while that keeps ten digits. What
    is left of D is then D − AW with W its best, and W itself: a sum of squares at its minimum,
    which errors of W enter squared.
    """
    if h > WIDEST_UNROLLED:
        stacked = np.ascontiguousarray(np.moveaxis(rows, (0, 1), (-2, -1)))
        A = stacked[..., :h]
        D = stacked[..., h:]
        M = np.swapaxes(A, -1, -2) @ A
        if np.max(np.einsum("...jj->...j", M)) < LARGEST_SQUARE:
            M[..., range(h), range(h)] += 1.0
            W = np.linalg.solve(M, np.swapaxes(A, -1, -2) @ D)
            R = np.swapaxes(np.linalg.cholesky(M), -1, -2)
            separator = np.concatenate([R, R @ W], -1)
            remainder = np.concatenate([D - A @ W, W], -2)
            return _stacks_last(separator), _stacks_last(remainder)
    penalty = np.zeros((h, *rows.shape[1:]))
    penalty[range(h), range(h)] = 1.0
    return eliminate_stack(np.concatenate([rows, penalty]), h)


def _stacks_last(matrices: np.ndarray) -> np.ndarray:
    """Matrices (C, S, i, j) as (i, j, C, S)."""
    return np.moveaxis(matrices, (-2, -1), (0, 1))


def _combined(B: np.ndarray, combination: np.ndarray | None) -> np.ndarray:
    """Right-hand sides (r, c, ...) combined by (c, k, S): (r, k, ..., S)."""
    if combination is None:
        return B[..., None]
    return np.einsum("rc...,cks->rk...s", B, combination)


def log_diagonal(rows: np.ndarray) -> np.ndarray:
    """Sum of the logarithms of the diagonal of triangles (q, w, ...): (...)."""
    return np.log(np.abs(np.einsum("jj...->j...", rows[:, : len(rows)]))).sum(0)
