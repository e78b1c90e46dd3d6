"""Correlations of a term's effects: from pairs to matrices, and whether there are such matrices."""

import numpy as np

from lmmlib import linalg
from lmmlib.model import Design, Term


def check_correlations(design: Design, cor: np.ndarray) -> None:
    """Raise where three effects or more have correlations that no three variables have."""
    first = 0
    for t in design.terms:
        if len(t.pairs) > 1:
            matrices = matrices_of_pairs(t, cor[..., first : first + len(t.pairs)])
            try:
                linalg.cholesky_semidefinite(matrices)
            except linalg.NotPositiveSemidefiniteError:
                least = np.linalg.eigvalsh(matrices)[..., 0]
                chain, draw = (int(k) for k in np.unravel_index(least.argmin(), least.shape))
                where = f"chain {chain}, draw {draw} have an eigenvalue of {least[chain, draw]:.3g}"
                raise ValueError(
                    f"correlations of {t.name!r} must be positive semi-definite, those of "
                    f"{where}; check the order of the pairs"
                ) from None
        first += len(t.pairs)


def matrices_of_pairs(term: Term, pairs: np.ndarray) -> np.ndarray:
    """Correlation matrices (..., q, q) of one term from its pairs (..., pairs)."""
    q = len(term.effects)
    cor = np.tile(np.eye(q), (*pairs.shape[:-1], 1, 1))
    for k, (i, j) in enumerate(term.pairs):
        cor[..., i, j] = cor[..., j, i] = pairs[..., k]
    return cor
