"""Plain arrays out of draws: a variable, all parameters, weights."""

import numpy as np
import xarray as xr

from lmmlib import linalg
from lmmlib.draws.correlations import correlation_matrices, split_pairs
from lmmlib.draws.validation import check_data, check_design, checked_tree
from lmmlib.model import Data, Design, Theta


def flat(draws: xr.DataTree, name: str) -> np.ndarray:
    """A variable of the posterior with chains and draws in one leading axis.

    Parameters
    ----------
    draws : xarray.DataTree
        Draws in the one form.
    name : str
        Name of the variable.

    Returns
    -------
    ndarray, shape (S, ...)
        Its draws, chain after chain.

    Raises
    ------
    TypeError
        If draws are none.
    ValueError
        If the variable is not among the draws.

    Notes
    -----
    The numbers of ``arviz_base.extract(draws, var_names=name)``, which stacks a copy with the draws
    in the last axis; this is a view of them in the first, as u of many levels has billions.

    Examples
    --------
    >>> posterior = xr.Dataset({"sigma": (("chain", "draw"), [[1.0, 2.0], [3.0, 4.0]])})
    >>> flat(xr.DataTree.from_dict({"posterior": posterior}), "sigma").tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    posterior = checked_tree(draws).posterior
    if name not in posterior:
        raise ValueError(f"the draws have no {name!r}, only {', '.join(posterior.data_vars)}")
    values = posterior[name].transpose("chain", "draw", ...).to_numpy()
    return values.reshape(-1, *values.shape[2:])


def theta(
    draws: xr.DataTree,
    design: Design,
    same_rows: bool = True,
    chosen: slice | np.ndarray = slice(None),
) -> Theta:
    """Parameters of all chains, or of chosen draws, in arrays with one leading axis.

    Parameters
    ----------
    draws : xarray.DataTree
        Draws in the one form.
    design : Design
        Design that the draws are of.
    same_rows : bool, default: True
        Whether the rows must be those that the draws are of.
    chosen : slice or ndarray, optional
        Which draws, among those of all chains; all if left out.

    Returns
    -------
    Theta
        Fixed effects, Cholesky factors of the effects' covariances, and residual SDs.

    Raises
    ------
    ValueError
        If the draws are of another design.

    Examples
    --------
    >>> from lmmlib.model import Data, Term
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
    sigma = flat(draws, "sigma")[chosen]
    beta = flat(draws, "beta")[chosen] if design.coef else np.zeros((len(sigma), 0))
    sd = flat(draws, "sd")[chosen]
    cor = flat(draws, "cor")[chosen] if design.pairs else np.zeros((1, 0))
    ends = np.cumsum([len(term.effects) for term in design.terms])
    sd_of_terms = np.split(sd, ends[:-1], axis=1)
    pairs_of_terms = split_pairs(design.terms, cor)
    chols = []
    for term, sd_k, pairs in zip(design.terms, sd_of_terms, pairs_of_terms, strict=True):
        correlation_chol = linalg.cholesky_semidefinite(correlation_matrices(term, pairs))
        chols.append(sd_k[:, :, None] * correlation_chol)
    return Theta(beta, tuple(chols), sigma)


def log_weight(draws: xr.DataTree) -> np.ndarray | None:
    """Log weights of the draws, normalised, or None where all count alike.

    Parameters
    ----------
    draws : xarray.DataTree
        Draws in the one form.

    Returns
    -------
    ndarray, shape (S,), or None
        Log weights, chain after chain.
    """
    draws = checked_tree(draws)
    if "sample_stats" not in draws.children or "log_weight" not in draws.sample_stats:
        return None
    weights = draws.sample_stats["log_weight"].transpose("chain", "draw").to_numpy().ravel()
    return weights - np.logaddexp.reduce(weights)
