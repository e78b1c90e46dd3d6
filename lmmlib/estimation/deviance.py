"""The function that a search minimises.

−2 log likelihood at given relative covariance factors, with β, and σ unless it is known, at their
best.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from lmmlib.loglik import LOG_2PI, Profile, profile
from lmmlib.model import Layout, Reduction, Term


def residual_df(reduction: Reduction, method: str) -> int:
    """Degrees of freedom that the rows leave for the variances."""
    if method == "ml":
        return reduction.n
    return reduction.n - len(reduction.independent_columns)


def profile_at(reduction: Reduction, points: np.ndarray) -> Profile:
    """The profile at points (S, d), over the columns of X that are independent."""
    columns = reduction.independent_columns
    has_full_rank = len(columns) == len(reduction.layout.coef)
    Lam = relative_factors(reduction, points)
    return profile(reduction, Lam, None if has_full_rank else columns)


def deviance_of(
    profiled: Profile, reduction: Reduction, method: str, sigma: float | None = None
) -> np.ndarray:
    """−2 log of the likelihood, or of the restricted one, of a profile.

    With σ at its best, σ̂² = pwrss/df, it is df (1 + log 2πσ̂²) + log|M| − Σ log w; with a known σ
    it is df log 2πσ² + pwrss/σ² + log|M| − Σ log w. For REML df = n − p, and log|X'V₁⁻¹X| is added.
    """
    df = residual_df(reduction, method)
    half_log_det = profiled.log_det
    if method == "reml":
        half_log_det = half_log_det + profiled.log_det_fixed
    if sigma is None:
        fit = df * (1 + LOG_2PI + np.log(profiled.pwrss / df))
    else:
        fit = df * (LOG_2PI + 2 * np.log(sigma)) + profiled.pwrss / sigma**2
    return fit + 2 * half_log_det - reduction.log_weights


def relative_factors(reduction: Reduction, points: np.ndarray) -> list[np.ndarray]:
    """Relative covariance factors Λ_k (S, q, q), lower triangular, of points (S, d).

    The entries of a point are in the units of the covariates, and relative to the SD of a row of
    mean weight: a point is about one where effects and rows differ alike, whatever the units of
    covariates and weights.
    """
    layout = reduction.layout
    counts = [len(free_entries(term)[0]) for term in layout.terms]
    parts = np.split(points, np.cumsum(counts)[:-1], axis=1)
    factors = []
    for term, units, part in zip(layout.terms, layout.units, parts, strict=True):
        q = len(term.effects)
        rows, columns = free_entries(term)
        Lam = np.zeros((len(points), q, q))
        Lam[:, rows, columns] = part / (units[rows] * reduction.sqrt_mean_weight)
        factors.append(Lam)
    return factors


def diagonal_points(layout: Layout, ratios: Sequence[float]) -> np.ndarray:
    """Points (len(ratios), d) whose relative covariance factors are multiples of the identity."""
    entries = [free_entries(term) for term in layout.terms]
    is_diagonal = np.concatenate([rows == columns for rows, columns in entries])
    return np.array([np.where(is_diagonal, ratio, 0.0) for ratio in ratios])


def free_entries(term: Term) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the free entries of a term's relative covariance factor."""
    return _free_entries(len(term.effects), term.correlated)


@cache
def _free_entries(q: int, correlated: bool) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.tril_indices(q) if correlated else np.diag_indices(q)
    rows.flags.writeable = False
    columns.flags.writeable = False
    return rows, columns
