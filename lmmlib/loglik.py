"""Log densities of a response: given the effects, and with the effects integrated out. In nats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lmmlib import linalg
from lmmlib.data import Data, Reduction, reduced
from lmmlib.design import Params, Theta, frozen_array

LOG_2PI = float(np.log(2 * np.pi))
CHUNK = 200_000  # entries of the stacked factors held at a time: what a processor keeps close
ROWS = 4_000_000  # entries of stacked rows held at a time


def conditional(data: Data | Reduction, params: Params, u: object) -> float:
    r"""Log density of y given the effects u.

    log p(y|u,θ) = −½ [ n log 2πσ² − Σ log w + |W^½(y − Xβ − Zu)|² / σ² ]

    Parameters
    ----------
    data : Data or Reduction
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
    reduction = reduced(data)
    layout, theta = reduction.layout, params.theta(reduction.layout)
    u = frozen_array("u", u, (layout.width,), "one entry an effect, see design.ranef")
    if isinstance(data, Data):
        residual = np.sqrt(data.design.weights) * (data.y - data.design.fixed_part(theta.beta) - data.design.random_part(u))
    else:
        Z, B = data.rows
        residual = B[:, -1] - B[:, :-1] @ theta.beta - Z @ layout.with_independent_levels(u)
    return float(-0.5 * (_constant(reduction, theta.sigma) + np.sum(residual**2) / theta.sigma**2))


def marginal(data: Data | Reduction, params: Params) -> float:
    r"""Log density of y with the effects integrated out.

    log p(y|θ) = −½ [ n log 2πσ² − Σ log w + log|M| + min over s of (|W^½(y − Xβ − ZΛs)|² + |s|²) / σ² ],
    with M = Λ'Z'WZΛ + I.

    Parameters
    ----------
    data : Data or Reduction
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
    reduction = reduced(data)
    return float(log_density(reduction, params.theta(reduction.layout).repeat(1))[0])


def log_density(data: Data | Reduction, theta: Theta) -> np.ndarray:
    """log p(y|θ) of :func:`marginal` for S values of θ in arrays: (S,).

    Examples
    --------
    >>> from lmmlib.design import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> log_density(data, Theta(np.zeros((3, 1)), (np.ones((3, 1, 1)),), np.ones(3))).shape
    (3,)
    """
    reduction = reduced(data)
    step = max(1, CHUNK // reduction.entries)
    parts = []
    for start in range(0, len(theta.sigma), step):
        part = theta[start : start + step]
        factor = reduction.given(part)
        squares = factor.rest[0, 0] ** 2
        parts.append(-0.5 * (_constant(reduction, part.sigma) + 2 * factor.log_det + squares / part.sigma**2))
    return np.concatenate(parts)


def restricted(data: Data | Reduction, params: Params) -> float:
    r"""Log density of y with the effects integrated out, and β too under a flat prior: the likelihood of REML.

    log ∫ p(y|β,θ) dβ = −½ [ (n − p) log 2πσ² − Σ log w + log|M| + log|X'V₁⁻¹X| + ρ²/σ² ], with V₁ = V/σ² and ρ² the
    least penalised sum of squares over u and β.

    Parameters
    ----------
    data : Data or Reduction
    params : Params; its β plays no part

    Returns
    -------
    float, nats; densities of responses that differ in X are not comparable

    Raises
    ------
    ValueError  if sizes or names do not fit

    References
    ----------
    Patterson & Thompson (1971), Biometrika 58(3); Harville (1974), Biometrika 61(2).

    Examples
    --------
    >>> from lmmlib.design import Design, Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> round(restricted(Data([1.0, 2.0], design), Params([0.0], {"g": 3.0}, 1.0)), 6)
    -2.021159
    """
    reduction = reduced(data)
    theta = params.theta(reduction.layout).repeat(1)
    at = profile(reduction, theta.Lam)
    constant = (reduction.n - theta.beta.shape[1]) * (LOG_2PI + 2 * np.log(theta.sigma)) - reduction.log_weights
    return float(-0.5 * (constant + 2 * (at.log_det + at.log_det_fixed) + at.least / theta.sigma**2)[0])


@dataclass(frozen=True, eq=False)
class Profile:
    """What is left when u and β are at their best for S given ratios Λ.

    Attributes
    ----------
    R_X : (p, p, S) upper, R_X'R_X = X'V₁⁻¹X;  t : (p, S) with β̂ = R_X⁻¹t
    least : (S,) ρ², the penalised sum of squares at β̂ and û
    log_det : (S,) ½ log|M|;  log_det_fixed : (S,) log|R_X|
    """

    R_X: np.ndarray
    t: np.ndarray
    least: np.ndarray
    log_det: np.ndarray
    log_det_fixed: np.ndarray


def profile(reduction: Reduction, Lam: Sequence[np.ndarray]) -> Profile:
    """Eliminate the effects block by block, then β, for ratios Λ_k (S, q, q).

    Examples
    --------
    >>> from lmmlib.design import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> profile(data.reduction, [np.zeros((1, 1, 1))]).least.round(12).tolist()
    [0.5]
    """
    factor = reduction.factorise(Lam)
    T = factor.rest
    log_det_fixed = np.log(np.abs(np.einsum("jjs->js", T[:-1, :-1]))).sum(0)
    return Profile(T[:-1, :-1], T[:-1, -1], T[-1, -1] ** 2, factor.log_det, log_det_fixed)


def left_out(data: Data, params: Params) -> np.ndarray:
    r"""Log density of each row given all others, the effects integrated out: log p(y_i|y_−i,θ).

    y_i|y_−i,θ ~ N(y_i − e_i, σ²v_i/w_i), with e_i the residual of row i when it is predicted from the others. With
    h_i the leverage, v_i = 1/(1 − h_i) and e_i = r_i/(1 − h_i), where r = y − Xβ − Zû.

    Parameters
    ----------
    data : Data
    params : Params; a zero SD is allowed

    Returns
    -------
    (n,), nats

    Raises
    ------
    ValueError  if sizes or names do not fit

    Notes
    -----
    Both e_i and v_i come from the other rows and never as a difference from one, see ``linalg.left_out``.

    References
    ----------
    Sundararajan & Keerthi (2001), Neural Comput. 13(5), for the form in the inverse covariance; :eq:`eq-left-out`.

    Examples
    --------
    >>> from lmmlib.design import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> left_out(data, Params([0.0], {"g": 3.0}, 1.0)).round(6).tolist()
    [-1.737086, -2.112086]
    """
    density = np.empty(data.design.n)
    for rows, values in left_out_in_draws(data, params.theta(data.design).repeat(1)):
        density[rows] = values[0]
    return density


def left_out_in_draws(data: Data, theta: Theta) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """log p(y_i|y_−i,θ) for S draws of θ: row numbers and (S, rows), a few blocks at a time.

    Examples
    --------
    >>> from lmmlib.design import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> [values.shape for _, values in left_out_in_draws(data, Theta(np.zeros((3, 1)), (np.ones((3, 1, 1)),), np.ones(3)))]
    [(3, 2)]
    """
    log_root_weight = 0.5 * np.log(data.design.weights)
    for batch in data.design.blocks:
        _, m, q = batch.values.shape
        step = max(1, ROWS // (len(theta.sigma) * m * (q + 1)))
        for start in range(0, len(batch.rows), step):
            rows = batch.rows[start : start + step]
            white = data.whitened[rows]
            r = white[..., -1] - np.einsum("bmp,sp->sbm", white[..., :-1], theta.beta)
            A = linalg.scale_columns(batch.values[start : start + step], theta.Lam, batch.counts)
            residual, variance = linalg.left_out(A, r)
            scale = theta.sigma[:, None, None] ** 2 * variance
            real = rows < data.design.n
            yield rows[real], -0.5 * (LOG_2PI + np.log(scale) + residual**2 / scale)[:, real] + log_root_weight[rows[real]]


def _constant(reduction: Reduction, sigma: np.ndarray) -> np.ndarray:
    """Terms of the density that both formulations share."""
    return reduction.n * (LOG_2PI + 2 * np.log(sigma)) - reduction.log_weights
