"""Log density of several traits, through univariate models."""

import numpy as np

from lmmlib.loglik import LOG_2PI
from lmmlib.multivariate.canonical import canonical
from lmmlib.multivariate.data import MultivariateData, checked_traits
from lmmlib.multivariate.params import MultivariateParams


def log_density(data: MultivariateData, params: MultivariateParams) -> float:
    r"""log p(Y|B,G₀,R₀).

    The marginal log densities of the t columns of YT, less n log\|L\| for the change of variables.

    Parameters
    ----------
    data : MultivariateData
        Responses and design.
    params : MultivariateParams
        A singular G₀ is allowed.

    Returns
    -------
    float
        Value in nats.

    Raises
    ------
    ValueError
        If sizes do not fit.

    Notes
    -----
    The rows are read once, when ``data`` is first used; after that the cost is O((J + p + t) t (p +
    t)).

    References
    ----------
    Meyer (1985), Biometrics 41(1); equation :eq:`eq-penalised` for each column.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = MultivariateData(
    ...     [[1.0, 0.0], [2.0, 0.0]], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    ... )
    >>> round(log_density(data, MultivariateParams([[0.0, 0.0]], [[3, 0], [0, 0]], np.eye(2))), 6)
    -5.687048
    """
    checked_traits(data).check(params)
    n, t = data.Y.shape
    rows = data.rotated
    independent = canonical(params)
    variance = 1 + np.outer(rows.s**2, independent.D)
    squares = ((rows.Y - rows.X @ params.B) @ independent.transform) ** 2
    constant = n * t * LOG_2PI + 2 * n * independent.log_det - t * data.log_weights
    return float(-0.5 * (constant + np.sum(np.log(variance) + squares / variance)))
