"""A known covariance of levels, as a factor that has as many columns as there are levels."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cholesky
from scipy.linalg.lapack import dpocon, dpstrf

from lmmlib.model.row_labels import in_order_of
from lmmlib.model.validation import frozen_array, symmetric

# reciprocal condition number of correlations: a singular matrix has 1e-16 by the luck of rounding
SINGULAR = 1e-14
# per level, of correlations: what sums of products leave of an eigenvalue of zero
ROUNDING = 8 * np.finfo(float).eps


def level_cholesky_factor(
    name: str, between: ArrayLike | None, levels: tuple[str, ...]
) -> np.ndarray | None:
    r"""Factor L of the known covariance A = LL' of a term's levels, read-only; None for None.

    Parameters
    ----------
    name : str
        Name of the term.
    between : array_like, shape (J, J), or None
        Known covariance A of the levels; a labelled one is brought into their order, and its other
        labels are left out, which is the marginal covariance of the levels.
    levels : tuple of str
        Labels of the J levels.

    Returns
    -------
    ndarray, shape (J, J), or None
        Lower Cholesky factor, or for a singular A of rank r one with J − r columns of zeros.

    Raises
    ------
    ValueError
        If labels do not fit, A is not symmetric, or an eigenvalue of its correlations is below zero
        by more than rounding.

    Notes
    -----
    A singular A is factored with diagonal pivoting, stopped where no level has more than
    ``ROUNDING`` J of its variance left. What is left out is then below that share of √(a_ii a_jj)
    in every entry, which is the rounding of A itself; zeros between unrelated levels stay zeros, as
    they would not in a factor from eigenvectors.

    References
    ----------
    Higham (2002), Accuracy and Stability of Numerical Algorithms, section 10.3.

    Examples
    --------
    >>> level_cholesky_factor("g", [[1.0, 1.0], [1.0, 1.0]], ("a", "b")).tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    if between is None:
        return None
    what = f"between of {name!r}"
    J = len(levels)
    in_order = in_order_of(what, between, levels)
    A = symmetric(what, frozen_array(what, in_order, (J, J), f"{name!r} has {J} levels"))
    variance = np.diag(A)
    if variance.min() < 0:
        level = levels[int(variance.argmin())]
        raise ValueError(
            f"{what} must have no variance below zero, got {variance.min():g} for level {level}"
        )
    factor = _regular_factor(A)
    if factor is None:
        factor = _singular_factor(what, A)
    factor.flags.writeable = False
    return factor


def _regular_factor(A: np.ndarray) -> np.ndarray | None:
    """Lower Cholesky factor, or None where A is singular to rounding, or not positive definite."""
    if np.diag(A).min() == 0:
        return None
    try:
        factor = cholesky(A, lower=True)
    except np.linalg.LinAlgError:
        return None
    sd = np.sqrt(np.diag(A))
    correlations = A / np.outer(sd, sd)
    one_norm = np.abs(correlations).sum(0).max()
    reciprocal_condition, _ = dpocon(factor / sd[:, None], one_norm, uplo="L")
    return factor if reciprocal_condition >= SINGULAR else None


def _singular_factor(what: str, A: np.ndarray) -> np.ndarray:
    """Factor of a positive semi-definite A by Cholesky factorisation with diagonal pivoting.

    The column of a pivot is that of its level.
    """
    J = len(A)
    sd = np.sqrt(np.diag(A))
    if not sd.any():
        raise ValueError(
            f"{what} must not be zero everywhere: its effects would have no variance; drop the term"
        )
    unit = np.where(sd > 0, sd, 1.0)
    correlations = A / np.outer(unit, unit)
    smallest = np.linalg.eigvalsh(correlations)[0]
    if smallest < -ROUNDING * J:
        raise ValueError(
            f"{what} must be positive semi-definite, its correlations have an eigenvalue of "
            f"{smallest:g}; set eigenvalues below zero to zero"
        )
    pivoted, pivots, rank, _ = dpstrf(correlations, tol=ROUNDING * J, lower=1)
    level_of_pivot = pivots - 1
    columns = np.tril(pivoted)[:, :rank]
    factor = np.zeros((J, J))
    factor[np.ix_(level_of_pivot, level_of_pivot[:rank])] = columns
    return sd[:, None] * factor
