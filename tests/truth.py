"""The slow dense versions of every fast formula, from bare arrays.

No formula of lmmlib is used here. The first functions take arrays alone, for any normal model; the
others take a design, or data, and parameters of lmmlib. Those of many digits compute with FLINT's
balls, which know how far they can be off.
"""

from dataclasses import dataclass

import flint
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
    with flint.ctx.workdps(50):
        V, r = _exact(data, params)
        return _log_normal(V.nrows(), V.det().log(), _inner(r, V.solve(r)))


def marginal_120_digits(data, params):
    """The same by Woodbury's identity, whose cancellation 120 digits survive.

    For designs too long for the dense factor.
    """
    design = data.design
    with flint.ctx.workdps(120):
        precision = flint.arb(params.sigma) ** -2
        Z = _matrix(np.hstack([t.Z.toarray() for t in design.terms]))
        blocks = [np.kron(np.eye(len(t.levels)), params.cov[t.name]) for t in design.terms]
        G = _matrix(block_diag(*blocks))
        r = _column(data.y - design.offset) - _matrix(design.X) * _column(params.beta)
        A = _matrix(np.eye(Z.ncols())) + G * (Z.transpose() * Z) * precision
        cross = Z.transpose() * r
        explained = _inner(cross, A.solve(G * cross))
        squares = _inner(r, r) * precision - explained * precision**2
        return _log_normal(design.n, A.det().log() - design.n * precision.log(), squares)


def _log_normal(n, log_det, squares):
    """Log density, and the sum of the magnitudes of its three terms."""
    terms = [n * (2 * flint.arb.pi()).log(), log_det, squares]
    return _float(-sum(terms) / 2), _float(sum(abs(t) for t in terms) / 2)


def _matrix(array):
    """The exact values of floating-point numbers."""
    return flint.arb_mat(np.asarray(array, float).tolist())


def _column(vector):
    return _matrix(np.reshape(vector, (-1, 1)))


def _inner(a, b):
    """a'b of two columns."""
    return (a.transpose() * b)[0, 0]


def _float(ball):
    """The middle of a ball that is too small to matter."""
    assert float(ball.rad()) <= 1e-20 * (1 + abs(float(ball.mid())))
    return float(ball.mid())


def set_left_out_50_digits(data, params, rows):
    """log p(y_I | y_-I) in 50-digit arithmetic, from the block of the inverse covariance."""
    with flint.ctx.workdps(50):
        V, r = _exact(data, params)
        P = V.inv()
        of_y = P * r
        block = flint.arb_mat([[P[int(i), int(j)] for j in rows] for i in rows])
        e = flint.arb_mat([[of_y[int(i), 0]] for i in rows])
        return _log_normal(len(rows), -block.det().log(), _inner(e, block.solve(e)))[0]


def left_out_50_digits(data, params):
    """Left-out residual and variance of each row in 50-digit arithmetic."""
    with flint.ctx.workdps(50):
        V, r = _exact(data, params)
        P = V.inv()
        e = P * r
        both = [(_float(e[i, 0] / P[i, i]), _float(1 / P[i, i])) for i in range(V.nrows())]
        return np.array(both).T


def _exact(data, params):
    """V and y − offset − Xβ; with a known covariance of the levels by its own Cholesky factor."""
    design = data.design
    Z = _matrix(np.hstack([t.Z.toarray() for t in design.terms]))
    level_blocks = []
    effect_blocks = []
    for term in design.terms:
        J, q = term.size
        level_chol = np.eye(J) if term.level_chol is None else term.level_chol
        level_blocks.append(np.kron(level_chol, np.eye(q)))
        effect_blocks.append(np.kron(np.eye(J), params.cov[term.name]))
    of_levels = _matrix(block_diag(*level_blocks))
    of_effects = _matrix(block_diag(*effect_blocks))
    V = Z * (of_levels * of_effects * of_levels.transpose()) * Z.transpose()
    for i, w in enumerate(design.weights):
        V[i, i] += flint.arb(params.sigma) ** 2 / flint.arb(w)
    return V, _column(data.y - design.offset) - _matrix(design.X) * _column(params.beta)


def deviance_derivatives_100_digits(data, factors, method):
    """Gradient and Hessian of the profiled deviance in the free entries of each Λ_k.

    By central differences of 1e-20 in 100-digit arithmetic. Two pairs, of the
    log determinants and of the sum of squares: their sum is the derivative, and their magnitudes
    are what rounding is relative to.
    """
    with flint.ctx.workdps(100):
        entries = []
        for k, (term, factor) in enumerate(zip(data.design.terms, factors, strict=True)):
            q = len(factor)
            rows, columns = np.tril_indices(q) if term.correlated else np.diag_indices(q)
            entries += [(k, int(i), int(j)) for i, j in zip(rows, columns, strict=True)]
        return _by_differences(lambda moved: _deviance_parts(data, moved, method), factors, entries)


def _by_differences(parts, factors, entries):
    """Gradients (2, d) and Hessians (2, d, d) of the two parts in entries (k, i, j) of factors."""
    step = flint.arb("1e-20")

    def at(*moves):
        moved = [_matrix(factor) for factor in factors]
        for a, sign in moves:
            k, i, j = entries[a]
            moved[k][i, j] += sign * step
        return np.array(parts(moved))

    d = len(entries)
    gradients = np.empty((2, d))
    hessians = np.empty((2, d, d))
    centre = at()
    ups = [at((a, 1)) for a in range(d)]
    downs = [at((a, -1)) for a in range(d)]
    for a in range(d):
        gradients[:, a] = _floats((ups[a] - downs[a]) / (2 * step))
        hessians[:, a, a] = _floats((ups[a] - 2 * centre + downs[a]) / step**2)
        for b in range(a):
            both = at((a, 1), (b, 1)) + at((a, -1), (b, -1))
            alone = ups[a] + downs[a] + ups[b] + downs[b]
            mixed = _floats((both - alone + 2 * centre) / (2 * step**2))
            hessians[:, a, b] = hessians[:, b, a] = mixed
    return gradients, hessians


def _floats(balls):
    return [_float(ball) for ball in balls]


def _deviance_parts(data, factors, method):
    """Log determinants, and df (1 + log 2πρ²/df), of the deviance at relative factors Λ_k."""
    design = data.design
    n = len(data.y)
    V = flint.arb_mat(n, n)
    for term, factor in zip(design.terms, factors, strict=True):
        J, q = term.size
        level_chol = np.eye(J) if term.level_chol is None else term.level_chol
        columns = _matrix(term.Z.toarray() @ np.kron(level_chol, np.eye(q)))
        scaled = columns * _repeated(factor, J)
        V += scaled * scaled.transpose()
    for i, w in enumerate(design.weights):
        V[i, i] += 1 / flint.arb(w)
    log_det, log_det_fixed, squares = _generalised_least_squares(
        V, _matrix(design.X), _column(data.y - design.offset)
    )
    if method == "reml":
        log_det += log_det_fixed
    df = n - design.X.shape[1] if method == "reml" else n
    return log_det, df * (1 + (2 * flint.arb.pi() * squares / df).log())


def _repeated(factor, J):
    """J copies of a block down the diagonal."""
    q = factor.nrows()
    repeated = flint.arb_mat(J * q, J * q)
    for j in range(J):
        for a in range(q):
            for b in range(q):
                repeated[j * q + a, j * q + b] = factor[a, b]
    return repeated


def _generalised_least_squares(V, X, y):
    """log|V|, log|X'V⁻¹X| and the least (y − Xβ)'V⁻¹(y − Xβ)."""
    log_det = V.det().log()
    if not X.ncols():
        return log_det, flint.arb(0), _inner(y, V.solve(y))
    white_X = V.solve(X)
    information = X.transpose() * white_X
    residual = y - X * information.solve(white_X.transpose() * y)
    return log_det, information.det().log(), _inner(residual, V.solve(residual))


def posterior_derivatives_100_digits(data, priors, free):
    """Gradient and Hessian of −log p(φ, y) in the free coordinates φ of the variance parameters.

    Two pairs, as in :func:`deviance_derivatives_100_digits`: of the log determinant, and of the sum
    of squares and the prior.
    """
    with flint.ctx.workdps(100):
        entries = [(0, 0, a) for a in range(len(free))]
        return _by_differences(
            lambda moved: _posterior_parts(data, priors, moved[0]), [free[None]], entries
        )


def _posterior_parts(data, priors, free):
    """Of −log p(φ, y): half the log determinant; half the sum of squares less the log prior."""
    design = data.design
    coordinates = iter([free[0, a] for a in range(free.ncols())])
    prior = flint.arb(0)
    scales = []
    for name in [*design.effects, None]:
        of_scale = priors.sigma if name is None else priors.sd[name]
        if of_scale.family == "fixed":
            scales.append(flint.arb(of_scale.scale))
            continue
        log_scale = next(coordinates)
        scales.append(log_scale.exp())
        prior += log_scale + _log_scale_density(of_scale, scales[-1] / flint.arb(of_scale.scale))
    sigma = scales.pop()

    n = len(data.y)
    V = flint.arb_mat(n, n)
    for i, w in enumerate(design.weights):
        V[i, i] = sigma**2 / flint.arb(w)
    sds = iter(scales)
    for term in design.terms:
        J, q = term.size
        factor, of_correlations = _free_factor(
            q, coordinates, term.pairs, priors.cor.get(term.name)
        )
        prior += of_correlations
        for i in range(q):
            sd = next(sds)
            for j in range(q):
                factor[i, j] *= sd
        level_chol = np.eye(J) if term.level_chol is None else term.level_chol
        scaled = _matrix(term.Z.toarray() @ np.kron(level_chol, np.eye(q))) * _repeated(factor, J)
        V += scaled * scaled.transpose()

    # β = T⁻¹γ with γ ~ N(m, diag(s²)).
    residual = _column(data.y - design.offset)
    if design.X.shape[1]:
        of_gamma = _matrix(design.X) * _matrix(priors.transform).inv()
        residual -= of_gamma * _column(priors.beta_mean)
        scaled = of_gamma * _matrix(np.diag(priors.beta_sd))
        V += scaled * scaled.transpose()
    return V.det().log() / 2, _inner(residual, V.solve(residual)) / 2 - prior


def _log_scale_density(prior, ratio):
    """Log density of an SD in units of its prior's scale, up to a constant."""
    if prior.family == "half-normal":
        return -(ratio**2) / 2
    if prior.family == "exponential":
        return -ratio
    df = flint.arb(prior.df)
    return -(df + 1) / 2 * (1 + ratio**2 / df).log()


def _free_factor(q, coordinates, pairs, eta):
    """The correlations' Cholesky factor at the next coordinates, and the log density of these."""
    factor = flint.arb_mat(q, q)
    prior = flint.arb(0)
    for i in range(q):
        left = flint.arb(1)  # of the row's squared length
        for j in range(i if pairs else 0):
            partial = next(coordinates).tanh()
            factor[i, j] = partial * left.sqrt()
            left -= factor[i, j] ** 2
            prior += (flint.arb(eta) + flint.arb(q - 2 - j) / 2) * (1 - partial**2).log()
        factor[i, i] = left.sqrt()
    return factor, prior


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
    with flint.ctx.workdps(100):
        t = len(factors[0])
        entries = [(k, i, j) for k in range(2) for i in range(t) for j in range(i + 1)]
        (term,) = data.design.terms
        level_chol = np.eye(len(term.levels)) if term.level_chol is None else term.level_chol
        Z = _matrix(term.Z.toarray()) * _matrix(level_chol)
        ZAZ = Z * Z.transpose()
        return _by_differences(
            lambda moved: _traits_deviance_parts(data, ZAZ, moved, method), factors, entries
        )


def _traits_deviance_parts(data, ZAZ, factors, method):
    """Log determinants, and the sum of squares, of −2 log p(Y), trait after trait."""
    design = data.design
    n, t = data.Y.shape
    p = design.X.shape[1]
    G0, R0 = (factor * factor.transpose() for factor in factors)
    V = flint.arb_mat(n * t, n * t)
    X = flint.arb_mat(n * t, p * t)
    for k in range(t):
        for i in range(n):
            for j in range(p):
                X[k * n + i, k * p + j] = flint.arb(design.X[i, j])
            for m in range(t):
                for j in range(n):
                    V[k * n + i, m * n + j] = G0[k, m] * ZAZ[i, j]
                V[k * n + i, m * n + i] += R0[k, m] / flint.arb(design.weights[i])
    log_det, log_det_fixed, squares = _generalised_least_squares(V, X, _column(data.Y.T.ravel()))
    if method == "reml":
        log_det += log_det_fixed
    return log_det, squares
