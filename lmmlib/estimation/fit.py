"""Estimates: maximum likelihood and REML, and rough ones to start from."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lmmlib import linalg
from lmmlib.estimation.checks import check_identified, check_residual_df, fixed_effects_fit
from lmmlib.estimation.deviance import (
    criteria_of,
    degrees_left,
    factors,
    minus_twice,
    profile_at,
    unit_starts,
)
from lmmlib.estimation.search import GAIN, search
from lmmlib.linalg import ConvergenceWarning
from lmmlib.loglik import profile
from lmmlib.model import Data, Params, Reduction, as_reduction
from lmmlib.model.options import choice
from lmmlib.random_effects import conditional_covariance, conditional_mean, leverages

METHODS = ("reml", "ml")
STARTS = (1.0, 0.1, 10.0)  # ratios to the residual SD of effects in the unit of their own covariate


@dataclass(frozen=True, eq=False)
class Estimate:
    """Estimates of one model.

    Attributes
    ----------
    params : Params
        Estimates: β̂, covariances of the effects and residual SD.
    se : ndarray, shape (p,)
        Standard errors of β̂ at the estimated variances.
    u : ndarray, shape (K,)
        BLUPs at the estimates, in the order of ``design.ranef``.
    u_cov : mapping of str to ndarray
        Conditional covariances of each level's effects, (J, q, q) by term, at known β and
        variances.
    leverages : ndarray, shape (n,), or None
        Share of each row in its own fitted value; None for a Reduction, which has no rows.
    criterion : float
        Criterion at the estimates: −2 log likelihood (of the restricted likelihood for REML).
    method : str
        Method of estimation.
    converged : bool
        Whether the search converged.
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

    For ratios Λ the best β, u and σ are known: σ̂² = ρ²/n (ML) or ρ²/(n − p) (REML), with ρ² the
    least penalised sum of squares. What is searched over is −2 log L(Λ) = n(1 + log 2πσ̂²) + log|M|
    (− Σ log w), and for REML with n − p for n and + log|X'V₁⁻¹X|.

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.
    method : {"reml", "ml"}, default: "reml"
        Restricted maximum likelihood, or maximum likelihood.

    Returns
    -------
    Estimate
        Estimates with their standard errors; an SD of zero is an ordinary result.

    Raises
    ------
    ValueError
        If the method is unknown, X lacks rank, X alone or X and the effects fit the data exactly,
        one kind of effects of a term are combinations of columns of X, or a term has as many
        effects as there are rows: one per row of equal weight, or several a level.

    Warns
    -----
    ConvergenceWarning
        If the end of the search is no minimum: a further step promises a gain, or curvature is
        negative.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), equations 34 and 41; Harville
    (1974), Biometrika 61(2).

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> fit = estimate(
    ...     from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff")), method="ml"
    ... )
    >>> round(fit.criterion, 6), fit.params.beta.round(3).tolist(), round(fit.params.sigma, 3)
    (327.32706, [1527.5], 49.51)
    """
    method = choice("method", method, METHODS)
    reduction = as_reduction(data)
    degrees = degrees_left(reduction, method)
    if (
        reduction.rank_error
    ):  # of a fold: a flat prior of β is improper given y, where proper ones are not
        raise ValueError(reduction.rank_error)
    if degrees < 1:
        raise ValueError(
            f"the fixed effects fit the data exactly, {reduction.n} rows by "
            f"{len(reduction.layout.coef)} columns, so no variance can be "
            "estimated; drop columns of X or add rows"
        )
    fit = fixed_effects_fit(reduction)
    if fit.is_exact:
        raise ValueError(f"{fit.sentence}, so no variance can be estimated; {fit.advice}")
    check_residual_df(reduction)
    check_identified(reduction)
    criteria = criteria_of(reduction, method)
    best, promised = search(criteria, unit_starts(reduction.layout, STARTS))
    converged = promised < GAIN
    if not converged:
        told = (
            f"the search ended where a further step promises a gain of {promised:.2g} in the "
            "criterion"
        )
        advice = (
            fit.advice
            if fit.is_rough
            else "centre covariates that are far from zero, rescale them, or simplify terms"
        )
        warnings.warn(f"{told}; {advice}", ConvergenceWarning, stacklevel=3)  # past the decorator
    Lam = factors(reduction, best[None])
    at = profile(reduction, Lam)
    sigma = float(np.sqrt(at.pwrss[0] / degrees))
    cov = {
        t.name: sigma**2 * L[0] @ L[0].T for t, L in zip(reduction.layout.terms, Lam, strict=True)
    }
    params = Params(linalg.solve_upper_stack(at.R_X, at.t)[:, 0], cov, sigma)
    root = np.linalg.inv(at.R_X[..., 0])
    return Estimate(
        params=params,
        se=sigma * np.linalg.norm(root, axis=1),
        u=conditional_mean(data, params),
        u_cov=conditional_covariance(data, params),
        leverages=leverages(data, params) if isinstance(data, Data) else None,
        criterion=float(minus_twice(at, degrees, method, reduction.log_weights)[0]),
        method=method,
        converged=converged,
    )


def initial_scales(data: Data | Reduction) -> tuple[np.ndarray, float] | None:
    """SDs of all effects and of the rows near the REML optimum.

    Without correlations; they are good enough to start from.

    None where X alone fits y exactly, which leaves nothing to estimate them from.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> sds, sigma = initial_scales(
    ...     from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    ... )
    >>> sds.round().tolist(), round(sigma)
    ([42.0], 50)
    """
    reduction = as_reduction(data)
    if degrees_left(reduction, "reml") < 1 or fixed_effects_fit(reduction).is_exact:
        return None
    criteria, start = criteria_of(reduction, "reml"), unit_starts(reduction.layout, STARTS[:1])
    onto = np.eye(start.size)[np.flatnonzero(start)]  # the diagonal among all entries of the ratios
    found = linalg.newton_maximize(
        lambda logs: -0.5 * criteria(np.exp(logs) @ onto), np.zeros((1, len(onto)))
    ).x
    points = np.exp(found) @ onto
    Lam = factors(reduction, points)
    sigma = float(np.sqrt(profile_at(reduction, points).pwrss[0] / degrees_left(reduction, "reml")))
    return np.concatenate([sigma * np.linalg.norm(L[0], axis=1) for L in Lam]), sigma
