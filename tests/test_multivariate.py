"""Several traits: the canonical transformation against dense Kronecker covariances, and its
estimates against both.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import truth
from cases import CASES as UNIVARIATE
from lmmlib import (
    Data,
    Design,
    Params,
    Term,
    estimation,
    from_formula,
    linalg,
    load_dataset,
    loglik,
    multivariate,
    simulation,
)
from lmmlib import moments as univariate_moments
from lmmlib import random_effects as univariate_effects
from lmmlib.multivariate import MultivariateData, MultivariateParams
from lmmlib.multivariate.deviance import (
    TraitModel,
    deviance_at,
    deviance_in_frame,
    flattened,
)
from lmmlib.multivariate.search import SearchResult, minimum, search
from noise import with_last_digits_of


def _square(root):
    return root @ root.T


def _covariance(rng, t, rank=None):
    return _square(rng.normal(size=(t, t if rank is None else rank)))


def _make(seed, t, term, n=24, G0=None, weights=False):
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=n)])
    design = Design(X, [term(rng)], weights=rng.uniform(0.2, 3, n) if weights else None)
    G0 = _covariance(rng, t) if G0 is None else G0(rng)
    params = MultivariateParams(rng.normal(size=(2, t)), G0, _covariance(rng, t) + 0.3 * np.eye(t))
    return MultivariateData(multivariate.simulate(design, params, rng).Y, design), params


def _groups(rng, n=24, J=6):
    return Term.grouped("g", np.concatenate([np.arange(J), rng.integers(J, size=n - J)]))


def _related(rng, n=24, J=6):
    return Term.grouped(
        "g",
        np.concatenate([np.arange(J), rng.integers(J, size=n - J)]),
        between=_covariance(rng, J) + np.eye(J),
    )


CASES = {
    "one trait": lambda: _make(1, 1, _groups),
    "two traits": lambda: _make(2, 2, _groups),
    "three traits": lambda: _make(3, 3, _groups),
    "weights": lambda: _make(4, 2, _groups, weights=True),
    "dense": lambda: _make(5, 3, lambda r: Term.dense("z", r.normal(size=(24, 5)))),
    "more effects than rows": lambda: _make(
        6, 2, lambda r: Term.dense("z", r.normal(size=(24, 30))), weights=True
    ),
    "columns that depend": lambda: _make(
        7, 2, lambda r: Term.dense("z", r.normal(size=(24, 2)) @ r.normal(size=(2, 4)))
    ),
    "known covariance": lambda: _make(8, 3, _related, weights=True),
    "known covariance of dense": lambda: _make(
        9,
        2,
        lambda r: Term.dense("z", r.normal(size=(24, 4)), between=_covariance(r, 4) + np.eye(4)),
    ),
    "singular G0": lambda: _make(10, 3, _groups, G0=lambda r: _covariance(r, 3, rank=1)),
    "a trait without effects": lambda: _make(11, 2, _related, G0=lambda r: np.diag([2.0, 0.0])),
    "zero G0": lambda: _make(12, 2, _groups, G0=lambda r: np.zeros((2, 2))),
    "levels without rows": lambda: _make(
        13,
        2,
        lambda r: Term.grouped("g", np.repeat([0, 2, 3], 8), levels=["a", "b", "c", "d", "e"]),
    ),
    "one covariate": lambda: _make(
        14,
        2,
        lambda r: Term.grouped(
            "g", np.repeat(np.arange(6), 4), np.tile([0.0, 1, 2, 3], 6)[:, None]
        ),
    ),
}
each_case = pytest.mark.parametrize("name", CASES)


def _dense(design, params):
    """Mean and covariance of vec(Y) entry by entry, and the covariance of vec(Y) with vec(U)."""
    term = design.terms[0]
    Z, A = (
        term.Z.toarray(),
        np.eye(term.size[0]) if term.level_chol is None else term.level_chol @ term.level_chol.T,
    )
    n, (p, t) = design.n, params.B.shape
    V = np.einsum("kl,ij->kilj", params.G0, Z @ A @ Z.T) + np.einsum(
        "kl,ij->kilj", params.R0, np.diag(1 / design.weights)
    )
    mean = [
        sum(design.X[i, j] * params.B[j, k] for j in range(p)) for k in range(t) for i in range(n)
    ]
    return np.array(mean), V.reshape(n * t, n * t), np.kron(params.G0, Z @ A)


def _log_density(data, params):
    mean, V, _ = _dense(data.design, params)
    return multivariate_normal(mean, V).logpdf(data.Y.T.ravel())


def _restricted(data, params):
    """log of N(vec(Y); vec(XB), V) integrated over B."""
    _, V, _ = _dense(data.design, params)
    X, y, Vi = np.kron(np.eye(len(params.R0)), data.design.X), data.Y.T.ravel(), np.linalg.inv(V)
    information = X.T @ Vi @ X
    residual = y - X @ np.linalg.solve(information, X.T @ Vi @ y)
    log_det = np.linalg.slogdet(V)[1] + np.linalg.slogdet(information)[1]
    return -0.5 * ((len(y) - X.shape[1]) * np.log(2 * np.pi) + log_det + residual @ Vi @ residual)


DENSITIES = {"ml": _log_density, "reml": _restricted}


@each_case
def test_moments_are_the_dense_ones(name):
    data, params = CASES[name]()
    mean, V, _ = _dense(data.design, params)
    got = multivariate.moments(data.design, params)
    np.testing.assert_allclose(got.mean, mean, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(got.cov, V, rtol=1e-12, atol=1e-14)
    U = np.random.default_rng(1).normal(size=(data.design.shapes[0][0], len(params.G0)))
    given = multivariate.conditional_moments(data.design, params, U)
    shift = data.design.terms[0].Z.toarray() @ U
    np.testing.assert_allclose(
        given.mean.reshape(-1, data.design.n).T,
        mean.reshape(-1, data.design.n).T + shift,
        rtol=1e-12,
        atol=1e-14,
    )
    R = _dense(data.design, MultivariateParams(params.B, 0 * params.G0, params.R0))[1]
    np.testing.assert_allclose(given.cov, R, rtol=1e-14)


@each_case
def test_log_density_is_the_dense_one(name):
    data, params = CASES[name]()
    np.testing.assert_allclose(
        multivariate.log_density(data, params), _log_density(data, params), rtol=1e-10
    )


@each_case
def test_effects_given_y_are_the_dense_ones(name):
    data, params = CASES[name]()
    mean, V, covariance = _dense(data.design, params)
    expected = covariance.T @ np.linalg.solve(V, data.Y.T.ravel() - mean)
    got = multivariate.blup(data, params)
    np.testing.assert_allclose(got.T.ravel(), expected, rtol=1e-10, atol=1e-11)


@each_case
def test_the_transformation_makes_both_covariances_diagonal(name):
    _, params = CASES[name]()
    found = multivariate.canonical(params)
    np.testing.assert_allclose(
        found.transform.T @ params.R0 @ found.transform, np.eye(len(found.D)), atol=1e-12
    )
    np.testing.assert_allclose(
        found.transform.T @ params.G0 @ found.transform,
        np.diag(found.D),
        atol=1e-12 * max(1, found.D[0]),
    )
    assert np.all(np.diff(found.D) <= 0)
    assert found.D[-1] >= 0
    np.testing.assert_allclose(found.log_det, -np.linalg.slogdet(found.transform)[1], rtol=1e-10)
    np.testing.assert_allclose(found.log_det, 0.5 * np.linalg.slogdet(params.R0)[1], rtol=1e-10)


@pytest.mark.parametrize("scale", [1.0, 1e8])
@each_case
def test_log_density_is_a_sum_of_univariate_ones(name, scale):
    """At SD ratios of ten thousand too, where the dense density has lost half its digits."""
    data, params = CASES[name]()
    params = MultivariateParams(params.B, scale * params.G0, params.R0)
    Y = multivariate.simulate(data.design, params, np.random.default_rng(3)).Y
    found, term = multivariate.canonical(params), data.design.terms[0].name
    turned = zip((Y @ found.transform).T, (params.B @ found.transform).T, found.D, strict=True)
    parts = [
        loglik.marginal(Data(y, data.design), Params(beta, {term: d}, 1.0)) for y, beta, d in turned
    ]
    got = multivariate.log_density(MultivariateData(Y, data.design), params)
    np.testing.assert_allclose(got, sum(parts) - data.design.n * found.log_det, rtol=1e-10)


@pytest.mark.parametrize(
    "name",
    [
        "balanced",
        "singleton groups",
        "known covariance",
        "zero SD",
        "levels without rows",
        "rows without effects",
    ],
)
def test_one_trait_is_the_univariate_model(name):
    one, params = UNIVARIATE[name]()
    design, term = one.design, one.design.terms[0].name
    data = MultivariateData(one.y[:, None], design)
    same = MultivariateParams(params.beta[:, None], params.cov[term], [[params.sigma**2]])
    np.testing.assert_allclose(
        multivariate.log_density(data, same), loglik.marginal(one, params), rtol=1e-12
    )
    np.testing.assert_allclose(
        multivariate.blup(data, same)[:, 0],
        univariate_effects.conditional_mean(one, params),
        rtol=1e-10,
        atol=1e-12,
    )
    np.testing.assert_allclose(
        multivariate.moments(design, same).cov,
        univariate_moments.marginal(design, params).cov,
        rtol=1e-12,
    )
    made = multivariate.simulate(design, same, np.random.default_rng(4))
    expected = simulation.simulate(design, params, np.random.default_rng(4))
    np.testing.assert_allclose(made.Y[:, 0], expected.y, rtol=1e-12)
    np.testing.assert_allclose(made.U[:, 0], expected.u, rtol=1e-12)


@pytest.mark.parametrize(
    "name", ["two traits", "three traits", "weights", "known covariance", "singular G0"]
)
def test_other_traits_tell_the_same(name):
    """For traits YM the density is divided by |M|ⁿ and the effects become UM.

    A permutation is such an M.
    """
    data, params = CASES[name]()
    (n, t), rng = data.Y.shape, np.random.default_rng(5)
    U = multivariate.blup(data, params)
    for M in (np.eye(t)[rng.permutation(t)], rng.normal(size=(t, t))):
        G0, R0 = (M.T @ cov @ M for cov in (params.G0, params.R0))
        other = MultivariateParams(params.B @ M, (G0 + G0.T) / 2, (R0 + R0.T) / 2)
        turned = MultivariateData(data.Y @ M, data.design)
        expected = multivariate.log_density(data, params) - n * np.linalg.slogdet(M)[1]
        np.testing.assert_allclose(multivariate.log_density(turned, other), expected, rtol=1e-10)
        np.testing.assert_allclose(multivariate.blup(turned, other), U @ M, rtol=1e-9, atol=1e-10)


def test_permuted_rows_tell_the_same():
    data, params = CASES["weights"]()
    order, design = np.random.default_rng(6).permutation(24), data.design
    term = Term("g", design.terms[0].levels, design.terms[0].effects, design.terms[0].Z[order])
    moved = MultivariateData(data.Y[order], Design(design.X[order], [term], design.weights[order]))
    np.testing.assert_allclose(
        multivariate.log_density(moved, params), multivariate.log_density(data, params), rtol=1e-11
    )


def test_simulated_moments_converge():
    """With S draws a mean has standard error sqrt(V_ii / S), a covariance sqrt((V_ij² + V_ii
    V_jj) / S).
    """
    data, params = _make(15, 2, lambda r: _related(r, n=8, J=3), n=8, weights=True)
    rng, S = np.random.default_rng(7), 8000
    made = [multivariate.simulate(data.design, params, rng) for _ in range(S)]
    y = np.array([m.Y.T.ravel() for m in made])
    u = np.array([m.U.T.ravel() for m in made])
    exact, A = (
        multivariate.moments(data.design, params),
        data.design.terms[0].level_chol @ data.design.terms[0].level_chol.T,
    )
    for draws, mean, cov in ((y, exact.mean, exact.cov), (u, np.zeros(6), np.kron(params.G0, A))):
        variance = np.diag(cov)
        assert np.max(np.abs(draws.mean(0) - mean) / np.sqrt(variance / S)) < 5
        assert (
            np.max(
                np.abs(np.cov(draws.T) - cov) / np.sqrt((cov**2 + np.outer(variance, variance)) / S)
            )
            < 5
        )
    noise = y - [multivariate.conditional_moments(data.design, params, m.U).mean for m in made]
    R = multivariate.conditional_moments(data.design, params, made[0].U).cov
    assert (
        np.max(np.abs(np.cov(noise.T) - R) / np.sqrt((R**2 + np.outer(np.diag(R), np.diag(R))) / S))
        < 5
    )


def _larger(seed=20, t=2, n=150, J=30, weights=True, **options):
    return _make(seed, t, lambda r: _groups(r, n, J), n=n, weights=weights, **options)


@pytest.mark.parametrize("method", ["ml", "reml"])
@pytest.mark.parametrize(
    "formula",
    [
        "Yield ~ 1 + (1 | Batch), Dyestuff",
        "Yield ~ 1 + (1 | Batch), Dyestuff2",
        "Reaction ~ Days + (1 | Subject), sleepstudy",
    ],
)
def test_estimates_of_one_trait_are_the_univariate_ones(formula, method):
    formula, table = formula.split(", ")
    one = from_formula(formula, load_dataset(table))
    expected = estimation.estimate(one, method)
    found = multivariate.estimate(MultivariateData(one.y[:, None], one.design), method)
    assert found.converged
    assert found.deviance == pytest.approx(expected.deviance, rel=1e-11)
    # Values known to 1e-12 tell SDs apart to the root of it where the curvature is one, and it is
    # 10 at the least here. An SD of zero is known to 1e-6 of that of the residuals.
    np.testing.assert_allclose(found.params.B[:, 0], expected.params.beta, rtol=1e-6)
    np.testing.assert_allclose(found.se[:, 0], expected.se, rtol=1e-6)
    np.testing.assert_allclose(found.params.R0, expected.params.sigma**2, rtol=2e-6)
    expected_G0 = expected.params.cov[one.design.terms[0].name]
    np.testing.assert_allclose(
        found.params.G0, expected_G0, rtol=2e-6, atol=1e-12 * expected.params.sigma**2
    )


@pytest.mark.parametrize("method", ["ml", "reml"])
@pytest.mark.parametrize(
    "name",
    [
        "two traits",
        "three traits",
        "weights",
        "dense",
        "known covariance",
        "singular G0",
        "zero G0",
    ],
)
def test_nothing_nearby_is_better(name, method):
    data, params = CASES[name]()
    found, density = multivariate.estimate(data, method), DENSITIES[method]
    B, G0, R0 = found.params.B, found.params.G0, found.params.R0
    best = density(data, found.params)
    assert found.converged
    assert found.deviance == pytest.approx(-2 * best, rel=1e-10)
    assert density(data, params) < best
    rng, t, root = np.random.default_rng(8), len(R0), linalg.cholesky_semidefinite(G0)
    for step in (0.1, 1e-3):
        for _ in range(10):
            turn, v = np.eye(t) + step * rng.normal(size=(t, t)), rng.normal(size=t)
            others = [
                (B + step * found.se * rng.normal(size=B.shape), G0, R0),
                (B, _square(turn @ root), R0),
                (B, G0, turn @ R0 @ turn.T),
                (B, G0 + step**2 * np.outer(v, v), R0),
                (B, _square(turn @ root) + step**2 * np.outer(v, v), turn.T @ R0 @ turn),
            ]
            assert max(density(data, MultivariateParams(*other)) for other in others) <= best + 1e-9


@pytest.mark.parametrize("method", ["ml", "reml"])
def test_the_slope_vanishes_at_the_optimum(method):
    """By central differences of the dense density, in units in which R₀ is about one."""
    data, _ = _larger(n=40, J=10)
    found = multivariate.estimate(data, method)
    assert multivariate.canonical(found.params).D[-1] > 0.1
    for name in ("B", "G0", "R0"):
        value = getattr(found.params, name)
        for i, j in np.ndindex(value.shape):
            change = np.zeros(value.shape)
            change[i, j] = 1e-4
            change = change if name == "B" else change + change.T
            up, down = (
                MultivariateParams(**{**vars(found.params), name: value + s * change})
                for s in (1, -1)
            )
            slope = (DENSITIES[method](data, up) - DENSITIES[method](data, down)) / 2e-4
            assert abs(slope) < 1e-4  # against curvatures of 10 to 1000


FEW = np.arange(6)  # rows of a design whose derivatives are taken in 100 digits
EXACT = 1e-10  # of the sum of the magnitudes of the two parts of a derivative


def _points(rng, t):
    """Factors of G₀ and R₀: ordinary, with a zero in G₀, none at all, tiny and large ones."""
    G0_factor, R0_chol = np.tril(np.eye(t) + 0.3 * rng.normal(size=(2, t, t)))
    with_zero = G0_factor * (np.arange(t) < t - 1)
    return {
        "ordinary": (G0_factor, R0_chol),
        "one at zero": (with_zero, R0_chol),
        "all at zero": (0 * G0_factor, R0_chol),
        "tiny": (1e-6 * G0_factor, R0_chol),
        "large": (1e6 * G0_factor, R0_chol),
        "correlations near one": ([[1.0, 0.0], [0.999, np.sqrt(1 - 0.999**2)]], R0_chol),
    }


@pytest.mark.parametrize("method", ["ml", "reml"])
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("one trait", "ordinary"),
        ("more effects than rows", "ordinary"),
        ("columns that depend", "ordinary"),
        ("known covariance", "ordinary"),
        ("weights", "ordinary"),
        *(("one covariate", place) for place in _points(np.random.default_rng(0), 2)),
    ],
)
def test_derivatives_are_exact(name, place, method):
    data, _ = CASES[name]()
    traits = min(data.Y.shape[1], 2)  # the dense twin grows with their cube
    data = MultivariateData(data.Y[FEW, :traits], data.design.rows(FEW))
    factors = np.array(_points(np.random.default_rng(9), traits)[place])
    gradients, hessians = truth.traits_deviance_derivatives_100_digits(data, factors, method)

    frame = np.array([np.eye(traits)] * 2)
    model = TraitModel(data.rotated, len(FEW), is_restricted=method == "reml")
    found = deviance_in_frame(model, frame, flattened(factors))

    # A gradient that is off by 1e-10 roots of the curvature moves an end by 1e-10 standard errors.
    # Below a large diagonal, where only det G₀ counts, the curvature is the small difference of two
    # terms of the size of the diagonal's, and so is the size of such an entry.
    magnitude = np.abs(hessians).sum(0)
    rows = np.tile(np.tril_indices(traits)[0], 2) + np.repeat([0, traits], len(magnitude) // 2)
    size = np.sqrt([np.diag(magnitude)[rows == row].max() for row in rows])
    allowed = EXACT * np.maximum(size, np.abs(gradients).sum(0))
    assert np.all(np.abs(found.gradient - gradients.sum(0)) <= allowed)
    allowed = EXACT * np.maximum(np.outer(size, size), magnitude)
    assert np.all(np.abs(found.hessian - hessians.sum(0)) <= allowed)


@pytest.mark.parametrize("method", ["ml", "reml"])
def test_derivatives_in_a_frame_are_those_of_its_factors(method):
    """By the chain rule, frames being constant."""
    data, _ = CASES["known covariance"]()
    rng = np.random.default_rng(9)
    frame = np.tril(np.eye(3) + 0.3 * rng.normal(size=(2, 3, 3)))
    triangles = np.tril(np.eye(3) + 0.2 * rng.normal(size=(2, 3, 3)))
    model = TraitModel(data.rotated, 24, is_restricted=method == "reml")
    found = deviance_in_frame(model, frame, flattened(triangles))
    identity = np.array([np.eye(3)] * 2)
    by_factors = deviance_in_frame(model, identity, flattened(frame @ triangles))
    along = []
    for which in range(2):
        for i, j in zip(*np.tril_indices(3), strict=True):
            change = np.zeros((2, 3, 3))
            change[which][:, j] = frame[which][:, i]
            along.append(flattened(change))
    along = np.array(along)
    np.testing.assert_allclose(found.value, by_factors.value, rtol=1e-13)
    np.testing.assert_allclose(found.gradient, along @ by_factors.gradient, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(
        found.hessian, along @ by_factors.hessian @ along.T, rtol=1e-11, atol=1e-10
    )


def test_a_search_leaves_a_saddle():
    """Without effects the slope by their factor is zero, whatever the data say."""
    data, _ = CASES["two traits"]()
    model = TraitModel(data.rotated, 24, is_restricted=False)
    deviance = partial(deviance_in_frame, model)
    spread = np.linalg.cholesky(np.cov(data.Y.T))
    saddle = np.array([np.zeros((2, 2)), spread])
    found = minimum(deviance, data.rotated, saddle)
    expected = search(deviance, data.rotated, spread, 24)
    assert found.promised_gain < 1e-18
    assert found.value == pytest.approx(expected.value, rel=1e-12)
    assert found.value < deviance_at(deviance, saddle) - 1


def test_standard_errors_of_B_are_those_of_generalised_least_squares():
    data, _ = CASES["weights"]()
    found = multivariate.estimate(data, "ml")
    _, V, _ = _dense(data.design, found.params)
    X = np.kron(np.eye(2), data.design.X)
    covariance = np.linalg.inv(X.T @ np.linalg.solve(V, X))
    np.testing.assert_allclose(found.se.T.ravel(), np.sqrt(np.diag(covariance)), rtol=1e-9)
    np.testing.assert_allclose(
        found.params.B.T.ravel(), covariance @ X.T @ np.linalg.solve(V, data.Y.T.ravel()), rtol=1e-9
    )


@pytest.mark.parametrize("method", ["ml", "reml"])
def test_covariances_are_recovered(method):
    """Errors in standard errors of the expected information, ½ tr(V⁻¹ V_i V⁻¹ V_j) for entries
    i, j of G₀ and R₀.
    """
    data, params = _larger(n=300, J=60, G0=lambda r: np.array([[4.0, 1.5], [1.5, 2.0]]))
    found = multivariate.estimate(data, method)
    _, V, _ = _dense(data.design, params)
    Z, lower = data.design.Z.toarray(), list(zip(*np.tril_indices(2), strict=True))
    slopes = []
    for known in (Z @ Z.T, np.diag(1 / data.design.weights)):
        for i, j in lower:
            entry = np.zeros((2, 2))
            entry[i, j] = entry[j, i] = 1.0
            slopes.append(np.linalg.solve(V, np.kron(entry, known)))
    information = 0.5 * np.array([[np.sum(a * b.T) for b in slopes] for a in slopes])
    se = np.sqrt(np.diag(np.linalg.inv(information)))
    for name, spread in (("G0", se[:3]), ("R0", se[3:])):
        true, i, j = getattr(params, name), *np.tril_indices(2)
        assert np.max(np.abs(getattr(found.params, name) - true)[i, j] / spread) < 5
        assert (
            np.max(spread / np.sqrt(true[i, i] * true[j, j])) < 0.4
        )  # so that a wrong one would be noticed
    assert np.max(np.abs(found.params.B - params.B) / found.se) < 5


def test_estimates_follow_the_traits():
    """Units of traits, and mixtures of them, change nothing but the names of things.

    Values known to 1e-12 tell SDs apart to the root of it, in units of the residuals' and where
    curvature is one; of 90 rows it is more.
    """
    data, _ = _larger(t=3, n=90, J=15)
    M = np.array([[1e5, 0, 0], [0, 0, 1e-3], [3e5, 1.0, 0]])
    first, second = (
        multivariate.estimate(data, "ml"),
        multivariate.estimate(MultivariateData(data.Y @ M, data.design), "ml"),
    )
    assert second.deviance == pytest.approx(
        first.deviance + 2 * 90 * np.linalg.slogdet(M)[1], rel=1e-11
    )
    unit = np.sqrt(np.diag(M.T @ first.params.R0 @ M))
    for name in ("G0", "R0"):
        expected = M.T @ getattr(first.params, name) @ M
        np.testing.assert_allclose(
            getattr(second.params, name) / np.outer(unit, unit),
            expected / np.outer(unit, unit),
            atol=1e-6,
        )


def test_estimates_of_a_singular_covariance():
    """The effects of the second trait are twice those of the first, so that one ratio is zero at
    the optimum.

    Values known to 1e-12 tell a ratio of SDs from zero down to 1e-6, and of variances to the square
    of that.
    """
    data, _ = _larger(seed=26, n=80, J=10, G0=lambda r: np.array([[1.0, 2.0], [2.0, 4.0]]))
    found = multivariate.estimate(data, "ml")
    assert found.converged
    ratios = multivariate.canonical(found.params).D
    assert ratios[0] > 0.1
    assert ratios[1] < 1e-12


def test_the_higher_of_two_optima_is_found():
    """The likelihood of these data has an optimum without effects, and another with an SD ratio
    of 0.6.
    """
    rng = np.random.default_rng(63)
    design = Design(
        np.column_stack([np.ones(30), rng.normal(size=30)]),
        [Term.dense("z", rng.uniform(size=(30, 3)))],
    )
    one = Data(simulation.simulate(design, Params([1.0, 2.0], {"z": 1.0}, 1.0), rng).y, design)
    found = multivariate.estimate(MultivariateData(one.y[:, None], design), "ml")
    without = MultivariateParams(found.params.B, [[0.0]], found.params.R0)
    np.testing.assert_allclose(found.params.G0 / found.params.R0, 0.3855, rtol=1e-3)
    assert found.deviance == pytest.approx(estimation.estimate(one, "ml").deviance, rel=1e-10)
    assert found.deviance < -2 * multivariate.log_density(
        MultivariateData(one.y[:, None], design), without
    )


def test_variances_that_differ_by_orders_of_magnitude():
    """One combination of traits is nearly all effects, another nearly all residuals.

    The end is an optimum all the same.
    """
    data, params = _larger(
        seed=27, n=80, J=10, G0=lambda r: np.diag([1e6, 1e-2]) + 50.0 * (1 - np.eye(2))
    )
    found = multivariate.estimate(data, "ml")
    assert found.converged
    best = multivariate.log_density(data, found.params)
    assert found.deviance == pytest.approx(-2 * best, rel=1e-10)
    assert multivariate.log_density(data, params) < best
    for seed in range(20):
        turn = np.eye(2) + 1e-3 * np.random.default_rng(seed).normal(size=(2, 2, 2))
        G0, R0 = turn @ [found.params.G0, found.params.R0] @ np.swapaxes(turn, 1, 2)
        assert (
            multivariate.log_density(data, MultivariateParams(found.params.B, G0, R0))
            <= best + 1e-8
        )


def test_a_failed_search_is_told(monkeypatch):
    data, _ = CASES["two traits"]()
    unfinished = SearchResult(np.array([np.eye(2), np.eye(2)]), promised_gain=0.5, value=0.0)
    monkeypatch.setattr("lmmlib.multivariate.fit.search", lambda *_: unfinished)
    with pytest.warns(
        multivariate.ConvergenceWarning,
        match="ended where a further step promises a gain of 0.5 in the deviance",
    ):
        assert not multivariate.estimate(data, "ml").converged


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("unit", [1e60, 1e120])
def test_the_last_digit_of_the_criterion_decides_nothing(monkeypatch, unit, seed):
    """A unit in the last place, up or down, as another processor would have it, where that unit is
    1e-11: the criterion is 1e5.

    Slopes are exact but for rounding: sums of 150 rows, known to 150 ε = 3e-14 of what is summed,
    beside curvatures as large. Where the least of all lengths of a step was taken, covariances were
    off by 5e-8 to 2e-7.
    """
    data, _ = _larger()
    expected = multivariate.estimate(data, "ml")

    def perturbed(model, frame, x):
        exact = deviance_in_frame(model, frame, x)
        noisy = with_last_digits_of(seed, lambda _: np.array([exact.value]))
        return replace(exact, value=float(noisy(np.append(frame, x)[None])[0]))

    monkeypatch.setattr("lmmlib.multivariate.fit.deviance_in_frame", perturbed)
    found = multivariate.estimate(MultivariateData(unit * data.Y, data.design), "ml")
    assert found.converged
    shift = 2 * data.Y.size * np.log(unit)
    assert found.deviance - shift == pytest.approx(
        expected.deviance, abs=64 * np.spacing(found.deviance)
    )
    for name in ("G0", "R0"):
        np.testing.assert_allclose(
            getattr(found.params, name) / unit**2, getattr(expected.params, name), rtol=1e-11
        )


@pytest.mark.parametrize(
    ("B", "G0", "R0", "message"),
    [
        (
            [1.0, 2.0],
            np.eye(2),
            np.eye(2),
            r"B must have shape \(any, any\), got \(2,\); a row per coefficient, a column per "
            r"trait",
        ),
        (
            [[1.0, 2.0]],
            np.eye(3),
            np.eye(2),
            r"G0 must have shape \(2, 2\), got \(3, 3\); B has 2 columns, one per trait",
        ),
        ([[1.0, 2.0]], np.eye(2), 1.0, r"R0 must have shape \(2, 2\), got \(\); B has 2 columns"),
        (
            [[1.0, 2.0]],
            [[1, 2], [0, 1]],
            np.eye(2),
            r"G0 must be symmetric, got 2 at \(0, 1\) and 0 at \(1, 0\)",
        ),
        ([[1.0, 2.0]], np.eye(2), [[1, 2], [0, 1]], "R0 must be symmetric"),
        (
            [[1.0, 2.0]],
            [[1, 2], [2, 1]],
            np.eye(2),
            r"G0 must be positive semi-definite \(its correlations have an eigenvalue of -1\)",
        ),
        (
            [[1.0, 2.0]],
            np.eye(2),
            [[1, 1], [1, 1]],
            r"R0 must be positive definite, got .*; drop traits that others determine",
        ),
        (
            [[1.0, np.nan]],
            np.eye(2),
            np.eye(2),
            r"B must be finite, got 1 entries that are not, the first at \(0, 1\)",
        ),
    ],
)
def test_bad_params_are_told(B, G0, R0, message):
    with pytest.raises(ValueError, match=message):
        MultivariateParams(B, G0, R0)


GROUPS = Term.grouped("g", list("aabbcc"))
ONES = np.ones((6, 1))


@pytest.mark.parametrize(
    ("Y", "design", "traits", "error", "message"),
    [
        (
            np.ones((6, 2)),
            ONES,
            None,
            TypeError,
            r"design must be a Design, got ndarray; make one with Design\(X, terms\)",
        ),
        (
            np.ones((5, 2)),
            Design(ONES, [GROUPS]),
            None,
            ValueError,
            r"Y must have shape \(6, any\), got \(5, 2\); the design has 6 rows",
        ),
        (
            np.ones(6),
            Design(ONES, [GROUPS]),
            None,
            ValueError,
            r"Y must have shape \(6, any\), got \(6,\); .* a column per trait",
        ),
        (
            np.ones((6, 0)),
            Design(ONES, [GROUPS]),
            None,
            ValueError,
            "Y must have a column at least, got none",
        ),
        (
            np.full((6, 2), np.inf),
            Design(ONES, [GROUPS]),
            None,
            ValueError,
            "Y must be finite, got 12 entries that are not",
        ),
        (
            np.ones((6, 2)),
            Design(ONES, [GROUPS]),
            ["a"],
            ValueError,
            "traits must have 2 labels, got 1",
        ),
        (
            np.ones((6, 2)),
            Design(ONES, [GROUPS]),
            ["a", "a"],
            ValueError,
            "traits must be distinct, got a more than once",
        ),
        (
            np.ones((6, 2)),
            Design(np.ones((6, 2)), [GROUPS]),
            None,
            ValueError,
            "X must have full column rank; x2 can be made",
        ),
        (
            np.ones((6, 2)),
            Design(ONES, [GROUPS, Term.grouped("h", list("aabbcd"))]),
            None,
            ValueError,
            "one random-effects term, got 2: g, h",
        ),
        (
            np.ones((6, 2)),
            Design(ONES, [Term.grouped("g", list("aabbcc"), np.arange(12.0).reshape(6, 2))]),
            None,
            ValueError,
            "a term of one effect per level, 'g' has 2: x1, x2; drop effects",
        ),
        (
            np.ones((6, 2)),
            Design(ONES, [GROUPS], offset=np.ones(6)),
            None,
            ValueError,
            "a design without offset; subtract each trait's offset from its column of Y",
        ),
    ],
)
def test_bad_data_are_told(Y, design, traits, error, message):
    with pytest.raises(error, match=message):
        MultivariateData(Y, design, traits)


def test_params_of_another_model_are_told():
    data, params = CASES["two traits"]()
    longer = MultivariateParams(np.ones((3, 2)), params.G0, params.R0)
    calls = [
        lambda p: multivariate.log_density(data, p),
        lambda p: multivariate.blup(data, p),
        lambda p: multivariate.moments(data.design, p),
        lambda p: multivariate.simulate(data.design, p, np.random.default_rng(1)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="B has 3 rows; the design has 2 columns: x1, x2"):
            call(longer)
    for call in calls[:2]:
        with pytest.raises(ValueError, match="B has 1 columns; Y has 2 traits: y1, y2"):
            call(MultivariateParams(np.ones((2, 1)), [[1.0]], [[1.0]]))
    with pytest.raises(
        ValueError,
        match=r"U must have shape \(6, 2\), got \(2, 6\); a row per level, a column per trait",
    ):
        multivariate.conditional_moments(data.design, params, np.ones((2, 6)))
    with pytest.raises(ValueError, match="one random-effects term, got 2: g, h"):
        multivariate.moments(Design(ONES, [GROUPS, Term.grouped("h", list("abcabc"))]), params)


def test_large_designs_are_refused():
    design = Design(np.ones((2501, 1)), [Term.grouped("g", np.arange(2501) % 7)])
    with pytest.raises(
        ValueError,
        match=r"5,000 entries of Y or fewer, got 2,501 rows of 2 traits; use log_density",
    ):
        multivariate.moments(design, MultivariateParams(np.ones((1, 2)), np.eye(2), np.eye(2)))


def _noise(*columns):
    """Two columns of noise and combinations of them."""
    made = np.random.default_rng(10).normal(size=(6, 2))
    return np.column_stack([made, *(made @ c for c in columns)])


@pytest.mark.parametrize(
    ("Y", "design", "message"),
    [
        (
            _noise([1.0, -2.0]),
            Design(ONES, [GROUPS]),
            "X and the traits before determine y3, so that nothing is left for R0",
        ),
        (
            np.column_stack([np.ones(6), _noise()]),
            Design(ONES, [GROUPS]),
            "X and the traits before determine y1",
        ),
        (
            _noise()[:, :1] + [[0, 0], [0, 0], [0, 1], [0, 1], [0, 3], [0, 3]],
            Design(ONES, [GROUPS]),
            "fit a combination of traits exactly",
        ),
        (
            _noise(),
            Design(np.eye(6)[:, :3].repeat(2, 0)[:6], [GROUPS]),
            "the effects are combinations of columns of X",
        ),
        (
            _noise(),
            Design(ONES, [Term.grouped("g", range(6))]),
            "6 independent effects for 6 rows of equal weight: G0 and R0 cannot be told apart",
        ),
    ],
)
def test_what_cannot_be_estimated_is_told(Y, design, message):
    with pytest.raises(ValueError, match=message):
        multivariate.estimate(MultivariateData(Y, design), "ml")


def test_residuals_that_vanish_are_told():
    """One record a level and a known covariance.

    The likelihood may rise to its bound with no residual variance at all.
    """
    A = 0.5 ** np.abs(np.subtract.outer(np.arange(30), np.arange(30)))
    term = Term.grouped("g", range(30), between=A)
    Y = np.linalg.cholesky(A) @ np.random.default_rng(11).normal(size=(30, 2))
    with pytest.raises(
        ValueError,
        match="the likelihood rises until a combination of traits has no residual variance",
    ):
        multivariate.estimate(MultivariateData(Y, Design(np.ones((30, 1)), [term])), "ml")


def test_bad_calls_are_told():
    data, _ = CASES["two traits"]()
    with pytest.raises(ValueError, match="method must be one of reml, ml, got 'bayes'"):
        multivariate.estimate(data, method="bayes")


def test_data_are_copies():
    Y = np.ones((6, 2))
    data = MultivariateData(Y, Design(ONES, [GROUPS]), traits=["height", "weight"])
    Y[0, 0] = 2.0
    assert data.Y[0, 0] == 1.0
    assert data.traits == ("height", "weight")
    with pytest.raises(ValueError, match="read-only"):
        data.Y[0, 0] = 2.0
