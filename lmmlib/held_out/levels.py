"""The rows of a level given all others."""

from collections.abc import Iterator

import numpy as np

from lmmlib import linalg
from lmmlib.held_out import fit_to_all
from lmmlib.held_out.level_leverages import levels_by_leverage
from lmmlib.held_out.sets import set_in_draws
from lmmlib.loglik import LOG_2PI
from lmmlib.model import Data, Design, Theta


def levels_in_draws(data: Data, theta: Theta, term: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """log p(y_I|y_−I,θ), joint over the rows I of each level of a term, at S draws of θ.

    Levels without rows are passed over.

    Parameters
    ----------
    data : Data
        Response and design.
    theta : Theta
        Parameters with one leading axis of S draws.
    term : str
        Name of a grouped term.

    Yields
    ------
    levels : ndarray of int, shape (r,)
        Numbers of some of the levels.
    log_density : ndarray, shape (S, r)
        Their log densities in nats.

    Raises
    ------
    ValueError
        If there is no such term, or it is a dense one, whose levels share all rows.

    Notes
    -----
    Where no other row shares an effect with a level's rows, this is their marginal density, in the
    space of u: its cost does not depend on the number of rows. Else from the leverages of its rows
    in one factor of all rows, or, where its inverse has too many entries or most of them would be
    zero, from a factor of the other rows for each level.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> theta = Theta(np.zeros((5, 1)), (np.ones((5, 1, 1)),), np.ones(5))
    >>> [log_density.shape for _, log_density in levels_in_draws(data, theta, "g")]
    [(5, 2)]
    """
    design = data.design
    level = design.level_of_rows(term)
    component = design.components
    levels = np.unique(level)
    pairs = np.unique(np.column_stack([component, level]), axis=0)
    each_is_a_component = len(pairs) == len(np.unique(component)) == len(levels)
    if each_is_a_component:
        yield pairs[:, 1], _components_in_draws(data, theta)[:, pairs[:, 0]]
        return
    if _has_one_small_component(design):
        yield from levels_by_leverage(data, theta, level)
        return
    for number in levels:
        rows = np.flatnonzero(level == number)
        yield np.array([number]), set_in_draws(data, theta, rows)[:, None]


def _has_one_small_component(design: Design) -> bool:
    """Whether most effects are connected, and their inverse factor may be held.

    In many small components the other rows of each are few, and quickly reduced.
    """
    K = design.layout.width
    return K**2 <= fit_to_all.MAX_INVERSE_ENTRIES and 2 * design.widest_component > K


def _components_in_draws(data: Data, theta: Theta) -> np.ndarray:
    """Log density (S, components) of each component's rows; no other row shares their effects."""
    design = data.design
    components = len(design.component_partition.separator_counts)
    size = np.bincount(design.components, minlength=components)
    log_weight = np.bincount(design.components, np.log(design.weights), minlength=components)
    residual_weights = theta.residual_weights[..., None]
    S = len(theta.sigma)
    density = np.empty((S, components))
    for draws in data.reduction.chunks(S):
        Lam = theta[draws].Lam
        sigma = theta.sigma[draws]
        for arrowhead in data.component_arrowheads:
            log_det, squares = linalg.factorise_components(arrowhead, Lam, residual_weights[draws])
            n = size[arrowhead.components, None]
            log_weights = log_weight[arrowhead.components, None]
            constant = n * (LOG_2PI + 2 * np.log(sigma)) - log_weights
            of_components = -0.5 * (constant + 2 * log_det + squares / sigma**2)
            density[draws, arrowhead.components] = of_components.T
    return density
