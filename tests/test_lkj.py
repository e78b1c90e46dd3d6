"""Cholesky factors from canonical partial correlations, against inverses of covariances."""

import numpy as np
import pytest

from lmmlib.model.lkj import beta_shapes, correlation_cholesky, partial_pairs


def partial_correlation(matrix, i, j):
    """Of variables i and j given all before j, by the inverse of their covariance."""
    variables = [*range(j), j, i]
    precision = np.linalg.inv(matrix[np.ix_(variables, variables)])
    return -precision[-1, -2] / np.sqrt(precision[-1, -1] * precision[-2, -2])


@pytest.mark.parametrize("q", [1, 2, 3, 5])
def test_a_factor_has_the_partial_correlations_that_it_was_made_of(q):
    partials = np.random.default_rng(q).uniform(-0.95, 0.95, (4, len(partial_pairs(q))))
    chols = correlation_cholesky(partials, 1 - partials**2, q)
    np.testing.assert_array_equal(chols, np.tril(chols))
    for chol, expected in zip(chols, partials, strict=True):
        matrix = chol @ chol.T
        np.testing.assert_allclose(np.diag(matrix), 1, rtol=1e-14)
        got = [partial_correlation(matrix, i, j) for i, j in partial_pairs(q)]
        np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_a_complement_that_is_known_better_is_used():
    """tanh 20 is one in floating point, and 1/cosh² 20 is 7e-18."""
    free = np.array([[20.0]])
    chol = correlation_cholesky(np.tanh(free), np.cosh(free) ** -2, 2)[0]
    assert np.tanh(20.0) == 1
    assert chol[1, 1] == pytest.approx(1 / np.cosh(20.0), rel=1e-14)


def test_one_pair_of_lkj_one_is_uniform():
    assert beta_shapes(2, 1.0) == [1.0]
    assert beta_shapes(4, 2.0) == [3.0, 3.0, 2.5, 3.0, 2.5, 2.0]
