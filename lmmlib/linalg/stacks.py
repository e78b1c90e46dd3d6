"""Small triangular factorisations of many matrices at once.

The first two axes are the matrix, the stack runs last.

A loop over columns with whole-array arithmetic beats one call of LAPACK a matrix while matrices are
small.
"""

from collections.abc import Sequence

import numpy as np

WIDEST = 12  # columns to eliminate, beyond which LAPACK is the faster


def eliminate_stack(
    rows: np.ndarray, q: int, band: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Rotate rows (m, w, ...) so that the first q columns end after the q-th row.

    ``rows`` may be used up.

    Parameters
    ----------
    rows : ndarray, shape (m, w, ...)
        Rows, with m >= q.
    q : int
        Number of columns to eliminate.
    band : int, optional
        If given, column j is zero after row j + band, before and during elimination.

    Returns
    -------
    top : ndarray, shape (q, w, ...)
        Rows with an upper triangle in front.
    rest : ndarray, shape (m - q, w - q, ...)
        What is left of the other rows.

    Examples
    --------
    >>> top, rest = eliminate_stack(np.array([[[3.0], [0.0]], [[4.0], [5.0]]]), 1)
    >>> abs(top).ravel().round(9).tolist(), abs(rest).ravel().round(9).tolist()
    ([5.0, 4.0], [3.0])
    """
    m = len(rows)
    if q > WIDEST:
        return _by_lapack(rows, q)
    for j in range(q):
        part = rows[j : m if band is None else min(m, j + band + 1), j:]
        x = part[:, 0]
        length = np.sqrt(np.einsum("i...,i...->...", x, x))
        head = x[0] + np.copysign(length, x[0])
        scale = np.divide(1.0, length * np.abs(head), out=np.zeros_like(length), where=length > 0)
        along = head * part[0, 1:]
        along += np.einsum("i...,ik...->k...", x[1:], part[1:, 1:])
        along *= scale
        part[0, 1:] -= head * along
        part[1:, 1:] -= x[1:, None] * along
        part[0, 0] = -np.copysign(length, x[0])
        part[1:, 0] = 0.0
    return rows[:q], rows[q:, q:]


def triangle_stack(rows: np.ndarray) -> np.ndarray:
    """Upper triangles (w, w, ...) with R'R that of rows (m, w, ...); ``rows`` may be used up.

    Examples
    --------
    >>> abs(triangle_stack(np.array([[[3.0]], [[4.0]]]))).item()
    5.0
    """
    m, w, *stack = rows.shape
    if m < w:
        rows = np.concatenate([rows, np.zeros((w - m, w, *stack))])
    return eliminate_stack(rows, w)[0]


def solve_upper_stack(R: np.ndarray, t: np.ndarray) -> np.ndarray:
    """R^{-1} t for triangles R (q, q, ...) and t (q, ...), by substitution.

    Examples
    --------
    >>> solve_upper_stack(
    ...     np.array([[2.0, 1.0], [0.0, 4.0]])[..., None], np.array([[4.0], [8.0]])
    ... ).ravel().tolist()
    [1.0, 2.0]
    """
    x = np.empty(np.broadcast_shapes(R.shape[1:], t.shape))
    for j in reversed(range(len(R))):
        x[j] = (t[j] - np.einsum("k...,k...->...", R[j, j + 1 :], x[j + 1 :])) / R[j, j]
    return x


def solve_lower_stack(R: np.ndarray, t: np.ndarray) -> np.ndarray:
    """R'^{-1} t for upper triangles R (q, q, ...) and t (q, ...), by substitution.

    Examples
    --------
    >>> solve_lower_stack(
    ...     np.array([[2.0, 1.0], [0.0, 4.0]])[..., None], np.array([[4.0], [10.0]])
    ... ).ravel().tolist()
    [2.0, 2.0]
    """
    x = np.empty(np.broadcast_shapes(R.shape[1:], t.shape))
    for j in range(len(R)):
        x[j] = (t[j] - np.einsum("k...,k...->...", R[:j, j], x[:j])) / R[j, j]
    return x


def scale_stack(
    rows: np.ndarray, factors: Sequence[np.ndarray], counts: Sequence[int]
) -> np.ndarray:
    """Rows times a block diagonal of lower triangles.

    Rows (k, q, ...); each triangle is repeated over its own columns.

    Parameters
    ----------
    rows : ndarray, shape (k, q, ...)
        Rows to scale.
    factors : sequence of ndarray
        One lower triangular array (w, w, S) per kind.
    counts : sequence of int
        Numbers of columns by kind, multiples of w.

    Returns
    -------
    ndarray, shape (k, q, ..., S)
        Scaled rows.

    Examples
    --------
    >>> scale_stack(
    ...     np.ones((1, 3, 1)), [np.array([[[2.0]]]), np.array([[[5.0]]])], [2, 1]
    ... ).ravel().tolist()
    [2.0, 2.0, 5.0]
    """
    k, q, *stack = rows.shape
    scaled, start = np.empty((k, q, *stack, factors[0].shape[-1])), 0
    for factor, count in zip(factors, counts, strict=True):
        w = len(factor)
        own = rows[:, start : start + count].reshape(k, count // w, w, *stack, 1)
        out = scaled[:, start : start + count].reshape(k, count // w, w, *scaled.shape[2:])
        for j in range(w):
            np.multiply(own[:, :, j], factor[j, j], out=out[:, :, j])
            for i in range(j + 1, w):
                out[:, :, j] += own[:, :, i] * factor[i, j]
        start += count
    return scaled


def _by_lapack(rows: np.ndarray, q: int) -> tuple[np.ndarray, np.ndarray]:
    m, w, *stack = rows.shape
    R = np.linalg.qr(np.moveaxis(rows.reshape(m, w, -1), -1, 0), mode="r")
    R = np.moveaxis(R, 0, -1).reshape(min(m, w), w, *stack)
    return R[:q], R[q:, q:]
