"""Maximum likelihood and REML, with β and σ profiled out and the ratios of standard deviations searched."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_array

from lmmlib import linalg
from lmmlib.data import Data, Reduction, reduced
from lmmlib.design import Layout, Params, Priors, Term
from lmmlib.effects import covariance_given_y, leverages, mean_given_y
from lmmlib.loglik import LOG_2PI, Profile, profile

METHODS = ("reml", "ml")
STARTS = (1.0, 0.1, 10.0)  # ratios to the residual SD of effects in the unit of their own covariate
STEP = 1e-3  # of differences, for ratios of about one
AT_ZERO = 1e-3  # a ratio below it is compared with zero itself, where the criterion may be lower still
GAIN = 1e-6  # of the criterion that a step from the end of a search may still promise
WIDE, NOTHING = 1e8, 1e-14  # a ratio that leaves effects free, and the share of the sum of squares that is rounding
ROUNDING = 1e-26  # share of |y|² that a residual of nothing but rounding keeps
CURVED = 1e-4  # curvature of the criterion below which a direction counts as flat

Criteria = Callable[[np.ndarray], np.ndarray]


class ConvergenceWarning(UserWarning):
    """The search for the optimum ended without finding one that can be vouched for."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """Estimates of one model.

    Attributes
    ----------
    params : Params      β̂, covariances of the effects, residual SD
    se : (p,)            standard errors of β̂ at the estimated variances
    u : (K,)             BLUPs at the estimates, in the order of ``design.ranef``
    u_cov : mapping      conditional covariances of each level's effects, (J, q, q) by term, at known β and variances
    leverages : (n,)     share of each row in its own fitted value; None for a Reduction, which has no rows
    criterion : float    −2 log likelihood (of the restricted likelihood for REML)
    method : str
    converged : bool
    """

    params: Params
    se: np.ndarray
    u: np.ndarray
    u_cov: Mapping[str, np.ndarray]
    leverages: np.ndarray | None
    criterion: float
    method: str
    converged: bool


@linalg.one_thread()
def estimate(data: Data | Reduction, method: str = "reml") -> Estimate:
    r"""Estimate β, the covariances of the effects and σ.

    For ratios Λ the best β, u and σ are known: σ̂² = ρ²/n (ML) or ρ²/(n − p) (REML), with ρ² the least penalised sum
    of squares. What is searched over is −2 log L(Λ) = n(1 + log 2πσ̂²) + log|M| (− Σ log w), and for REML with n − p
    for n and + log|X'V₁⁻¹X|.

    Parameters
    ----------
    data : Data or Reduction
    method : ``reml`` or ``ml``

    Returns
    -------
    Estimate; an SD of zero is an ordinary result

    Raises
    ------
    ValueError  if the method is unknown, X alone or X and the effects fit the data exactly, the effects of a term are
        combinations of columns of X, or a term has as many effects as there are rows: one a row of equal weight, or
        several a level

    Warns
    -----
    ConvergenceWarning  if the end of the search is no minimum: a further step promises a gain, or curvature is negative

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), equations 34 and 41; Harville (1974), Biometrika
    61(2).

    Examples
    --------
    >>> from lmmlib.datasets import load
    >>> from lmmlib.formula import from_formula
    >>> fit = estimate(from_formula("Yield ~ 1 + (1 | Batch)", load("Dyestuff")), method="ml")
    >>> round(fit.criterion, 6), fit.params.beta.round(3).tolist(), round(fit.params.sigma, 3)
    (327.32706, [1527.5], 49.51)
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    reduction = reduced(data)
    degrees = _degrees(reduction, method)
    _check_fixed(reduction, method)
    check_spare(reduction)
    _check_identified(reduction)
    criteria = _criteria(reduction, method)
    best, promised = _search(criteria, _unit_starts(reduction.layout, STARTS))
    converged = promised < GAIN
    if not converged:
        told = f"the search ended where a further step promises a gain of {promised:.2g} in the criterion"
        warnings.warn(f"{told}; rescale covariates or simplify terms", ConvergenceWarning, stacklevel=3)  # past the decorator
    Lam = _factors(reduction.layout, best[None])
    at = profile(reduction, Lam)
    sigma = float(np.sqrt(at.least[0] / degrees))
    cov = {t.name: sigma**2 * L[0] @ L[0].T for t, L in zip(reduction.layout.terms, Lam, strict=True)}
    params = Params(linalg.solve_upper_stack(at.R_X, at.t)[:, 0], cov, sigma)
    root = np.linalg.inv(at.R_X[..., 0])
    return Estimate(
        params=params,
        se=sigma * np.linalg.norm(root, axis=1),
        u=mean_given_y(data, params),
        u_cov=covariance_given_y(data, params),
        leverages=leverages(data, params) if isinstance(data, Data) else None,
        criterion=float(_minus_twice(at, degrees, method, reduction.log_weights)[0]),
        method=method,
        converged=converged,
    )


def rough(data: Data | Reduction) -> tuple[np.ndarray, float]:
    """SDs of all effects and of the rows near the REML optimum without correlations, good enough to start from.

    Examples
    --------
    >>> from lmmlib.datasets import load
    >>> from lmmlib.formula import from_formula
    >>> sds, sigma = rough(from_formula("Yield ~ 1 + (1 | Batch)", load("Dyestuff")))
    >>> sds.round().tolist(), round(sigma)
    ([42.0], 50)
    """
    reduction = reduced(data)
    _check_fixed(reduction, "reml")
    criteria, start = _criteria(reduction, "reml"), _unit_starts(reduction.layout, STARTS[:1])
    onto = np.eye(start.size)[np.flatnonzero(start)]  # the diagonal among all entries of the ratios
    found = linalg.climb(lambda logs: -0.5 * criteria(np.exp(logs) @ onto), np.zeros((1, len(onto)))).x
    Lam = _factors(reduction.layout, np.exp(found) @ onto)
    sigma = float(np.sqrt(profile(reduction, Lam).least[0] / _degrees(reduction, "reml")))
    return np.concatenate([sigma * np.linalg.norm(L[0], axis=1) for L in Lam]), sigma


def check_spare(reduction: Reduction, priors: Priors | None = None) -> None:
    """Raise if X and the effects can fit y exactly with rows to spare: the density then has no bound as σ goes to zero.

    Raises
    ------
    ValueError  saying so; not where σ is known

    Examples
    --------
    >>> from lmmlib.design import Design
    >>> design = Design([[1.0]] * 4, [Term.grouped("g", ["a", "a", "b", "b"])])
    >>> check_spare(Data([1.0, 1.0, 5.0, 5.0], design).reduction)
    Traceback (most recent call last):
        ...
    ValueError: X and the effects fit y exactly, so that nothing is left for sigma; drop a term, or give sigma a fixed prior
    """
    if priors and priors.sigma.family == "fixed":
        return
    at = profile(reduction, _factors(reduction.layout, _unit_starts(reduction.layout, (0.0, WIDE, 10 * WIDE))))
    growth = np.diff((at.log_det + at.log_det_fixed)[1:])[0] / np.log(10)  # the rank of [Z X] above that of X
    spare = reduction.n - len(reduction.layout.coef) - round(growth)
    if spare > 0 and at.least[1] <= NOTHING * at.least[0]:
        raise ValueError("X and the effects fit y exactly, so that nothing is left for sigma; drop a term, or give sigma a fixed prior")


def _check_identified(reduction: Reduction) -> None:
    """Raise where the likelihood cannot tell variances apart, so that an estimate would be arbitrary."""
    Z, B = reduction.rows
    basis = np.linalg.qr(B[:, :-1])[0]
    starts = np.cumsum([0, *(J * q for J, q in reduction.layout.shapes)])
    for t, a, b in zip(reduction.layout.terms, starts, starts[1:], strict=False):
        columns = Z[:, a:b]
        squares = (columns**2).sum(0)
        if np.all(squares - np.sum((columns.T @ basis) ** 2, 1) <= 1e-12 * squares):
            raise ValueError(
                f"the effects of {t.name!r} are combinations of columns of X, so that nothing tells their SD; drop one or the other"
            )
        several = len(t.effects) > 1 and t.root is None
        if b - a >= reduction.n and (several or _is_like_residuals(columns, reduction.n)):
            told = f"term {t.name!r} has {b - a} effects for {reduction.n} rows"
            raise ValueError(
                f"{told}: their variances and that of the rows cannot be told apart; drop the term, or give priors to posterior"
            )


def _is_like_residuals(Z: csr_array, n: int) -> bool:
    """Whether effects of one SD spread over n whitened rows as residuals do: ZZ' is a multiple of the identity."""
    rows = Z[np.flatnonzero(np.diff(Z.indptr) > 0)]
    spread = (rows @ rows.T).toarray() if rows.shape[0] == n else np.zeros((1, 1))
    return rows.shape[0] == n and np.allclose(spread, spread[0, 0] * np.eye(n), rtol=0, atol=1e-12 * spread[0, 0])


def _check_fixed(reduction: Reduction, method: str) -> None:
    """Raise where X alone fits y exactly."""
    least = profile(reduction, _factors(reduction.layout, _unit_starts(reduction.layout, (0.0,)))).least[0]
    if _degrees(reduction, method) < 1 or least <= ROUNDING * np.sum(reduction.rows[1][:, -1] ** 2):
        raise ValueError("the fixed effects fit the data exactly, so no variance can be estimated; drop columns of X or add rows")


def _degrees(reduction: Reduction, method: str) -> int:
    """Degrees of freedom that the rows leave for the variances."""
    return reduction.n - len(reduction.layout.coef) * (method == "reml")


def _criteria(reduction: Reduction, method: str) -> Criteria:
    """−2 log of the likelihood, or of the restricted one, with σ at its best, at S points: (S, d) to (S,)."""
    degrees = _degrees(reduction, method)

    def evaluate(x: np.ndarray) -> np.ndarray:
        return _minus_twice(profile(reduction, _factors(reduction.layout, x)), degrees, method, reduction.log_weights)

    return evaluate


def _minus_twice(at: Profile, degrees: int, method: str, log_weights: float) -> np.ndarray:
    log_det = at.log_det + at.log_det_fixed * (method == "reml")
    return degrees * (1 + LOG_2PI + np.log(at.least / degrees)) + 2 * log_det - log_weights


def _search(criteria: Criteria, starts: np.ndarray) -> tuple[np.ndarray, float]:
    """The best end of several descents, polished by Newton steps, with ratios of zero tried; and the gain still promised.

    The criterion does not change with the sign of a column of Λ, so that zero is no boundary.
    """
    ends = np.array([_descend(criteria, start) for start in starts])
    best = ends[np.argmin(criteria(ends))]
    for _ in range(3):
        step, promised = _newton(criteria, best)
        candidates = np.array([best + step, best])
        best = candidates[np.argmin(criteria(candidates))]
        if promised < 1e-3 * GAIN:
            break
    zeroed = np.where(np.abs(best) < AT_ZERO, 0.0, best)
    if np.diff(criteria(np.array([best, zeroed]))) <= 0:
        best = zeroed
    return best, _newton(criteria, best)[1]


def _descend(criteria: Criteria, start: np.ndarray) -> np.ndarray:
    def with_slope(x: np.ndarray) -> tuple[float, np.ndarray]:
        h = STEP / 10 * np.diag(np.maximum(np.abs(x), 0.1))
        values = criteria(np.concatenate([x[None], x + h, x - h]))
        return float(values[0]), np.subtract(*values[1:].reshape(2, -1)) / (2 * np.diag(h))

    return minimize(with_slope, start, jac=True, method="BFGS", options={"gtol": 1e-4}).x


def _newton(criteria: Criteria, x: np.ndarray) -> tuple[np.ndarray, float]:
    """Newton's step from x, and the gain it promises; infinite where the criterion curves down."""
    d, scale = len(x), np.maximum(np.abs(x), 0.1)  # slope and curvature are in units of each entry's own size
    unit = STEP * np.diag(scale)
    pairs = [(i, j) for i in range(d) for j in range(i)]
    across = [s * unit[i] + t * unit[j] for i, j in pairs for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
    along = [k * unit[i] for i in range(d) for k in (-1, -2, 2, 1)]
    values = criteria(x + np.array([np.zeros(d), *along, *across]))
    low, lower, higher, high = values[1 : 4 * d + 1].reshape(d, 4).T
    slope = (8 * (high - low) - (higher - lower)) / (12 * STEP)
    curvature = np.diag((16 * (high + low) - (higher + lower) - 30 * values[0]) / (12 * STEP**2))
    for (i, j), (a, b, c, e) in zip(pairs, values[4 * d + 1 :].reshape(-1, 4), strict=True):
        curvature[i, j] = curvature[j, i] = (a - b - c + e) / (4 * STEP**2)
    size, axes = np.linalg.eigh(curvature)
    along_axes = axes.T @ slope
    steps = np.where(size > CURVED, -along_axes / np.maximum(size, CURVED), 0.0)
    flat = np.abs(along_axes[np.abs(size) <= CURVED]).sum()
    promised = np.inf if np.any(size < -CURVED) else -0.5 * along_axes @ steps + flat
    return scale * (axes @ steps), float(promised)


def _entries(term: Term) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the entries of a term's ratio that are free."""
    q = len(term.effects)
    return np.tril_indices(q) if term.correlated else np.diag_indices(q)


def _factors(layout: Layout, x: np.ndarray) -> list[np.ndarray]:
    """Ratios Λ_k (S, q, q), lower triangular, from points (S, d)."""
    factors, first = [], 0
    for t, unit in zip(layout.terms, layout.units, strict=True):
        rows, columns = _entries(t)
        L = np.zeros((len(x), len(t.effects), len(t.effects)))
        L[:, rows, columns] = x[:, first : first + len(rows)] / unit[rows]
        factors.append(L)
        first += len(rows)
    return factors


def _unit_starts(layout: Layout, ratios: Sequence[float]) -> np.ndarray:
    """Diagonal ratios, in the units of the covariates: (starts, d)."""
    diagonal = np.concatenate([rows == columns for rows, columns in map(_entries, layout.terms)])
    return np.array([np.where(diagonal, ratio, 0.0) for ratio in ratios])
