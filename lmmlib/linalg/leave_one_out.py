"""Each row predicted from the others of its block.

From the others' triangles, and never as a difference.

For rows (a_i, r_i) and M = I + sum over j != i of a_j a_j', the left-out residual is r_i - a_i'
M^{-1} sum a_j r_j and its variance 1 + a_i' M^{-1} a_i. The triangle of the others is the triangle
of the rows before i merged with that of the rows after i. Triangles have their two matrix axes
first here, so that each rotation runs over contiguous stacks.
"""

import numpy as np

# columns, beyond which merging q rows for each of m rows costs more than leverages of the whole
WIDEST_MERGED = 8


def predict_from_others(A: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Residual and variance of each row when predicted from the others.

    Parameters
    ----------
    A : ndarray, shape (..., m, q)
        Columns of the rows.
    r : ndarray, shape (..., m)
        Responses of the rows, with the same leading axes.

    Returns
    -------
    residual : ndarray, shape (..., m)
        Left-out residuals.
    variance : ndarray, shape (..., m)
        Their variances in units of the rows' own error variance; 1 / variance is 1 - leverage.

    Notes
    -----
    By merging prefix and suffix triangles, O(m q³) a block; relative error of the variance near
    1e-15.

    References
    ----------
    Sundararajan & Keerthi (2001), Neural Computation 13(5), for the form in the inverse covariance.

    Examples
    --------
    >>> residual, variance = predict_from_others(np.array([[1.0], [1.0]]), np.array([3.0, 4.0]))
    >>> residual.round(12).tolist(), variance.round(12).tolist()
    ([1.0, 2.5], [1.5, 1.5])
    """
    m, q = A.shape[-2:]
    rows = np.moveaxis(
        np.concatenate([A, r[..., None]], -1), (-2, -1), (0, 1)
    ).copy()  # (m, q+1, ...)
    lead = rows.shape[2:]
    after = np.zeros((m + 1, q, q + 1, *lead))
    for i in reversed(range(m)):
        after[i] = after[i + 1]
        _absorb(after[i], rows[i], 0)
    before = np.zeros((q, q + 1, *lead))
    for j in range(q):
        before[j, j] = 1.0
    residual, variance = np.empty((m, *lead)), np.empty((m, *lead))
    for i in range(m):
        others = before.copy()
        for j in range(q):
            _absorb(others, after[i + 1, j], j)
        residual[i], variance[i] = _predict(others, rows[i])
        _absorb(before, rows[i], 0)
    return np.moveaxis(residual, 0, -1), np.moveaxis(variance, 0, -1)


def _absorb(T: np.ndarray, row: np.ndarray, first: int) -> None:
    """Rotate ``row`` into the triangle ``T`` in place; its entries before ``first`` are zero."""
    row = row.copy()
    for j in range(first, T.shape[0]):
        length = np.hypot(T[j, j], row[j])
        safe = np.where(length > 0, length, 1.0)
        c, s = np.where(length > 0, T[j, j] / safe, 1.0), row[j] / safe
        kept = T[j, j:].copy()
        T[j, j:] = c * kept + s * row[j:]
        row[j:] = c * row[j:] - s * kept


def _predict(T: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left-out residual and variance of a row from the triangle of the others.

    ``row`` is (a, r), and the triangle is [R | t].
    """
    q = T.shape[0]
    v = np.empty_like(row[:q])
    for j in range(q):  # R' v = a, by substitution
        v[j] = (row[j] - np.sum(T[:j, j] * v[:j], 0)) / T[j, j]
    return row[q] - np.sum(v * T[:, q], 0), 1 + np.sum(v * v, 0)
