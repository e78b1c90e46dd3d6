"""Maximum likelihood and REML, with β and σ profiled out and the ratios of standard deviations searched."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from lmmlib import linalg
from lmmlib.data import Data
from lmmlib.design import Params, Term
from lmmlib.effects import mean_given_y
from lmmlib.loglik import LOG_2PI, Profile, profile

METHODS = ("reml", "ml")
STARTS = (1.0, 0.1, 10.0)  # ratios to the residual SD of effects in the unit of their own covariate
AT_ZERO = 1e-6  # a ratio below it is compared with zero itself, where the criterion may be lower still


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
    criterion : float    −2 log likelihood (of the restricted likelihood for REML)
    method : str
    converged : bool
    """

    params: Params
    se: np.ndarray
    u: np.ndarray
    criterion: float
    method: str
    converged: bool


def estimate(data: Data, method: str = "reml") -> Estimate:
    r"""Estimate β, the covariances of the effects and σ.

    For ratios Λ the best β, u and σ are known: σ̂² = ρ²/n (ML) or ρ²/(n − p) (REML), with ρ² the least penalised sum
    of squares. What is searched over is −2 log L(Λ) = n(1 + log 2πσ̂²) + log|M| (− Σ log w), and for REML with n − p
    for n and + log|X'V₁⁻¹X|.

    Parameters
    ----------
    data : Data
    method : ``reml`` or ``ml``

    Returns
    -------
    Estimate; an SD of zero is an ordinary result

    Raises
    ------
    ValueError  if the method is unknown, or the fixed effects fit the data exactly

    Warns
    -----
    ConvergenceWarning  if two searches, one with slopes and one without, do not end at the same value

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
    design = data.design
    degrees = design.n - len(design.coef) * (method == "reml")
    if degrees < 1 or not profile(data.reduction, _factors(design.terms, _unit_start(design.terms, 0.0))).least > 0:
        raise ValueError("the fixed effects fit the data exactly, so no variance can be estimated; drop columns of X or add rows")

    def criterion(x: np.ndarray) -> float:
        return _criterion(profile(data.reduction, _factors(design.terms, x)), degrees, method, data.reduction.log_weights)

    best, converged = _search(criterion, design.terms)
    if not converged:
        warnings.warn(
            "two searches for the optimum ended at different values; rescale covariates or simplify terms", ConvergenceWarning, stacklevel=2
        )
    return _completed(data, best, method, degrees, converged)


def _criterion(at: Profile, degrees: int, method: str, log_weights: float) -> float:
    """−2 log of the likelihood, or of the restricted one, with σ at its best."""
    log_det = at.log_det + at.log_det_fixed * (method == "reml")
    return float(degrees * (1 + LOG_2PI + np.log(at.least / degrees)) + 2 * log_det - log_weights)


def _search(criterion: Callable[[np.ndarray], float], terms: tuple[Term, ...]) -> tuple[np.ndarray, bool]:
    """The best of several searches along slopes, polished without slopes, and compared with its neighbours at zero."""
    bounds = _bounds(terms)
    rough = [
        minimize(criterion, _unit_start(terms, ratio), method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-15, "gtol": 1e-8})
        for ratio in STARTS
    ]
    start = min(rough, key=lambda r: r.fun)
    tight = {"initial_tr_radius": 1e-2, "final_tr_radius": 1e-9, "maxiter": 200 * len(bounds) + 500}
    fine: OptimizeResult = minimize(criterion, start.x, method="COBYQA", bounds=bounds, options=tight)
    best = min((start, fine), key=lambda r: r.fun)
    nearest = np.where(np.abs(best.x) < AT_ZERO, 0.0, best.x)
    x = nearest if criterion(nearest) <= best.fun else best.x
    return x, bool(abs(start.fun - fine.fun) < 1e-5)


def _completed(data: Data, x: np.ndarray, method: str, degrees: int, converged: bool) -> Estimate:
    """Everything else at the optimum."""
    design = data.design
    Lam = _factors(design.terms, x)
    at = profile(data.reduction, Lam)
    sigma = float(np.sqrt(at.least / degrees))
    beta = linalg.solve_upper(at.R_X, at.t)
    cov = {t.name: sigma**2 * L @ L.T for t, L in zip(design.terms, Lam, strict=True)}
    params = Params(beta, cov, sigma)
    value = _criterion(at, degrees, method, data.reduction.log_weights)
    root = np.linalg.inv(at.R_X)
    return Estimate(params, sigma * np.linalg.norm(root, axis=1), mean_given_y(data, params), value, method, converged)


def _entries(term: Term) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the entries of a term's ratio that are free."""
    q = len(term.effects)
    return np.tril_indices(q) if term.correlated else np.diag_indices(q)


def _factors(terms: tuple[Term, ...], x: np.ndarray) -> list[np.ndarray]:
    """Ratios Λ_k, lower triangular, from one vector."""
    factors, first = [], 0
    for t in terms:
        rows, columns = _entries(t)
        L = np.zeros((len(t.effects),) * 2)
        L[rows, columns] = x[first : first + len(rows)] / t.units[rows]
        factors.append(L)
        first += len(rows)
    return factors


def _unit_start(terms: tuple[Term, ...], ratio: float) -> np.ndarray:
    """Diagonal ratios, in the units of the covariates."""
    return np.concatenate([np.where(rows == columns, ratio, 0.0) for rows, columns in map(_entries, terms)])


def _bounds(terms: tuple[Term, ...]) -> list[tuple[float, float]]:
    return [(0.0 if i == j else -np.inf, np.inf) for t in terms for i, j in zip(*_entries(t), strict=True)]
