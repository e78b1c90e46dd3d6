"""Two hundred designs at random, a seed each: density, gradient and effects against dense twins."""

import numpy as np
import pytest

import truth
from lmmlib import Data, Design, Params, Term, loglik, random_effects, simulate
from lmmlib.estimation.derivatives import DevianceDerivatives
from lmmlib.estimation.deviance import relative_factors

DESIGNS = 200
EPSILON = np.finfo(float).eps


def _groups(rng, n):
    """Codes of up to n / 3 levels of any sizes."""
    return rng.integers(rng.integers(2, n // 3 + 1), size=n)


def _covariates(rng, n):
    return np.column_stack([np.ones(n), rng.normal(size=n)])


def _relationship(rng, levels):
    root = rng.normal(size=(levels, levels))
    return root @ root.T / levels + 0.2 * np.eye(levels)


def _nested(rng, n):
    outer = _groups(rng, n)
    inner = outer * 10 + rng.integers(3, size=n)
    return [Term.grouped("outer", outer), Term.grouped("outer:inner", inner)]


def _crossed(rng, n):
    return [Term.grouped(name, _groups(rng, n)) for name in "abc"[: rng.integers(2, 4)]]


def _slopes(rng, n):
    correlated = bool(rng.integers(2))
    of_a = Term.grouped("a", _groups(rng, n), _covariates(rng, n), correlated=correlated)
    others = [Term.grouped("b", _groups(rng, n), _covariates(rng, n))]
    return [of_a, *others[: rng.integers(2)]]


def _singletons(rng, n):
    """Most levels with one row, beside a factor of few levels in half of the designs."""
    codes = np.arange(n)
    repeated = rng.integers(2, n // 3)
    codes[:repeated] = codes[repeated : 2 * repeated]
    others = [Term.grouped("b", _groups(rng, n))]
    return [Term.grouped("a", rng.permutation(codes)), *others[: rng.integers(2)]]


def _known_covariance(rng, n):
    codes = rng.permutation(np.arange(n) % rng.integers(3, n // 2))
    between = _relationship(rng, codes.max() + 1)
    covariates = _covariates(rng, n)[:, : rng.integers(1, 3)]
    of_a = Term.grouped("a", codes, covariates, between=between)
    return [of_a, *[Term.grouped("b", _groups(rng, n))][: rng.integers(2)]]


def _dense_beside_grouped(rng, n):
    columns = rng.integers(1, 5)
    between = _relationship(rng, columns) if rng.integers(2) else None
    dense = Term.dense("z", rng.normal(size=(n, columns)), between=between)
    return [dense, Term.grouped("a", _groups(rng, n))]


def _more_effects_than_rows(rng, n):
    covariates = np.column_stack([_covariates(rng, n), rng.normal(size=n)])
    return [
        Term.grouped("a", rng.permutation(np.arange(n) // 2), covariates),
        Term.dense("z", rng.normal(size=(n, rng.integers(1, n)))),
    ]


KINDS = (
    _nested,
    _crossed,
    _slopes,
    _singletons,
    _known_covariance,
    _dense_beside_grouped,
    _more_effects_than_rows,
)


def _covariance(rng, q, correlated):
    """SDs from 0.05 to 5, of which one in ten is zero, and any correlations."""
    sds = np.exp(rng.uniform(np.log(0.05), np.log(5), size=q)) * (rng.random(q) > 0.1)
    root = rng.normal(size=(q, q))
    root /= np.linalg.norm(root, axis=1)[:, None]
    correlation = root @ root.T if correlated else np.eye(q)
    return np.outer(sds, sds) * correlation


def _drawn(seed):
    """Data of a design at random, with the parameters that they come from."""
    rng = np.random.default_rng([15, seed])
    n = int(rng.integers(9, 31))
    terms = KINDS[seed % len(KINDS)](rng, n)
    p = int(rng.integers(4))
    X = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])[:, :p]
    options = {}
    if rng.integers(2):
        options["weights"] = rng.uniform(0.2, 5, size=n)
    if rng.integers(2):
        options["offset"] = rng.normal(size=n)
    design = Design(X, terms, **options)
    cov = {t.name: _covariance(rng, len(t.effects), t.correlated) for t in terms}
    params = Params(rng.normal(size=p), cov, np.exp(rng.normal()))
    return Data(simulate(design, params, rng).y, design), params, rng


@pytest.mark.parametrize("seed", range(DESIGNS))
def test_a_design_at_random_is_its_dense_twin(seed):
    """To n ε times the condition of V, and the size of y beside that of its residuals.

    That much a backward stable solution by V may be off, relative to what is summed: the dense
    twin's, which is the worse of both. A residual of least squares is off by ε times the condition
    of X and the size of y.
    """
    data, params, rng = _drawn(seed)
    dense = truth.arrays(data.design, params)
    n = data.design.n
    r = data.y - dense.mean
    size_of_y = 1 + np.linalg.norm(data.y) / np.linalg.norm(r)
    precision = n * EPSILON * np.linalg.cond(dense.V) * size_of_y
    white = np.linalg.solve(dense.V, r)

    eigenvalues = np.linalg.eigvalsh(dense.V)
    magnitude = n * np.log(2 * np.pi) + np.abs(np.log(eigenvalues)).sum() + n + r @ white
    difference = loglik.marginal(data, params) - truth.marginal(data, params)
    assert abs(difference) <= precision * magnitude

    mean, _ = truth.effects(data, params)
    difference = random_effects.conditional_mean(data, params) - mean
    magnitude = np.linalg.norm(dense.Z @ dense.G, 2) * np.linalg.norm(white)
    assert np.linalg.norm(difference) <= precision * magnitude

    method = ("ml", "reml")[seed % 2]
    for is_dense in (True, False):
        deviance = DevianceDerivatives(data.reduction, method)
        deviance.is_dense = is_dense
        x = rng.normal(size=len(deviance.scales))
        factors = [factor[0] for factor in relative_factors(data.reduction, x[None])]
        V = _relative_covariance(data.design, factors)
        precision = n * EPSILON * np.linalg.cond(V) * _size_beside_residuals(data, V)
        parts = truth.deviance_gradient(data, factors, method) * deviance.scales
        difference = deviance(x).gradient - parts.sum(0)
        assert np.all(np.abs(difference) <= precision * np.maximum(np.abs(parts).sum(0), 1))


def _relative_covariance(design, factors):
    """V over σ²."""
    cov = {term.name: factor @ factor.T for term, factor in zip(design.terms, factors, strict=True)}
    Z = np.hstack([term.Z.toarray() for term in design.terms])
    return Z @ truth.effects_covariance(design.terms, cov) @ Z.T + np.diag(1 / design.weights)


def _size_beside_residuals(data, V):
    """The condition of X times the size of y over that of its residuals, in units of V."""
    X = data.design.X
    y = data.y - data.design.offset
    L = np.linalg.cholesky(V)
    white_X = np.linalg.solve(L, X)
    white_y = np.linalg.solve(L, y)
    coefficients = np.linalg.lstsq(white_X, white_y)[0]
    residual = white_y - white_X @ coefficients
    condition = np.linalg.cond(white_X) if X.shape[1] else 1.0
    return condition * np.linalg.norm(white_y) / np.linalg.norm(residual)
