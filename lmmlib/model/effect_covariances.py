"""Covariances of effects that rows cannot show: within levels too few directions of covariates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag
from scipy.sparse import csr_array

from lmmlib import linalg
from lmmlib.model.term import Term

# Share of the largest eigenvalue below which one is rounding. Eigenvalues are of products, so that
# covariates may vary within levels by a millionth of their size.
ROUNDING = 1e-12
NEGLIGIBLE = 1e-6  # share of the largest entry of a matrix below which an entry of it is rounding


@dataclass(frozen=True, eq=False)
class TermColumns:
    """The columns of one term.

    Attributes
    ----------
    term : Term
        The term.
    Z : scipy.sparse.csr_array, shape (r, J q)
        Its columns for independent levels, in rows that may be rotated.
    """

    term: Term
    Z: csr_array


def effect_covariances_error(columns: Sequence[TermColumns]) -> str | None:
    """Why no response can tell the covariances Σ of the effects of some terms, or None.

    The rows have covariance Σ_j Z_j Σ Z_j', with Z_j (r, q) the columns of level j in all terms on
    one factor: it shows all of Σ only if Σ_j Z_j S Z_j' = 0 for no S but zero, of those that are
    symmetric and zero where Σ is.

    Parameters
    ----------
    columns : sequence of TermColumns
        The terms of a design.

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
    >>> effect_covariances_error([TermColumns(term, term.Z)])
    ... # doctest: +NORMALIZE_WHITESPACE
    "the covariance of the effects 'g: Intercept', 'g: sex' cannot be told: the covariates of rows
    that share a level show 2 of 3 entries; drop one of them, make them uncorrelated, or give priors
    to posterior"
    """
    for terms in _by_factor(columns):
        if sum(len(c.term.effects) for c in terms) > 1:
            error = _error_of_factor(terms)
            if error:
                return error
    return None


def _by_factor(columns: Sequence[TermColumns]) -> Iterator[list[TermColumns]]:
    """The terms on each factor, as far as its levels have the same labels in all of them.

    One with a known covariance of its levels stays by itself.
    """
    factors: list[list[TermColumns]] = []
    for c in columns:
        shared = [factor for factor in factors if _same_factor(factor[0], c)]
        if shared:
            shared[0].append(c)
        else:
            factors.append([c])
    return iter(factors)


def _same_factor(one: TermColumns, other: TermColumns) -> bool:
    """Whether the rows of each level are those of the same level in both terms.

    Different levels have orthogonal columns then: for weights w_j without a regularity, the
    products of Σ_j w_j Z_j with those of the other term are Σ_j w_j² Z_j'Z_j alone.
    """
    terms = (one.term, other.term)
    if any(t.is_dense or t.level_chol is not None for t in terms):
        return False
    if one.term.levels != other.term.levels:
        return False
    weights = np.cos(np.arange(len(one.term.levels), dtype=float) ** 2)
    covariates = _level_covariates([one, other])
    weighted = covariates.values * weights[covariates.level, None] ** 2
    of_same_levels = covariates.values.T @ weighted
    sums = []
    for c in (one, other):
        q = len(c.term.effects)
        sums.append(c.Z @ np.kron(weights[:, None], np.eye(q)))
    all_sums = np.hstack(sums) / covariates.units
    of_all_levels = all_sums.T @ all_sums
    sizes = np.sqrt(np.diag(of_all_levels))
    difference = np.abs(of_all_levels - of_same_levels)
    return bool(np.all(difference <= NEGLIGIBLE * np.outer(sizes, sizes)))


def _error_of_factor(columns: Sequence[TermColumns]) -> str | None:
    """The same for all terms on one factor."""
    covariates = _level_covariates(columns)
    is_independent = columns[0].term.level_chol is None
    if is_independent and _some_level_shows_all(covariates):
        return None
    blocks = []
    for c, part in zip(columns, _effect_slices(columns), strict=True):
        values = covariates.values[:, part]
        dependent = linalg.dependent_columns(values)
        if dependent:
            return (
                f"the covariate of effect {c.term.effect_names[dependent[0]]!r} is a combination "
                "of those before it in every row, so that nothing tells their covariance; drop one "
                "of them"
            )
        # Σ → T Σ T' changes nothing of the question; covariates T'z that are orthogonal over all
        # levels leave nothing to rounding but what levels have in common. Diagonal matrices do not
        # stay so.
        size = np.sqrt((values**2).sum(0))
        triangle = np.linalg.qr(values, mode="r") if c.term.correlated else np.diag(size)
        blocks.append(np.linalg.inv(triangle))
    T = block_diag(*blocks)
    entries = _covariance_entries(columns, [c.term.correlated for c in columns])
    unseen = _unseen_covariances(covariates, T, entries, is_independent)
    if not len(unseen):
        return None
    variances = _covariance_entries(columns, [False] * len(columns))
    size = np.sqrt((covariates.values**2).sum(0))
    unseen_variances = _unseen_covariances(covariates, np.diag(1 / size), variances, is_independent)
    return _sentence(columns, unseen, entries, can_be_uncorrelated=not len(unseen_variances))


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
    units : ndarray, shape (q,)
        The largest covariate of each effect.
    """

    values: np.ndarray
    level: np.ndarray
    units: np.ndarray


def _level_covariates(columns: Sequence[TermColumns]) -> LevelCovariates:
    """The covariates of all effects of some terms with the same levels."""
    first = columns[0]
    J, q = first.term.size
    r = first.Z.shape[0]
    if first.term.level_chol is not None:
        values = first.Z.toarray().reshape(r * J, q)
        level: np.ndarray = np.tile(np.arange(J), r)
    else:
        pair_of_entry = []
        effect = []
        covariate = []
        slices = _effect_slices(columns)
        for c, part in zip(columns, slices, strict=True):
            entries = c.Z.tocoo()
            level_of_entry, position = np.divmod(entries.col.astype(np.int64), len(c.term.effects))
            pair_of_entry.append(entries.row * J + level_of_entry)
            effect.append(part.start + position)
            covariate.append(entries.data)
        pairs, pair = np.unique(np.concatenate(pair_of_entry), return_inverse=True)
        values = np.zeros((len(pairs), slices[-1].stop))
        values[pair, np.concatenate(effect)] = np.concatenate(covariate)
        level = pairs % J
    units = np.abs(values).max(0)
    return LevelCovariates(values / units, level, units)


def _effect_slices(columns: Sequence[TermColumns]) -> list[slice]:
    """Where the effects of each term stand among those of all."""
    ends = np.cumsum([len(c.term.effects) for c in columns]).tolist()
    return [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


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


def _covariance_entries(
    columns: Sequence[TermColumns], correlated: Sequence[bool]
) -> list[tuple[int, int]]:
    """The entries (a, b), b ≤ a, of Σ that need not be zero."""
    entries: list[tuple[int, int]] = []
    for part, is_full in zip(_effect_slices(columns), correlated, strict=True):
        for a in range(part.start, part.stop):
            entries.extend((a, b) for b in range(part.start if is_full else a, a + 1))
    return entries


def _unseen_covariances(
    covariates: LevelCovariates,
    T: np.ndarray,
    entries: Sequence[tuple[int, int]],
    is_independent: bool,
) -> np.ndarray:
    """A basis (m, q, q) of all S = T S_T T' with Σ_j Z_j S Z_j' = 0, where S_T has those entries.

    It is the null space of the quadratic form Σ_ij tr(S G_ij S G_ij') with G_ij = Z_i'Z_j, which is
    zero for different levels that are independent.
    """
    q = len(T)
    values = covariates.values @ T
    if is_independent:
        products = _products_by_level(values, covariates.level)
    else:
        J = int(covariates.level.max()) + 1
        columns = values.reshape(-1, J * q)
        of_all_levels = (columns.T @ columns).reshape(J, q, J, q)
        products = np.moveaxis(of_all_levels, 2, 1).reshape(J * J, q, q)

    # tr(E_ab G E_cd G') = G_bc G_ad for the matrices E_ab of one entry.
    flat = products.reshape(-1, q * q)
    form = (flat.T @ flat).reshape(q, q, q, q)
    form = np.einsum("bcad->abcd", form).reshape(q * q, q * q)
    basis = np.zeros((len(entries), q, q))
    for matrix, (a, b) in zip(basis, entries, strict=True):
        matrix[a, b] = 1.0
        matrix[b, a] = 1.0
        matrix /= np.linalg.norm(matrix)
    flat_basis = basis.reshape(len(entries), q * q)
    eigenvalues, vectors = np.linalg.eigh(flat_basis @ form @ flat_basis.T)
    unseen = vectors[:, eigenvalues <= ROUNDING * eigenvalues[-1]]
    return T @ (unseen.T @ flat_basis).reshape(-1, q, q) @ T.T


def _sentence(
    columns: Sequence[TermColumns],
    unseen: np.ndarray,
    entries: Sequence[tuple[int, int]],
    can_be_uncorrelated: bool,
) -> str:
    """What is said of effects whose covariance is not shown."""
    sizes = np.abs(unseen).max((1, 2), keepdims=True)
    takes_part = (np.abs(unseen) > NEGLIGIBLE * sizes).any((0, 1))
    effects = [name for c in columns for name in c.term.effect_names]
    names = ", ".join(repr(effects[k]) for k in np.flatnonzero(takes_part).tolist())
    of_these = [(a, b) for a, b in entries if takes_part[a] and takes_part[b]]
    has_covariances = any(a != b for a, b in of_these)
    what = "covariance" if has_covariances else "variances"
    advice = "drop one of them"
    if has_covariances and can_be_uncorrelated:
        advice += ", make them uncorrelated"
    return (
        f"the {what} of the effects {names} cannot be told: the covariates of rows that share a "
        f"level show {len(of_these) - len(unseen)} of {len(of_these)} entries; {advice}, or give "
        "priors to posterior"
    )
