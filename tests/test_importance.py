"""The direct posterior against dense densities, quadrature, a published posterior, and what its
weights are refused for.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import logsumexp

import truth
from cases import CASES
from lmmlib import Data, Design, Params, Priors, ScalePrior, Term, importance, posterior
from lmmlib.importance import (
    log_posterior,
    proposal,
    sampler,
    variance_parameters,
    weighting,
)
from lmmlib.report.experiments import experiment_1

HALF_NORMAL = ScalePrior("half-normal", 1.0)


@pytest.mark.parametrize(
    "name",
    [
        "unbalanced slopes",
        "two correlated terms",
        "nested",
        "dense",
        "weights and offset",
        "known covariance of groups",
    ],
)
@pytest.mark.parametrize("T", [None, [[1.0, -3.0], [0.0, 1.0]]])
def test_log_posterior_is_prior_times_dense_evidence(name, T):
    """N(y; Xb₀, V + XB₀X') times half-normal SDs with Jacobian, and 2 Beta(η, η) − 1 for a
    correlation tanh z.

    With γ = Tβ ~ N(m, diag(s²)): b₀ = T⁻¹m and B₀ = T⁻¹diag(s²)T⁻ᵀ.
    """
    data, _ = CASES[name]()
    design = data.design
    priors = replace(
        Priors.build(design, {"x1": (0.3, 2.0), "x2": (-0.5, 0.4)}, HALF_NORMAL, cor=3.0),
        beta_transform=T,
    )
    inverse = np.linalg.inv(np.eye(2) if T is None else T)
    b, B = inverse @ [0.3, -0.5], inverse @ np.diag([4.0, 0.16]) @ inverse.T
    rng = np.random.default_rng(3)
    phi = rng.normal(size=(1, len(design.effects) + len(design.pairs) + 1)) / 2
    log_sd, z = phi[0, : len(design.effects) + 1], phi[0, len(design.effects) + 1 :]
    expected = stats.halfnorm.logpdf(np.exp(log_sd)).sum() + log_sd.sum()
    for free in z:
        expected += (
            stats.beta(3, 3).logpdf((np.tanh(free) + 1) / 2)
            - np.log(2)
            + np.log1p(-(np.tanh(free) ** 2))
        )
    cov, first, pair = {}, 0, 0
    for t in design.terms:
        q = len(t.effects)
        sd = np.exp(log_sd[first : first + q])
        cor = np.eye(q)
        for i, j in t.pairs:
            cor[i, j] = cor[j, i] = np.tanh(z[pair])
            pair += 1
        cov[t.name] = np.outer(sd, sd) * cor
        first += q
    a = truth.arrays(design, Params(b, cov, np.exp(log_sd[-1])))
    expected += stats.multivariate_normal(a.mean, a.V + design.X @ B @ design.X.T).logpdf(data.y)
    np.testing.assert_allclose(
        log_posterior.log_posterior(phi, data.reduction, priors).log_density[0],
        expected,
        rtol=1e-10,
    )


def test_correlations_of_three_effects_integrate_to_one():
    """Importance weights of LKJ(η) against independent logistic draws have mean one."""
    free = stats.logistic(scale=0.5).rvs(size=(200_000, 3), random_state=1)
    log_density = variance_parameters.free_correlations(free, 3, 2.0).log_prior
    ratio = np.exp(log_density - stats.logistic(scale=0.5).logpdf(free).sum(1))
    assert abs(ratio.mean() - 1) < 5 * ratio.std() / np.sqrt(len(free))


def test_one_unknown_variance_by_quadrature():
    data, _ = CASES["balanced"]()
    priors = Priors.build(data.design, (0.0, 3.0), HALF_NORMAL, ScalePrior("fixed", 0.8))

    def value(log_sd, power=0.0):
        return float(
            np.exp(
                log_posterior.log_posterior(
                    np.array([[log_sd]]), data.reduction, priors
                ).log_density[0]
                + 40
                + power * log_sd
            )
        )

    evidence, first = (
        quad(value, -18, 4, args=(power,), epsabs=0, epsrel=1e-10, limit=200)[0]
        for power in (0.0, 1.0)
    )
    tree = posterior(data, priors, 8192, rng=np.random.default_rng(1), weighted=True)
    assert abs(tree.attrs["log_evidence"] - (np.log(evidence) - 40)) < max(
        5 * tree.attrs["log_evidence_error"], 1e-4
    )
    weight = np.exp(tree.sample_stats.log_weight)
    assert float((weight * tree.posterior.sd[..., 0]).sum()) == pytest.approx(
        first / evidence, rel=1e-3
    )


def test_eight_schools():
    """log p(y), E μ and E τ by quadrature: −31.3113473523, 4.39682, 3.597705."""
    y, se = np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    design = Design(
        np.ones((8, 1)), [Term.grouped("school", range(8))], weights=se**-2.0, coef=["mu"]
    )
    priors = Priors.build(
        design, (0.0, 5.0), ScalePrior("half-Student-t", 5.0, df=1), ScalePrior("fixed", 1.0)
    )
    tree = posterior(Data(y, design), priors, 2**17, rng=np.random.default_rng(2), weighted=True)
    assert tree.attrs["log_evidence_error"] < 1e-3
    assert abs(tree.attrs["log_evidence"] + 31.3113473523) < 5 * tree.attrs["log_evidence_error"]
    weight = np.exp(tree.sample_stats.log_weight)
    for name, exact in (("sd", 3.597705), ("beta", 4.39682)):
        by_chain = (weight * tree.posterior[name][..., 0]).sum("draw") / weight.sum("draw")
        error = float(by_chain.std(ddof=1)) / 2
        assert error < 1e-3
        assert abs(float(by_chain.mean()) - exact) < 5 * error


def test_weights_that_differ_by_rounding_are_equal():
    """Where all variances are known all draws have one density, whose last digit may depend on
    the place of a draw among others.
    """
    unit = np.spacing(40.0)
    log_ratio = -40.0 + unit * np.random.default_rng(4).integers(-3, 4, size=(4, 256))
    weights = weighting.importance_weights(log_ratio)
    assert weights.failure is None
    assert weights.pareto_k == -np.inf
    assert weights.kish_ess == pytest.approx(1024, rel=1e-12)
    np.testing.assert_allclose(weights.log_weight, -np.log(1024), atol=1e-12)


def test_draws_have_the_exact_moments_where_variances_are_known():
    data, params = CASES["nested"]()
    design = data.design
    fixed = {
        e: ScalePrior("fixed", np.sqrt(params.cov[t.name][0, 0]))
        for t in design.terms
        for e in t.effect_names
    }
    priors = Priors.build(design, (0.0, 2.0), fixed, ScalePrior("fixed", params.sigma))
    tree = posterior(data, priors, 20_000, rng=np.random.default_rng(3))
    a, X = truth.arrays(design, params), design.X
    wide = Data(data.y, Design(X, [*design.terms, Term.dense("b", X)]))
    mean, cov = truth.effects(wide, Params([0.0, 0.0], {**params.cov, "b": 4.0}, params.sigma))
    drawn = np.concatenate([tree.posterior.u, tree.posterior.beta], -1).reshape(20_000, -1)
    assert np.max(np.abs(drawn.mean(0) - mean) / np.sqrt(np.diag(cov) / 20_000)) < 5
    spread = np.sqrt((cov**2 + np.outer(np.diag(cov), np.diag(cov))) / 20_000)
    assert np.max(np.abs(np.cov(drawn.T) - cov) / spread) < 5
    exact = stats.multivariate_normal(np.zeros(design.n), a.V + 4.0 * X @ X.T).logpdf(data.y)
    assert tree.attrs["log_evidence"] == pytest.approx(exact, rel=1e-10)


def test_a_mixture_follows_the_mass():
    def two(x):
        return logsumexp(
            [stats.norm(-6, 1).logpdf(x[:, 0]), stats.norm(6, 0.5).logpdf(x[:, 0]) + np.log(3)],
            axis=0,
        )

    near = proposal.Mixture(np.full(2, 0.5), np.array([[-5.0], [5.0]]), np.ones((2, 1, 1)))
    mixture = proposal.adapted_mixture(two, near, np.random.default_rng(1))
    centres = mixture.centres[:, 0]  # each mode twice: the second component is the wider one
    np.testing.assert_allclose(np.sort(centres), [-6, -6, 6, 6], atol=0.3)
    np.testing.assert_allclose(np.bincount(centres > 0, mixture.weights), [0.25, 0.75], atol=0.05)
    points = mixture.draw(4096, np.random.default_rng(2)).points
    ratio = np.exp(two(points) - mixture.log_density(points))
    assert abs(ratio.mean() - 4) < 5 * ratio.std() / np.sqrt(4096)


def test_the_mixture_has_the_density_of_its_components():
    """SciPy's multivariate t, which has another way to the determinant and the distance."""
    rng = np.random.default_rng(5)
    chols = np.tril(rng.normal(size=(3, 4, 4))) / 3 + np.eye(4)
    weights = np.array([0.2, 0.5, 0.3])
    mixture = proposal.Mixture(weights, rng.normal(size=(3, 4)), chols)
    points = mixture.draw(64, rng).points
    for k, column in enumerate(mixture.log_components(points).T):
        component = stats.multivariate_t(mixture.centres[k], chols[k] @ chols[k].T, proposal.DF)
        np.testing.assert_allclose(column, np.log(weights[k]) + component.logpdf(points), rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-2, 1e-3, 1e-4])
def test_a_posterior_with_two_modes(scale):
    """A sharp prior near zero with a heavy tail against data with a spread.

    τ is near its prior's scale, or near one.
    """
    means = np.repeat([-1.9, -1.1, 0.2, 0.4, 1.3, 2.1], 4)
    data = Data(
        means + np.tile([-1.0, -0.4, 0.3, 1.1], 6),
        Design(np.ones((24, 1)), [Term.grouped("g", np.repeat(np.arange(6), 4))]),
    )
    priors = Priors.build(
        data.design, (0, 3), ScalePrior("half-Student-t", scale, df=1), ScalePrior("fixed", 1.5)
    )

    def value(log_sd):
        return float(
            np.exp(
                log_posterior.log_posterior(
                    np.array([[log_sd]]), data.reduction, priors
                ).log_density[0]
                + 60
            )
        )

    valley = np.log(30 * scale)
    low, high = (
        sum(quad(value, a, b, epsabs=0, epsrel=1e-10, limit=400)[0] for a, b in pairwise(cuts))
        for cuts in ((valley - 25, valley - 8, valley - 4, valley), (valley, -1, 0, 1, 8))
    )
    assert min(low, high) > 0.01 * (low + high)
    tree = posterior(data, priors, 8192, rng=np.random.default_rng(1))
    share = float((tree.posterior.sd > 30 * scale).mean())
    exact = high / (low + high)
    assert abs(share - exact) < 5 * np.sqrt(exact * (1 - exact) / tree.attrs["kish_ess"])
    error = max(
        tree.attrs["log_evidence_error"], np.sqrt((8192 / tree.attrs["kish_ess"] - 1) / 8192)
    )  # the spread of four is itself uncertain
    assert abs(tree.attrs["log_evidence"] - (np.log(low + high) - 60)) < 5 * error


def test_a_posterior_that_defeats_the_proposal_is_refused():
    """Thirty SDs, each known from a single effect.

    Too many skewed dimensions for importance sampling.
    """
    made = experiment_1(np.random.default_rng(1), q=30)
    priors = Priors.build(made.design, (0.0, 10.0), HALF_NORMAL)
    with pytest.raises(
        importance.PosteriorError,
        match=(
            r"Pareto k 0\.\d\d \(at most 0.7\), effective sample size \d+ of 4096 \(at least a "
            r"tenth\)"
        ),
    ):
        posterior(Data(made.y, made.design), priors, rng=np.random.default_rng(1))


def test_untrustworthy_weights_are_refused(monkeypatch):
    data, _ = CASES["balanced"]()
    priors = Priors.build(data.design, (0.0, 3.0), HALF_NORMAL)
    narrow = proposal.Mixture(np.ones(1), np.zeros((1, 2)), 0.02 * np.eye(2)[None])
    monkeypatch.setattr(sampler, "adapted_mixture", lambda *_: narrow)
    with pytest.raises(
        importance.PosteriorError,
        match=(
            r"Pareto k .* \(at most 0.7\), effective sample size .* try more draws, or the "
            r"marginal model by NUTS"
        ),
    ):
        posterior(data, priors, 1024, rng=np.random.default_rng(1))


def test_an_effect_a_row_is_named_where_the_weights_fail_on_it():
    """σ and the SD lie on a ridge that the priors leave as it is: more draws are no remedy."""
    data = Data(
        np.random.default_rng(3).normal(size=40),
        Design(np.ones((40, 1)), [Term.grouped("row", range(40))]),
    )
    weak = Priors.weak(data)
    told = (
        r"sigma and the SD of 'row: Intercept' cannot be told apart: .*; drop the term, or give "
        r"one of the two SDs a fixed or"
    )
    with pytest.raises(importance.PosteriorError, match=told):
        posterior(data, weak, rng=np.random.default_rng(1))
    for known in (
        replace(weak, sigma=ScalePrior("fixed", 0.5)),
        replace(weak, sd={"row: Intercept": ScalePrior("fixed", 0.5)}),
    ):
        tree = posterior(data, known, rng=np.random.default_rng(1))
        total = np.sqrt(tree.posterior.sigma**2 + tree.posterior.sd[..., 0] ** 2)
        # √(0.25 + free²), where the free SD has a flat enough prior: near the SD of 40 rows, known
        # to a ninth.
        assert abs(float(total.mean()) / data.y.std(ddof=1) - 1) < 5 / np.sqrt(2 * 40)


def test_failed_weights_of_another_design_say_nothing_of_rows():
    """Unequal weights tell an effect a row from residuals: the advice is the ordinary one."""
    made = experiment_1(np.random.default_rng(1), q=30)
    priors = Priors.build(made.design, (0.0, 10.0), HALF_NORMAL)
    with pytest.raises(
        importance.PosteriorError, match="try more draws, or the marginal model by NUTS"
    ):
        posterior(Data(made.y, made.design), priors, rng=np.random.default_rng(1))


def test_a_posterior_without_fixed_effects_by_quadrature():
    """y ~ N(0, V) over the only SD, σ known; its draws hold no beta."""
    data = Data([1.0, 2.0, -0.5], Design(np.zeros((3, 0)), [Term.grouped("g", [0, 0, 1])]))
    priors = Priors.build(
        data.design, (0, 1), ScalePrior("half-normal", 2.0), ScalePrior("fixed", 1.0)
    )
    tree = posterior(data, priors, 4096, rng=np.random.default_rng(1))
    tau = np.linspace(0, 16, 20_001)
    same = np.array([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]])
    density = [
        stats.multivariate_normal(np.zeros(3), t**2 * same + np.eye(3)).pdf(data.y)
        for t in tau[::20]
    ]
    exact = np.log(np.trapezoid(density * stats.halfnorm(scale=2.0).pdf(tau[::20]), tau[::20]))
    assert abs(tree.attrs["log_evidence"] - exact) < 5 * tree.attrs["log_evidence_error"] + 1e-5
    assert set(tree.posterior.data_vars) == {"sd", "sigma", "u"}


def test_as_many_coefficients_as_rows_are_no_obstacle():
    """y ~ N(b₀, B + G + σ²I) whatever p is.

    The evidence by quadrature over the only SD, σ known.
    """
    data = Data([1.0, 2.0], Design(np.eye(2), [Term.grouped("g", [0, 1])]))
    priors = Priors.build(
        data.design, (0, 5), ScalePrior("half-normal", 2.0), ScalePrior("fixed", 1.0)
    )
    found = posterior(data, priors, 4096, rng=np.random.default_rng(1))
    tau = np.linspace(0, 16, 40_001)
    density = stats.halfnorm(scale=2.0).pdf(tau) * np.prod(
        [stats.norm.pdf(y, 0, np.sqrt(25 + tau**2 + 1)) for y in data.y], axis=0
    )
    assert (
        abs(found.attrs["log_evidence"] - np.log(np.trapezoid(density, tau)))
        < 5 * found.attrs["log_evidence_error"] + 1e-8
    )


def test_bad_calls_are_told():
    data, _ = CASES["balanced"]()
    with pytest.raises(
        TypeError,
        match=(
            r"rng must be what numpy.random.default_rng takes, a seed, a Generator or None; got "
            r"'one'"
        ),
    ):
        posterior(data, Priors.weak(data), rng="one")
    with pytest.raises(
        ValueError, match="draws must be a whole number, a multiple of 4 and 32 at least, got 28"
    ):
        posterior(data, Priors.weak(data), 28, rng=np.random.default_rng(1))
    assert (
        posterior(data, Priors.weak(data), 32, rng=np.random.default_rng(1)).posterior.sizes["draw"]
        == 8
    )
    priors = Priors.build(data.design, (0.0, 3.0), HALF_NORMAL)
    with pytest.raises(
        ValueError, match="draws must be a whole number, a multiple of 4 and 32 at least, got 1001"
    ):
        posterior(data, priors, 1001, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="priors of sd must be given for g: x1"):
        posterior(CASES["unbalanced slopes"]()[0], priors, rng=np.random.default_rng(1))


def test_one_stream_one_result():
    data, _ = CASES["balanced"]()
    priors = Priors.build(data.design, (0.0, 3.0), HALF_NORMAL)
    first, second = (posterior(data, priors, 512, rng=np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first.posterior.u, second.posterior.u)
