"""Estimates by maximum likelihood and REML, and rough ones to start from."""

import warnings
from typing import NamedTuple

import numpy as np

from lmmlib import linalg
from lmmlib.estimation.checks import check_identified
from lmmlib.estimation.derivatives import DevianceDerivatives
from lmmlib.estimation.deviance import (
    deviance_of,
    diagonal_points,
    profile_at,
    relative_factors,
    residual_df,
)
from lmmlib.estimation.exact_fit import check_residual_df
from lmmlib.estimation.fixed_effects_fit import FixedEffectsFit, fixed_effects_fit
from lmmlib.estimation.result import Estimate
from lmmlib.estimation.search import GAIN, START_RATIOS, search
from lmmlib.linalg import ConvergenceWarning
from lmmlib.loglik import profile
from lmmlib.model import Data, Params, Reduction, as_reduction
from lmmlib.model.options import choice
from lmmlib.model.validation import positive

METHODS = ("reml", "ml")
ROUGH_GAIN = 1e-3  # of the deviance, that a step must still promise where a rough point will do


def estimate(data: Data | Reduction, method: str = "reml", sigma: float | None = None) -> Estimate:
    r"""Estimate β, the covariances of the effects and σ.

    At given relative covariance factors Λ the best β, u and σ are known: σ̂² = ρ²/n (ML) or
    ρ²/(n − p) (REML), with ρ² the penalised residual sum of squares (pwrss). What is searched over
    is the deviance −2 log L(Λ) = n(1 + log 2πσ̂²) + log\|M\| − Σ log w, and for REML with n − p for
    n and + log\|X'V₁⁻¹X\|. Where σ is known it is n log 2πσ² + ρ²/σ² + log\|M\| − Σ log w, and for
    REML the same with n − p and the added determinant.

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.
    method : {"reml", "ml"}, default: "reml"
        Restricted maximum likelihood, or maximum likelihood.
    sigma : float, optional
        Residual SD of a row of weight one, where it is known; estimated if None. In a
        meta-analysis the weights are 1/SE², and ``sigma=1``.

    Returns
    -------
    Estimate
        Estimates with their standard errors; an SD of zero is an ordinary result.

    Raises
    ------
    ValueError
        If the method is unknown, σ is not above zero, X lacks rank, X alone or X and the effects
        fit the data exactly, one kind of effects of a term are combinations of columns of X, or a
        term has as many effects as there are rows: one per row of equal weight, or several a level.

    Warns
    -----
    ConvergenceWarning
        If the end of the search is no minimum: a further step promises a gain, or curvature is
        negative.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), equations 34 and 41; Harville
    (1974), Biometrika 61(2); Viechtbauer (2005), J. Educ. Behav. Stat. 30(3), for a known σ.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> fit = estimate(
    ...     from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff")), method="ml"
    ... )
    >>> round(fit.deviance, 6), fit.params.beta.round(3).tolist(), round(fit.params.sigma, 3)
    (327.32706, [1527.5], 49.51)
    """
    method = choice("method", method, METHODS)
    known_sigma = None if sigma is None else positive("sigma", sigma)
    reduction = as_reduction(data)
    with linalg.threads_for(reduction.widest_separator):
        return _estimate(data, reduction, method, known_sigma)


def _estimate(
    data: Data | Reduction, reduction: Reduction, method: str, known_sigma: float | None
) -> Estimate:
    """The estimates, and a warning where the search has not converged."""
    fixed_fit = _check_estimable(reduction, method, known_sigma)

    # Search over the relative covariance factors.
    optimum = search(DevianceDerivatives(reduction, method, known_sigma))
    converged = optimum.promised_gain < GAIN
    if not converged:
        message = _convergence_message(optimum.promised_gain, fixed_fit)
        warnings.warn(message, ConvergenceWarning, stacklevel=3)

    # β, its standard errors and σ follow from them.
    Lam = relative_factors(reduction, optimum.point[None])
    profiled = profile(reduction, Lam)
    if known_sigma is None:
        sigma_hat = float(np.sqrt(profiled.pwrss[0] / residual_df(reduction, method)))
    else:
        sigma_hat = known_sigma
    cov = {
        term.name: sigma_hat**2 * L[0] @ L[0].T
        for term, L in zip(reduction.layout.terms, Lam, strict=True)
    }
    beta = linalg.solve_upper_stack(profiled.R_X, profiled.t)[:, 0]
    inverse_R_X = np.linalg.inv(profiled.R_X[..., 0])
    return Estimate(
        data=data,
        params=Params(beta, cov, sigma_hat),
        se=sigma_hat * np.linalg.norm(inverse_R_X, axis=1),
        deviance=float(deviance_of(profiled, reduction, method, known_sigma)[0]),
        method=method,
        converged=converged,
        sigma_is_known=known_sigma is not None,
        evaluations=optimum.evaluations,
    )


def _check_estimable(
    reduction: Reduction, method: str, known_sigma: float | None
) -> FixedEffectsFit:
    """Raise where an estimate would mean nothing, and else say how closely X alone fits y."""
    if reduction.rank_error:
        # Of a fold: a flat prior of β is improper given y, where proper ones are not.
        raise ValueError(reduction.rank_error)
    if residual_df(reduction, method) < 1:
        raise ValueError(
            f"the fixed effects fit the data exactly, {reduction.n} rows by "
            f"{len(reduction.layout.coef)} columns, so no variance can be "
            "estimated; drop columns of X or add rows"
        )
    fixed_fit = fixed_effects_fit(reduction)
    if known_sigma is None:
        if fixed_fit.is_exact:
            raise ValueError(
                f"{fixed_fit.sentence}, so no variance can be estimated; {fixed_fit.advice}"
            )
        check_residual_df(reduction)
    check_identified(reduction, sigma_is_known=known_sigma is not None)
    return fixed_fit


def _convergence_message(promised_gain: float, fixed_fit: FixedEffectsFit) -> str:
    if fixed_fit.is_close:
        advice = fixed_fit.advice
    else:
        advice = "centre covariates that are far from zero, rescale them, or simplify terms"
    return (
        f"the search ended where a further step promises a gain of {promised_gain:.2g} in the "
        f"deviance; {advice}"
    )


class InitialScales(NamedTuple):
    """Standard deviations to start from.

    Attributes
    ----------
    sd : ndarray, shape (effects,)
        SDs of all effects, in the order of ``design.effects``.
    sigma : float
        Residual SD.
    """

    sd: np.ndarray
    sigma: float


def initial_scales(data: Data | Reduction) -> InitialScales | None:
    """SDs of all effects and of the rows near the REML optimum without correlations.

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.

    Returns
    -------
    InitialScales or None
        SDs that are good enough to start from; None where X alone fits y exactly, which leaves
        nothing to estimate them from.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> data = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    >>> scales = initial_scales(data)
    >>> scales.sd.round().tolist(), round(scales.sigma)
    ([42.0], 50)
    """
    reduction = as_reduction(data)
    df = residual_df(reduction, "reml")
    if df < 1 or fixed_effects_fit(reduction).is_exact:
        return None

    # Minimise over the diagonal entries, the others at zero.
    deviance = DevianceDerivatives(reduction, "reml")
    start = diagonal_points(reduction.layout, START_RATIOS[:1])[0]
    diagonal = np.flatnonzero(start)

    def on_diagonal(entries: np.ndarray) -> linalg.Evaluation:
        whole = np.zeros_like(start)
        whole[diagonal] = entries
        here = deviance(whole)
        hessian = here.hessian[np.ix_(diagonal, diagonal)]
        return linalg.Evaluation(here.value, here.gradient[diagonal], hessian)

    minimum = linalg.newton_minimize(on_diagonal, start[diagonal], None, ROUGH_GAIN)
    point = np.zeros((1, len(start)))
    point[0, diagonal] = minimum.x
    sigma = float(np.sqrt(profile_at(reduction, point).pwrss[0] / df))
    sds = [sigma * np.linalg.norm(Lam[0], axis=1) for Lam in relative_factors(reduction, point)]
    return InitialScales(np.concatenate(sds), sigma)
