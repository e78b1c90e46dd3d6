"""Maximum likelihood and REML for several traits.

B is profiled out, and both covariances are searched.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import minimize

from lmmlib import linalg
from lmmlib.loglik import LOG_2PI
from lmmlib.model.options import choice
from lmmlib.multivariate.data import MultivariateData, MultivariateParams, Rotated, checked_traits
from lmmlib.multivariate.model import Canonical, diagonalised

METHODS = ("reml", "ml")
LOW, HIGH, HIGHEST = (
    0.1,
    1.0,
    10.0,
)  # SD of the effects to that of the residuals, in a direction, to start from
STEP = 1e-4  # of differences of slopes, for covariances of about one
STEPS = 20  # of Newton's, at most
GAIN = 1e-6  # of the criterion that a step from the end of a search may still promise
CURVED = 1e-4  # curvature of the criterion below which it is rounding
NOTHING = 1e-14  # share of a sum of squares that is rounding
SINGULAR = 1e-10  # share of the largest singular value that is zero

Criterion = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True, eq=False)
class MultivariateEstimate:
    """Estimates of one model of several traits.

    Attributes
    ----------
    params : MultivariateParams
        Fixed effects and covariances.
    se : ndarray, shape (p, t)
        Standard errors of B at the estimated covariances.
    criterion : float
        Criterion at the estimates: −2 log likelihood (of the restricted likelihood for REML).
    method : str
        Method of estimation.
    converged : bool
        Whether the search converged.
    """

    params: MultivariateParams
    se: np.ndarray
    criterion: float
    method: str
    converged: bool


@linalg.one_thread()
def estimate(data: MultivariateData, method: str = "ml") -> MultivariateEstimate:
    r"""Estimate B, G₀ and R₀.

    With B at its best, −2 log L(G₀, R₀) = Σ_k (log\|V_k\| + ρ_k²) + 2n log\|L\| + constant, with
    V_k = D_k ZAZ' + W⁻¹ the covariance of column k of YT and ρ_k² its least sum of squares; for
    REML Σ_k log\|X'V_k⁻¹X\| is added and n − p stands for n. It is searched over triangular factors
    of G₀ and R₀, where no covariance is out of bounds.

    Parameters
    ----------
    data : MultivariateData
        Responses and design.
    method : {"ml", "reml"}, default: "ml"
        Maximum likelihood, or restricted maximum likelihood.

    Returns
    -------
    MultivariateEstimate
        Estimates with their standard errors; a singular G₀ is an ordinary result.

    Raises
    ------
    ValueError
        If the method is unknown, X or other traits determine a trait, the effects cannot be told
        from X or from the residuals, or the likelihood has its bound where a combination of traits
        has no residual variance.

    Warns
    -----
    ConvergenceWarning
        If the end of the search is no minimum: a further step promises a gain, or curvature is
        negative.

    Notes
    -----
    Slopes are exact: with e_k = V_k⁻¹(Y − XB)T_k, those by G₀ and R₀ are TMT' with M_kl = δ_kl
    tr(V_k⁻¹S) − e_k'Se_l and S = ZAZ' or W⁻¹ (REML: V_k⁻¹ in the trace without what X explains). An
    evaluation costs O((J + p) t (p² + t)).

    References
    ----------
    Meyer (1985), Biometrics 41(1), 153-165; Zhou & Stephens (2014), Nat. Methods 11(4), for rows
    turned as well.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> one = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    >>> fit = estimate(MultivariateData(one.y[:, None], one.design))
    >>> round(fit.criterion, 6), fit.params.G0.round(1).tolist(), fit.params.R0.round(1).tolist()
    (327.32706, [[1388.3]], [[2451.2]])
    """
    method = choice("method", method, METHODS)
    checked_traits(data)
    restricted, (n, t) = method == "reml", data.Y.shape
    rows, spread = data.rotated, _spread(data)
    _check_estimable(rows, spread, n)
    criterion = partial(_criterion, rows, n, restricted)
    (root, L), promised = _search(criterion, rows, spread, n)
    _check_residuals(criterion, root, L)
    converged = promised < GAIN
    if not converged:
        told = (
            f"the search ended where a further step promises a gain of {promised:.2g} in the "
            "criterion"
        )
        warnings.warn(
            f"{told}; drop traits or rescale the columns of X",
            linalg.ConvergenceWarning,
            stacklevel=3,
        )  # past the decorator
    B, se = _fixed(rows, diagonalised(root, L))
    constant = t * ((n - data.design.X.shape[1] * restricted) * LOG_2PI - data.log_weights)
    value = _at(criterion, root, L)
    return MultivariateEstimate(
        MultivariateParams(B, root @ root.T, L @ L.T), se, constant + value, method, converged
    )


def _fixed(rows: Rotated, found: Canonical) -> tuple[np.ndarray, np.ndarray]:
    """The best B and its standard errors (p, t): those of the columns of YT, turned back."""
    back = np.linalg.inv(found.T)
    _, Q, R, y = _weighted(rows, found)
    turned = np.linalg.solve(R, np.einsum("krp,kr->kp", Q, y)[..., None])[..., 0]
    return turned.T @ back, np.sqrt(np.sum(np.linalg.inv(R) ** 2, -1).T @ back**2)


def _spread(data: MultivariateData) -> np.ndarray:
    """Lower root of the covariance that X leaves of Y."""
    X, (n, t) = data.design.X, data.Y.shape
    determined = linalg.dependent_columns(np.hstack([X, data.Y]))
    if determined:
        told = ", ".join(data.traits[k - X.shape[1]] for k in determined)
        raise ValueError(
            f"X and the traits before determine {told}, so that nothing is left for R0; drop "
            "such traits or add rows"
        )
    return np.linalg.qr(np.hstack([data.rotated.X, data.rotated.Y]), mode="r")[
        -t:, -t:
    ].T / np.sqrt(n)


def _check_estimable(rows: Rotated, spread: np.ndarray, n: int) -> None:
    """Raise where the likelihood has no bound, or cannot tell G₀ from R₀ or from X."""
    touched, Q = rows.s > SINGULAR * rows.s.max(), np.linalg.qr(rows.X)[0]
    if np.all(np.sum(Q[touched] ** 2, 1) > 1 - SINGULAR):
        raise ValueError(
            "the effects are combinations of columns of X, so that nothing tells G0; drop one or "
            "the other"
        )
    axes, size, _ = np.linalg.svd(Q[~touched], full_matrices=False)
    axes = axes[:, size > SINGULAR]
    Y = np.linalg.solve(spread, rows.Y[~touched].T).T
    left = Y - axes @ (axes.T @ Y)
    spare = n - touched.sum() - axes.shape[1]
    if spare > 0 and np.linalg.svd(left, compute_uv=False)[-1] ** 2 <= NOTHING * n:
        raise ValueError(
            "X and the effects fit a combination of traits exactly, so that R0 would be "
            "singular; drop traits or add rows"
        )
    if touched.sum() == n and np.ptp(rows.s[touched]) <= SINGULAR * rows.s.max():
        raise ValueError(
            f"there are {n} independent effects for {n} rows of equal weight: G0 and R0 cannot "
            "be told apart; drop the term"
        )


def _check_residuals(criterion: Criterion, root: np.ndarray, L: np.ndarray) -> None:
    """Raise where the likelihood has its bound at a residual variance of zero.

    The canonical column with the largest ratio could do with less residual variance, or with none.
    """
    found = diagonalised(root, L)
    less = np.where(np.arange(len(L)) == 0, 0.1, 1.0)
    if (
        _at(criterion, root, _lower(np.linalg.inv(found.T).T * less))
        < _at(criterion, root, L) + GAIN
    ):
        raise ValueError(
            "the likelihood rises until a combination of traits has no residual variance; drop "
            "traits or add rows"
        )


def _weighted(
    rows: Rotated, found: Canonical
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """SDs of the rows in each column of YT, and X and YT over them.

    SDs (t, r), Q (t, r, p) and R (t, p, p) of X over them, and YT over them (t, r).
    """
    sd = np.sqrt(1 + np.outer(found.D, rows.s**2))
    Q, R = np.linalg.qr(rows.X / sd[..., None])
    return sd, Q, R, (rows.Y @ found.T).T / sd


def _criterion(
    rows: Rotated, n: int, restricted: bool, frame: np.ndarray, x: np.ndarray
) -> tuple[float, np.ndarray]:
    """Criterion (−2 log likelihood less its constant) and its slope.

    Frame times triangles x are factors of G₀ and R₀.
    """
    factors = frame @ _triangles(x)
    found, degrees = diagonalised(*factors), n - rows.X.shape[1] * restricted
    sd, Q, R, y = _weighted(rows, found)
    left = y - np.einsum("krp,kp->kr", Q, np.einsum("krp,kr->kp", Q, y))
    log_det = np.log(sd).sum() + restricted * np.log(np.abs(np.einsum("kpp->kp", R))).sum()
    value = 2 * degrees * found.log_det + 2 * log_det + np.sum(left**2)
    share = (1 - restricted * np.sum(Q**2, -1)) / sd**2 @ rows.s**2
    e = left / sd
    by_G0, by_R0 = (
        np.diag(share) - (e * rows.s**2) @ e.T,
        np.diag(degrees - found.D * share) - e @ e.T,
    )
    slopes = (
        2 * np.swapaxes(frame, 1, 2) @ (found.T @ np.array([by_G0, by_R0]) @ found.T.T @ factors)
    )
    return float(value), _flat(*slopes)


def _at(criterion: Criterion, root: np.ndarray, L: np.ndarray) -> float:
    """The criterion for factors of G₀ and R₀."""
    one = np.eye(len(L))
    return criterion(np.array([root, L]), _flat(one, one))[0]


def _flat(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Lower triangles (t, t) of two matrices, row by row: (t(t + 1),)."""
    lower = np.tril_indices(len(first))
    return np.concatenate([first[lower], second[lower]])


def _triangles(x: np.ndarray) -> np.ndarray:
    """The inverse of :func:`_flat`, (2, t, t)."""
    t = int(np.sqrt(len(x)))
    factors = np.zeros((2, t, t))
    factors[:, *np.tril_indices(t)] = x.reshape(2, -1)
    return factors


def _lower(root: np.ndarray) -> np.ndarray:
    """The triangle LL' = root root'."""
    return np.linalg.qr(root.T, mode="r").T


def _starts(rows: Rotated, spread: np.ndarray, n: int) -> list[np.ndarray]:
    """Factors of covariances that add up to what X leaves of Y.

    Few or many of its directions are due to effects.

    Directions are taken by the share that rows with effects have in them: a likelihood may have an
    optimum for each rank.
    """
    Q = np.linalg.qr(rows.X)[0]
    left = np.linalg.solve(spread, (rows.Y - Q @ (Q.T @ rows.Y)).T)
    _, axes = np.linalg.eigh((left * rows.s**2) @ left.T)
    unit, t = np.sqrt(np.sum(rows.s**2) / n), len(spread)
    ladder = [np.where(np.arange(t) < k, LOW, HIGH) for k in range(t + 1)]
    return [
        np.array(
            [
                _lower(spread @ axes * share)
                for share in (ratio / unit / np.hypot(ratio, 1), 1 / np.hypot(ratio, 1))
            ]
        )
        for ratio in (*ladder, np.full(t, HIGHEST))
    ]


def _search(
    criterion: Criterion, rows: Rotated, spread: np.ndarray, n: int
) -> tuple[np.ndarray, float]:
    """Factors of G₀ and R₀ at the best end of several descents.

    Polished by Newton steps; with the gain that a further step promises.

    Each Newton step has the canonical directions that it starts from as its axes and their SDs as
    units: SDs may differ by orders of magnitude, and a triangle that begins with an SD of zero
    would be at a corner.
    """
    error = spread / np.sqrt(2 * n)  # so that a first step of one is about a standard error
    frame = np.array([error, error])
    begins = [_flat(*np.linalg.solve(frame, start)) for start in _starts(rows, spread, n)]
    ends = [
        minimize(partial(criterion, frame), x, jac=True, method="BFGS", options={"gtol": 1e-4}).x
        for x in begins
    ]
    x = _first_of_least(partial(criterion, frame), np.array(ends))
    for _ in range(STEPS):
        root, L = frame @ _triangles(x)
        found = diagonalised(root, L)
        seen = np.sqrt(
            found.D + 1 / rows.s.max() ** 2
        )  # an SD that would be noticed, where there is none
        frame = np.array([np.linalg.inv(found.T).T * seen, L])
        x = _flat(np.diag(np.sqrt(found.D) / seen), np.eye(len(L)))
        values = partial(criterion, frame)
        step, promised = _newton(values, x)
        # The full step comes first: near the end values differ by rounding, and slopes, from which
        # the step comes, know more.
        moved = _first_of_least(values, np.array([*(x + step / 2**k for k in range(6)), x]))
        stays = np.array_equal(moved, x)
        x = moved
        if promised < 1e-6 * GAIN or stays:
            break
    return frame @ _triangles(x), promised


def _first_of_least(
    criterion: Callable[[np.ndarray], tuple[float, np.ndarray]], points: np.ndarray
) -> np.ndarray:
    """The first of the points (m, d) with the least criterion.

    Values that differ by rounding are alike.
    """

    def function(x: np.ndarray) -> np.ndarray:
        return np.array([criterion(point)[0] for point in x])

    values = function(points)
    rounding = linalg.rounding_error(function, points[np.argmin(values)])
    return points[linalg.first_minimum(values, rounding)]


def _newton(
    criterion: Callable[[np.ndarray], tuple[float, np.ndarray]], x: np.ndarray
) -> tuple[np.ndarray, float]:
    """Newton's step from x, downhill in any case, and the gain it promises.

    Infinite where the criterion curves down.
    """
    moved = np.array([[criterion(x + h)[1], criterion(x - h)[1]] for h in STEP * np.eye(len(x))])
    curvature = (moved[:, 0] - moved[:, 1]) / (2 * STEP)
    size, axes = np.linalg.eigh((curvature + curvature.T) / 2)
    slope = axes.T @ criterion(x)[1]
    steps = -slope / np.maximum(np.abs(size), CURVED)
    return axes @ steps, np.inf if np.any(size < -CURVED) else float(-0.5 * slope @ steps)
