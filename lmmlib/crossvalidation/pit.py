"""Probability integral transforms of left-out rows, in closed form."""

import numpy as np
import xarray as xr
from scipy.special import ndtr

from lmmlib import draws as draws_
from lmmlib import linalg
from lmmlib.crossvalidation.smoothing import relative_efficiency, smoothed_weights
from lmmlib.held_out import row_predictions
from lmmlib.loglik import log_normal
from lmmlib.model import Data, checked_data


@linalg.one_thread()
def loo_pit(draws: xr.DataTree, data: Data) -> xr.DataArray:
    r"""P(ỹ_i ≤ y_i|y_−i) of each row: uniform over rows if the model predicts as it should.

    The predictive distribution of row i from all others is a mixture over draws of normals N(y_i −
    e_i, σ²v_i/w_i), weighted by the smoothed 1/p(y_i|y_−i,θ): Σ_s w_s Φ(e_is √w_i / (σ_s √v_is)).

    Parameters
    ----------
    draws : xarray.DataTree
        Draws in the one form, of any engine.
    data : Data
        Data the draws are of.

    Returns
    -------
    xarray.DataArray
        Values within 0 and 1, with dimension ``row``.

    Raises
    ------
    TypeError
        If draws or data are of another kind.
    ValueError
        If the draws are of other data, or the model was added to on u or y.

    References
    ----------
    Gelfand, Dey & Chang (1992), Bayesian Statistics 4; Marshall & Spiegelhalter (2007), Bayesian
    Anal. 2(2); equation :eq:`eq-left-out`.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data(
    ...     [0.0, 0.0, 0.0, 0.0], Design(np.ones((4, 1)), [Term.grouped("g", list("aabb"))])
    ... )
    >>> ones = np.ones((2, 50))
    >>> draws = draws_.as_draws(data=data, beta=0 * ones[..., None], sd=ones[..., None], sigma=ones)
    >>> loo_pit(draws, data).to_numpy().round(9).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    draws = draws_.checked_tree(draws)
    theta = draws_.theta_of_data(draws, checked_data(data))
    draws_.check_additions(draws, integrates_u=True)
    r_eff = relative_efficiency(draws)
    log_weight = draws_.log_weight(draws)
    n = data.design.n
    pit = np.empty(n)
    for part in row_predictions(data, theta):
        variance = theta.sigma[:, None] ** 2 * part.variance
        log_weights, _ = smoothed_weights(log_normal(part.residual, variance), r_eff, log_weight)
        below = ndtr(part.residual / np.sqrt(variance))
        pit[part.rows] = np.sum(np.exp(log_weights) * below, 0)
    # Weights sum to one up to rounding.
    return xr.DataArray(np.clip(pit, 0.0, 1.0), coords={"row": np.arange(n)}, name="loo_pit")
