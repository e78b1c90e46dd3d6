"""Triangular factors, always over stacks of matrices: the last two axes are the matrix."""

from collections.abc import Sequence

import numpy as np


class NotPositiveSemidefiniteError(ValueError):
    """A matrix that should be positive semi-definite has a negative direction."""


def cholesky_semidefinite(A: np.ndarray) -> np.ndarray:
    """Lower L with LL' = A for positive semi-definite A.

    A zero diagonal entry gives a row of zeros.

    Parameters
    ----------
    A : ndarray, shape (..., q, q)
        Symmetric matrices.

    Returns
    -------
    ndarray, shape (..., q, q)
        Lower triangles with a diagonal that is not negative.

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

    # Scale to a unit diagonal.
    sd = np.sqrt(variance)
    unit = np.where(sd > 0, sd, 1.0)
    C = A / (unit[..., :, None] * unit[..., None, :])
    is_zero = sd == 0
    in_zero_row_or_column = is_zero[..., :, None] | is_zero[..., None, :]
    if np.any((C != 0) & in_zero_row_or_column):
        raise NotPositiveSemidefiniteError("an entry without variance covaries with another")
    if q == 1:
        return sd[..., None]

    # C = UDU' = R'R with R the triangle of √D U', its diagonal made positive.
    eigenvalues, axes = np.linalg.eigh(C)
    rounding = 8 * q * np.finfo(float).eps
    if np.any(eigenvalues < -rounding):
        raise NotPositiveSemidefiniteError(
            f"its correlations have an eigenvalue of {eigenvalues.min():g}"
        )
    scale = np.sqrt(np.where(eigenvalues > rounding, eigenvalues, 0.0))
    R = np.linalg.qr(scale[..., :, None] * np.swapaxes(axes, -1, -2), mode="r")
    sign = np.where(np.einsum("...jj->...j", R) < 0, -1.0, 1.0)
    return sd[..., :, None] * np.swapaxes(sign[..., :, None] * R, -1, -2)


def symmetric(lower: np.ndarray) -> np.ndarray:
    """A symmetric matrix from its entries on and below the diagonal.

    Examples
    --------
    >>> symmetric(np.array([[1.0, 9.0], [2.0, 3.0]])).tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    below = np.tril(lower, -1)
    full = below + below.T
    np.fill_diagonal(full, np.diag(lower))
    return full


def eliminate(rows: np.ndarray, q: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotate the rows of [Z B] so that Z ends after its q-th row.

    Parameters
    ----------
    rows : ndarray, shape (..., m, q + c)
        Columns Z to eliminate, and right-hand sides B.
    q : int
        How many of the columns are Z's.

    Returns
    -------
    R : ndarray, shape (..., q, q)
        Triangle of Z.
    RB : ndarray, shape (..., q, c)
        Its right-hand sides.
    remainder : ndarray, shape (..., r, c)
        What is left of B: |Zs - Bt|^2 = |Rs - RB t|^2 + |remainder t|^2 for all s, t.

    Examples
    --------
    >>> R, RB, remainder = eliminate(np.array([[3.0, 0.0], [4.0, 5.0]]), 1)
    >>> abs(R).item(), abs(RB).item(), abs(remainder).item()
    (5.0, 4.0, 3.0)
    """
    m = rows.shape[-2]
    T = np.linalg.qr(rows, mode="r")
    if m < q:
        zeros = np.zeros((*T.shape[:-2], q - m, T.shape[-1]))
        T = np.concatenate([T, zeros], -2)
    R = T[..., :q, :q]
    RB = T[..., :q, q:]
    remainder = T[..., q:, q:]
    return R, RB, remainder


def merge(triangles: Sequence[np.ndarray]) -> np.ndarray:
    """One triangle (c, c) of all rows of ``triangles``, each (..., r, c): R'R is the sum of theirs.

    Examples
    --------
    >>> abs(merge([np.array([[3.0]]), np.array([[4.0]])])).item()
    5.0
    """
    c = triangles[0].shape[-1]
    rows = [T.reshape(-1, c) for T in triangles]
    zeros = np.zeros((c, c))  # for when there are fewer rows than columns
    return np.linalg.qr(np.concatenate([*rows, zeros]), mode="r")


def scale_columns(
    R: np.ndarray, factors: Sequence[np.ndarray], counts: Sequence[int]
) -> np.ndarray:
    """R times the block diagonal of ``factors``, each repeated over the columns of its kind.

    Parameters
    ----------
    R : ndarray, shape (..., B, k, q)
        Matrices whose columns are scaled.
    factors : sequence of ndarray
        One array (..., w, w) per kind.
    counts : sequence of int
        Numbers of columns by kind, multiples of w.

    Returns
    -------
    ndarray, shape (..., B, k, q)
        Matrices with scaled columns.

    Examples
    --------
    >>> scale_columns(np.ones((1, 1, 3)), [np.array([[2.0]]), np.array([[5.0]])], [2, 1]).tolist()
    [[[2.0, 2.0, 5.0]]]
    """
    *stack, k, _ = R.shape
    parts = []
    start = 0
    for factor, count in zip(factors, counts, strict=True):
        w = factor.shape[-1]
        stop = start + count
        bundles = R[..., start:stop].reshape(*stack, k * (count // w), w)
        scaled = bundles @ factor[..., None, :, :]
        parts.append(scaled.reshape(*scaled.shape[:-2], k, count))
        start = stop
    return np.concatenate(parts, -1)


def dependent_columns(X: np.ndarray) -> list[int]:
    """Columns that are linear combinations of those before them, to the rounding of X itself.

    Examples
    --------
    >>> dependent_columns(np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 1.0]]))
    [1]
    """
    # Columns of length one, by way of the largest entry: the squares of a norm may overflow.
    largest = np.abs(X).max(0)
    scaled = X / np.where(largest > 0, largest, 1.0)
    columns = np.ascontiguousarray(scaled.T)
    columns /= np.maximum(np.linalg.norm(columns, axis=1), 1.0)[:, None]

    # Gram and Schmidt, twice, which is enough (Kahan).
    rounding = max(X.shape) * 4 * np.finfo(float).eps
    basis = np.empty_like(columns)
    rank = 0
    dependent = []
    for j, column in enumerate(columns):
        earlier = basis[:rank]
        residual = column - (earlier @ column) @ earlier
        residual -= (earlier @ residual) @ earlier
        length = np.linalg.norm(residual)
        if length <= rounding:
            dependent.append(j)
        else:
            basis[rank] = residual / length
            rank += 1
    return dependent
