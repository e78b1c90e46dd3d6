"""What is read from draws: flat arrays, parameters, weights."""

import numpy as np
import xarray as xr

from lmmlib import linalg
from lmmlib.draws.checks import check_data, check_design, checked_tree
from lmmlib.draws.correlations import matrices_of_pairs
from lmmlib.model import Data, Design, Theta


def theta(
    draws: xr.DataTree,
    design: Design,
    same_rows: bool = True,
    chosen: slice | np.ndarray = slice(None),
) -> Theta:
    """Parameters of all chains, or of chosen draws, in arrays with one leading axis.

    Of other rows of the design, if asked.

    Raises
    ------
    ValueError
        If the draws are of another design.

    Examples
    --------
    >>> from lmmlib.model import Data
    >>> from lmmlib.model import Term
    >>> from lmmlib.draws import as_draws
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> draws = as_draws(
    ...     data=data, beta=np.zeros((2, 5, 1)), sd=np.ones((2, 5, 1)), sigma=np.ones((2, 5))
    ... )
    >>> theta(draws, data.design).effect_chols[0].shape
    (10, 1, 1)
    """
    check_design(draws, design, same_rows)
    return _theta(draws, design, chosen)


def theta_of_data(draws: xr.DataTree, data: Data) -> Theta:
    """Parameters of all draws, if they are draws of the posterior given these data.

    Raises
    ------
    ValueError
        If the draws are of the prior, of another response or of another design.
    """
    check_data(draws, data)
    return _theta(draws, data.design, slice(None))


def _theta(draws: xr.DataTree, design: Design, chosen: slice | np.ndarray) -> Theta:
    """Parameters of chosen draws, which are known to be of the design."""
    sd = flat(draws, "sd")[chosen]
    cor = flat(draws, "cor")[chosen] if design.pairs else np.zeros((1, 0))
    roots = []
    first = 0
    first_pair = 0
    for t in design.terms:
        q = len(t.effects)
        pairs = cor[:, first_pair : first_pair + len(t.pairs)]
        roots.append(
            sd[:, first : first + q, None]
            * linalg.cholesky_semidefinite(matrices_of_pairs(t, pairs))
        )
        first += q
        first_pair += len(t.pairs)
    sigma = flat(draws, "sigma")[chosen]
    beta = flat(draws, "beta")[chosen] if len(design.coef) else np.zeros((len(sigma), 0))
    return Theta(beta, tuple(roots), sigma)


def flat(draws: xr.DataTree, name: str) -> np.ndarray:
    """A variable of the posterior with chains and draws in one leading axis.

    Raises
    ------
    TypeError
        If draws are none.
    ValueError
        If it is not among the draws.
    """
    draws = checked_tree(draws)
    if name not in draws.posterior:
        raise ValueError(f"the draws have no {name!r}, only {', '.join(draws.posterior.data_vars)}")
    values = draws.posterior[name].transpose("chain", "draw", ...).to_numpy()
    return values.reshape(-1, *values.shape[2:])


def log_weight(draws: xr.DataTree) -> np.ndarray | None:
    """Log weights of the draws (S,), normalised, or None where all count alike."""
    draws = checked_tree(draws)
    if "sample_stats" not in draws.children or "log_weight" not in draws.sample_stats:
        return None
    weights = draws.sample_stats["log_weight"].transpose("chain", "draw").to_numpy().ravel()
    return weights - np.logaddexp.reduce(weights)
