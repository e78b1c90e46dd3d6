"""Standard errors of variance parameters, from the curvature of the deviance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lmmlib import linalg
from lmmlib.estimation.full_deviance import FullDeviance
from lmmlib.estimation.tables import variance_table
from lmmlib.model import Params, Reduction


def variance_errors(
    reduction: Reduction, params: Params, method: str, sigma_is_known: bool
) -> pd.DataFrame:
    """The table of variance components with standard errors.

    The covariance of (x, log σ) is twice the inverse of the deviance's Hessian H, the variance of a
    component with derivatives c is 2 c'H⁻¹c (delta method).

    Parameters
    ----------
    reduction : Reduction
        Response and design, reduced.
    params : Params
        The estimates, no SD zero and no correlation one in modulus.
    method : {"reml", "ml"}
        What they were found by.
    sigma_is_known : bool
        Whether σ was given: its error is then zero.

    Returns
    -------
    pandas.DataFrame
        Columns of ``varcorr``, then ``se_vcov`` and ``se_sdcor``.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> data = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    >>> params = Params([1527.5], {"Batch": 1764.05}, 49.5101)
    >>> errors = variance_errors(data.reduction, params, "reml", sigma_is_known=False)
    >>> errors.se_sdcor.round(2).tolist()
    [17.06, 7.15]
    """
    deviance = FullDeviance(reduction, method)
    x = deviance.point(params)
    free = slice(None, -1 if sigma_is_known else None)
    covariance = np.zeros((len(x), len(x)))
    with linalg.threads_for(reduction.widest_separator):
        hessian = deviance(x).hessian[free, free]
    covariance[free, free] = 2 * np.linalg.inv(hessian)
    vcov_slopes, sdcor_slopes = _slopes(deviance, x)
    table = variance_table(reduction.layout, params)
    table["se_vcov"] = _errors(vcov_slopes, covariance)
    table["se_sdcor"] = _errors(sdcor_slopes, covariance)
    return table


def errors_of_singular(sentences: Sequence[str]) -> str:
    """Why a singular fit has no standard errors of variances.

    Examples
    --------
    >>> errors_of_singular(["the SD of g: x1 is zero"])[:69]
    'a singular fit has no standard errors of variances (the SD of g: x1 i'
    """
    return (
        f"a singular fit has no standard errors of variances ({'; '.join(sentences)}); take "
        "conf_int(parm='variances', method='profile')"
    )


def _errors(slopes: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Standard errors (m,) of functions with derivatives (m, d)."""
    return np.sqrt(np.einsum("ca,ab,cb->c", slopes, covariance, slopes))


def _slopes(deviance: FullDeviance, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of the components (m,) in x (d + 1,): of ``vcov`` and of ``sdcor``."""
    variance = np.exp(2 * x[-1])
    Lam = deviance.factors(x[:-1])
    of_vcov = []
    of_sdcor = []
    for k, term in enumerate(deviance.layout.terms):
        cov = variance * Lam[k] @ Lam[k].T
        q = len(cov)
        changes = np.zeros((q, q, len(x)))  # of the covariance
        changes[..., -1] = 2 * cov
        of_term = deviance.entries[k]
        slopes = variance * deviance.scales[of_term.place]
        changes[..., of_term.place] = np.moveaxis(of_term.changes(Lam[k]), 0, -1) * slopes
        sds = np.sqrt(np.diag(cov))
        relative = changes / np.outer(sds, sds)[..., None]
        for i in range(q):
            of_vcov.append(changes[i, i])
            of_sdcor.append(0.5 * sds[i] * relative[i, i])
        for i, j in term.pairs:
            correlation = cov[i, j] / (sds[i] * sds[j])
            of_vcov.append(changes[i, j])
            shrinkage = 0.5 * correlation * (relative[i, i] + relative[j, j])
            of_sdcor.append(relative[i, j] - shrinkage)
    of_log_sigma = np.eye(len(x))[-1]
    of_vcov.append(2 * variance * of_log_sigma)
    of_sdcor.append(np.sqrt(variance) * of_log_sigma)
    return np.array(of_vcov), np.array(of_sdcor)
