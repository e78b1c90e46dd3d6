"""The rows of several traits, rotated until each is touched by one effect or none."""

from dataclasses import dataclass

import numpy as np

from lmmlib import linalg
from lmmlib.model import Design


@dataclass(frozen=True, eq=False)
class RotatedRows:
    """Independent rows y_i ~ N(B'x_i, s_i² G₀ + R₀).

    An orthogonal rotation of W^½[Z, X, Y] without its rows of zeros.

    Attributes
    ----------
    s : ndarray, shape (r,)
        Singular values of W^½Z times the factor of A, and zeros.
    X : ndarray, shape (r, p)
        Rotated columns of the fixed effects.
    Y : ndarray, shape (r, t)
        Rotated responses.
    """

    s: np.ndarray
    X: np.ndarray
    Y: np.ndarray


def rotated_rows(Y: np.ndarray, design: Design) -> RotatedRows:
    """Rotate the rows block by block, to as many as there are effects and columns of [X, Y].

    Parameters
    ----------
    Y : ndarray, shape (n, t)
        Responses.
    design : Design
        Design with one term of one effect per level.

    Returns
    -------
    RotatedRows
        Rows on which the log density depends as on all.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 4, [Term.grouped("g", ["a", "a", "b", "b"])])
    >>> rotated_rows(np.arange(8.0).reshape(4, 2), design).s.round(12).tolist()
    [1.414213562373, 1.414213562373, 0.0, 0.0, 0.0]
    """
    whitened = np.sqrt(design.weights)[:, None] * np.hstack([design.X, Y])
    columns = whitened.shape[1]
    singular_values = []
    rotated = []
    for arrowhead in linalg.rotate_to_arrowheads(design.independent, whitened, design.partition):
        # The rows of each block: a singular value decomposition of the columns of its effects.
        for blocks in arrowhead.diagonal_blocks:
            rows = np.moveaxis(blocks.rows, (0, 1), (-2, -1))
            effects = rows[..., :-columns]
            fixed_and_responses = rows[..., -columns:]
            U, size, _ = np.linalg.svd(effects)
            singular_values.append(size.ravel())
            rotated.append((np.swapaxes(U, -1, -2) @ fixed_and_responses).reshape(-1, columns))
        # The rows without effects: one term leaves no columns that blocks share.
        remainder = np.moveaxis(arrowhead.remainder, -1, 0).reshape(-1, columns)
        rotated.append(remainder)
        singular_values.append(np.zeros(len(remainder)))
    p = design.X.shape[1]
    XY = np.concatenate(rotated)
    return RotatedRows(np.concatenate(singular_values), XY[:, :p], XY[:, p:])
