"""Covariances of effects that rows cannot show: within levels too few directions of covariates."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from lmmlib import linalg
from lmmlib.model.term import Term

# Share of the largest eigenvalue below which one is rounding. Eigenvalues are of products, so that
# covariates may vary within levels by a millionth of their size.
ROUNDING = 1e-12
NEGLIGIBLE = 1e-6  # share of the largest entry of a matrix below which an entry of it is rounding


def effect_covariance_error(term: Term, Z: csr_array) -> str | None:
    """Why no response can tell the covariance Σ of a term's effects, or None.

    The rows have covariance Σ_j Z_j Σ Z_j', with Z_j (r, q) the columns of level j: it shows all of
    Σ only if Σ_j Z_j S Z_j' = 0 for no symmetric S but zero.

    Parameters
    ----------
    term : Term
        Term, of which names and levels are read.
    Z : scipy.sparse.csr_array, shape (r, J q)
        Its columns for independent levels, in rows that may be rotated.

    Returns
    -------
    str or None
        The effects whose covariance is not shown, and what to do; None where all is.

    Notes
    -----
    O(nnz q) where some level has rows in all q directions, as most designs do.

    Examples
    --------
    >>> sex = [[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]
    >>> term = Term.grouped("g", list("aabb"), sex, effects=["Intercept", "sex"])
    >>> effect_covariance_error(term, term.Z)
    ... # doctest: +NORMALIZE_WHITESPACE
    "the covariance of the effects 'g: Intercept', 'g: sex' cannot be told: the covariates of rows
    that share a level show 2 of 3 entries; drop one of them, make them uncorrelated, or give
    priors to posterior"
    """
    if len(term.effects) == 1:
        return None
    covariates = _level_covariates(term, Z)
    if term.level_chol is None and _some_level_shows_all(covariates):
        return None
    dependent = linalg.dependent_columns(covariates.values)
    if dependent:
        return (
            f"the covariate of effect {term.effect_names[dependent[0]]!r} is a combination of "
            "those before it in every row, so that nothing tells their covariance; drop one of them"
        )
    unseen = _unseen_covariances(term, covariates, term.correlated)
    return _sentence(term, covariates, unseen) if len(unseen) else None


@dataclass(frozen=True, eq=False)
class LevelCovariates:
    """Covariates by row and level.

    Attributes
    ----------
    values : ndarray, shape (m, q)
        Covariates, in units of the largest of each effect: of each row and level that share an
        entry, or of every row and every level where levels are related.
    level : ndarray of int, shape (m,)
        Level of each.
    """

    values: np.ndarray
    level: np.ndarray


def _level_covariates(term: Term, Z: csr_array) -> LevelCovariates:
    J, q = term.size
    r = Z.shape[0]
    if term.level_chol is not None:
        values = Z.toarray().reshape(r * J, q)
        level: np.ndarray = np.tile(np.arange(J), r)
    else:
        entries = Z.tocoo()
        level_of_entry, effect = np.divmod(entries.col.astype(np.int64), q)
        pairs, pair = np.unique(entries.row * J + level_of_entry, return_inverse=True)
        values = np.zeros((len(pairs), q))
        values[pair, effect] = entries.data
        level = pairs % J
    return LevelCovariates(values / np.abs(values).max(0), level)


def _products_by_level(values: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Z_j'Z_j of each level, (J, q, q)."""
    q = values.shape[1]
    J = int(level.max()) + 1
    products = np.empty((J, q, q))
    for a in range(q):
        for b in range(a + 1):
            products[:, a, b] = np.bincount(level, values[:, a] * values[:, b], J)
            products[:, b, a] = products[:, a, b]
    return products


def _some_level_shows_all(covariates: LevelCovariates) -> bool:
    """Whether the rows of one level lie in all q directions: Z_j S Z_j' = 0 is S = 0 then."""
    products = _products_by_level(covariates.values, covariates.level)
    squares = np.diagonal(products, axis1=1, axis2=2)
    largest = squares.max(1)
    has_all = squares.min(1) > ROUNDING * largest
    if not has_all.any():
        return False
    # The level whose unit columns span the largest volume.
    sizes = np.sqrt(squares[has_all])
    cosines = products[has_all] / (sizes[:, :, None] * sizes[:, None, :])
    widest = cosines[np.argmax(np.linalg.det(cosines))]
    return bool(np.linalg.eigvalsh(widest)[0] > ROUNDING)


def _unseen_covariances(term: Term, covariates: LevelCovariates, correlated: bool) -> np.ndarray:
    """A basis (m, q, q) of all S with Σ_j Z_j S Z_j' = 0, diagonal ones for uncorrelated effects.

    It is the null space of the quadratic form Σ_ij tr(S G_ij S G_ij') with G_ij = Z_i'Z_j, which is
    zero for different levels that are independent.
    """
    J, q = term.size
    # Σ → T Σ T' changes nothing of the question; covariates T'z that are orthogonal over all levels
    # leave nothing to rounding but what levels have in common. Diagonal matrices do not stay so.
    T = np.linalg.inv(np.linalg.qr(covariates.values, mode="r")) if correlated else np.eye(q)
    values = covariates.values @ T
    if term.level_chol is None:
        products = _products_by_level(values, covariates.level)
    else:
        columns = values.reshape(-1, J * q)
        of_all_levels = (columns.T @ columns).reshape(J, q, J, q)
        products = np.moveaxis(of_all_levels, 2, 1).reshape(J * J, q, q)

    # tr(E_ab G E_cd G') = G_bc G_ad for the matrices E_ab of one entry.
    flat = products.reshape(-1, q * q)
    form = (flat.T @ flat).reshape(q, q, q, q)
    form = np.einsum("bcad->abcd", form).reshape(q * q, q * q)
    basis = _symmetric_basis(q, correlated)
    eigenvalues, vectors = np.linalg.eigh(basis @ form @ basis.T)
    unseen = vectors[:, eigenvalues <= ROUNDING * eigenvalues[-1]]
    return T @ (unseen.T @ basis).reshape(-1, q, q) @ T.T


def _symmetric_basis(q: int, correlated: bool) -> np.ndarray:
    """An orthonormal basis (·, q²) of the symmetric or the diagonal matrices."""
    matrices = []
    for a in range(q):
        for b in range(a + 1):
            if a == b or correlated:
                matrix = np.zeros((q, q))
                matrix[a, b] = 1.0
                matrix[b, a] = 1.0
                matrices.append(matrix.ravel() / np.linalg.norm(matrix))
    return np.array(matrices)


def _sentence(term: Term, covariates: LevelCovariates, unseen: np.ndarray) -> str:
    """What is said of effects whose covariance is not shown."""
    sizes = np.abs(unseen).max((1, 2), keepdims=True)
    takes_part = (np.abs(unseen) > NEGLIGIBLE * sizes).any((0, 1))
    chosen = np.flatnonzero(takes_part).tolist()
    names = ", ".join(repr(term.effect_names[k]) for k in chosen)
    count = len(chosen)
    entries = count * (count + 1) // 2 if term.correlated else count
    advice = "drop one of them"
    if term.correlated and not len(_unseen_covariances(term, covariates, False)):
        advice += ", make them uncorrelated"
    what = "covariance" if term.correlated else "variances"
    return (
        f"the {what} of the effects {names} cannot be told: the covariates of rows that share a "
        f"level show {entries - len(unseen)} of {entries} entries; {advice}, or give priors to "
        "posterior"
    )
