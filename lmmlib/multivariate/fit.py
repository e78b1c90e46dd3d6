"""Maximum likelihood and REML for several traits."""

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np

from lmmlib import linalg
from lmmlib.estimation.search import GAIN
from lmmlib.loglik import LOG_2PI
from lmmlib.model.options import choice
from lmmlib.multivariate.canonical import Canonical, diagonalized
from lmmlib.multivariate.checks import check_estimable, check_residuals, residual_factor
from lmmlib.multivariate.data import MultivariateData, checked_traits
from lmmlib.multivariate.deviance import (
    TraitModel,
    deviance_at,
    deviance_in_frame,
)
from lmmlib.multivariate.params import MultivariateParams
from lmmlib.multivariate.result import MultivariateEstimate
from lmmlib.multivariate.rotation import RotatedRows
from lmmlib.multivariate.search import search
from lmmlib.multivariate.whitened_rows import whitened

METHODS = ("reml", "ml")


@linalg.one_thread()
def estimate(data: MultivariateData, method: str = "reml") -> MultivariateEstimate:
    r"""Estimate B, G₀ and R₀.

    With B at its best, −2 log L(G₀, R₀) = Σ_k (log\|V_k\| + ρ_k²) + 2n log\|L\| + constant, with
    V_k = D_k ZAZ' + W⁻¹ the covariance of column k of YT and ρ_k² its residual sum of squares; for
    REML Σ_k log\|X'V_k⁻¹X\| is added and n − p stands for n. It is searched over triangular factors
    of G₀ and R₀, where no covariance is out of bounds.

    Parameters
    ----------
    data : MultivariateData
        Responses and design.
    method : {"reml", "ml"}, default: "reml"
        Restricted maximum likelihood, or maximum likelihood.

    Returns
    -------
    MultivariateEstimate
        Estimates with their standard errors; a singular G₀ is an ordinary result.

    Raises
    ------
    ValueError
        If the method is unknown, X or other traits determine a trait, the effects cannot be told
        from X or from the residuals, or the likelihood has its bound where a combination of traits
        has no residual variance.

    Warns
    -----
    ConvergenceWarning
        If the end of the search is no minimum: a further step promises a gain, or curvature is
        negative.

    Notes
    -----
    Slopes and curvature are exact: with e_k = V_k⁻¹(Y − XB)T_k, slopes by G₀ and R₀ are TMT' with
    M_kl = δ_kl tr(V_k⁻¹S) − e_k'Se_l and S = ZAZ' or W⁻¹ (REML: V_k⁻¹ in the trace without what X
    explains). An evaluation costs O((J + p) t² (p² + t³)).

    References
    ----------
    Meyer (1985), Biometrics 41(1), 153-165; Zhou & Stephens (2014), Nat. Methods 11(4), for rows
    rotated as well.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> one = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    >>> fit = estimate(MultivariateData(one.y[:, None], one.design), method="ml")
    >>> round(fit.deviance, 6), fit.params.G0.round(1).tolist(), fit.params.R0.round(1).tolist()
    (327.32706, [[1388.3]], [[2451.2]])
    """
    method = choice("method", method, METHODS)
    checked_traits(data)
    n, t = data.Y.shape
    p = data.design.X.shape[1]
    rows = data.rotated
    spread = residual_factor(data)
    check_estimable(rows, spread, n)

    # Search over factors of both covariances.
    model = TraitModel(rows, n, is_restricted=method == "reml")
    deviance = partial(deviance_in_frame, model)
    optimum = search(deviance, rows, spread, n)
    check_residuals(deviance, optimum.factors)
    converged = optimum.promised_gain < GAIN
    if not converged:
        warnings.warn(
            "the search ended where a further step promises a gain of "
            f"{optimum.promised_gain:.2g} in the deviance; drop traits or rescale the columns of X",
            linalg.ConvergenceWarning,
            stacklevel=3,
        )  # past the decorator

    # B and its standard errors follow from them.
    G0_factor, R0_chol = optimum.factors
    fixed = _fixed_effects(rows, diagonalized(G0_factor, R0_chol))
    params = MultivariateParams(fixed.B, G0_factor @ G0_factor.T, R0_chol @ R0_chol.T)
    columns_integrated = p if method == "reml" else 0
    constant = t * ((n - columns_integrated) * LOG_2PI - data.log_weights)
    return MultivariateEstimate(
        data=data,
        params=params,
        se=fixed.se,
        deviance=constant + deviance_at(deviance, optimum.factors),
        method=method,
        converged=converged,
    )


@dataclass(frozen=True, eq=False)
class FixedEffects:
    """Generalised least-squares estimates at given covariances.

    Attributes
    ----------
    B : ndarray, shape (p, t)
        Estimates.
    se : ndarray, shape (p, t)
        Their standard errors.
    """

    B: np.ndarray
    se: np.ndarray


def _fixed_effects(rows: RotatedRows, independent: Canonical) -> FixedEffects:
    """The best B and its standard errors: those of the columns of YT, transformed back."""
    back = np.linalg.inv(independent.transform)
    by_trait = whitened(rows, independent)
    projected = np.einsum("krp,kr->kp", by_trait.Q, by_trait.y)[..., None]
    of_canonical_traits = np.linalg.solve(by_trait.R, projected)[..., 0]
    variances = np.sum(np.linalg.inv(by_trait.R) ** 2, -1)  # of canonical traits, (t, p)
    return FixedEffects(of_canonical_traits.T @ back, np.sqrt(variances.T @ back**2))
