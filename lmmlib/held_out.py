"""Log densities of some rows given all others, the effects integrated out.

Of a row, of a level's rows, of any set.

Residuals and variances come from the *other* rows wherever a leverage is near one, and never as a
difference there.
"""

from collections.abc import Iterator

import numpy as np
from scipy.linalg import qr

from lmmlib import linalg
from lmmlib.loglik import LOG_2PI, log_normal
from lmmlib.model import Data, Params, Theta, checked_data
from lmmlib.model.params import checked_params
from lmmlib.model.reduction import CHUNK

ROWS = 4_000_000  # entries of stacked rows held at a time
TRIANGLES = 20_000_000  # entries of the triangles of the rows after each row held at a time
CLOSE = 1_000_000  # the same where a loop over rows goes through them again and again
# what is left of a leverage's complement, below which the difference has lost too many digits
NEAR_ONE = 1e-4


def rows(data: Data, params: Params) -> np.ndarray:
    r"""Log density of each row given all others, the effects integrated out: log p(y_i|y_−i,θ).

    y_i|y_−i,θ ~ N(y_i − e_i, σ²v_i/w_i), with e_i the residual of row i when it is predicted from
    the others. With h_i the leverage, v_i = 1/(1 − h_i) and e_i = r_i/(1 − h_i), where r = y − Xβ −
    Zû.

    Parameters
    ----------
    data : Data
        Response and design.
    params : Params
        A zero SD is allowed.

    Returns
    -------
    ndarray, shape (n,)
        Values in nats.

    Raises
    ------
    ValueError
        If sizes or names do not fit.

    Notes
    -----
    Both e_i and v_i come from the other rows where h_i is near one: relative error of the variance
    near 1e-12.

    References
    ----------
    Sundararajan & Keerthi (2001), Neural Comput. 13(5), for the form in the inverse covariance;
    equation :eq:`eq-left-out`.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> rows(data, Params([0.0], {"g": 3.0}, 1.0)).round(6).tolist()
    [-1.737086, -2.112086]
    """
    density = np.empty(checked_data(data).design.n)
    for rows, values in rows_in_draws(data, checked_params(params).theta(data.design).repeat(1)):
        density[rows] = values[0]
    return density


def rows_in_draws(data: Data, theta: Theta) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """log p(y_i|y_−i,θ) for S draws of θ: row numbers and (S, rows), a few blocks at a time.

    Notes
    -----
    Where rows that share effects have up to eight columns, by merging triangles of the rows before
    and after. Else through leverages from the structured factor, and from a reduction of the other
    rows where a leverage is near one.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> [
    ...     values.shape
    ...     for _, values in rows_in_draws(
    ...         data, Theta(np.zeros((3, 1)), (np.ones((3, 1, 1)),), np.ones(3))
    ...     )
    ... ]
    [(3, 2)]
    """
    log_root_weight = 0.5 * np.log(data.design.weights)
    for rows, residual, variance in row_predictions(data, theta):
        yield (
            rows,
            log_normal(residual, theta.sigma[:, None] ** 2 * variance) + log_root_weight[rows],
        )


def row_predictions(
    data: Data, theta: Theta
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Row numbers, residuals and variances of whitened rows given all others.

    Both are (S, rows); variances are in units of σ².

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> once = Params([0.0], {"g": 3.0}, 1.0).theta(data.design).repeat(1)
    >>> [
    ...     (residual.tolist(), variance.round(9).tolist())
    ...     for _, residual, variance in row_predictions(data, once)
    ... ]
    [([[1.0, 2.0]], [[4.0, 4.0]])]
    """
    narrow = data.design.widest_component <= linalg.WIDEST_MERGED
    return _by_merging(data, theta) if narrow else _by_leverage(data, theta)


def levels_in_draws(data: Data, theta: Theta, term: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """log p(y_I|y_−I,θ), joint over the rows I of each level of a term.

    Level numbers and (S, levels).

    Levels without rows are passed over.

    Parameters
    ----------
    data : Data
        Response and design.
    theta : Theta
        Parameters with one leading axis of S draws.
    term : str
        Name of a grouped term.

    Raises
    ------
    ValueError
        If there is no such term, or it is a dense one, whose levels share all rows.

    Notes
    -----
    Where no other row shares an effect with a level's rows, this is their marginal density, in the
    space of u: its cost does not depend on the number of rows. Else see :func:`set_in_draws`.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> draws = Theta(np.zeros((5, 1)), (np.ones((5, 1, 1)),), np.ones(5))
    >>> [values.shape for _, values in levels_in_draws(data, draws, "g")]
    [(5, 2)]
    """
    level = data.design.level_of_rows(term)
    component = data.design.components
    pairs = np.unique(np.column_stack([component, level]), axis=0)
    if len(pairs) == len(np.unique(component)) == len(np.unique(level)):  # a level is a component
        yield pairs[:, 1], _by_component(data, theta)[:, pairs[:, 0]]
        return
    for j in np.unique(level):
        yield np.array([j]), set_in_draws(data, theta, np.flatnonzero(level == j))[:, None]


def set_in_draws(data: Data, theta: Theta, rows: np.ndarray) -> np.ndarray:
    r"""log p(y_I|y_−I,θ), joint over any set I of rows, for S draws of θ: (S,).

    With M = I + Λ'Z'WZΛ over the other rows and A the set's rows of W^½ZΛ, y_I is normal with
    residual r − A M⁻¹Λ'Z'W(y − Xβ) and covariance σ²(I + A M⁻¹A'), both from the other rows alone.

    Parameters
    ----------
    data : Data
        Response and design.
    theta : Theta
        Parameters with one leading axis of S draws.
    rows : ndarray of int, shape (m,)
        Numbers of the rows.

    Notes
    -----
    Only rows that share effects, directly or through others, are worked on; a long set is rotated
    to as many rows as it has columns first.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> params = Params([0.0], {"g": 3.0}, 1.0)
    >>> set_in_draws(data, params.theta(data.design).repeat(1), np.array([0])).round(6).tolist()
    [-1.737086]
    """
    log_det, squares = np.empty((2, len(theta.sigma)))
    for part, residual, R, aside in _predicted(data, theta, rows):
        half = np.linalg.solve(np.swapaxes(R, -1, -2), residual[..., None])[..., 0]
        log_det[part] = np.log(np.abs(np.einsum("sii->si", R))).sum(-1)
        squares[part] = np.sum(half**2, -1) + aside
    constant = (
        len(rows) * (LOG_2PI + 2 * np.log(theta.sigma)) - np.log(data.design.weights[rows]).sum()
    )
    return -0.5 * (constant + 2 * log_det + squares / theta.sigma**2)


def _predicted(
    data: Data, theta: Theta, rows: np.ndarray
) -> Iterator[tuple[slice, np.ndarray, np.ndarray, np.ndarray]]:
    """Residual of a set's rows and root of its covariance, by draws.

    Draws, residual (S, m), R (S, m, m) with R'R the covariance in units of σ², and squares set
    aside (S,).

    R is the triangle of [W I]', never a root of I + WW', which squares the ratio of SDs.
    """
    design, p = data.design, data.design.X.shape[1]
    near = np.isin(design.components, design.components[rows])
    others = np.setdiff1d(np.flatnonzero(near), rows)
    Z, shapes = design.columns_of(near)
    turn = theta.residual_weights
    A, B, extra = _rotated(Z[rows].toarray(), data.whitened[rows], turn, p)
    known = linalg.reduce_to_arrowhead(
        Z[others], data.whitened[others], linalg.find_partition(Z[others], shapes)
    )
    m, K = A.shape
    step = max(
        1, min(CHUNK // max(1, sum(form.rest.size for form in known)), ROWS // max(1, m * (m + K)))
    )
    for start in range(0, len(turn), step):
        part = slice(start, start + step)
        Lam = theta[part].Lam
        factor = linalg.factorise(known, Lam, turn[part, :, None])
        sides = linalg.scale_stack(
            A[..., None], [np.moveaxis(L, 0, -1) for L in Lam], [J * q for J, q in shapes]
        )[:, :, 0]
        W = linalg.forward_substitute(known, factor, np.swapaxes(sides, 0, 1))
        t = linalg.projected_rhs(known, factor, K)
        residual = turn[part] @ B.T - np.einsum("kms,ks->sm", W, t)
        stacked = np.concatenate(
            [np.moveaxis(W, -1, 0), np.broadcast_to(np.eye(m), (len(residual), m, m))], 1
        )
        yield part, residual, np.linalg.qr(stacked, mode="r"), extra[part]


def _rotated(
    A: np.ndarray, B: np.ndarray, turn: np.ndarray, p: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows [A B] as few, with the squares (S,) of what A does not see."""
    if len(A) <= A.shape[1] + p + 1:
        return A, B, np.zeros(len(turn))
    K = A.shape[1]
    T = qr(np.hstack([A, B]), mode="r")[0][: K + p + 1]
    return T[:K, :K], T[:K, K:], np.sum((turn @ T[K:, K:].T) ** 2, -1)


def _by_component(data: Data, theta: Theta) -> np.ndarray:
    """Log density of each component's rows, (S, components).

    Nothing else tells of their effects.
    """
    design, forms = data.design, data.component_arrowheads
    label = design.components
    known = len(design.component_partition.border_counts)
    size, weight = (np.bincount(label, w, minlength=known) for w in (None, np.log(design.weights)))
    density = np.empty((len(theta.sigma), len(size)))
    turn = theta.residual_weights[..., None]
    for part in data.reduction.chunks(len(density)):
        for form in forms:
            log_det, least = linalg.factorise_components(form, theta[part].Lam, turn[part])
            constant = (
                size[form.components, None] * (LOG_2PI + 2 * np.log(theta.sigma[part]))
                - weight[form.components, None]
            )
            density[part, form.components] = (
                -0.5 * (constant + 2 * log_det + least / theta.sigma[part] ** 2).T
            )
    return density


def _by_merging(data: Data, theta: Theta) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Row numbers, residuals and variances from the rows before and after.

    Residuals and variances are (S, rows), in units of σ², from the triangles of those rows.
    """
    for batch in data.design.blocks:
        q, m = (
            batch.values.shape[-1],
            int((batch.rows < data.design.n).sum(1).max()),
        )  # padding stands last
        step = max(
            1, CLOSE // max(1, len(theta.sigma) * m * (q + 1))
        )  # levels without rows have m = 0
        for start in range(0, len(batch.rows), step):
            rows, values = (
                batch.rows[start : start + step, :m],
                batch.values[start : start + step, :m],
            )
            white = data.whitened[rows]
            residual, variance = np.empty((2, len(theta.sigma), *rows.shape))
            at_once = max(1, TRIANGLES // max(1, rows.size * q * (q + 1)))
            for first in range(0, len(theta.sigma), at_once):
                part = slice(first, first + at_once)
                r = white[..., -1] - np.einsum("bmp,sp->sbm", white[..., :-1], theta.beta[part])
                A = linalg.scale_columns(values, theta[part].Lam, batch.counts)
                residual[part], variance[part] = linalg.predict_from_others(A, r)
            real = rows < data.design.n
            yield rows[real], residual[:, real], variance[:, real]


def _by_leverage(data: Data, theta: Theta) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The same from the structured factor of all rows."""
    design, n, S = data.design, data.design.n, len(theta.sigma)
    residual, left = np.empty((S, n)), np.empty((S, n))
    turn = theta.residual_weights
    for part in data.reduction.chunks(S):
        Lam = theta[part].Lam
        factor = data.reduction.given(theta[part])
        found = linalg.row_leverages(
            design.independent,
            np.zeros((n, 0)),
            design.partition,
            data.reduction.forms,
            factor,
            Lam,
        )
        for rows, seen, _ in found:
            left[part, rows] = 1 - seen.T
        s = linalg.back_substitute(data.reduction.forms, factor, design.layout.width)
        fitted = (design.independent @ design.layout.scaled(s.T, Lam).T).T
        residual[part] = turn[part] @ data.whitened[:-1].T - fitted
    near = left < NEAR_ONE
    residual, variance = residual / np.where(near, 1.0, left), 1 / np.where(near, 1.0, left)
    for i in np.flatnonzero(near.any(0)):
        draws = np.flatnonzero(near[:, i])
        for part, e, R, _ in _predicted(data, theta[draws], np.array([i])):
            residual[draws[part], i], variance[draws[part], i] = e[:, 0], R[:, 0, 0] ** 2
    yield np.arange(n), residual, variance
