"""Small triangular factorisations of many matrices at once.

The first two axes are the matrix, the stack runs last. A loop over columns with whole-array
arithmetic beats one call of LAPACK a matrix while matrices are small.
"""

from collections.abc import Sequence

import numpy as np

# columns to eliminate in a loop; beyond them LAPACK is the faster
WIDEST_UNROLLED = 12


def eliminate_stack(
    rows: np.ndarray, q: int, band: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Rotate rows (m, w, ...) by Householder reflections, so that q columns end after q rows.

    ``rows`` may be overwritten.

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
    eliminated : ndarray, shape (q, w, ...)
        Rows with an upper triangle in front.
    remainder : ndarray, shape (m - q, w - q, ...)
        What is left of the other rows.

    Examples
    --------
    >>> rows = np.array([[[3.0], [0.0]], [[4.0], [5.0]]])
    >>> eliminated, remainder = eliminate_stack(rows, 1)
    >>> abs(eliminated).ravel().round(9).tolist(), abs(remainder).ravel().round(9).tolist()
    ([5.0, 4.0], [3.0])
    """
    m = len(rows)
    if q > WIDEST_UNROLLED:
        return _by_lapack(rows, q)
    for j in range(q):
        end = m if band is None else min(m, j + band + 1)
        part = rows[j:end, j:]
        x = part[:, 0]

        # The reflection I − vv'/(|x| |v_0|) with v = (head, x_1, x_2, …) takes x to (∓|x|, 0, …).
        length = np.sqrt(np.einsum("i...,i...->...", x, x))
        head = x[0] + np.copysign(length, x[0])
        scale = np.divide(1.0, length * np.abs(head), out=np.zeros_like(length), where=length > 0)

        # The other columns: v'(column) / (|x| |v_0|), times v, is taken off.
        along = head * part[0, 1:]
        along += np.einsum("i...,ik...->k...", x[1:], part[1:, 1:])
        along *= scale
        part[0, 1:] -= head * along
        part[1:, 1:] -= x[1:, None] * along
        part[0, 0] = -np.copysign(length, x[0])
        part[1:, 0] = 0.0
    return rows[:q], rows[q:, q:]


def triangle_stack(rows: np.ndarray) -> np.ndarray:
    """Upper triangles R (w, w, ...) of rows A (m, w, ...): R'R = A'A; ``rows`` may be overwritten.

    Examples
    --------
    >>> abs(triangle_stack(np.array([[[3.0]], [[4.0]]]))).item()
    5.0
    """
    m, w, *stack = rows.shape
    if m < w:
        rows = np.concatenate([rows, np.zeros((w - m, w, *stack))])
    triangles, _ = eliminate_stack(rows, w)
    return triangles


def solve_upper_stack(R: np.ndarray, t: np.ndarray) -> np.ndarray:
    """R^{-1} t for upper triangles R (q, q, ...) and t (q, ...), by substitution.

    Examples
    --------
    >>> R = np.array([[2.0, 1.0], [0.0, 4.0]])[..., None]
    >>> solve_upper_stack(R, np.array([[4.0], [8.0]])).ravel().tolist()
    [1.0, 2.0]
    """
    x = np.empty(np.broadcast_shapes(R.shape[1:], t.shape))
    for j in reversed(range(len(R))):
        x[j] = t[j]
        if j + 1 < len(R):
            x[j] -= np.einsum("k...,k...->...", R[j, j + 1 :], x[j + 1 :])
        x[j] /= R[j, j]
    return x


def solve_lower_stack(R: np.ndarray, t: np.ndarray) -> np.ndarray:
    """R'^{-1} t for upper triangles R (q, q, ...) and t (q, ...), by substitution.

    Examples
    --------
    >>> R = np.array([[2.0, 1.0], [0.0, 4.0]])[..., None]
    >>> solve_lower_stack(R, np.array([[4.0], [10.0]])).ravel().tolist()
    [2.0, 2.0]
    """
    x = np.empty(np.broadcast_shapes(R.shape[1:], t.shape))
    for j in range(len(R)):
        x[j] = t[j]
        if j:
            x[j] -= np.einsum("k...,k...->...", R[:j, j], x[:j])
        x[j] /= R[j, j]
    return x


def scale_stack(
    rows: np.ndarray, factors: Sequence[np.ndarray], counts: Sequence[int]
) -> np.ndarray:
    """Rows times a block diagonal of lower triangles, each repeated over the columns of its kind.

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
    >>> factors = [np.array([[[2.0]]]), np.array([[[5.0]]])]
    >>> scale_stack(np.ones((1, 3, 1)), factors, [2, 1]).ravel().tolist()
    [2.0, 2.0, 5.0]
    """
    k, q, *stack = rows.shape
    S = factors[0].shape[-1]
    scaled = np.empty((k, q, *stack, S))
    start = 0
    for factor, count in zip(factors, counts, strict=True):
        w = len(factor)
        stop = start + count

        # Both are views: column (bundle, j) of the product is a sum over columns (bundle, i ≥ j).
        bundles = rows[:, start:stop].reshape(k, count // w, w, *stack, 1)
        product = scaled[:, start:stop].reshape(k, count // w, w, *stack, S)
        for j in range(w):
            np.multiply(bundles[:, :, j], factor[j, j], out=product[:, :, j])
            for i in range(j + 1, w):
                product[:, :, j] += bundles[:, :, i] * factor[i, j]
        start = stop
    return scaled


def _by_lapack(rows: np.ndarray, q: int) -> tuple[np.ndarray, np.ndarray]:
    """The same by one factorisation of LAPACK's a matrix; the remainder is a triangle."""
    m, w, *stack = rows.shape
    stack_first = np.moveaxis(rows.reshape(m, w, -1), -1, 0)
    R = np.linalg.qr(stack_first, mode="r")
    R = np.moveaxis(R, 0, -1).reshape(min(m, w), w, *stack)
    return R[:q], R[q:, q:]
