"""The rows of independent traits, each over its SD."""

from dataclasses import dataclass

import numpy as np

from lmmlib.multivariate.canonical import Canonical
from lmmlib.multivariate.rotation import RotatedRows


@dataclass(frozen=True, eq=False)
class WhitenedRows:
    """The rotated rows of each canonical trait, over their SDs.

    Attributes
    ----------
    sd : ndarray, shape (t, r)
        SDs of the rows.
    Q : ndarray, shape (t, r, p)
        Orthonormal basis of X over the SDs.
    R : ndarray, shape (t, p, p)
        Upper triangle with QR = X over the SDs.
    y : ndarray, shape (t, r)
        Canonical traits over the SDs.
    """

    sd: np.ndarray
    Q: np.ndarray
    R: np.ndarray
    y: np.ndarray

    def residual(self, columns: np.ndarray) -> np.ndarray:
        """What X leaves of rows over the SDs of each trait, shape (t, r) or (m, t, r)."""
        explained = np.einsum("krp,...kp->...kr", self.Q, self.scores(columns))
        return columns - explained

    def scores(self, columns: np.ndarray) -> np.ndarray:
        """Products (…, t, p) of rows over the SDs of each trait with the basis of X."""
        return np.einsum("krp,...kr->...kp", self.Q, columns)


def whitened(rows: RotatedRows, independent: Canonical) -> WhitenedRows:
    """Divide the rows of each canonical trait by their SDs √(1 + D_k s²)."""
    sd = np.sqrt(1 + np.outer(independent.D, rows.s**2))
    Q, R = np.linalg.qr(rows.X / sd[..., None])
    y = (rows.Y @ independent.transform).T / sd
    return WhitenedRows(sd, Q, R, y)
