"""Log densities of a response: given the effects, and with the effects integrated out.

In nats.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmmlib.model import Data, Params, Reduction, Theta, as_reduction, frozen_array
from lmmlib.model.params import checked_params

LOG_2PI = float(np.log(2 * np.pi))


def conditional(data: Data | Reduction, params: Params, u: object) -> float:
    r"""Log density of y given the effects u.

    log p(y|u,θ) = −½ [ n log 2πσ² − Σ log w + \|W^½(y − offset − Xβ − Zu)\|² / σ² ]

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.
    params : Params
        Their covariances play no part.
    u : array_like, shape (K,)
        Effects in the order of ``design.ranef``.

    Returns
    -------
    float
        Value in nats.

    Raises
    ------
    ValueError
        If sizes or names do not fit.

    References
    ----------
    Equation :eq:`eq-conditional-density`.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> round(conditional(Data([1.0, 2.0], design), Params([0.0], {"g": 1.0}, 1.0), [1.0, 1.0]), 6)
    -2.337877
    """
    reduction = as_reduction(data)
    layout, theta = reduction.layout, checked_params(params).theta(reduction.layout)
    u = frozen_array("u", u, (layout.width,), "one entry per effect, see design.ranef")
    if isinstance(data, Data):
        residual = np.sqrt(data.design.weights) * (
            data.y - data.design.fixed_part(theta.beta) - data.design.random_part(u)
        )
    else:
        Z, B = data.rows
        residual = B[:, -1] - B[:, :-1] @ theta.beta - Z @ layout.with_independent_levels(u)
    return float(-0.5 * (_constant(reduction, theta.sigma) + np.sum((residual / theta.sigma) ** 2)))


def conditional_in_draws(data: Data, theta: Theta, u: np.ndarray) -> np.ndarray:
    """log p(y_i|u,θ) of each row for S draws of θ and u (S, K): (S, n).

    Func:`conditional` is their sum.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> once = Params([0.0], {"g": 1.0}, 1.0).theta(data.design).repeat(1)
    >>> conditional_in_draws(data, once, np.ones((1, 2))).round(6).tolist()
    [[-0.918939, -1.418939]]
    """
    residual = data.y - data.design.fixed_part(theta.beta) - data.design.random_part(u)
    return log_normal(residual, theta.sigma[:, None] ** 2 / data.design.weights)


def log_normal(residual: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """log N(residual; 0, variance), entry by entry.

    Examples
    --------
    >>> float(log_normal(np.array(0.0), np.array(1.0)).round(6))
    -0.918939
    """
    return -0.5 * (LOG_2PI + np.log(variance) + residual**2 / variance)


def marginal(data: Data | Reduction, params: Params) -> float:
    r"""Log density of y with the effects integrated out.

    log p(y|θ) = −½ [ n log 2πσ² − Σ log w + log\|M\| + min over s of (\|W^½(r − ZΛs)\|² + \|s\|²) /
    σ² ],
    with r = y − offset − Xβ and M = Λ'Z'WZΛ + I.

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.
    params : Params
        A zero SD is allowed.

    Returns
    -------
    float
        Value in nats.

    Raises
    ------
    ValueError
        If sizes or names do not fit.

    Notes
    -----
    A least sum of squares, not r'r minus a square: the difference loses eight digits at τ/σ = 1e4.
    The rows are read once, when ``data`` is first used; after that the cost is O(K q²) for blocks
    of q columns.

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), J. Stat. Softw. 67(1), section 3; equation
    :eq:`eq-penalised`.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> round(marginal(Data([1.0, 2.0], design), Params([0.0], {"g": 3.0}, 1.0)), 6)
    -3.849171
    """
    reduction = as_reduction(data)
    return float(
        log_density(reduction, checked_params(params).theta(reduction.layout).repeat(1))[0]
    )


def log_density(data: Data | Reduction, theta: Theta) -> np.ndarray:
    """log p(y|θ) of :func:`marginal` for S values of θ in arrays: (S,).

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> log_density(data, Theta(np.zeros((3, 1)), (np.ones((3, 1, 1)),), np.ones(3))).shape
    (3,)
    """
    reduction = as_reduction(data)
    parts = []
    for chunk in reduction.chunks(len(theta.sigma)):
        part = theta[chunk]
        factor = reduction.given(part)
        squares = (factor.rest[0, 0] / part.sigma) ** 2
        parts.append(-0.5 * (_constant(reduction, part.sigma) + 2 * factor.log_det + squares))
    return np.concatenate(parts)


def restricted(data: Data | Reduction, params: Params) -> float:
    r"""Log density of y with the effects integrated out, and β too under a flat prior.

    The likelihood of REML.

    log ∫ p(y|β,θ) dβ = −½ [ (n − p) log 2πσ² − Σ log w + log|M| + log|X'V₁⁻¹X| + ρ²/σ² ], with V₁ =
    V/σ² and ρ² the least penalised sum of squares over u and β.

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.
    params : Params
        Its β plays no part.

    Returns
    -------
    float
        Log density in nats; densities of responses that differ in X are not comparable.

    Raises
    ------
    ValueError
        If sizes or names do not fit, or X lacks rank, as it may in a fold.

    References
    ----------
    Patterson & Thompson (1971), Biometrika 58(3); Harville (1974), Biometrika 61(2).

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> round(restricted(Data([1.0, 2.0], design), Params([0.0], {"g": 3.0}, 1.0)), 6)
    -2.021159
    """
    reduction = as_reduction(data)
    if (
        reduction.rank_error
    ):  # of a fold: a flat prior of β is improper given y, where proper ones are not
        raise ValueError(reduction.rank_error)
    theta = checked_params(params).theta(reduction.layout).repeat(1)
    at = profile(reduction, theta.Lam)
    constant = (reduction.n - theta.beta.shape[1]) * (
        LOG_2PI + 2 * np.log(theta.sigma)
    ) - reduction.log_weights
    return float(
        -0.5 * (constant + 2 * (at.log_det + at.log_det_fixed) + at.pwrss / theta.sigma**2)[0]
    )


@dataclass(frozen=True, eq=False)
class Profile:
    """What is left when u and β are at their best for S given ratios Λ.

    Attributes
    ----------
    R_X : ndarray, shape (p, p, S)
        Upper, R_X'R_X = X'V₁⁻¹X.
    t : ndarray, shape (p, S)
        With β̂ = R_X⁻¹t, of the chosen columns of X.
    pwrss : ndarray, shape (S,)
        Penalised sum of squares ρ² at β̂ and û.
    log_det : ndarray, shape (S,)
        Half log determinant, ½ log|M|.
    log_det_fixed : ndarray, shape (S,)
        Log determinant log|R_X|.
    """

    R_X: np.ndarray
    t: np.ndarray
    pwrss: np.ndarray
    log_det: np.ndarray
    log_det_fixed: np.ndarray


def profile(
    reduction: Reduction, Lam: Sequence[np.ndarray], columns: np.ndarray | None = None
) -> Profile:
    """Eliminate the effects block by block, then β, for ratios Λ_k (S, q, q).

    With ``columns``, numbers of columns of X, of these alone: those that are independent reach all
    that X reaches.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> profile(data.reduction, [np.zeros((1, 1, 1))]).pwrss.round(12).tolist()
    [0.5]
    """
    sides = None
    if columns is not None:
        p = len(reduction.layout.coef)
        chosen = np.eye(p + 1)[:, [*columns, p]]
        sides = np.broadcast_to(chosen, (len(Lam[0]), *chosen.shape))
    factor = reduction.factorise(Lam, sides)
    T = factor.rest
    log_det_fixed = np.log(np.abs(np.einsum("jjs->js", T[:-1, :-1]))).sum(0)
    return Profile(T[:-1, :-1], T[:-1, -1], T[-1, -1] ** 2, factor.log_det, log_det_fixed)


def _constant(reduction: Reduction, sigma: np.ndarray) -> np.ndarray:
    """Terms of the density that both formulations share."""
    return reduction.n * (LOG_2PI + 2 * np.log(sigma)) - reduction.log_weights
