"""Exact refits without what is left out, for whatever importance weights cannot answer."""

import numpy as np

from lmmlib import draws as draws_
from lmmlib.held_out import set_in_draws
from lmmlib.importance import PosteriorError, posterior
from lmmlib.model import Data, Priors

MIN_DRAWS = 1024


def without_rows(data: Data, rows: np.ndarray) -> Data:
    """The data without some rows, with all levels.

    Raises
    ------
    ValueError
        If what is left cannot be fitted.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> remaining = without_rows(data, np.array([0]))
    >>> remaining.design.n, remaining.design.terms[0].levels
    (2, ('a', 'b'))
    """
    return data.rows(np.setdiff1d(np.arange(data.design.n), rows))


def refit_log_density(
    data: Data, priors: Priors, rows: np.ndarray, draws: int, rng: np.random.Generator, label: str
) -> float:
    """Log density of left-out rows from a refit without them.

    log p(y_I|y_−I) by averaging p(y_I|y_−I,θ) over a posterior without the rows I, under the same
    priors.

    Parameters
    ----------
    data : Data
        Data, the rows that are left out among them.
    priors : Priors
        Prior distributions of the parameters.
    rows : ndarray of int, shape (m,)
        Numbers of the rows that are left out.
    draws : int
        Number of draws of the refit: at least 1,024, and rounded down to a multiple of four.
    rng : numpy.random.Generator
        Generator of the refit.
    label : str
        What is left out, for the message of an error.

    Returns
    -------
    float
        Value in nats.

    Raises
    ------
    PosteriorError
        If the refit fails; the message names what was left out.
    ValueError
        If what is left cannot be fitted; the message names what was left out.

    Examples
    --------
    >>> from lmmlib.model import Design, ScalePrior, Term
    >>> rng = np.random.default_rng(1)
    >>> data = Data(
    ...     rng.normal(size=20),
    ...     Design(np.ones((20, 1)), [Term.grouped("g", np.repeat(list("abcd"), 5))]),
    ... )
    >>> priors = Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> bool(-15 < refit_log_density(data, priors, np.arange(5), 1024, rng, "a") < -5)
    True
    """
    n_draws = max(MIN_DRAWS, 4 * (draws // 4))
    try:
        tree = posterior(without_rows(data, rows), priors, n_draws, rng=rng, weighted=True)
    except (PosteriorError, ValueError) as error:
        raise type(error)(f"the refit without {label} failed: {error}") from error
    theta = draws_.theta(tree, data.design, same_rows=False)
    log_weight = draws_.log_weight(tree)
    return float(np.logaddexp.reduce(set_in_draws(data, theta, rows) + log_weight))
