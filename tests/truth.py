"""The slow dense versions of every fast formula, from bare arrays.

No formula of lmmlib is used here. The first functions take arrays alone, for any normal model; the
others take a design, or data, and parameters of lmmlib.
"""

from dataclasses import dataclass

import mpmath
import numpy as np
from scipy.linalg import block_diag
from scipy.stats import multivariate_normal, norm


@dataclass(frozen=True)
class Dense:
    """Z (n, K), G = Var(u), R = Var(y|u), V = Var(y) and the mean (n,) of y."""

    Z: np.ndarray
    G: np.ndarray
    R: np.ndarray
    V: np.ndarray
    mean: np.ndarray


def normal_given(mean, cov, known, values):
    """Mean and covariance of the entries of a normal vector that are not known, given the known."""
    unknown = np.setdiff1d(np.arange(len(mean)), known)
    cross = cov[np.ix_(unknown, known)]
    gain = np.zeros(cross.shape)
    if len(known):
        gain = np.linalg.solve(cov[np.ix_(known, known)], cross.T).T
    given_mean = mean[unknown] + gain @ (values - mean[known])
    return given_mean, cov[np.ix_(unknown, unknown)] - gain @ cross.T


def least_squares(y, X, V):
    """Generalised least-squares estimate of β, and its covariance (X'V⁻¹X)⁻¹."""
    Vi = np.linalg.inv(V)
    information = X.T @ Vi @ X
    return np.linalg.solve(information, X.T @ Vi @ y), np.linalg.inv(information)


def restricted_normal(y, X, V):
    """log of N(y; Xβ, V) integrated over β."""
    Vi = np.linalg.inv(V)
    information = X.T @ Vi @ X
    residual = y - X @ np.linalg.solve(information, X.T @ Vi @ y)
    log_det = np.linalg.slogdet(V)[1] + np.linalg.slogdet(information)[1]
    return -0.5 * ((len(y) - X.shape[1]) * np.log(2 * np.pi) + log_det + residual @ Vi @ residual)


def effects_covariance(terms, cov):
    """G: A ⊗ Σ_k for each term k, with Σ_k from a mapping by the terms' names."""
    blocks = []
    for term in terms:
        between = np.eye(len(term.levels))
        if term.level_chol is not None:
            between = term.level_chol @ term.level_chol.T
        blocks.append(np.kron(between, cov[term.name]))
    return block_diag(*blocks)


def arrays(design, params):
    """The dense arrays of a design."""
    Z = np.hstack([t.Z.toarray() for t in design.terms])
    G = effects_covariance(design.terms, params.cov)
    R = np.diag(params.sigma**2 / design.weights)
    mean = design.offset + design.X @ params.beta
    return Dense(Z=Z, G=G, R=R, V=Z @ G @ Z.T + R, mean=mean)


def marginal(data, params):
    """log N(y; offset + Xβ, V)."""
    a = arrays(data.design, params)
    return multivariate_normal(a.mean, a.V).logpdf(data.y)


def conditional(data, params, u):
    """log N(y; offset + Xβ + Zu, R)."""
    a = arrays(data.design, params)
    return norm(a.mean + a.Z @ u, np.sqrt(np.diag(a.R))).logpdf(data.y).sum()


def restricted(data, params):
    """log of N(y; offset + Xβ, V) integrated over β."""
    return restricted_normal(
        data.y - data.design.offset, data.design.X, arrays(data.design, params).V
    )


def effects(data, params):
    """Mean and covariance of u given y, from the joint normal of (y, u)."""
    a = arrays(data.design, params)
    n, K = a.Z.shape
    mean = np.concatenate([a.mean, np.zeros(K)])
    cov = np.block([[a.V, a.Z @ a.G], [a.G @ a.Z.T, a.G]])
    return normal_given(mean, cov, np.arange(n), data.y)


def left_out(data, params):
    """log p(y_i | y_-i) of each row, by conditioning the joint normal on all other rows."""
    n = data.design.n
    return np.array([set_left_out(data, params, np.array([i])) for i in range(n)])


def set_left_out(data, params, rows):
    """log p(y_I | y_-I), joint over a set of rows, by conditioning the joint normal."""
    a = arrays(data.design, params)
    rows = np.sort(rows)
    others = np.setdiff1d(np.arange(data.design.n), rows)
    mean, cov = normal_given(a.mean, a.V, others, data.y[others])
    return multivariate_normal(mean, cov).logpdf(data.y[rows])


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
        columns = np.hstack([t.Z.toarray() for t in design.terms])
        Z = mpmath.matrix(columns.tolist())
        blocks = [np.kron(np.eye(len(t.levels)), params.cov[t.name]) for t in design.terms]
        G = block_diag(*blocks)
        fitted = mpmath.matrix(design.X.tolist()) * mpmath.matrix(params.beta.tolist())
        r = mpmath.matrix((data.y - design.offset).tolist()) - fitted
        A = _identity_plus(G, _cross_products(columns), precision)
        cross = Z.T * r
        explained = (cross.T * mpmath.lu_solve(A, mpmath.matrix(G.tolist()) * cross))[0]
        squares = (r.T * r)[0] * precision - explained * precision**2
        terms = [
            Z.rows * mpmath.log(2 * mpmath.pi),
            mpmath.log(mpmath.det(A)) - Z.rows * mpmath.log(precision),
            squares,
        ]
        return float(-sum(terms) / 2), float(sum(abs(t) for t in terms) / 2)


def _cross_products(columns):
    """Z'Z (K, K), from the entries of Z that are not zero."""
    products = mpmath.zeros(columns.shape[1])
    for row in columns:
        touched = [(int(k), mpmath.mpf(row[k])) for k in np.flatnonzero(row)]
        for a, of_a in touched:
            for b, of_b in touched:
                products[a, b] += of_a * of_b
    return products


def _identity_plus(G, products, precision):
    """I + G Z'Z / σ², from the entries of G that are not zero."""
    A = mpmath.eye(products.rows)
    for i, j in np.argwhere(G).tolist():
        factor = mpmath.mpf(G[i, j]) * precision
        for k in range(A.cols):
            A[i, k] += factor * products[j, k]
    return A


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
        log_det = -mpmath.log(mpmath.det(block))
        return float(-(m * mpmath.log(2 * mpmath.pi) + log_det + (residual.T * e)[0]) / 2)


def left_out_50_digits(data, params):
    """Left-out residual and variance of each row in 50-digit arithmetic."""
    with mpmath.workdps(50):
        V, r = _exact(data, params)
        P = V**-1
        e = P * r
        return np.array([[float(e[i] / P[i, i]), float(1 / P[i, i])] for i in range(V.rows)]).T


def _exact(data, params):
    """V and y − offset − Xβ; with a known covariance of the levels by its own Cholesky factor."""
    design = data.design
    exact = mpmath.matrix
    Z = exact(np.hstack([t.Z.toarray() for t in design.terms]).tolist())
    level_blocks = []
    effect_blocks = []
    for term in design.terms:
        J, q = term.size
        level_chol = np.eye(J) if term.level_chol is None else term.level_chol
        level_blocks.append(np.kron(level_chol, np.eye(q)))
        effect_blocks.append(np.kron(np.eye(J), params.cov[term.name]))
    of_levels = exact(block_diag(*level_blocks).tolist())
    of_effects = exact(block_diag(*effect_blocks).tolist())
    V = Z * (of_levels * of_effects * of_levels.T) * Z.T
    for i, w in enumerate(design.weights):
        V[i, i] += mpmath.mpf(params.sigma) ** 2 / mpmath.mpf(w)
    fitted = exact(design.X.tolist()) * exact(params.beta.tolist())
    return V, exact((data.y - design.offset).tolist()) - fitted


def deviance_derivatives_100_digits(data, factors, method):
    """Gradient and Hessian of the profiled deviance in the free entries of each Λ_k.

    By central differences of 1e-20 in 100-digit arithmetic. Two pairs, of the
    log determinants and of the sum of squares: their sum is the derivative, and their magnitudes
    are what rounding is relative to.
    """
    with mpmath.workdps(100):
        entries = []
        for k, (term, factor) in enumerate(zip(data.design.terms, factors, strict=True)):
            q = len(factor)
            rows, columns = np.tril_indices(q) if term.correlated else np.diag_indices(q)
            entries += [(k, int(i), int(j)) for i, j in zip(rows, columns, strict=True)]
        step = mpmath.mpf("1e-20")

        def parts(*moves):
            moved = [mpmath.matrix(factor.tolist()) for factor in factors]
            for a, sign in moves:
                k, i, j = entries[a]
                moved[k][i, j] += sign * step
            return _deviance_parts(data, moved, method)

        d = len(entries)
        gradients = np.empty((2, d))
        hessians = np.empty((2, d, d))
        centre = parts()
        ups = [parts((a, 1)) for a in range(d)]
        downs = [parts((a, -1)) for a in range(d)]
        for part in range(2):
            for a in range(d):
                up, down = ups[a][part], downs[a][part]
                gradients[part, a] = float((up - down) / (2 * step))
                hessians[part, a, a] = float((up - 2 * centre[part] + down) / step**2)
        for a in range(d):
            for b in range(a):
                corners = [parts((a, s), (b, t)) for s in (1, -1) for t in (1, -1)]
                for part in range(2):
                    both, first, second, neither = (corner[part] for corner in corners)
                    mixed = float((both - first - second + neither) / (4 * step**2))
                    hessians[part, a, b] = hessians[part, b, a] = mixed
        return gradients, hessians


def _deviance_parts(data, factors, method):
    """Log determinants, and df (1 + log 2πρ²/df), of the deviance at relative factors Λ_k."""
    design = data.design
    exact = mpmath.matrix
    n = len(data.y)
    V = exact(n, n)
    for term, factor in zip(design.terms, factors, strict=True):
        J, q = term.size
        level_chol = np.eye(J) if term.level_chol is None else term.level_chol
        columns = exact((term.Z.toarray() @ np.kron(level_chol, np.eye(q))).tolist())
        cov = factor * factor.T
        for j in range(J):
            of_level = columns[:, j * q : (j + 1) * q]
            V += of_level * cov * of_level.T
    for i, w in enumerate(design.weights):
        V[i, i] += 1 / mpmath.mpf(w)
    L = mpmath.cholesky(V)
    log_det = 2 * sum(mpmath.log(L[i, i]) for i in range(n))
    p = design.X.shape[1]
    y = mpmath.lu_solve(L, exact((data.y - design.offset).tolist()))
    squares = (y.T * y)[0]
    if p:
        columns = [mpmath.lu_solve(L, exact(design.X[:, j].tolist())) for j in range(p)]
        X = exact(n, p)
        for j, column in enumerate(columns):
            X[:, j] = column
        information = X.T * X
        beta = mpmath.lu_solve(information, X.T * y)
        residual = y - X * beta
        squares = (residual.T * residual)[0]
        if method == "reml":
            log_det += mpmath.log(mpmath.det(information))
    df = n - p if method == "reml" else n
    return log_det, df * (1 + mpmath.log(2 * mpmath.pi * squares / df))


def deviance_gradient(data, factors, method):
    """Gradient of the profiled deviance in the free entries of each Λ_k, from dense arrays.

    Two parts, of the log determinants and of the sum of squares, whose sum it is: tr(P V_a) and
    −(df/ρ²) e'V_a e with e = V⁻¹r; P is V⁻¹, for REML V⁻¹ less what X explains.
    """
    design = data.design
    changes = []
    V = np.diag(1 / design.weights)
    for term, factor in zip(design.terms, factors, strict=True):
        J, q = term.size
        level_chol = np.eye(J) if term.level_chol is None else term.level_chol
        columns = term.Z.toarray() @ np.kron(level_chol, np.eye(q))
        V = V + columns @ np.kron(np.eye(J), factor @ factor.T) @ columns.T
        rows, of_rows = np.tril_indices(q) if term.correlated else np.diag_indices(q)
        for i, j in zip(rows, of_rows, strict=True):
            change = np.zeros((q, q))
            change[i] = factor[:, j]
            between = np.kron(np.eye(J), change + change.T)
            changes.append(columns @ between @ columns.T)
    Vi = np.linalg.inv(V)
    information = design.X.T @ Vi @ design.X
    P = Vi - Vi @ design.X @ np.linalg.solve(information, design.X.T @ Vi)
    y = data.y - design.offset
    e = P @ y
    df = design.n - design.X.shape[1] if method == "reml" else design.n
    of_trace = P if method == "reml" else Vi
    log_dets = [np.sum(of_trace * change) for change in changes]
    squares = [-df * (e @ change @ e) / (y @ e) for change in changes]
    return np.array([log_dets, squares])


def traits_deviance_derivatives_100_digits(data, factors, method):
    """Gradient and Hessian of −2 log p(Y) of several traits in the lower triangles of F and L.

    G₀ = FF', R₀ = LL', with B at its best, or integrated out for REML, and without the constant. By
    central differences of 1e-20 in 100-digit arithmetic. As in
    :func:`deviance_derivatives_100_digits` the first of each pair is of log determinants.
    """
    with mpmath.workdps(100):
        t = len(factors[0])
        entries = [(k, i, j) for k in range(2) for i in range(t) for j in range(i + 1)]
        step = mpmath.mpf("1e-20")
        (term,) = data.design.terms
        level_chol = np.eye(len(term.levels)) if term.level_chol is None else term.level_chol
        Z = mpmath.matrix(term.Z.toarray().tolist()) * mpmath.matrix(level_chol.tolist())
        ZAZ = Z * Z.T

        def parts(*moves):
            moved = [mpmath.matrix(factor.tolist()) for factor in factors]
            for a, sign in moves:
                k, i, j = entries[a]
                moved[k][i, j] += sign * step
            return np.array(_traits_deviance_parts(data, ZAZ, moved, method))

        d = len(entries)
        gradients = np.empty((2, d))
        hessians = np.empty((2, d, d))
        centre = parts()
        ups = [parts((a, 1)) for a in range(d)]
        downs = [parts((a, -1)) for a in range(d)]
        for a in range(d):
            gradients[:, a] = (ups[a] - downs[a]) / (2 * step)
            hessians[:, a, a] = (ups[a] - 2 * centre + downs[a]) / step**2
            for b in range(a):
                both = parts((a, 1), (b, 1)) + parts((a, -1), (b, -1))
                alone = ups[a] + downs[a] + ups[b] + downs[b]
                mixed = (both - alone + 2 * centre) / (2 * step**2)
                hessians[:, a, b] = hessians[:, b, a] = mixed
        return gradients, hessians


def _traits_deviance_parts(data, ZAZ, factors, method):
    """Log determinants, and the sum of squares, of −2 log p(Y), trait after trait."""
    design = data.design
    n, t = data.Y.shape
    p = design.X.shape[1]
    G0, R0 = (factor * factor.T for factor in factors)
    V = mpmath.matrix(n * t, n * t)
    X = mpmath.matrix(n * t, p * t)
    for k in range(t):
        for i in range(n):
            for j in range(p):
                X[k * n + i, k * p + j] = mpmath.mpf(design.X[i, j])
            for m in range(t):
                for j in range(n):
                    V[k * n + i, m * n + j] = G0[k, m] * ZAZ[i, j]
                V[k * n + i, m * n + i] += R0[k, m] / mpmath.mpf(design.weights[i])
    L = mpmath.cholesky(V)
    log_det = 2 * sum(mpmath.log(L[i, i]) for i in range(n * t))
    y = _forward(L, mpmath.matrix(data.Y.T.ravel().tolist()))
    white_X = mpmath.matrix(n * t, p * t)
    for j in range(p * t):
        white_X[:, j] = _forward(L, X[:, j])
    information = white_X.T * white_X
    residual = y - white_X * mpmath.lu_solve(information, white_X.T * y)
    if method == "reml":
        log_det += mpmath.log(mpmath.det(information))
    return log_det, (residual.T * residual)[0]


def _forward(L, rhs):
    """Solution of a lower triangular system."""
    solution = rhs.copy()
    for i in range(L.rows):
        known = sum(L[i, j] * solution[j] for j in range(i))
        solution[i] = (solution[i] - known) / L[i, i]
    return solution
