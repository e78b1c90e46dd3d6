"""Reasons why an estimate of several traits would mean nothing."""

import numpy as np

from lmmlib import linalg
from lmmlib.estimation.exact_fit import NEGLIGIBLE
from lmmlib.estimation.search import GAIN
from lmmlib.multivariate.canonical import diagonalized
from lmmlib.multivariate.data import MultivariateData
from lmmlib.multivariate.deviance import FramedDeviance, deviance_at, lower_factor
from lmmlib.multivariate.rotation import RotatedRows

SINGULAR = 1e-10  # share of the largest singular value that is zero
LESS_RESIDUAL = 0.1  # share of a residual SD that is tried in its place


def residual_factor(data: MultivariateData) -> np.ndarray:
    """Lower factor (t, t) of the covariance that X leaves of Y.

    Parameters
    ----------
    data : MultivariateData
        Responses and design.

    Returns
    -------
    ndarray, shape (t, t)
        Lower triangle, in units of the traits.

    Raises
    ------
    ValueError
        If X and other traits determine a trait.
    """
    X = data.design.X
    n, t = data.Y.shape
    p = X.shape[1]
    dependent = linalg.dependent_columns(np.hstack([X, data.Y]))
    if dependent:
        names = ", ".join(data.traits[k - p] for k in dependent)
        raise ValueError(
            f"X and the traits before determine {names}, so that nothing is left for R0; drop "
            "such traits or add rows"
        )
    R = np.linalg.qr(np.hstack([data.rotated.X, data.rotated.Y]), mode="r")
    of_traits = R[-t:, -t:]
    return of_traits.T / np.sqrt(n)


def check_estimable(rows: RotatedRows, spread: np.ndarray, n: int) -> None:
    """Raise where the likelihood has no bound, or cannot tell G₀ from R₀ or from X.

    Parameters
    ----------
    rows : RotatedRows
        The rotated rows.
    spread : ndarray, shape (t, t)
        Lower factor of the covariance that X leaves of Y.
    n : int
        Number of rows before the rotation.

    Raises
    ------
    ValueError
        If the effects are combinations of columns of X, X and the effects fit a combination of
        traits exactly, or there is an effect a row.
    """
    has_effect = rows.s > SINGULAR * rows.s.max()
    basis_of_X = np.linalg.qr(rows.X)[0]
    if np.all(np.sum(basis_of_X[has_effect] ** 2, 1) > 1 - SINGULAR):
        raise ValueError(
            "the effects are combinations of columns of X, so that nothing tells G0; drop one or "
            "the other"
        )

    # What X leaves of the rows without effects, in units of what it leaves of all.
    axes, singular_values, _ = np.linalg.svd(basis_of_X[~has_effect], full_matrices=False)
    axes = axes[:, singular_values > SINGULAR]
    Y = np.linalg.solve(spread, rows.Y[~has_effect].T).T
    residual = Y - axes @ (axes.T @ Y)
    rows_to_spare = n - has_effect.sum() - axes.shape[1]
    if rows_to_spare > 0:
        smallest = np.linalg.svd(residual, compute_uv=False)[-1]
        if smallest**2 <= NEGLIGIBLE * n:
            raise ValueError(
                "X and the effects fit a combination of traits exactly, so that R0 would be "
                "singular; drop traits or add rows"
            )

    if has_effect.sum() == n and np.ptp(rows.s[has_effect]) <= SINGULAR * rows.s.max():
        raise ValueError(
            f"there are {n} independent effects for {n} rows of equal weight: G0 and R0 cannot "
            "be told apart; drop the term"
        )


def check_residuals(deviance: FramedDeviance, factors: np.ndarray) -> None:
    """Raise where the likelihood has its bound at a residual variance of zero.

    The canonical trait with the largest ratio could do with less residual variance, or with none.

    Parameters
    ----------
    deviance : callable
        Deviance in a frame.
    factors : ndarray, shape (2, t, t)
        Factors of G₀ and R₀ at the end of a search.

    Raises
    ------
    ValueError
        If the likelihood is as high with less of that residual variance.
    """
    G0_factor, R0_chol = factors
    transform = diagonalized(G0_factor, R0_chol).transform
    shares = np.ones(len(R0_chol))
    shares[0] = LESS_RESIDUAL
    with_less = lower_factor(np.linalg.inv(transform).T * shares)
    if deviance_at(deviance, np.array([G0_factor, with_less])) < (
        deviance_at(deviance, factors) + GAIN
    ):
        raise ValueError(
            "the likelihood rises until a combination of traits has no residual variance; drop "
            "traits or add rows"
        )
