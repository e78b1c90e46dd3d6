"""Orthogonal factors of blocks, for a right-hand side that is not known yet."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmmlib.linalg.blocks import Batch


@dataclass(frozen=True, eq=False)
class Rotation:
    """Blocks of one shape: Q'[Z X] = [R RX], with rows of zeros for padding.

    Attributes
    ----------
    Q : ndarray, shape (B, m, k)
        Orthonormal columns.
    R : ndarray, shape (B, k, q)
        Q'Z of each block.
    RX : ndarray, shape (B, k, p)
        Q'X of each block.
    """

    Q: np.ndarray
    R: np.ndarray
    RX: np.ndarray


def rotate(
    batches: Sequence[Batch], X: np.ndarray
) -> tuple[tuple[Rotation, ...], np.ndarray, np.ndarray]:
    r"""Factor [Z X] once: block by block for Z, and one triangle for what X adds.

    Parameters
    ----------
    batches : sequence of Batch
        Blocks made by ``pack``, of n rows.
    X : ndarray, shape (n, p)
        Dense columns.

    Returns
    -------
    rotations : tuple of Rotation
        One a batch.
    W : ndarray, shape (n, p)
        Orthonormal columns, orthogonal to every Q.
    T : ndarray, shape (p, p)
        Triangle with W'X = T.

    Notes
    -----
    For all r = y − Xβ − Zv: r'r = Σ \|Q'y − RXβ − Rv\|² + \|W'y − Tβ\|² + \|y − ΣQQ'y − WW'y\|².

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg.blocks import pack
    >>> X = np.array([[1.0], [2.0], [3.0]])
    >>> rotations, W, T = rotate(pack(csr_array(np.array([[1.0, 0], [1, 0], [0, 1]])), [(2, 1)]), X)
    >>> bool(np.allclose(W.T @ X, T)), abs(T).round(6).tolist()
    (True, [[0.707107]])
    """
    n, p = X.shape
    padded = np.vstack([X, np.zeros(p)])
    rotations = []
    bases = []  # (B, m, ·) orthonormal columns of what X adds to Z in each block
    triangles = []  # (B, ·, p) their triangles
    for batch in batches:
        q = batch.values.shape[-1]
        Q, R = np.linalg.qr(np.concatenate([batch.values, padded[batch.rows]], -1))
        rotations.append(Rotation(Q[..., :q], R[:, :q, :q], R[:, :q, q:]))
        bases.append(Q[..., q:])
        triangles.append(R[:, q:, q:])

    # One triangle of the triangles of all blocks, and of p rows of zeros for when they are fewer.
    rows_of_blocks = [R.reshape(R.shape[0] * R.shape[1], p) for R in triangles]
    Q_joint, T = np.linalg.qr(np.concatenate([*rows_of_blocks, np.zeros((p, p))]))

    # Back to the rows of each block.
    W = np.zeros((n + 1, p))
    start = 0
    for batch, basis, rows in zip(batches, bases, rows_of_blocks, strict=True):
        stop = start + len(rows)
        B, _, k = basis.shape
        W[batch.rows] = basis @ Q_joint[start:stop].reshape(B, k, p)
        start = stop
    return tuple(rotations), W[:n], T
