"""From what a sampler returns to draws in the one form."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.model import Data
from lmmlib.random_effects import conditional_draws


def posterior_arrays(raw: xr.DataTree) -> dict[str, np.ndarray]:
    """Those variables of a sampler's draws that the one form has, (chains, draws, …) each."""
    return {
        name: chains_first(raw.posterior[name])
        for name in draws_.VARIABLES
        if name in raw.posterior
    }


def chains_first(array: xr.DataArray) -> np.ndarray:
    """Values with the axes (chains, draws, …)."""
    return array.transpose("chain", "draw", ...).to_numpy()


def assembled(
    data: Data,
    arrays: Mapping[str, np.ndarray],
    stats: Mapping[str, np.ndarray],
    rng: np.random.Generator | None,
) -> xr.DataTree:
    """Draws in the one form; if there is an rng, u is drawn exactly, given y and the parameters.

    Parameters
    ----------
    data : Data
        Response and design.
    arrays : mapping of str to ndarray
        Draws (chains, draws, …) by name.
    stats : mapping of str to ndarray
        What NUTS noted, (chains, draws), by name.
    rng : numpy.random.Generator or None
        Generator of u; None leaves u as it is, or out.

    Returns
    -------
    xarray.DataTree
        Draws in the one form.

    References
    ----------
    Equation :eq:`eq-effects-given-y`.
    """
    tree = draws_.assemble(data, arrays, stats)
    if rng is None:
        return tree
    u = conditional_draws(data, draws_.theta(tree, data.design), rng)
    chains_and_draws = arrays["sigma"].shape
    with_u = {**arrays, "u": u.reshape(*chains_and_draws, -1)}
    return draws_.assemble(data, with_u, stats)
