"""Dense covariances of effects and residuals, and their factors."""

import numpy as np
from scipy.linalg import block_diag

from lmmlib.model import Design, Params, Term
from lmmlib.model.design import checked_rows
from lmmlib.model.params import checked_params

LARGEST = 5_000  # rows of a dense covariance


def effects_covariance(design: Design, params: Params) -> np.ndarray:
    """Covariance G of all effects: A ⊗ Σ_k for each term k.

    Parameters
    ----------
    design : Design
        Design of the rows.
    params : Params
        Covariances of the effects and residual SD; β plays no part.

    Returns
    -------
    ndarray, shape (K, K)
        Block diagonal matrix, in the order of ``design.ranef``.

    Examples
    --------
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> effects_covariance(design, Params([1.0], {"g": 4.0}, 2.0)).tolist()
    [[4.0, 0.0], [0.0, 4.0]]
    """
    checked_params(params).theta(design)
    blocks = []
    for term in design.terms:
        level_chol = _level_cholesky(term)
        blocks.append(np.kron(level_chol @ level_chol.T, params.cov[term.name]))
    return block_diag(*blocks)


def residual_covariance(design: Design, params: Params) -> np.ndarray:
    """Covariance R = σ²W⁻¹ of the residuals.

    Parameters
    ----------
    design : Design
        Design of the rows.
    params : Params
        Residual SD; the rest plays no part.

    Returns
    -------
    ndarray, shape (n, n)
        Diagonal matrix.

    Examples
    --------
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])], weights=[1.0, 4.0])
    >>> residual_covariance(design, Params([1.0], {"g": 4.0}, 2.0)).tolist()
    [[4.0, 0.0], [0.0, 1.0]]
    """
    variance = checked_params(params).sigma ** 2 / checked_rows(design).weights
    return np.diag(variance)


def effects_cholesky(design: Design, params: Params) -> np.ndarray:
    """Cholesky factor L of G = LL': u = Lz with independent standard normal z.

    Parameters
    ----------
    design : Design
        Design of the rows.
    params : Params
        Covariances of the effects and residual SD; β plays no part.

    Returns
    -------
    ndarray, shape (K, K)
        Block diagonal lower triangle.

    Examples
    --------
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> effects_cholesky(design, Params([1.0], {"g": 4.0}, 2.0)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    check_size(design)
    theta = checked_params(params).theta(design)
    blocks = []
    for term, effect_chol in zip(design.terms, theta.effect_chols, strict=True):
        blocks.append(np.kron(_level_cholesky(term), effect_chol))
    return block_diag(*blocks)


def whitened_columns(design: Design, params: Params, L: np.ndarray) -> np.ndarray:
    """Columns W^½ZL/σ of the independent standard normals.

    Parameters
    ----------
    design : Design
        Design of the rows.
    params : Params
        Covariances of the effects and residual SD; β plays no part.
    L : ndarray, shape (K, K)
        Cholesky factor of G.

    Returns
    -------
    ndarray, shape (n, K)
        Columns in units of the residual SD.

    Examples
    --------
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> params = Params([1.0], {"g": 9.0}, 2.0)
    >>> whitened_columns(design, params, effects_cholesky(design, params)).tolist()
    [[1.5, 0.0], [0.0, 1.5]]
    """
    return np.sqrt(design.weights)[:, None] * (design.Z @ L) / params.sigma


def _level_cholesky(term: Term) -> np.ndarray:
    """Cholesky factor of the covariance A of a term's levels, (J, J)."""
    if term.level_chol is None:
        return np.eye(term.size[0])
    return term.level_chol


def check_size(design: Design) -> None:
    """Refuse a design whose dense covariance would take too much memory.

    Raises
    ------
    ValueError
        If it has more than 5,000 rows.
    """
    if checked_rows(design).n > LARGEST:
        raise ValueError(
            f"dense moments are for {LARGEST:,} rows or fewer, the design has {design.n:,}; use "
            "loglik, which needs no n x n matrix"
        )
