"""Reasons why an estimate would mean nothing: what no data can tell, or these data cannot."""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array

from lmmlib.model import Priors, Reduction
from lmmlib.model.effect_covariances import TermColumns, effect_covariances_error

COLLINEAR = 1e-12  # share of a column's sum of squares that X leaves of it by rounding
# Share of the largest singular value by which singular values that are one differ by rounding.
EQUAL_SINGULAR_VALUES = 1e-10


def check_identified(reduction: Reduction, sigma_is_known: bool = False) -> None:
    """Raise where the likelihood cannot tell variances apart.

    An estimate would be arbitrary there. Where σ is known, as many effects as rows have a variance
    of their own all the same.

    Parameters
    ----------
    reduction : Reduction
        Response and design.
    sigma_is_known : bool, default: False
        Whether the residual SD is known.

    Raises
    ------
    ValueError
        If effects are combinations of columns of X, their variances and that of the rows cannot
        be told apart, or no rows show all of a term's covariance.
    """
    basis_of_X = np.linalg.qr(reduction.rows[1][:, :-1])[0]
    by_term = list(_columns_by_term(reduction))
    for columns in by_term:
        _check_outside_X(columns, basis_of_X)
        if not sigma_is_known and _is_confounded_with_rows(columns, basis_of_X, reduction.n):
            raise ValueError(
                f"term {columns.term.name!r} has {columns.Z.shape[1]} effects for {reduction.n} "
                "rows: their variances and that of the rows cannot be told apart; drop the "
                "term, or give priors to posterior"
            )
    error = effect_covariances_error(by_term)
    if error:
        raise ValueError(error)


def _columns_by_term(reduction: Reduction) -> Iterator[TermColumns]:
    Z, _ = reduction.rows
    start = 0
    for term, (levels, effects) in zip(
        reduction.layout.terms, reduction.layout.shapes, strict=True
    ):
        end = start + levels * effects
        yield TermColumns(term, Z[:, start:end])
        start = end


def _check_outside_X(columns: TermColumns, basis_of_X: np.ndarray) -> None:
    """Raise where all levels' columns of one effect are combinations of columns of X."""
    squares = (columns.Z**2).sum(0)
    squares_outside_X = squares - np.sum((columns.Z.T @ basis_of_X) ** 2, 1)
    is_inside = squares_outside_X <= COLLINEAR * squares
    q = len(columns.term.effects)
    for k, name in enumerate(columns.term.effect_names):
        of_effect = slice(k, None, q)
        if np.all(is_inside[of_effect]):
            raise ValueError(
                f"the effects {name!r} are combinations of columns of X, so that nothing "
                "tells their SD; drop one or the other"
            )


def _is_confounded_with_rows(columns: TermColumns, basis_of_X: np.ndarray, n: int) -> bool:
    """Whether nothing tells the variances of a term's effects from that of the rows."""
    count = columns.Z.shape[1]
    if columns.term.level_chol is not None:
        has_enough = count >= n - basis_of_X.shape[1]
        return has_enough and _spreads_like_residuals_outside_X(columns.Z, basis_of_X, n)
    if count < n:
        return False
    return len(columns.term.effects) > 1 or _spreads_like_residuals(columns.Z, n)


def _spreads_like_residuals(Z: csr_array, n: int) -> bool:
    """Whether effects of one SD spread over n whitened rows as residuals do.

    ZZ' is a multiple of the identity.
    """
    rows = Z[np.flatnonzero(np.diff(Z.indptr) > 0)]
    if rows.shape[0] != n:
        return False
    products = (rows @ rows.T).tocoo()  # as sparse as the effects are few a row
    is_diagonal = products.row == products.col
    variance = products.data[is_diagonal][0]
    error = np.abs(products.data - variance * is_diagonal)
    return bool(np.all(error <= COLLINEAR * variance))


def _spreads_like_residuals_outside_X(Z: csr_array, basis_of_X: np.ndarray, n: int) -> bool:
    """Whether related effects spread as residuals do over the n − p dimensions outside X.

    Effects of a centered identity do.
    """
    dimensions = n - basis_of_X.shape[1]
    columns = Z.toarray()
    outside_X = columns - basis_of_X @ (basis_of_X.T @ columns)
    singular_values = np.linalg.svd(outside_X, compute_uv=False)
    if len(singular_values) < dimensions:
        return False
    spread = np.ptp(singular_values[:dimensions])
    return bool(spread <= EQUAL_SINGULAR_VALUES * singular_values[0])


def row_effects(reduction: Reduction) -> list[str]:
    """Names of effects that are one a row, of one SD: nothing but a prior tells this SD from σ.

    Parameters
    ----------
    reduction : Reduction
        Response and design.

    Returns
    -------
    list of str
        Names as priors and draws have them.

    Examples
    --------
    >>> from lmmlib.model import Data
    >>> from lmmlib.model import Design, Term
    >>> terms = [Term.grouped("row", range(4)), Term.grouped("g", ["a", "a", "b", "b"])]
    >>> row_effects(Data([1.0, 2.0, 5.0, 4.0], Design([[1.0]] * 4, terms)).reduction)
    ['row: Intercept']
    """
    names = []
    for columns in _columns_by_term(reduction):
        has_one_effect = len(columns.term.effects) == 1
        has_enough = columns.Z.shape[1] >= reduction.n
        if has_one_effect and has_enough and _spreads_like_residuals(columns.Z, reduction.n):
            names.append(columns.term.effect_names[0])
    return names


def confounded_with_sigma(reduction: Reduction, priors: Priors) -> str | None:
    """A sentence on σ and an SD whose effects are one a row, where neither of them is known.

    Parameters
    ----------
    reduction : Reduction
        Response and design.
    priors : Priors
        Priors, of which fixed ones make σ or an SD known.

    Returns
    -------
    str or None
        The sentence, or None where the data tell the two apart.
    """
    if priors.sigma.family == "fixed":
        return None
    names = [name for name in row_effects(reduction) if priors.sd[name].family != "fixed"]
    if not names:
        return None
    return (
        f"sigma and the SD of {names[0]!r} cannot be told apart: its effects are one a row, so "
        "that y tells of the sum of the two "
        "variances alone; drop the term, or give one of the two SDs a fixed or an informative prior"
    )
