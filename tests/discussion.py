"""The models of the discussion's experiment 1, dense, for the programs that say them."""

from functools import cache

import numpy as np
from scipy.stats import multivariate_normal, norm

from lmmlib import load_dataset

COVARIATES = ["x1", "x2", "x3", "x4"]
EFFECTS = ["z1", "z2", "z3", "z4", "z5"]


@cache
def arrays():
    """Response (100,), X (100, 4) and Z (100, 5) of ``thread_like``."""
    table = load_dataset("thread_like")
    return table.y.to_numpy(), table[COVARIATES].to_numpy(), table[EFFECTS].to_numpy()


def points(count=4):
    """(β, u, τ, σ), scales of the order of one."""
    rng = np.random.default_rng(5)
    return [
        (rng.normal(5, 1, 4), rng.normal(size=5), rng.lognormal(size=5), rng.lognormal())
        for _ in range(count)
    ]


def log_density(model, beta, u, tau, sigma):
    """Of y and the parameters β, log τ and log σ, and u for A, up to one constant."""
    y, X, Z = arrays()
    scales = np.append(tau, sigma)
    prior = norm.logpdf(beta, 0, 10).sum() + norm.logpdf(scales).sum() + np.log(scales).sum()
    if model == "A":
        given_u = norm.logpdf(y, X @ beta + Z @ u, sigma).sum()
        return prior + norm.logpdf(u, 0, tau).sum() + given_u
    variances = scales if model == "C_slip" else scales**2
    V = (Z * variances[:5]) @ Z.T + variances[5] * np.eye(len(y))
    return prior + multivariate_normal.logpdf(y, X @ beta, V)


def assert_same_up_to_a_constant(found, model, parameters):
    """Log densities of a program at the given points, and the model's."""
    expected = np.array([log_density(model, *point) for point in parameters])
    gaps = np.asarray(found) - expected
    np.testing.assert_allclose(gaps, gaps.mean(), rtol=0, atol=1e-9 * np.abs(expected).max())
