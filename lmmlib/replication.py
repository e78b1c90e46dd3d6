"""Replicated responses: of the groups that were seen, or of new ones."""

import arviz_base
import numpy as np
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.design import Design
from lmmlib.simulation import draw_effects, draw_response

LEVELS = ("known", "new")


def replicate(draws: xr.DataTree, design: Design, levels: str = "known", *, rng: np.random.Generator) -> xr.DataTree:
    """One replicated response for each draw.

    ``known`` keeps each draw's own u: new rows in the groups that were seen. ``new`` draws fresh u ~ N(0, G(θ)), one
    independent draw for each level: rows of new groups of the same make. The two answer different questions.

    Parameters
    ----------
    draws : DataTree in the one form; ``known`` needs u among them
    design : Design the draws are of
    levels : ``known`` or ``new``
    rng : numpy.random.Generator

    Returns
    -------
    xarray.DataTree with ``posterior_predictive`` y (chain, draw, row) and, where the draws have it, ``observed_data``

    Raises
    ------
    ValueError  if the draws are of another design, or ``levels`` is unknown

    References
    ----------
    Gelman, Meng & Stern (1996), Statistica Sinica 6(4).

    Examples
    --------
    >>> from lmmlib.data import Data
    >>> from lmmlib.design import Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> draws = draws_.as_draws(data=data, beta=np.zeros((2, 5, 1)), sd=np.ones((2, 5, 1)), sigma=np.ones((2, 5)))
    >>> dict(replicate(draws, data.design, "new", rng=np.random.default_rng(1)).posterior_predictive.sizes)
    {'chain': 2, 'draw': 5, 'row': 3}
    """
    if levels not in LEVELS:
        raise ValueError(f"levels must be one of {', '.join(LEVELS)}, got {levels!r}")
    theta = draws_.theta(draws, design)
    u = draws_.flat(draws, "u") if levels == "known" else draw_effects(design, theta, rng)
    y = draw_response(design, theta, u, rng)
    sizes = draws.posterior.sizes
    tree = arviz_base.from_dict(
        {"posterior_predictive": {"y": y.reshape(sizes["chain"], sizes["draw"], design.n)}},
        coords={"row": np.arange(design.n)},
        dims={"y": ["row"]},
    )
    if "observed_data" in draws.children:
        tree["observed_data"] = draws.observed_data
    return tree
