"""What is searched.

−2 log likelihood as a function of the ratios of standard deviations, β and σ at their best.
"""

from collections.abc import Callable, Sequence

import numpy as np

from lmmlib.loglik import LOG_2PI, Profile, profile
from lmmlib.model import Layout, Reduction, Term

Criteria = Callable[[np.ndarray], np.ndarray]


def degrees_left(reduction: Reduction, method: str) -> int:
    """Degrees of freedom that the rows leave for the variances."""
    return reduction.n - len(reduction.independent_columns) * (method == "reml")


def criteria_of(reduction: Reduction, method: str) -> Criteria:
    """−2 log of the likelihood, or of the restricted one, with σ at its best, at S points.

    (S, d) to (S,).
    """
    degrees = degrees_left(reduction, method)

    def evaluate(x: np.ndarray) -> np.ndarray:
        return minus_twice(profile_at(reduction, x), degrees, method, reduction.log_weights)

    return evaluate


def profile_at(reduction: Reduction, x: np.ndarray) -> Profile:
    """The profile at points (S, d), over the columns of X that are independent."""
    columns = reduction.independent_columns
    everything = len(columns) == len(reduction.layout.coef)
    return profile(reduction, factors(reduction, x), None if everything else columns)


def minus_twice(at: Profile, degrees: int, method: str, log_weights: float) -> np.ndarray:
    """−2 log likelihood, or of the restricted one, of a profile with σ at its best."""
    log_det = at.log_det + at.log_det_fixed * (method == "reml")
    return degrees * (1 + LOG_2PI + np.log(at.pwrss / degrees)) + 2 * log_det - log_weights


def factors(reduction: Reduction, x: np.ndarray) -> list[np.ndarray]:
    """Ratios Λ_k (S, q, q), lower triangular, from points (S, d).

    In the covariates' units, to the SD of a row of mean weight.

    A point is then about one where effects and rows differ alike, whatever the units of covariates
    and weights.
    """
    layout = reduction.layout
    root_weight = np.exp(0.5 * reduction.log_weights / reduction.n)  # geometric mean
    factors, first = [], 0
    for t, unit in zip(layout.terms, layout.units, strict=True):
        rows, columns = free_entries(t)
        L = np.zeros((len(x), len(t.effects), len(t.effects)))
        L[:, rows, columns] = x[:, first : first + len(rows)] / (unit[rows] * root_weight)
        factors.append(L)
        first += len(rows)
    return factors


def unit_starts(layout: Layout, ratios: Sequence[float]) -> np.ndarray:
    """Diagonal ratios, in the units of the covariates: (starts, d)."""
    diagonal = np.concatenate(
        [rows == columns for rows, columns in map(free_entries, layout.terms)]
    )
    return np.array([np.where(diagonal, ratio, 0.0) for ratio in ratios])


def free_entries(term: Term) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the entries of a term's ratio that are free."""
    q = len(term.effects)
    return np.tril_indices(q) if term.correlated else np.diag_indices(q)
