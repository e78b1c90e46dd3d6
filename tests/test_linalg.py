"""Kernels: packing loses nothing, triangles keep sums of squares, and predictions of each row from
the others are those of the dense inverse.
"""

import numpy as np
import pytest
from scipy.sparse import csr_array

from cases import CASES, each_case
from lmmlib import linalg
from lmmlib.linalg import stacks
from lmmlib.model import Design


@each_case
def test_pack_rebuilds_the_matrix(name):
    data, _ = CASES[name]()
    design = data.design
    n, K = design.Z.shape
    rebuilt = np.zeros((n + 1, K))
    for batch in design.blocks:
        for rows, columns, values in zip(batch.rows, batch.columns, batch.values, strict=True):
            rebuilt[np.ix_(rows, columns)] += values
    white = np.sqrt(design.weights)[:, None] * np.hstack(
        [t.columns_of_independent_levels().toarray() for t in design.terms]
    )
    np.testing.assert_array_equal(rebuilt[:n], white)
    assert sorted(r for b in design.blocks for r in b.rows.ravel() if r < n) == list(range(n))
    assert sorted(c for b in design.blocks for c in b.columns.ravel()) == list(range(K))


def test_groups_and_nested_groups_are_blocks():
    assert len(CASES["balanced"]()[0].design.blocks[0].rows) == 5
    nested = CASES["nested"]()[0].design.blocks
    assert sum(len(b.rows) for b in nested) == 4
    assert sum(len(b.rows) for b in CASES["crossed"]()[0].design.blocks) == 1
    without_effects = CASES["rows without effects"]()[0].design.blocks
    assert sum(len(b.rows) for b in without_effects) == 5  # four groups, and rows of none


def test_positions_find_every_row():
    design = CASES["unbalanced slopes"]()[0].design
    flat = np.concatenate([b.rows.ravel() for b in design.blocks])
    np.testing.assert_array_equal(
        flat[linalg.positions(design.blocks, design.n)], np.arange(design.n)
    )


def test_eliminate_keeps_every_sum_of_squares():
    rng = np.random.default_rng(1)
    for m in (1, 2, 3, 9):
        Z = rng.normal(size=(m, 3))
        B = rng.normal(size=(m, 2))
        s = rng.normal(size=3)
        t = rng.normal(size=2)
        R, RB, remainder = linalg.eliminate(np.hstack([Z, B]), 3)
        got = np.sum((R @ s - RB @ t) ** 2) + np.sum((remainder @ t) ** 2)
        np.testing.assert_allclose(got, np.sum((Z @ s - B @ t) ** 2), rtol=1e-12)


def test_merge_is_the_factor_of_all_rows():
    rng = np.random.default_rng(2)
    A, B = rng.normal(size=(4, 5, 3)), rng.normal(size=(2, 1, 3))
    T = linalg.merge([A, B])
    rows = np.vstack([A.reshape(-1, 3), B.reshape(-1, 3)])
    np.testing.assert_allclose(T.T @ T, rows.T @ rows, rtol=1e-12)


@pytest.mark.parametrize("size", [0.0, 1.0])
def test_reduced_rows_keep_every_cross_product_and_no_empty_row(size):
    """Two crossed factors, with right-hand sides and with zeros for them."""
    rng = np.random.default_rng(8)
    B = size * rng.normal(size=(30, 2))
    Z = np.zeros((30, 9))
    Z[np.arange(30), rng.integers(6, size=30)] = 1.0
    Z[np.arange(30), 6 + rng.integers(3, size=30)] = 1.0
    sparse = csr_array(Z)
    partition = linalg.find_partition(sparse, [(6, 1), (3, 1)])
    rows, rhs = linalg.as_rows(linalg.reduce_to_arrowheads(sparse, B, partition), 9)
    before = np.hstack([Z, B])
    after = np.hstack([rows.toarray(), rhs])
    np.testing.assert_allclose(after.T @ after, before.T @ before, atol=1e-12)
    assert np.abs(after).max(1).min() > 0
    assert len(after) <= 11


def _penalised(A, r):
    """Factor of A'A + I, the minimiser and the minimum of |r - As|^2 + |s|^2, through reduced
    rows.
    """
    Z = csr_array(A)
    q = A.shape[1]
    arrowheads = linalg.reduce_to_arrowheads(Z, r[:, None], linalg.find_partition(Z, [(q, 1)]))
    factor = linalg.factorise(arrowheads, [np.ones((1, 1, 1))])
    (factored,) = factor.arrowheads
    R = np.zeros((0, 0))
    if factored.diagonal_blocks:
        R = factored.diagonal_blocks[0][:, :q, 0, 0, 0]
    minimiser = linalg.back_substitute(factor, q)[:, 0]
    return R, minimiser, factor.rhs_triangle[0, 0, 0] ** 2


def test_penalised_is_the_minimum():
    rng = np.random.default_rng(3)
    A = rng.normal(size=(2, 4, 3))
    r = rng.normal(size=(2, 4))
    for b in range(2):
        R, minimiser, least = _penalised(A[b], r[b])
        M = A[b].T @ A[b] + np.eye(3)
        s = np.linalg.solve(M, A[b].T @ r[b])
        np.testing.assert_allclose(minimiser, s, rtol=1e-11)
        np.testing.assert_allclose(least, np.sum((r[b] - A[b] @ s) ** 2) + np.sum(s**2), rtol=1e-12)
        np.testing.assert_allclose(R.T @ R, M, rtol=1e-12)


def test_penalised_without_columns_or_rows():
    assert _penalised(np.zeros((2, 0)), np.array([3.0, 4.0]))[2] == pytest.approx(25)
    Z = csr_array((0, 2))
    factor = linalg.factorise(
        linalg.reduce_to_arrowheads(Z, np.zeros((0, 1)), linalg.find_partition(Z, [(2, 1)])),
        [np.ones((1, 1, 1))],
    )
    assert factor.rhs_triangle.item() == 0
    block = factor.arrowheads[0].diagonal_blocks[0]
    np.testing.assert_allclose(np.abs(block[0, 0]).ravel(), 1)


def test_rotation_keeps_every_sum_of_squares():
    data, _ = CASES["unbalanced slopes"]()
    design, rng = data.design, np.random.default_rng(4)
    rotations, W, T = linalg.rotate(design.blocks, design.X)
    beta, v = rng.normal(size=2), rng.normal(size=design.Z.shape[1])
    squares = np.sum((W.T @ data.y - T @ beta) ** 2)
    outside = data.y - W @ (W.T @ data.y)
    for batch, rotation in zip(design.blocks, rotations, strict=True):
        padded = np.append(data.y, 0)[batch.rows]
        c = np.einsum("bmk,bm->bk", rotation.Q, padded)
        squares += np.sum(
            (c - rotation.RX @ beta - np.einsum("bkq,bq->bk", rotation.R, v[batch.columns])) ** 2
        )
        np.subtract.at(
            outside,
            batch.rows[batch.rows < design.n],
            np.einsum("bmk,bk->bm", rotation.Q, c)[batch.rows < design.n],
        )
    np.testing.assert_allclose(
        squares + np.sum(outside**2),
        np.sum((data.y - design.X @ beta - design.Z @ v) ** 2),
        rtol=1e-12,
    )


FORMS = pytest.mark.parametrize("widest_rotated", [linalg.WIDEST_ROTATED, -1])


@FORMS
@each_case
def test_solutions_with_a_factor_are_the_dense_algebra(name, widest_rotated, monkeypatch):
    """With A the rows of W^½ZΛ, B their right-hand sides and M = I + A'A = R'R.

    Rows that were rotated, and cross products of sparse ones.
    """
    monkeypatch.setattr(linalg.arrowheads, "WIDEST_ROTATED", widest_rotated)
    data, params = CASES[name]()
    design = data.design
    K = design.layout.width
    Lam = params.theta(design).repeat(1).Lam
    factor = data.reduction.factorise(Lam)
    A = design.independent @ design.layout.scaled(np.eye(K), [L[0] for L in Lam]).T
    B = data.whitened[:-1]
    rhs = np.random.default_rng(3).normal(size=(K, 4))
    inverse = np.linalg.inv(np.eye(K) + A.T @ A)
    close = {"rtol": 1e-9, "atol": 1e-9}

    half = linalg.forward_substitute(factor, rhs[..., None])[..., 0]
    np.testing.assert_allclose(half.T @ half, rhs.T @ inverse @ rhs, **close)
    projected = linalg.projected_rhs(factor, K)[:, 0]
    np.testing.assert_allclose(half.T @ projected, rhs.T @ inverse @ A.T @ B[:, 0], **close)
    solution = linalg.back_substitute(factor, K)[:, 0]
    np.testing.assert_allclose(solution, inverse @ A.T @ B[:, 0], **close)
    for j in range(4):
        shifted = linalg.back_substitute(factor, K, half[:, [j]])[:, 0]
        np.testing.assert_allclose(shifted - solution, inverse @ rhs[:, j], **close)

    seen = []
    for part in linalg.row_leverages(design.independent, B, design.partition, factor, Lam):
        rows = A[part.rows]
        leverage = np.einsum("ik,kl,il->i", rows, inverse, rows)
        np.testing.assert_allclose(part.leverage[:, 0], leverage, **close)
        remainder = B[part.rows] - rows @ inverse @ A.T @ B
        np.testing.assert_allclose(part.remainder[..., 0].T, remainder, **close)
        seen += part.rows.tolist()
    assert sorted(seen) == list(range(design.n))

    chols = [np.eye(len(t.effects)) for t in design.terms]
    start = 0
    for blocks in linalg.inverse_blocks(factor, K, design.shapes, chols):
        for block in blocks:
            stop = start + len(block)
            np.testing.assert_allclose(block, inverse[start:stop, start:stop], **close)
            start = stop
    assert start == K


@each_case
def test_components_add_up_to_the_whole(name):
    """Each has a factor and a least sum of squares of its own, those of its rows alone."""
    data, params = CASES[name]()
    design = data.design
    theta = params.theta(design).repeat(2)
    combination = theta.residual_weights[..., None]
    factor = data.reduction.given(theta)
    log_det = np.zeros(2)
    squares = np.zeros(2)
    components = []
    for arrowhead in data.component_arrowheads:
        own_log_det, own_squares = linalg.factorise_components(arrowhead, theta.Lam, combination)
        log_det += own_log_det.sum(0)
        squares += own_squares.sum(0)
        components += arrowhead.components.tolist()
    assert sorted(components) == list(range(len(design.component_partition.separator_counts)))
    np.testing.assert_allclose(log_det, factor.log_det, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(squares, factor.rhs_triangle[0, 0] ** 2, rtol=1e-10)


def test_the_factor_with_more_levels_is_eliminated_first():
    """The cube is that of the other; a component of one factor alone has no separator."""
    data, _ = CASES["crossed"]()
    for terms in (data.design.terms, data.design.terms[::-1]):
        assert Design(data.design.X, terms).partition.separator_counts.sum() == 4
    a = np.eye(5)[[0, 0, 1, 1, 2, 3, 4]]
    b = np.eye(2)[[0, 1, 0, 1, 0, 0, 0]]
    b[4:] = 0
    partition = linalg.find_partition(csr_array(np.hstack([a, b])), [(5, 1), (2, 1)])
    assert partition.separator_counts.tolist() == [[0, 0], [0, 2]]


@pytest.mark.parametrize("q", [3, 13])
def test_elimination_runs_over_stacks(q):
    rows = np.random.default_rng(q).normal(size=(20, q + 2, 2, 3))
    cross = np.einsum("mi...,mj...->ij...", rows, rows)
    eliminated, remainder = stacks.eliminate_stack(rows.copy(), q)
    close = {"rtol": 1e-10, "atol": 1e-10}
    kept = np.einsum("mi...,mj...->ij...", eliminated, eliminated)
    np.testing.assert_allclose(kept[:q], cross[:q], **close)
    left = np.einsum("mi...,mj...->ij...", remainder, remainder)
    np.testing.assert_allclose(kept[q:, q:] + left, cross[q:, q:], **close)


@pytest.mark.parametrize("q", [0, 1, 3, 8, 9, 12])
def test_rows_predicted_from_the_others_are_the_dense_inverse(q):
    rng = np.random.default_rng(q)
    A, r = rng.normal(size=(2, 3, 6, q)), rng.normal(size=(2, 3, 6))
    residual, variance = linalg.predict_from_others(A, r)
    P = np.linalg.inv(A @ np.swapaxes(A, -1, -2) + np.eye(6))
    c = np.einsum("...ii->...i", P)
    np.testing.assert_allclose(variance, 1 / c, rtol=1e-10)
    np.testing.assert_allclose(
        residual, np.einsum("...ij,...j->...i", P, r) / c, rtol=1e-9, atol=1e-12
    )


def test_rows_predicted_from_the_others_where_leverage_is_nearly_one():
    A = np.zeros((11, 10))
    A[:10] = 1e3 * np.eye(10)
    A[10, 0] = 1e3
    residual, variance = linalg.predict_from_others(A, np.arange(1.0, 12))
    # a row alone in its column: nothing else tells of it
    np.testing.assert_allclose(variance[1:10], 1 + 1e6, rtol=1e-15)
    np.testing.assert_allclose(residual[1:10], np.arange(2.0, 11), rtol=1e-15)
    np.testing.assert_allclose(variance[0], 1 + 1e6 / (1 + 1e6), rtol=1e-12)


@pytest.mark.parametrize(
    "bad",
    [
        np.diag([1.0, -1e-3]),
        np.array([[1.0, 2.0], [2.0, 1.0]]),
        np.array([[0.0, 1e-9], [1e-9, 1.0]]),
    ],
)
def test_cholesky_refuses_negative_directions(bad):
    with pytest.raises(linalg.NotPositiveSemidefiniteError):
        linalg.cholesky_semidefinite(bad)


def test_cholesky_of_singular_stacks():
    rng = np.random.default_rng(5)
    B = rng.normal(size=(50, 4, 2))
    A = B @ np.swapaxes(B, -1, -2)
    L = linalg.cholesky_semidefinite(A)
    np.testing.assert_allclose(L @ np.swapaxes(L, -1, -2), A, rtol=1e-10, atol=1e-10)
    assert np.all(np.einsum("sjj->sj", L) >= 0)


def test_dependent_columns_are_scale_free():
    rng = np.random.default_rng(6)
    X = np.column_stack([np.ones(20), rng.normal(size=20) * 1e-9, rng.normal(size=20) * 1e9])
    assert linalg.dependent_columns(X) == []
    assert linalg.dependent_columns(np.column_stack([X, X[:, 1] * 3 + 2e-9])) == [3]
    assert linalg.dependent_columns(np.column_stack([X, np.zeros(20)])) == [3]


@pytest.mark.parametrize("name", ["unbalanced slopes", "crossed", "crossed in pieces"])
def test_blocks_are_substituted_as_whole_columns(name):
    """A right-hand side that is zero outside of blocks and separators, by R itself.

    The arrowheads of these designs have different blocks, and separators or none.
    """
    data, _ = CASES[name]()
    reduction = data.reduction
    rng = np.random.default_rng(6)
    S = 2
    Lam = [rng.normal(size=(S, q, q)) for _, q in data.design.shapes]
    factor = linalg.factorise(reduction.arrowheads, Lam)
    K = sum(J * q for J, q in data.design.shapes)
    read = np.zeros((K + 1, K + 1), bool)  # the last row and column are those of padding
    for factored in factor.arrowheads:
        arrowhead = factored.arrowhead
        for columns in (arrowhead.separator, *(d.columns for d in arrowhead.diagonal_blocks)):
            read[columns[:, None], columns[None]] = True
    everywhere = rng.normal(size=(K, K, S))
    blocks = everywhere * read[:K, :K, None]

    expected = linalg.forward_substitute(factor, blocks)
    for rhs in (blocks, everywhere):  # what stands outside of the blocks is not read
        got = linalg.forward_substitute_blocks(factor, rhs)
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13)
