"""The slow dense versions of every fast formula, from bare arrays.

No formula of lmmlib is used here.
"""

from types import SimpleNamespace

import mpmath
import numpy as np
from scipy.linalg import block_diag
from scipy.stats import multivariate_normal, norm


def arrays(design, params):
    """Z, G, R, V and the mean of y as dense arrays."""
    Z = np.hstack([t.Z.toarray() for t in design.terms])
    known = [
        np.eye(len(t.levels)) if t.level_chol is None else t.level_chol @ t.level_chol.T
        for t in design.terms
    ]
    G = block_diag(
        *(np.kron(A, params.cov[t.name]) for A, t in zip(known, design.terms, strict=True))
    )
    R = np.diag(params.sigma**2 / design.weights)
    return SimpleNamespace(
        Z=Z, G=G, R=R, V=Z @ G @ Z.T + R, mean=design.offset + design.X @ params.beta
    )


def marginal(data, params):
    """log N(y; Xβ, V)."""
    a = arrays(data.design, params)
    return multivariate_normal(a.mean, a.V).logpdf(data.y)


def conditional(data, params, u):
    """log N(y; Xβ + Zu, R)."""
    a = arrays(data.design, params)
    return norm(a.mean + a.Z @ u, np.sqrt(np.diag(a.R))).logpdf(data.y).sum()


def restricted(data, params):
    """log of N(y; Xβ, V) integrated over β."""
    a, X = arrays(data.design, params), data.design.X
    Vi = np.linalg.inv(a.V)
    y = data.y - data.design.offset
    information = X.T @ Vi @ X
    residual = y - X @ np.linalg.solve(information, X.T @ Vi @ y)
    log_det = np.linalg.slogdet(a.V)[1] + np.linalg.slogdet(information)[1]
    return -0.5 * ((len(y) - X.shape[1]) * np.log(2 * np.pi) + log_det + residual @ Vi @ residual)


def effects(data, params):
    """Mean and covariance of u given y."""
    a = arrays(data.design, params)
    gain = a.G @ a.Z.T @ np.linalg.inv(a.V)
    return gain @ (data.y - a.mean), a.G - gain @ a.Z @ a.G


def left_out(data, params):
    """log p(y_i | y_-i) of each row, by conditioning the joint normal on all other rows."""
    a = arrays(data.design, params)
    r = data.y - a.mean
    density = np.empty(len(r))
    for i in range(len(r)):
        o = np.arange(len(r)) != i
        weights = np.linalg.solve(a.V[np.ix_(o, o)], a.V[o, i])
        density[i] = norm(weights @ r[o], np.sqrt(a.V[i, i] - weights @ a.V[o, i])).logpdf(r[i])
    return density


def set_left_out(data, params, rows):
    """log p(y_I | y_-I), joint over a set of rows, by conditioning the joint normal."""
    a = arrays(data.design, params)
    r, o = data.y - a.mean, np.setdiff1d(np.arange(data.design.n), rows)
    gain = (
        np.linalg.solve(a.V[np.ix_(o, o)], a.V[np.ix_(o, rows)]).T
        if len(o)
        else np.zeros((len(rows), 0))
    )
    cov = a.V[np.ix_(rows, rows)] - gain @ a.V[np.ix_(o, rows)]
    return multivariate_normal(gain @ r[o], cov).logpdf(r[rows])


def marginal_50_digits(data, params):
    """log N(y; Xβ, V) in 50-digit arithmetic, and the sum of the magnitudes of its three terms."""
    with mpmath.workdps(50):
        V, r = _exact(data, params)
        L = mpmath.cholesky(V)
        white = mpmath.lu_solve(L, r)
        log_det = 2 * sum(mpmath.log(L[i, i]) for i in range(V.rows))
        terms = [V.rows * mpmath.log(2 * mpmath.pi), log_det, sum(w**2 for w in white)]
        return float(-sum(terms) / 2), float(sum(abs(t) for t in terms) / 2)


def marginal_120_digits(data, params):
    """The same by Woodbury's identity, whose cancellation 120 digits survive.

    For designs too long for the dense factor.
    """
    design = data.design
    with mpmath.workdps(120):
        precision = mpmath.mpf(params.sigma) ** -2
        Z = mpmath.matrix(np.hstack([t.Z.toarray() for t in design.terms]).tolist())
        known = [np.kron(np.eye(len(t.levels)), params.cov[t.name]) for t in design.terms]
        G = mpmath.matrix(block_diag(*known).tolist())
        r = mpmath.matrix((data.y - design.offset).tolist()) - mpmath.matrix(
            design.X.tolist()
        ) * mpmath.matrix(params.beta.tolist())
        A = G * (Z.T * Z) * precision
        for i in range(A.rows):
            A[i, i] += 1
        seen = Z.T * r
        squares = (r.T * r)[0] * precision - (seen.T * mpmath.lu_solve(A, G * seen))[
            0
        ] * precision**2
        terms = [
            Z.rows * mpmath.log(2 * mpmath.pi),
            mpmath.log(mpmath.det(A)) - Z.rows * mpmath.log(precision),
            squares,
        ]
        return float(-sum(terms) / 2), float(sum(abs(t) for t in terms) / 2)


def set_left_out_50_digits(data, params, rows):
    """log p(y_I | y_-I) in 50-digit arithmetic, from the block of the inverse covariance."""
    with mpmath.workdps(50):
        V, r = _exact(data, params)
        P = V**-1
        m = len(rows)
        block = mpmath.matrix(m, m)
        for a, i in enumerate(rows):
            for b, j in enumerate(rows):
                block[a, b] = P[int(i), int(j)]
        e = mpmath.matrix([(P * r)[int(i)] for i in rows])
        residual = mpmath.lu_solve(block, e)
        return float(
            -(m * mpmath.log(2 * mpmath.pi) - mpmath.log(mpmath.det(block)) + (residual.T * e)[0])
            / 2
        )


def left_out_50_digits(data, params):
    """Left-out residual and variance of each row in 50-digit arithmetic."""
    with mpmath.workdps(50):
        V, r = _exact(data, params)
        P = V**-1
        e = P * r
        return np.array([[float(e[i] / P[i, i]), float(1 / P[i, i])] for i in range(V.rows)]).T


def _exact(data, params):
    design = data.design
    exact = mpmath.matrix
    Z = exact(np.hstack([t.Z.toarray() for t in design.terms]).tolist())
    root = exact(
        block_diag(
            *(
                np.kron(
                    np.eye(t.size[0]) if t.level_chol is None else t.level_chol, np.eye(t.size[1])
                )
                for t in design.terms
            )
        ).tolist()
    )
    own = exact(
        block_diag(*(np.kron(np.eye(t.size[0]), params.cov[t.name]) for t in design.terms)).tolist()
    )
    V = Z * (root * own * root.T) * Z.T
    for i, w in enumerate(design.weights):
        V[i, i] += mpmath.mpf(params.sigma) ** 2 / mpmath.mpf(w)
    return V, exact((data.y - design.offset).tolist()) - exact(design.X.tolist()) * exact(
        params.beta.tolist()
    )
