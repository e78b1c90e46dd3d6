"""Log densities of a response: given the effects, and with the effects integrated out. In nats."""

import numpy as np

from lmmlib.data import Data
from lmmlib.design import Params, Theta, frozen_array

LOG_2PI = float(np.log(2 * np.pi))


def conditional(data: Data, params: Params, u: object) -> float:
    r"""Log density of y given the effects u.

    log p(y|u,θ) = −½ [ n log 2πσ² − Σ log w + |W^½(y − Xβ − Zu)|² / σ² ]

    Parameters
    ----------
    data : Data
    params : Params; their covariances play no part
    u : (K,) effects in the order of ``design.ranef``

    Returns
    -------
    float, nats

    Raises
    ------
    ValueError  if sizes or names do not fit

    References
    ----------
    :eq:`eq-conditional-density`.

    Examples
    --------
    >>> from lmmlib.design import Design, Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> round(conditional(Data([1.0, 2.0], design), Params([0.0], {"g": 1.0}, 1.0), [1.0, 1.0]), 6)
    -2.337877
    """
    design, theta = data.design, params.theta(data.design)
    u = frozen_array("u", u, (design.Z.shape[1],), "one entry an effect, see design.ranef")
    residual = data.y - design.fixed_part(theta.beta) - design.random_part(u)
    squares = np.sum(design.weights * residual**2)
    return float(-0.5 * (_constant(data, theta) + squares / theta.sigma**2))


def marginal(data: Data, params: Params) -> float:
    r"""Log density of y with the effects integrated out.

    log p(y|θ) = −½ [ n log 2πσ² − Σ log w + log|M| + min over s of (|W^½(y − Xβ − ZΛs)|² + |s|²) / σ² ],
    with M = Λ'Z'WZΛ + I.

    Parameters
    ----------
    data : Data
    params : Params; a zero SD is allowed

    Returns
    -------
    float, nats

    Raises
    ------
    ValueError  if sizes or names do not fit

    Notes
    -----
    A least sum of squares, not r'r minus a square: the difference loses eight digits at τ/σ = 1e4. The rows are
    read once, when ``data`` is first used; after that the cost is O(K q²) for blocks of q columns.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), section 3; :eq:`eq-penalised`.

    Examples
    --------
    >>> from lmmlib.design import Design, Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> round(marginal(Data([1.0, 2.0], design), Params([0.0], {"g": 3.0}, 1.0)), 6)
    -3.849171
    """
    return float(log_density(data, params.theta(data.design)))


def log_density(data: Data, theta: Theta) -> np.ndarray:
    """log p(y|θ) of :func:`marginal` for θ in arrays, along their leading axes.

    Examples
    --------
    >>> from lmmlib.design import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> log_density(data, Theta(np.zeros((3, 1)), (np.ones((3, 1, 1)),), np.ones(3))).shape
    (3,)
    """
    reduction = data.reduction
    rest = reduction.rest[..., -1] - theta.beta @ reduction.rest[..., :-1].T
    log_det, squares = 0.0, np.sum(rest**2, -1)
    for block in reduction.blocks:
        R, _, least = block.solve(theta)
        log_det += np.sum(np.log(np.abs(np.einsum("...jj->...j", R))), (-1, -2))
        squares += np.sum(least, -1)
    return -0.5 * (_constant(data, theta) + 2 * log_det + squares / theta.sigma**2)


def _constant(data: Data, theta: Theta) -> np.ndarray:
    """Terms of the density that both formulations share."""
    design = data.design
    return design.n * (LOG_2PI + 2 * np.log(theta.sigma)) - data.reduction.log_weights
