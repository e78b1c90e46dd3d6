"""Pareto smoothing, by ArviZ, with weighted draws and draws of any efficiency."""

import arviz_stats
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

from lmmlib import draws as draws_

ROUNDING = 1e-12  # of the size of a log density: differences below it are none


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

    Notes
    -----
    ``arviz_stats.psislw`` with two additions. Draws may have weights of their own, which
    multiply the ratios before they are smoothed. Weights that differ by the rounding of their
    logarithms alone stay as they are: a tail of rounding errors has no shape.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), J. Mach. Learn. Res. 25(72).

    Examples
    --------
    >>> log_weights, k = smoothed_weights(np.random.default_rng(1).normal(size=(400, 2)))
    >>> np.exp(log_weights).sum(0).round(9).tolist(), k.shape
    ([1.0, 1.0], (2,))
    """
    # ArviZ negates the density itself; the weights of the draws go on top.
    target = log_density if log_weight is None else log_density - log_weight[:, None]
    n_draws, n_units = target.shape
    log_weights = np.full(target.shape, -np.log(n_draws))
    pareto_k = np.full(n_units, -np.inf)

    # Equal weights have no tail to smooth.
    size = np.maximum(1.0, np.abs(target).max(0))
    varies = np.ptp(target, 0) > ROUNDING * size
    if varies.any():
        smoothed, k = array_stats.psislw(target[:, varies], r_eff=r_eff, axis=0)
        log_weights[:, varies] = smoothed.T
        pareto_k[varies] = k
    return log_weights, pareto_k


def relative_efficiency(draws: xr.DataTree) -> float:
    """Mean over parameters of effective to actual draws, as ArviZ takes it for smoothing.

    Weighted draws are independent, and count in full; so does a single chain, as with ArviZ.
    """
    posterior = draws.posterior
    if posterior.sizes["chain"] == 1 or draws_.log_weight(draws) is not None:
        return 1.0
    names = [name for name in draws_.VARIABLES if name in posterior]
    ess_by_name = arviz_stats.ess(posterior.to_dataset()[names], method="mean")
    ess = np.concatenate([np.ravel(values.to_numpy()) for values in ess_by_name.data_vars.values()])
    is_finite = np.isfinite(ess)
    if not is_finite.any():
        return 1.0
    n_draws = posterior.sizes["chain"] * posterior.sizes["draw"]
    return float(ess[is_finite].mean()) / n_draws
