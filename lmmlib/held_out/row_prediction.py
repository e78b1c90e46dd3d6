"""What the others predict of single rows."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class RowPredictions:
    """Some whitened rows, each predicted from all others, in S draws.

    Attributes
    ----------
    rows : ndarray of int, shape (r,)
        Numbers of the rows.
    residual : ndarray, shape (S, r)
        What is left of W^½(y − offset − Xβ).
    variance : ndarray, shape (S, r)
        Variances of the residuals, in units of σ².
    """

    rows: np.ndarray
    residual: np.ndarray
    variance: np.ndarray
