"""What ZΛ leaves of Z and of right-hand sides: with V = I + ZΛΛ'Z', the products of V^{-1}.

All first derivatives of a factor with respect to Λ are sums of these over the bundles of a kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dgeqrf, dormqr

from lmmlib.linalg.block_products import block_factor
from lmmlib.linalg.sparse_factor import SparseFactor

WORK = 32  # columns that LAPACK takes at a time


@dataclass(frozen=True, eq=False)
class DenseProjection:
    """Factor, sums of squares and projections of few columns, of one orthogonal factorisation.

    Attributes
    ----------
    log_det : float
        Half of log|V|.
    triangle : ndarray, shape (c, c)
        Upper T with T'T = B'V^{-1}B.
    through : ndarray, shape (c, K)
        With Q the orthonormal basis in which B is T: Q'V^{-½}Z.
    beyond : ndarray, shape (r, K)
        What is left of V^{-½}Z outside B: Z'V^{-1}Z = through'through + beyond'beyond.
    """

    log_det: float
    triangle: np.ndarray
    through: np.ndarray
    beyond: np.ndarray

    def with_rows(self, rows: np.ndarray) -> "DenseProjection":
        """The same with rows (m, c) more of B, in which Z is zero.

        Examples
        --------
        >>> Z = np.ones((1, 1))
        >>> projection = project_dense(Z, Z, Z).with_rows(np.array([[2.0]]))
        >>> round(projection.triangle.item() ** 2, 9), projection.beyond.shape
        (4.5, (1, 1))
        """
        c = self.triangle.shape[1]
        Q, R = np.linalg.qr(np.vstack([self.triangle, rows]), mode="complete")
        rotated = Q[:c].T @ self.through
        beyond = np.vstack([rotated[c:], self.beyond])
        return DenseProjection(self.log_det, R[:c], rotated[:c], beyond)


def project_dense(
    Z: np.ndarray, B: np.ndarray, scaled: np.ndarray, inverse: np.ndarray | None = None
) -> DenseProjection:
    """One QR factorisation of [[ZΛ, B], [I, 0]], and [Z, 0] rotated alike.

    No difference is taken, so that no digit is lost where Λ is zero. Where Λ is large, what is left
    of Z is −Λ^{-1} times what is left of the identity below it, which keeps all digits there.

    Parameters
    ----------
    Z : ndarray, shape (n, K)
        Columns.
    B : ndarray, shape (n, c)
        Right-hand sides, n ≥ c.
    scaled : ndarray, shape (n, K)
        ZΛ.
    inverse : ndarray, shape (K, K), optional
        Λ^{-1} in the columns that are large; zero in the others.

    Returns
    -------
    DenseProjection
        At this Λ.

    Notes
    -----
    Cost O((n + K)(K + c)(2K + c)).

    Examples
    --------
    >>> Z = np.ones((2, 1))
    >>> projection = project_dense(Z, np.array([[1.0], [2.0]]), Z)
    >>> round(projection.triangle.item() ** 2, 9), round(float(np.exp(2 * projection.log_det)), 9)
    (2.0, 3.0)
    >>> through, beyond = projection.through, projection.beyond
    >>> (through.T @ through + beyond.T @ beyond).round(9).tolist()
    [[0.666666667]]
    """
    n, K = Z.shape
    c = B.shape[1]
    rows = np.zeros((n + K, K + c), order="F")
    rows[:n, :K] = scaled
    rows[:n, K:] = B
    rows[range(n, n + K), range(K)] = 1.0
    of_Z = np.zeros((n + K, K), order="F")
    of_Z[:n] = Z
    if inverse is not None:
        of_Z[:n, inverse.any(0)] = 0.0
        of_Z[n:] = -inverse

    # R of the columns before Z, and Z rotated by their Q: what lies beyond them needs no triangle.
    R, tau, _, _ = dgeqrf(rows, lwork=WORK * (K + c), overwrite_a=1)
    rotated, _, _ = dormqr("L", "T", R, tau, of_Z, WORK * max(1, K), overwrite_c=1)
    log_det = float(np.log(np.abs(R.diagonal()[:K])).sum())
    triangle = np.triu(R[K : K + c, K:])
    return DenseProjection(log_det, triangle, rotated[K : K + c], rotated[K + c :])


def kind_sums(factor: SparseFactor) -> list[np.ndarray]:
    """Sums S_k (w, w) of the diagonal blocks of Z'V^{-1}Z over the bundles of each kind.

    The derivative of log|V| in Λ_k is 2 S_k Λ_k.

    Parameters
    ----------
    factor : SparseFactor
        From ``factorise_sparse``.

    Returns
    -------
    list of ndarray
        One for each kind.

    Notes
    -----
    With K the separator's cross products, M = Λ'KΛ + I and X = CΛM^{-1}Λ'C', a block D of the
    others contributes T'D − T'XT, T = (I + ΛΛ'D)^{-1}, and the separator K − KΛM^{-1}Λ'K.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import factorise_sparse, find_partition, sparse_arrowhead
    >>> Z = csr_array(np.ones((3, 1)))
    >>> whole = sparse_arrowhead(Z, np.ones((3, 1)), find_partition(Z, [(1, 1)]))
    >>> kind_sums(factorise_sparse(whole, [np.ones((1, 1))]))[0].round(9).tolist()
    [[0.75]]
    """
    arrowhead = factor.arrowhead
    sums = [np.zeros(factor_k.shape) for factor_k in factor.Lam]
    if arrowhead.own:
        for group, through in zip(arrowhead.groups, factor.separator.through(), strict=True):
            Lam = block_factor(factor.Lam, group.counts)
            total = _block_sum(Lam @ Lam.T, group.cross, through)
            _add_bundles(sums, total, group.counts)
    if arrowhead.width:
        for of_kind, of_separator in zip(sums, factor.separator.kind_sums(), strict=True):
            of_kind += of_separator
    return sums


def _block_sum(cov: np.ndarray, cross: np.ndarray, through: np.ndarray) -> np.ndarray:
    """Σ T'D − T'XT (q, q) over blocks D (q, q, L) and X (q, q, L), T = (I + ΣD)^{-1}."""
    q = len(cov)
    if q == 1:
        T = 1.0 / (1.0 + cov[0, 0] * cross[0, 0])
        return np.array([[np.sum(T * cross[0, 0] - T**2 * through[0, 0])]])
    D = np.moveaxis(cross, -1, 0)
    X = np.moveaxis(through, -1, 0)
    T_transposed = np.linalg.inv(np.eye(q) + D @ cov)
    T = np.swapaxes(T_transposed, 1, 2)
    total = np.sum(T_transposed @ D - T_transposed @ X @ T, 0)
    return 0.5 * (total + total.T)


def _add_bundles(sums: Sequence[np.ndarray], total: np.ndarray, counts: Sequence[int]) -> None:
    """Add the diagonal bundles of a matrix (q, q) to those of their kinds."""
    start = 0
    for of_kind, count in zip(sums, counts, strict=True):
        w = len(of_kind)
        for first in range(start, start + count, w):
            of_kind += total[first : first + w, first : first + w]
        start += count
