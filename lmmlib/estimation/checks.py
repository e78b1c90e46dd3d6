"""What no data can tell, or these data cannot: reasons why an estimate would mean nothing."""

import numpy as np
from scipy.sparse import csr_array

from lmmlib.data import Reduction
from lmmlib.design import Priors
from lmmlib.estimation.criterion import degrees_left, factors, unit_starts
from lmmlib.loglik import profile

WIDE, NOTHING = 1e8, 1e-14  # a ratio that leaves effects free, and the share of the sum of squares that is rounding
LIKE = 1e-10  # share of the largest singular value by which singular values that are one differ by rounding
ROUNDING = 1e-26  # share of |y|² that a residual of nothing but rounding keeps


def check_spare(reduction: Reduction, priors: Priors | None = None) -> None:
    """Raise if X and the effects can fit y exactly with rows to spare: the density then has no bound as σ goes to zero.

    Raises
    ------
    ValueError  saying so; not where σ is known

    Examples
    --------
    >>> from lmmlib.data import Data
    >>> from lmmlib.design import Design, Term
    >>> design = Design([[1.0]] * 4, [Term.grouped("g", ["a", "a", "b", "b"])])
    >>> check_spare(Data([1.0, 1.0, 5.0, 5.0], design).reduction)
    Traceback (most recent call last):
        ...
    ValueError: X and the effects fit y exactly, so that nothing is left for sigma; drop a term, or give sigma a fixed prior
    """
    if priors and priors.sigma.family == "fixed":
        return
    at = profile(reduction, factors(reduction.layout, unit_starts(reduction.layout, (0.0, WIDE, 10 * WIDE))))
    growth = np.diff((at.log_det + at.log_det_fixed)[1:])[0] / np.log(10)  # the rank of [Z X] above that of X
    spare = reduction.n - len(reduction.layout.coef) - round(growth)
    if spare > 0 and at.least[1] <= NOTHING * at.least[0]:
        raise ValueError("X and the effects fit y exactly, so that nothing is left for sigma; drop a term, or give sigma a fixed prior")


def check_identified(reduction: Reduction) -> None:
    """Raise where the likelihood cannot tell variances apart, so that an estimate would be arbitrary."""
    Z, B = reduction.rows
    basis = np.linalg.qr(B[:, :-1])[0]
    starts = np.cumsum([0, *(J * q for J, q in reduction.layout.shapes)])
    for t, a, b in zip(reduction.layout.terms, starts, starts[1:], strict=False):
        columns = Z[:, a:b]
        squares = (columns**2).sum(0)
        inside = squares - np.sum((columns.T @ basis) ** 2, 1) <= 1e-12 * squares
        for k, name in enumerate(t.effect_names):
            if np.all(inside[k :: len(t.effects)]):
                raise ValueError(
                    f"the effects {name!r} are combinations of columns of X, so that nothing tells their SD; drop one or the other"
                )
        several = len(t.effects) > 1 and t.root is None
        if t.root is None:
            confounded = b - a >= reduction.n and (several or _is_like_residuals(columns, reduction.n))
        else:
            confounded = b - a >= reduction.n - basis.shape[1] and _is_beside_fixed(columns, basis, reduction.n)
        if confounded:
            told = f"term {t.name!r} has {b - a} effects for {reduction.n} rows"
            raise ValueError(
                f"{told}: their variances and that of the rows cannot be told apart; drop the term, or give priors to posterior"
            )


def _is_like_residuals(Z: csr_array, n: int) -> bool:
    """Whether effects of one SD spread over n whitened rows as residuals do: ZZ' is a multiple of the identity."""
    rows = Z[np.flatnonzero(np.diff(Z.indptr) > 0)]
    if rows.shape[0] != n:
        return False
    spread = (rows @ rows.T).tocoo()  # as sparse as the effects are few a row
    first = spread.data[spread.row == spread.col][0]
    return bool(np.all(np.abs(spread.data - first * (spread.row == spread.col)) <= 1e-12 * first))


def _is_beside_fixed(Z: csr_array, basis: np.ndarray, n: int) -> bool:
    """Whether related effects spread over the n − p dimensions beside X as residuals do, as of a centred identity they do."""
    dimensions = n - basis.shape[1]
    columns = Z.toarray()
    sizes = np.linalg.svd(columns - basis @ (basis.T @ columns), compute_uv=False)
    return len(sizes) >= dimensions and bool(np.ptp(sizes[:dimensions]) <= LIKE * sizes[0])


def fixed_fit(reduction: Reduction, method: str) -> bool:
    """Whether X alone fits y exactly."""
    least = profile(reduction, factors(reduction.layout, unit_starts(reduction.layout, (0.0,)))).least[0]
    return bool(degrees_left(reduction, method) < 1 or least <= ROUNDING * np.sum(reduction.rows[1][:, -1] ** 2))
