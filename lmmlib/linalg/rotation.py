"""The orthogonal side of the elimination, for a right-hand side that is not known yet."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmmlib.linalg.blocks import Batch


@dataclass(frozen=True, eq=False)
class Rotation:
    """Blocks of one form: Q'[Z X] = [R RX], with rows of zeros for padding.

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
        Columns of the fixed effects.

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
    rotations, bases, rests = [], [], []
    for batch in batches:
        q = batch.values.shape[-1]
        Q, R = np.linalg.qr(np.concatenate([batch.values, padded[batch.rows]], -1))
        rotations.append(Rotation(Q[..., :q], R[:, :q, :q], R[:, :q, q:]))
        bases.append(Q[..., q:])
        rests.append(R[:, q:, q:])
    stacked = np.concatenate(
        [rest.reshape(rest.shape[0] * rest.shape[1], p) for rest in rests] + [np.zeros((p, p))]
    )
    turn, T = np.linalg.qr(stacked)
    W, start = np.zeros((n + 1, p)), 0
    for batch, basis, rest in zip(batches, bases, rests, strict=True):
        rows = rest.shape[0] * rest.shape[1]
        W[batch.rows] = basis @ turn[start : start + rows].reshape(*rest.shape[:2], p)
        start += rows
    return tuple(rotations), W[:n], T
