"""Log densities of a response in nats: given the effects, and with the effects integrated out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lmmlib.model import Data, Params, Reduction, Theta, as_reduction, frozen_array
from lmmlib.model.params import checked_params

LOG_2PI = float(np.log(2 * np.pi))


def conditional(data: Data | Reduction, params: Params, u: ArrayLike) -> float:
    r"""Log density of y given the effects u.

    log p(y|u,θ) = −½ [ n log 2πσ² − Σ log w + \|W^½(y − offset − Xβ − Zu)\|² / σ² ]

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.
    params : Params
        Fixed effects and residual SD; the covariances play no part.
    u : array_like, shape (K,)
        Effects in the order of ``design.ranef``.

    Returns
    -------
    float
        Log density in nats.

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
    layout = reduction.layout
    theta = checked_params(params).theta(layout)
    u = frozen_array("u", u, (layout.width,), "one entry per effect, see design.ranef")
    if isinstance(data, Data):
        residual = data.y - data.design.fixed_part(theta.beta) - data.design.random_part(u)
        whitened = np.sqrt(data.design.weights) * residual
    else:
        Z, B = data.rows
        whitened = B[:, -1] - B[:, :-1] @ theta.beta - Z @ layout.with_independent_levels(u)
    squares = np.sum((whitened / theta.sigma) ** 2)
    return float(-0.5 * (_constant(reduction, theta.sigma) + squares))


def conditional_in_draws(data: Data, theta: Theta, u: np.ndarray) -> np.ndarray:
    """log p(y_i|u,θ) of each row at S draws of θ and u; they add up to log p(y|u,θ).

    Parameters
    ----------
    data : Data
        Response and design.
    theta : Theta
        Parameters with one leading axis of S draws.
    u : ndarray, shape (S, K)
        Effects of each draw, in the order of ``design.ranef``.

    Returns
    -------
    ndarray, shape (S, n)
        Log densities in nats.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> theta = Params([0.0], {"g": 1.0}, 1.0).theta(data.design).repeat(1)
    >>> conditional_in_draws(data, theta, np.ones((1, 2))).round(6).tolist()
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

    log p(y|θ) = −½ [ n log 2πσ² − Σ log w + log\|M\| + ρ²/σ² ],
    ρ² = min over s of \|W^½(r − ZΛs)\|² + \|s\|²,

    with r = y − offset − Xβ and M = Λ'Z'WZΛ + I.

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.
    params : Params
        Fixed effects, covariances of the effects and residual SD; a zero SD is allowed.

    Returns
    -------
    float
        Log density in nats.

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
    theta = checked_params(params).theta(reduction.layout).repeat(1)
    return float(marginal_in_draws(reduction, theta)[0])


def marginal_in_draws(data: Data | Reduction, theta: Theta) -> np.ndarray:
    """log p(y|θ) at S draws of θ.

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.
    theta : Theta
        Parameters with one leading axis of S draws.

    Returns
    -------
    ndarray, shape (S,)
        Log densities in nats.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> theta = Params([0.0], {"g": 3.0}, 1.0).theta(data.design).repeat(2)
    >>> marginal_in_draws(data, theta).round(6).tolist()
    [-3.849171, -3.849171]
    """
    reduction = as_reduction(data)
    densities = []
    for chunk in reduction.chunks(len(theta.sigma)):
        part = theta[chunk]
        factor = reduction.given(part)
        squares = (factor.rhs_triangle[0, 0] / part.sigma) ** 2
        constant = _constant(reduction, part.sigma)
        densities.append(-0.5 * (constant + 2 * factor.log_det + squares))
    return np.concatenate(densities)


def restricted(data: Data | Reduction, params: Params) -> float:
    r"""Log density of y with u integrated out, and β too under a flat prior: REML's likelihood.

    log ∫ p(y|β,θ) dβ = −½ [ (n − p) log 2πσ² − Σ log w + log\|M\| + log\|X'V₁⁻¹X\| + ρ²/σ² ],

    with V₁ = V/σ², M as for :func:`marginal`, and ρ² the least penalised sum of squares over u
    and β.

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or their reduction.
    params : Params
        Covariances of the effects and residual SD; β plays no part.

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
    if reduction.rank_error:  # of a fold, where a flat prior of β is improper given y
        raise ValueError(reduction.rank_error)
    theta = checked_params(params).theta(reduction.layout).repeat(1)
    profiled = profile(reduction, theta.Lam)
    residual_df = reduction.n - theta.beta.shape[1]
    constant = residual_df * (LOG_2PI + 2 * np.log(theta.sigma)) - reduction.log_weights
    log_det = profiled.log_det + profiled.log_det_fixed
    return float(-0.5 * (constant + 2 * log_det + profiled.pwrss / theta.sigma**2)[0])


@dataclass(frozen=True, eq=False)
class Profile:
    """Likelihood profiled over u and β at S relative covariance factors Λ.

    Attributes
    ----------
    R_X : ndarray, shape (p, p, S)
        Upper triangle, R_X'R_X = X'V₁⁻¹X.
    t : ndarray, shape (p, S)
        Right-hand side of β̂ = R_X⁻¹t, of the chosen columns of X.
    pwrss : ndarray, shape (S,)
        Penalised weighted residual sum of squares ρ² at β̂ and û.
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
    """Eliminate the effects block by block, then β.

    Parameters
    ----------
    reduction : Reduction
        Reduced rows.
    Lam : sequence of ndarray
        One relative covariance factor (S, q, q) per term.
    columns : ndarray of int, optional
        Numbers of columns of X, independent ones that reach all that X reaches; all if None.

    Returns
    -------
    Profile
        At each of the S values.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> profile(data.reduction, [np.zeros((1, 1, 1))]).pwrss.round(12).tolist()
    [0.5]
    """
    combination = None
    if columns is not None:
        p = len(reduction.layout.coef)
        chosen = np.eye(p + 1)[:, [*columns, p]]
        combination = np.broadcast_to(chosen, (len(Lam[0]), *chosen.shape))
    factor = reduction.factorise(Lam, combination)
    R_X = factor.rhs_triangle[:-1, :-1]
    t = factor.rhs_triangle[:-1, -1]
    pwrss = factor.rhs_triangle[-1, -1] ** 2
    log_det_fixed = np.log(np.abs(np.einsum("jjs->js", R_X))).sum(0)
    return Profile(R_X, t, pwrss, factor.log_det, log_det_fixed)


def _constant(reduction: Reduction, sigma: np.ndarray) -> np.ndarray:
    """Terms of the density that both formulations share."""
    return reduction.n * (LOG_2PI + 2 * np.log(sigma)) - reduction.log_weights
