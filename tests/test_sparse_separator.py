"""Separators eliminated front by front: beside the dense way and dense twins."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import truth
from cases import take_separators_front_by_front
from lmmlib import estimate, linalg, loglik, random_effects
from lmmlib.linalg import memory, separator_pattern
from lmmlib.linalg.dense_separator import DenseSeparator
from lmmlib.linalg.fronts import find_fronts
from lmmlib.linalg.multifrontal import factorise_fronts
from lmmlib.linalg.sparse_separator import SparseSeparator
from lmmlib.model import Data, Design, Params, Term
from lmmlib.simulation import simulate


@pytest.fixture
def front_by_front(monkeypatch):
    take_separators_front_by_front(monkeypatch)


def _positive_definite(rng, widths, density):
    """A sparse positive definite matrix with full bundles on the diagonal, and their pattern."""
    n = len(widths)
    meets = rng.random((n, n)) < density
    meets = meets | meets.T | np.eye(n, dtype=bool)
    bundle = np.repeat(np.arange(n), widths)
    h = len(bundle)
    noise = rng.normal(size=(h, h))
    A = np.where(meets[np.ix_(bundle, bundle)], noise + noise.T, 0.0)
    return A + np.diag(np.abs(A).sum(1) + 1.0), csr_array(meets)


@pytest.mark.parametrize("widths", [1, 2, (1, 2, 3)])
@pytest.mark.parametrize("density", [0.0, 0.01, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("n", [1, 2, 150])
def test_a_factor_by_fronts_is_the_dense_one(n, density, widths):
    rng = np.random.default_rng(1)
    widths = np.resize(widths, n)
    A, pattern = _positive_definite(rng, widths, density)
    h = len(A)
    fronts = find_fronts(pattern, widths)
    bundle = np.repeat(np.arange(n), widths)
    rows, columns = np.nonzero(np.tril(pattern.toarray()[np.ix_(bundle, bundle)]))
    place = fronts.index(rows, columns)
    assert len(np.unique(place)) == len(place)
    entries = fronts.padding.copy()
    entries[place] = A[rows, columns]
    factor = factorise_fronts(fronts, entries)

    # The bounds are those of backward stability, for condition numbers below 100.
    assert np.linalg.cond(A) < 100
    exact = np.linalg.inv(A)
    rounding = 100 * h * np.finfo(float).eps
    assert factor.log_det == pytest.approx(0.5 * np.linalg.slogdet(A)[1], rel=rounding)
    np.testing.assert_allclose(
        factor.inverse()[place], exact[rows, columns], rtol=0, atol=rounding * exact.max()
    )
    x = rng.normal(size=(h, 3))
    solved = factor.forward(x)
    np.testing.assert_allclose(solved.T @ solved, x.T @ exact @ x, rtol=0, atol=1e3 * rounding)
    np.testing.assert_allclose(factor.times(factor.back(x)), x, rtol=0, atol=1e3 * rounding)
    np.testing.assert_allclose(factor.back(solved), exact @ x, rtol=0, atol=1e3 * rounding)


def test_a_matrix_that_is_not_positive_definite_is_refused():
    fronts = find_fronts(csr_array(np.eye(2)), np.ones(2, int))
    entries = fronts.padding.copy()
    entries[fronts.index(np.arange(2), np.arange(2))] = [1.0, -1.0]
    with pytest.raises(np.linalg.LinAlgError):
        factorise_fronts(fronts, entries)


def _pupils(rng, schools=8, slopes=True):
    """Pupils by teachers with slopes, nested in schools but for few, by an item that all meet."""
    teachers = 5 * schools
    n = 60 * schools
    pupil = np.arange(n) // 3
    home = (pupil * 7) % schools
    moved = rng.random(n) < 0.05
    school = np.where(moved, rng.integers(schools, size=n), home)
    teacher = school * 5 + rng.integers(5, size=n)
    x = rng.normal(size=n)
    with_slope = np.column_stack([np.ones(n), x])
    terms = [
        Term.grouped("pupil", pupil),
        Term.grouped("teacher", teacher, with_slope if slopes else None, levels=range(teachers)),
        Term.grouped("school", school, levels=range(schools)),
    ]
    design = Design(with_slope, terms)
    of_teacher = np.array([[0.5, 0.1], [0.1, 0.3]]) if slopes else 0.5
    cov = {"pupil": 1.5, "teacher": of_teacher, "school": 0.4}
    params = Params([1.0, -0.5], cov, 1.0)
    return Data(simulate(design, params, rng).y, design), params


def _separators(data, Lam, monkeypatch):
    """The same one front by front and dense."""
    sparse = linalg.factorise_sparse(data.reduction.whole, Lam)
    with monkeypatch.context() as patch:
        patch.setattr(separator_pattern, "SMALLEST", 10**9)
        again = Data(data.y, data.design)
        dense = linalg.factorise_sparse(again.reduction.whole, Lam)
    assert isinstance(sparse.separator, SparseSeparator)
    assert isinstance(dense.separator, DenseSeparator)
    return sparse, dense


@pytest.mark.parametrize("slopes", [False, True])
@pytest.mark.parametrize("zero", ["none", "teacher", "school", "singular", "all"])
def test_all_that_is_asked_of_a_separator_is_what_the_dense_one_says(
    zero, slopes, front_by_front, monkeypatch
):
    data, params = _pupils(np.random.default_rng(2), slopes=slopes)
    Lam = [L[0].copy() for L in params.theta(data.design).repeat(1).Lam]
    for k, name in enumerate(["pupil", "teacher", "school"]):
        if zero in (name, "all"):
            Lam[k][:] = 0.0
    if zero == "singular":
        Lam[1][-1, -1] = 0.0
    sparse, dense = _separators(data, Lam, monkeypatch)
    assert sparse.log_det == pytest.approx(dense.log_det, rel=1e-12)
    np.testing.assert_allclose(sparse.solution, dense.solution, rtol=1e-10, atol=1e-12)
    of_dense = linalg.kind_sums(dense)
    for one, other in zip(linalg.kind_sums(sparse), of_dense, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10 * np.abs(other).max())
    one, other = sparse.separator, dense.separator
    for ours, theirs in zip(one.through(), other.through(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    for ours, theirs in zip(one.inverse_bundles(), other.inverse_bundles(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("slopes", [False, True])
def test_densities_and_effects_are_those_of_dense_twins(slopes, front_by_front):
    data, params = _pupils(np.random.default_rng(3), slopes=slopes)
    assert loglik.marginal(data, params) == pytest.approx(truth.marginal(data, params), rel=1e-11)
    mean, covariance = truth.effects(data, params)
    np.testing.assert_allclose(
        random_effects.conditional_mean(data, params), mean, rtol=1e-9, atol=1e-10
    )
    of_terms = random_effects.conditional_covariance(data, params)
    diagonal = [np.einsum("jqq->jq", blocks).ravel() for blocks in of_terms.values()]
    np.testing.assert_allclose(np.concatenate(diagonal), np.diag(covariance), rtol=1e-9)


@pytest.mark.parametrize("method", ["ml", "reml"])
def test_estimates_are_those_of_a_dense_separator(method, front_by_front, monkeypatch):
    data, _ = _pupils(np.random.default_rng(4))
    sparse = estimate(data, method)
    monkeypatch.setattr(separator_pattern, "SMALLEST", 10**9)
    dense = estimate(Data(data.y, data.design), method)
    assert sparse.converged
    assert sparse.deviance == pytest.approx(dense.deviance, rel=1e-12)
    for name, cov in sparse.params.cov.items():
        np.testing.assert_allclose(cov, dense.params.cov[name], rtol=1e-9)


def test_draws_of_effects_have_their_mean_and_covariance(front_by_front):
    """Of 4,000 draws: means within five standard errors, and |z|² as its chi-square."""
    data, params = _pupils(np.random.default_rng(5), schools=3)
    u = random_effects.conditional_draws(data, params.theta(data.design).repeat(4000), rng=6)
    mean, covariance = truth.effects(data, params)
    error = np.sqrt(np.diag(covariance) / 4000)
    assert np.all(np.abs(u.mean(0) - mean) < 5 * error)
    whitened = np.linalg.solve(np.linalg.cholesky(covariance), (u - mean).T)
    K = len(mean)
    assert np.mean(np.sum(whitened**2, 0)) == pytest.approx(K, abs=5 * np.sqrt(2 * K / 4000))


def test_the_way_is_chosen_by_what_fills_in():
    nested, _ = _pupils(np.random.default_rng(7), schools=200, slopes=False)
    assert nested.reduction.whole.separator_pattern is not None
    rng = np.random.default_rng(8)
    a = np.concatenate([np.arange(400), rng.integers(400, size=5000)])
    b = np.concatenate([rng.integers(250, size=400), np.arange(250), rng.integers(250, size=4750)])
    design = Design(np.ones((5400, 1)), [Term.grouped("a", a), Term.grouped("b", b)])
    assert Data(np.zeros(5400), design).reduction.whole.separator_pattern is None


def test_no_matrix_of_the_size_of_the_separator_is_made(monkeypatch):
    """Eighteen hundred columns, dense 74 MiB in three arrays, on a machine said to have 64."""
    monkeypatch.setattr(memory, "_physical_memory", lambda: 64 * 2**20)
    data, _ = _pupils(np.random.default_rng(9), schools=300, slopes=False)
    assert data.reduction.whole.width == 1800
    fit = estimate(data)
    assert fit.converged
    crossed = np.random.default_rng(10).integers(1800, size=(30_000, 2))
    terms = [Term.grouped(name, levels) for name, levels in zip("ab", crossed.T, strict=True)]
    data = Data(np.zeros(30_000), Design(np.ones((30_000, 1)), terms))
    with pytest.raises(MemoryError, match="a separator of"):
        data.reduction  # noqa: B018
