"""A grid of small designs, each with parameters and a response, for the twins."""

import numpy as np
import pytest

from lmmlib import Data, Design, Params, Term, linalg, simulate
from lmmlib.model import Theta


def _covariance(sds, cor):
    """Covariance matrix with these SDs and one correlation between all of them."""
    q = len(sds)
    return np.outer(sds, sds) * (np.full((q, q), cor) + (1 - cor) * np.eye(q))


def _simulated(seed, n, terms, cov, sigma=0.8, p=2, **options):
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, max(p - 1, 0)))])[:, :p]
    design = Design(X, terms(rng), **{k: v(rng) for k, v in options.items()})
    params = Params(rng.normal(size=p), cov, sigma)
    return Data(simulate(design, params, rng).y, design), params


def _groups(rng, n, J):
    """Labels of n rows in up to J groups at random."""
    return rng.integers(J, size=n).astype(str)


def _with_slope(x):
    """Covariates of a random intercept and a slope."""
    return np.column_stack([np.ones(len(x)), x])


def _positive_definite(rng, J):
    W = rng.normal(size=(J, J))
    return W @ W.T + np.eye(J)


CASES = {
    "balanced": lambda: _simulated(
        1, 20, lambda r: [Term.grouped("g", np.repeat(np.arange(5), 4))], {"g": 0.7}
    ),
    "unbalanced slopes": lambda: _simulated(
        2,
        25,
        lambda r: [Term.grouped("g", _groups(r, 25, 6), _with_slope(r.normal(size=25)))],
        {"g": _covariance([0.7, 1.3], 0.4)},
    ),
    "singleton groups": lambda: _simulated(
        3, 8, lambda r: [Term.grouped("g", ["a", "a", "b", "c", "c", "c", "d", "e"])], {"g": 0.5}
    ),
    "more effects than rows": lambda: _simulated(
        4,
        7,
        lambda r: [Term.grouped("g", list("aabbccd"), r.normal(size=(7, 3)))],
        {"g": _covariance([1, 2, 3], 0.2)},
    ),
    "crossed": lambda: _simulated(
        5,
        30,
        lambda r: [Term.grouped("a", _groups(r, 30, 7)), Term.grouped("b", _groups(r, 30, 4))],
        {"a": 0.6, "b": 1.1},
    ),
    "nested": lambda: _simulated(
        6,
        24,
        lambda r: [
            Term.grouped("a", np.repeat(np.arange(4), 6)),
            Term.grouped("b:a", np.repeat(np.arange(10), [2, 2, 2, 3, 3, 1, 5, 2, 2, 2])),
        ],
        {"a": 0.6, "b:a": 1.1},
    ),
    "uncorrelated": lambda: _simulated(
        7,
        20,
        lambda r: [
            Term.grouped(
                "g",
                _groups(r, 20, 4),
                _with_slope(r.normal(size=20)),
                correlated=False,
            )
        ],
        {"g": np.diag([0.4, 0.9])},
    ),
    "dense": lambda: _simulated(
        8,
        20,
        lambda r: [Term.dense(f"z{k}", r.uniform(size=(20, 1))) for k in range(3)],
        {"z0": 0.3, "z1": 1.0, "z2": 2.0},
    ),
    "known covariance": lambda: _simulated(
        9,
        20,
        lambda r: [Term.dense("z", r.normal(size=(20, 4)), between=_positive_definite(r, 4))],
        {"z": 0.6},
    ),
    "known covariance of groups": lambda: _simulated(
        10,
        18,
        lambda r: [
            Term.grouped(
                "g",
                np.repeat(np.arange(6), 3),
                _with_slope(r.normal(size=18)),
                between=_positive_definite(r, 6),
            )
        ],
        {"g": _covariance([0.7, 0.5], -0.5)},
    ),
    "weights and offset": lambda: _simulated(
        11,
        20,
        lambda r: [Term.grouped("g", _groups(r, 20, 5))],
        {"g": 0.9},
        weights=lambda r: r.uniform(0.2, 3, 20),
        offset=lambda r: 10 * r.normal(size=20),
    ),
    "zero SD": lambda: _simulated(
        12, 15, lambda r: [Term.grouped("g", _groups(r, 15, 4))], {"g": 0.0}
    ),
    "one zero SD of two": lambda: _simulated(
        13,
        20,
        lambda r: [Term.grouped("g", _groups(r, 20, 4), _with_slope(r.normal(size=20)))],
        {"g": np.diag([0.5, 0.0])},
    ),
    "perfect correlation": lambda: _simulated(
        14,
        20,
        lambda r: [Term.grouped("g", _groups(r, 20, 4), _with_slope(r.normal(size=20)))],
        {"g": _covariance([0.5, 2.0], 1.0)},
    ),
    "levels without rows": lambda: _simulated(
        15,
        12,
        lambda r: [Term.grouped("g", np.repeat([0, 2, 3], 4), levels=["a", "b", "c", "d", "e"])],
        {"g": 0.8},
    ),
    "rows without effects": lambda: _simulated(
        16,
        16,
        lambda r: [
            Term.grouped("g", np.repeat(np.arange(4), 4), np.tile([0.0, 1, 2, 3], 4)[:, None])
        ],
        {"g": 0.8},
    ),
    "three terms, one factor twice": lambda: _simulated(
        17,
        30,
        lambda r: [
            Term.grouped("g", np.repeat(np.arange(6), 5)),
            Term.grouped("g.1", np.repeat(np.arange(6), 5), r.normal(size=(30, 1))),
            Term.grouped("h", _groups(r, 30, 3)),
        ],
        {"g": 0.5, "g.1": 0.2, "h": 0.7},
    ),
    "two correlated terms": lambda: _simulated(
        19,
        24,
        lambda r: [
            Term.grouped("g", np.repeat(np.arange(6), 4), _with_slope(r.normal(size=24))),
            Term.grouped("h", np.tile(np.arange(3), 8), _with_slope(r.normal(size=24))),
        ],
        {"g": _covariance([0.7, 1.3], 0.4), "h": _covariance([0.5, 0.2], -0.6)},
    ),
    "wide crossed": lambda: _simulated(
        18,
        60,
        lambda r: [Term.grouped("a", _groups(r, 60, 20)), Term.grouped("b", _groups(r, 60, 14))],
        {"a": 1.6, "b": 0.4},
        p=3,
    ),
    "no fixed effects": lambda: _simulated(
        21,
        24,
        lambda r: [Term.grouped("g", _groups(r, 24, 5), _with_slope(r.normal(size=24)))],
        {"g": _covariance([0.7, 1.3], 0.4)},
        p=0,
        weights=lambda r: r.uniform(0.2, 3, 24),
    ),
    "crossed in pieces": lambda: (
        _simulated(  # three, four and three levels of one factor, with two of the other each
            20,
            40,
            lambda r: [
                Term.grouped(
                    "a",
                    np.concatenate(
                        [np.tile(piece, 4) for piece in ([0, 1, 2], [3, 4, 5, 6], [7, 8, 9])]
                    ),
                ),
                Term.grouped("b", np.repeat(np.arange(6), [6, 6, 8, 8, 6, 6])),
            ],
            {"a": 0.7, "b": 0.9},
        )
    ),
}

each_case = pytest.mark.parametrize("name", CASES)


def take_separators_front_by_front(monkeypatch):
    """Every separator is sparse from here on, however small or full it is."""
    monkeypatch.setattr(linalg.arrowheads, "WIDEST_ROTATED", 0)
    monkeypatch.setattr(linalg.separator_pattern, "SMALLEST", 0)
    monkeypatch.setattr(linalg.separator_pattern, "MOST_FILLED", 1.0)
    monkeypatch.setattr(linalg.separator_pattern, "_cost", lambda fronts: 0.0)


def three_draws(data, params):
    """Three draws that differ in β, in the SDs of the effects and in σ.

    As arrays, and as parameters one by one.
    """
    beta_factors = np.array([0.5, 1.0, 2.0])
    sd_factors = np.array([2.0, 1.0, 0.5])
    sigma_factors = np.array([1.0, 1.5, 0.7])
    theta = params.theta(data.design)
    together = Theta(
        np.outer(beta_factors, theta.beta),
        tuple(chol * sd_factors[:, None, None] for chol in theta.effect_chols),
        theta.sigma * sigma_factors,
    )
    one_by_one = []
    for beta_factor, sd_factor, sigma_factor in zip(
        beta_factors, sd_factors, sigma_factors, strict=True
    ):
        cov = {name: sd_factor**2 * matrix for name, matrix in params.cov.items()}
        one_by_one.append(Params(beta_factor * params.beta, cov, sigma_factor * params.sigma))
    return together, one_by_one
