"""Wide separators: sparse cross products, and rotation where digits ask for it."""

import numpy as np
import pytest

import truth
from lmmlib import estimate, linalg, loglik, merge_reductions, random_effects
from lmmlib.linalg import memory
from lmmlib.model import Data, Design, Params, Term
from lmmlib.simulation import simulate


def _crossed(rng, sd, slopes=False):
    """Sixty levels by forty, three rows a level more: a separator of forty columns."""
    n = 300
    a = np.concatenate([np.arange(60), rng.integers(60, size=n - 60)])
    b = np.concatenate([rng.integers(40, size=n - 40), np.arange(40)])
    x = rng.normal(size=n)
    covariates = np.column_stack([np.ones(n), x]) if slopes else None
    terms = [Term.grouped("a", a, covariates), Term.grouped("b", b)]
    design = Design(np.column_stack([np.ones(n), x]), terms)
    of_a = sd**2 * (np.array([[1.0, 0.3], [0.3, 0.5]]) if slopes else np.eye(1))
    params = Params([1.0, -0.5], {"a": of_a, "b": 0.4 * sd**2}, 1.0)
    return Data(simulate(design, params, rng).y, design), params


@pytest.mark.parametrize("slopes", [False, True])
@pytest.mark.parametrize("sd", [0.0, 1e-6, 1.0, 1e2, 5e2, 1e4, 1e6])
def test_densities_are_the_dense_ones_on_both_sides_of_the_limit(sd, slopes):
    """Beyond squared columns of 1e7 the rows are rotated."""
    data, params = _crossed(np.random.default_rng(1), sd, slopes)
    (arrowhead,) = data.reduction.arrowheads
    assert isinstance(arrowhead, linalg.SparseArrowhead)
    Lam = params.theta(data.design).repeat(1).Lam
    factor = data.reduction.given(params.theta(data.design).repeat(1))
    is_sparse = [isinstance(one, linalg.FactoredSparse) for one in factor.arrowheads]
    assert all(is_sparse) == (sd < 1e3) == arrowhead.keeps_digits(Lam)
    exact, magnitude = truth.marginal_120_digits(data, params)
    assert abs(loglik.marginal(data, params) - exact) <= 1e-10 * magnitude


@pytest.mark.parametrize("slopes", [False, True])
def test_effects_and_leverages_are_those_of_rotated_rows(slopes, monkeypatch):
    data, params = _crossed(np.random.default_rng(2), 1.0, slopes)
    sparse = (
        random_effects.conditional_mean(data, params),
        random_effects.leverages(data, params),
        *random_effects.conditional_covariance(data, params).values(),
    )
    monkeypatch.setattr(linalg.arrowheads, "WIDEST_ROTATED", 100)
    again = Data(data.y, data.design)
    rotated = (
        random_effects.conditional_mean(again, params),
        random_effects.leverages(again, params),
        *random_effects.conditional_covariance(again, params).values(),
    )
    assert isinstance(again.reduction.arrowheads[0], linalg.Arrowhead)
    for one, other in zip(sparse, rotated, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("slopes", [False, True])
def test_products_by_pairs_and_by_dense_chunks_are_one(slopes, monkeypatch):
    data, _ = _crossed(np.random.default_rng(3), 1.0, slopes)
    coupling = data.reduction.arrowheads[0].coupling
    rng = np.random.default_rng(4)
    halves = [rng.normal(size=(q, q, L)) for L, q in coupling.groups]
    Q = rng.normal(size=(coupling.width, coupling.width))
    Q = Q + Q.T
    by_pairs = coupling.remainder(halves), coupling.adjoint(Q)
    monkeypatch.setattr(linalg.coupling, "MOST_PAIRS", -1)
    monkeypatch.setattr(linalg.coupling, "CHUNK_ENTRIES", 500)
    in_chunks = linalg.coupling.Coupling(coupling.C, coupling.K, coupling.groups)
    assert in_chunks.pairs is None
    lower = np.tril_indices(coupling.width)
    np.testing.assert_allclose(in_chunks.remainder(halves)[lower], by_pairs[0][lower], rtol=1e-10)
    for one, other in zip(in_chunks.adjoint(Q), by_pairs[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)
    C = coupling.C.toarray()
    start = 0
    H = np.zeros((len(C), len(C)))
    for G, (L, q) in zip(halves, coupling.groups, strict=True):
        for block in range(L):
            rows = slice(start, start + q)
            H[rows, rows] = G[..., block] @ G[..., block].T
            start += q
    expected = coupling.K.toarray() - C.T @ H @ C
    np.testing.assert_allclose(by_pairs[0][lower], expected[lower], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("method", ["ml", "reml"])
def test_estimates_are_those_of_rotated_rows(method, monkeypatch):
    data, _ = _crossed(np.random.default_rng(5), 1.0, slopes=True)
    sparse = estimate(data, method)
    monkeypatch.setattr(linalg.arrowheads, "WIDEST_ROTATED", 100)
    rotated = estimate(Data(data.y, data.design), method)
    assert sparse.converged
    assert sparse.evaluations > 1
    assert sparse.deviance == pytest.approx(rotated.deviance, rel=1e-12)
    for name, cov in sparse.params.cov.items():
        np.testing.assert_allclose(cov, rotated.params.cov[name], rtol=1e-9)


def test_parts_merge_to_the_whole():
    data, params = _crossed(np.random.default_rng(6), 1.0)
    parts = [data.rows(np.arange(k, 300, 3)) for k in range(3)]
    merged = merge_reductions(parts)
    assert loglik.marginal(merged, params) == pytest.approx(
        loglik.marginal(data, params), rel=1e-11
    )


def test_components_with_a_narrow_separator_are_rotated_beside_a_wide_one():
    rng = np.random.default_rng(7)
    wide, _ = _crossed(rng, 1.0)
    a = np.concatenate([wide.design.terms[0].row_levels, 60 + np.repeat([0, 1, 2], 4)])
    b = np.concatenate([wide.design.terms[1].row_levels, 40 + np.tile([0, 1], 6)])
    design = Design(np.ones((len(a), 1)), [Term.grouped("a", a), Term.grouped("b", b)])
    data = Data(rng.normal(size=len(a)), design)
    forms = {type(arrowhead) for arrowhead in data.reduction.arrowheads}
    assert forms == {linalg.Arrowhead, linalg.SparseArrowhead}
    params = Params([0.2], {"a": 0.7, "b": 1.3}, 0.9)
    assert loglik.marginal(data, params) == pytest.approx(truth.marginal(data, params), rel=1e-11)
    np.testing.assert_allclose(
        random_effects.conditional_mean(data, params),
        truth.effects(data, params)[0],
        rtol=1e-9,
        atol=1e-12,
    )
    leverage = random_effects.leverages(data, params)
    assert 0 < leverage.min() < leverage.max() < 1


def test_a_separator_too_large_for_memory_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr(memory, "_physical_memory", lambda: 1000)
    data, _ = _crossed(np.random.default_rng(8), 1.0)
    with pytest.raises(MemoryError, match=r"a separator of 40 columns takes 0\.0 GiB"):
        estimate(data)
    monkeypatch.setattr(memory, "_physical_memory", lambda: None)
    assert estimate(data).converged
