"""Exact refits without what is left out, for whatever importance weights cannot answer."""

import numpy as np
from scipy.special import logsumexp

from lmmlib import draws as draws_
from lmmlib.held_out import set_in_draws
from lmmlib.importance import PosteriorError, posterior
from lmmlib.model import Data, Priors


def without(data: Data, rows: np.ndarray) -> Data:
    """The data without some rows, with all levels.

    Raises
    ------
    ValueError
        If what is left cannot be fitted.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> left = without(data, np.array([0]))
    >>> left.design.n, left.design.terms[0].levels
    (2, ('a', 'b'))
    """
    return data.rows(np.setdiff1d(np.arange(data.design.n), rows))


def refitted(
    data: Data, priors: Priors, rows: np.ndarray, draws: int, rng: np.random.Generator, label: str
) -> float:
    """Log density of left-out rows from a refit without them.

    log p(y_I|y_−I) by averaging p(y_I|y_−I,θ) over a posterior without the rows I, under the same
    priors.

    Raises
    ------
    PosteriorError
        If the refit fails; the message names what was left out.
    ValueError
        If the refit fails; the message names what was left out.

    Examples
    --------
    >>> from lmmlib.model import Design, ScalePrior, Term
    >>> rng = np.random.default_rng(1)
    >>> data = Data(
    ...     rng.normal(size=20),
    ...     Design(np.ones((20, 1)), [Term.grouped("g", np.repeat(list("abcd"), 5))]),
    ... )
    >>> priors = Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> bool(-15 < refitted(data, priors, np.arange(5), 1024, rng, "a") < -5)
    True
    """
    try:
        tree = posterior(
            without(data, rows), priors, max(1024, 4 * (draws // 4)), rng=rng, weighted=True
        )
    except (PosteriorError, ValueError) as error:
        raise type(error)(f"the refit without {label} failed: {error}") from error
    theta = draws_.theta(tree, data.design, same_rows=False)
    return float(logsumexp(set_in_draws(data, theta, rows) + draws_.log_weight(tree)))
