"""Triangular factors, always over stacks of matrices.

The last two axes are the matrix, the others run along.
"""

from collections.abc import Sequence

import numpy as np


class NotPositiveSemidefiniteError(ValueError):
    """A matrix that should be a covariance has a negative direction."""


def cholesky_semidefinite(A: np.ndarray) -> np.ndarray:
    """Lower L with LL' = A for positive semi-definite A.

    A zero diagonal entry gives a row of zeros.

    Parameters
    ----------
    A : ndarray, shape (..., q, q)
        Symmetric matrices.

    Raises
    ------
    NotPositiveSemidefiniteError
        If a direction is negative by more than rounding.

    Notes
    -----
    A scaled to a unit diagonal is split into UDU', and √D U' turned into a triangle: elimination
    without exchanging rows would lose digits where A is singular.

    Examples
    --------
    >>> cholesky_semidefinite(np.array([[4.0, 2.0], [2.0, 1.0]])).round(12).tolist()
    [[2.0, 0.0], [1.0, 0.0]]
    """
    q = A.shape[-1]
    variance = np.einsum("...jj->...j", A)
    if np.any(variance < 0):
        raise NotPositiveSemidefiniteError(f"a diagonal entry is {variance.min():g}")
    sd = np.sqrt(variance)
    unit = np.where(sd > 0, sd, 1.0)
    C = A / (unit[..., :, None] * unit[..., None, :])
    if np.any((C != 0) & ((sd == 0)[..., :, None] | (sd == 0)[..., None, :])):
        raise NotPositiveSemidefiniteError("an entry without variance covaries with another")
    if q == 1:
        return sd[..., None]
    size, axes = np.linalg.eigh(C)
    rounding = 8 * q * np.finfo(float).eps
    if np.any(size < -rounding):
        raise NotPositiveSemidefiniteError(f"its correlations have an eigenvalue of {size.min():g}")
    root = np.sqrt(np.where(size > rounding, size, 0.0))
    R = np.linalg.qr(root[..., :, None] * np.swapaxes(axes, -1, -2), mode="r")
    sign = np.where(np.einsum("...jj->...j", R) < 0, -1.0, 1.0)
    return sd[..., :, None] * np.swapaxes(sign[..., :, None] * R, -1, -2)


def eliminate(Z: np.ndarray, B: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotate the rows of [Z B] so that Z ends after its q-th row.

    Parameters
    ----------
    Z : ndarray, shape (..., m, q)
        Columns to eliminate.
    B : ndarray, shape (..., m, c)
        Right-hand sides.

    Returns
    -------
    R : ndarray, shape (..., q, q)
        Triangle of Z.
    RB : ndarray, shape (..., q, c)
        Its right-hand sides.
    rest : ndarray, shape (..., r, c)
        What is left of B: |Zs - Bt|^2 = |Rs - RB t|^2 + |rest t|^2 for all s, t.

    Examples
    --------
    >>> R, RB, rest = eliminate(np.array([[3.0], [4.0]]), np.array([[0.0], [5.0]]))
    >>> abs(R).item(), abs(RB).item(), abs(rest).item()
    (5.0, 4.0, 3.0)
    """
    m, q = Z.shape[-2:]
    T = np.linalg.qr(np.concatenate([Z, B], -1), mode="r")
    if m < q:
        T = np.concatenate([T, np.zeros((*T.shape[:-2], q - m, T.shape[-1]))], -2)
    return T[..., :q, :q], T[..., :q, q:], T[..., q:, q:]


def merge(triangles: Sequence[np.ndarray]) -> np.ndarray:
    """One (c, c) triangle of all rows of ``triangles``, each (..., r, c): R'R is the sum of theirs.

    Examples
    --------
    >>> abs(merge([np.array([[3.0]]), np.array([[4.0]])])).item()
    5.0
    """
    c = triangles[0].shape[-1]
    rows = np.concatenate([T.reshape(-1, c) for T in triangles] + [np.zeros((c, c))])
    return np.linalg.qr(rows, mode="r")


def scale_columns(
    R: np.ndarray, factors: Sequence[np.ndarray], counts: Sequence[int]
) -> np.ndarray:
    """R times the block diagonal of ``factors``, each repeated over its own columns.

    Parameters
    ----------
    R : ndarray, shape (..., B, k, q)
        Triangles whose columns are scaled.
    factors : sequence of ndarray
        One array (..., w, w) per kind.
    counts : sequence of int
        Numbers of columns per kind, multiples of w.

    Returns
    -------
    ndarray, shape (..., B, k, q)
        Triangles with scaled columns.

    Examples
    --------
    >>> scale_columns(np.ones((1, 1, 3)), [np.array([[2.0]]), np.array([[5.0]])], [2, 1]).tolist()
    [[[2.0, 2.0, 5.0]]]
    """
    k = R.shape[-2]
    parts, start = [], 0
    for factor, count in zip(factors, counts, strict=True):
        w = factor.shape[-1]
        bundles = R[..., start : start + count].reshape(*R.shape[:-2], k * (count // w), w)
        scaled = bundles @ factor[..., None, :, :]
        parts.append(scaled.reshape(*scaled.shape[:-2], k, count))
        start += count
    return np.concatenate(parts, -1)


def dependent_columns(X: np.ndarray) -> list[int]:
    """Columns that are linear combinations of those before them, to the rounding of X itself.

    Examples
    --------
    >>> dependent_columns(np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 1.0]]))
    [1]
    """
    largest = np.abs(X).max(0)
    columns = X / np.where(
        largest > 0, largest, 1.0
    )  # first, or the squares of a norm may overflow
    columns = np.ascontiguousarray(columns.T)  # each column beside itself in memory
    columns /= np.maximum(np.linalg.norm(columns, axis=1), 1.0)[:, None]
    smallest = max(X.shape) * 4 * np.finfo(float).eps
    basis = np.empty_like(columns)
    rank = 0
    dependent = []
    for j, column in enumerate(columns):
        before = basis[:rank]
        rest = column - (before @ column) @ before
        rest -= (before @ rest) @ before  # twice is enough (Kahan)
        size = np.linalg.norm(rest)
        if size <= smallest:
            dependent.append(j)
        else:
            basis[rank] = rest / size
            rank += 1
    return dependent
