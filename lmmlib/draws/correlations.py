"""Correlations of a term's effects: from pairs to matrices, and whether there are such matrices."""

from collections.abc import Sequence

import numpy as np

from lmmlib import linalg
from lmmlib.model import Design, Term


def check_correlations(design: Design, cor: np.ndarray) -> None:
    """Raise where three effects or more have correlations that no three variables have.

    Parameters
    ----------
    design : Design
        Design whose terms have the pairs.
    cor : ndarray, shape (chains, draws, pairs)
        Correlations in the order of ``design.pairs``.

    Raises
    ------
    ValueError
        If a matrix of them is not positive semi-definite; the message names term, chain and draw.
    """
    for term, pairs in zip(design.terms, split_pairs(design.terms, cor), strict=True):
        if len(term.pairs) > 1:
            _check_semidefinite(term, correlation_matrices(term, pairs))


def split_pairs(terms: Sequence[Term], cor: np.ndarray) -> list[np.ndarray]:
    """Correlations (..., pairs) of each term from those of all terms."""
    ends = np.cumsum([len(term.pairs) for term in terms])
    return np.split(cor, ends[:-1], axis=-1)


def correlation_matrices(term: Term, pairs: np.ndarray) -> np.ndarray:
    """Correlation matrices (..., q, q) of one term from its pairs (..., pairs)."""
    q = len(term.effects)
    matrices = np.tile(np.eye(q), (*pairs.shape[:-1], 1, 1))
    for k, (i, j) in enumerate(term.pairs):
        matrices[..., i, j] = pairs[..., k]
        matrices[..., j, i] = pairs[..., k]
    return matrices


def _check_semidefinite(term: Term, matrices: np.ndarray) -> None:
    """Raise unless all matrices (chains, draws, q, q) are positive semi-definite."""
    try:
        linalg.cholesky_semidefinite(matrices)
    except linalg.NotPositiveSemidefiniteError:
        smallest = np.linalg.eigvalsh(matrices)[..., 0]
        chain, draw = (int(k) for k in np.unravel_index(smallest.argmin(), smallest.shape))
        raise ValueError(
            f"correlations of {term.name!r} must be positive semi-definite, those of chain "
            f"{chain}, draw {draw} have an eigenvalue of {smallest[chain, draw]:.3g}; check the "
            "order of the pairs"
        ) from None
