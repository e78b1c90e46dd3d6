"""Pareto smoothing, by ArviZ, with weighted draws and draws of any efficiency."""

import arviz_stats
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

from lmmlib import draws as draws_


def smoothed_weights(
    log_density: np.ndarray, r_eff: float = 1.0, log_weight: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Pareto-smoothed weights proportional to one over a density, by ArviZ.

    Parameters
    ----------
    log_density : ndarray, shape (S, n)
        Log density of what is left out, for S draws.
    r_eff : float, default: 1.0
        Effective draws per draw.
    log_weight : ndarray, shape (S,), optional
        Log weights of the draws themselves, where they are weighted.

    Returns
    -------
    log_weights : ndarray, shape (S, n)
        Log weights; the weights of each column sum to one.
    pareto_k : ndarray, shape (n,)
        Pareto k, −inf where all weights are equal.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), J. Mach. Learn. Res. 25(72).

    Examples
    --------
    >>> log_weights, k = smoothed_weights(np.random.default_rng(1).normal(size=(400, 2)))
    >>> np.exp(log_weights).sum(0).round(9).tolist(), k.shape
    ([1.0, 1.0], (2,))
    """
    target = log_density if log_weight is None else log_density - log_weight[:, None]
    log_weights, k = np.full(target.shape, -np.log(len(target))), np.full(target.shape[1], -np.inf)
    vary = np.ptp(target, 0) > 1e-12 * np.maximum(
        1.0, np.abs(target).max(0)
    )  # equal weights have no tail to smooth
    if vary.any():
        smooth, k[vary] = array_stats.psislw(
            target[:, vary], r_eff=r_eff, axis=0
        )  # it negates the density itself
        log_weights[:, vary] = smooth.T
    return log_weights, k


def relative_efficiency(draws: xr.DataTree) -> float:
    """Mean over parameters of effective to actual draws, as ArviZ takes it for smoothing.

    One chain counts as one.
    """
    posterior = draws.posterior
    if posterior.sizes["chain"] == 1 or draws_.log_weight(draws) is not None:
        return 1.0
    names = [name for name in draws_.VARIABLES if name in posterior]
    ess = arviz_stats.ess(posterior.to_dataset()[names], method="mean")
    found = np.concatenate([np.ravel(v.to_numpy()) for v in ess.data_vars.values()])
    found = found[np.isfinite(found)]
    return (
        float(found.mean()) / (posterior.sizes["chain"] * posterior.sizes["draw"])
        if len(found)
        else 1.0
    )
