"""Fingerprints: what draws carry to say which design and data they are of."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmmlib.model.design import Design

LENGTH = 16  # hexadecimal digits


def fingerprint_of_design(design: Design) -> str:
    """Sixteen hexadecimal digits of names and numbers, the order of rows included."""
    correlated = [t.correlated for t in design.terms]
    names = repr((design.coef, design.effects, design.ranef["ranef"], correlated))
    arrays = [
        design.X,
        design.weights,
        design.offset,
        *(t.level_chol for t in design.terms if t.level_chol is not None),
        design.Z.data,
        design.Z.indices.astype(np.int64),
        design.Z.indptr.astype(np.int64),
    ]
    digest = sha256(names.encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:LENGTH]


def fingerprint_of_data(y: np.ndarray, design: Design) -> str:
    """Sixteen hexadecimal digits of a response and its design."""
    return sha256(design.fingerprint.encode() + y.tobytes()).hexdigest()[:LENGTH]
