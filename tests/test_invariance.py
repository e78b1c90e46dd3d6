"""Place and scale of y, covariates and weights, the order of rows, names and order of levels.

What they may change, and by how much.

With y → a + by, w → cw and x → d + fx the parameters transform, and densities by their Jacobians
alone. A number that is d spreads from zero is known to ε d of its spread: that is the tolerance,
times a hundred for the sums over forty rows.
"""

import warnings
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from lmmlib import (
    Data,
    Design,
    Priors,
    ScalePrior,
    Term,
    conditional_model,
    estimate,
    loo,
    marginal_model,
    posterior,
)
from lmmlib.estimation import ConvergenceWarning

N, J = 40, 8
EPSILON = np.finfo(float).eps
FAST = {"mode": "FAST_COMPILE"}  # seconds instead of minutes
DECADES = [1e-15, 1e-7, 1e-3, 1e4, 1e9, 1e15]


@dataclass(frozen=True)
class Case:
    """Rows of which everything may be moved."""

    kind: str
    y: np.ndarray
    x: np.ndarray
    weights: np.ndarray
    group: np.ndarray
    other: np.ndarray
    rows: np.ndarray = field(default_factory=lambda: np.arange(N))

    def data(self):
        """A covariate and groups.

        Intercepts, slopes of another covariate as well, two crossed factors, or no fixed effects.
        """
        one, z = np.ones(N), np.sin(3.0 * self.rows)
        X = np.zeros((N, 0)) if self.kind == "no fixed effects" else np.column_stack([one, self.x])
        covariates = np.column_stack([one, z]) if self.kind == "slopes" else one[:, None]
        terms = [Term.grouped("g", self.group, covariates)]
        if self.kind == "crossed":
            terms.append(Term.grouped("h", self.other))
        return Data(self.y, Design(X, terms, weights=self.weights))


def _case(kind):
    rng = np.random.default_rng(5)
    group, other, x = np.repeat(np.arange(J), N // J), np.arange(N) % 5, rng.normal(size=N)
    effects, crossed, slopes = rng.normal(size=J), rng.normal(size=5), rng.normal(size=J)
    y = effects[group] + 0.6 * rng.normal(size=N) + 0.7 * x * (kind != "no fixed effects")
    y += crossed[other] * (kind == "crossed") + slopes[group] * np.sin(3.0 * np.arange(N)) * (
        kind == "slopes"
    )
    return Case(kind, y, x, rng.uniform(0.5, 2.0, N), group, other)


KINDS = ["intercepts", "slopes", "crossed", "no fixed effects"]
CASES = {kind: _case(kind) for kind in KINDS}


@dataclass(frozen=True)
class Move:
    """y → (a + y) b, x → (d + x) f, w → cw.

    A and d in spreads of what they move, which are about one.
    """

    a: float = 0.0
    b: float = 1.0
    c: float = 1.0
    d: float = 0.0
    f: float = 1.0

    def __call__(self, case):
        return Case(
            case.kind,
            (self.a + case.y) * self.b,
            (self.d + case.x) * self.f,
            self.c * case.weights,
            case.group,
            case.other,
            case.rows,
        )

    def back(self, beta):
        """Coefficients (..., p) in the units and the place before."""
        if beta.shape[-1] == 0:
            return beta
        slope = beta[..., 1] * self.f / self.b
        return np.stack([beta[..., 0] / self.b - self.a + slope * self.d, slope], -1)

    @property
    def tolerance(self):
        """Rounding of the largest number, in spreads."""
        return 100 * EPSILON * max(1.0, abs(self.a), abs(self.d))

    def __str__(self):
        return " ".join(
            f"{name}={value:g}"
            for name, value in vars(self).items()
            if value != Move.__dict__[name]
        )


SCALES = (
    [Move(b=b) for b in DECADES]
    + [Move(c=c) for c in DECADES]
    + [Move(b=1e-15, c=1e15), Move(a=1e6), Move(a=-1e3, b=1e12)]
)
PLACES = (
    [Move(f=f) for f in DECADES]
    + [Move(d=d) for d in (2010.0, 2e5, -1e6)]
    + [Move(d=1e6, f=1e-15), Move(d=1e6, f=1e15)]
)
EVERYTHING = [Move(a=300.0, b=1e-9, c=1e12, d=2010.0, f=1e5)]


def _moves(kind):
    if kind == "no fixed effects":  # nothing there takes up a constant
        return [move for move in SCALES if not move.a]
    return SCALES + PLACES + EVERYTHING


EACH = pytest.mark.parametrize(
    ("kind", "move"), [(kind, move) for kind in KINDS for move in _moves(kind)], ids=str
)


@pytest.mark.parametrize("method", ["reml", "ml"])
@EACH
def test_estimates_transform(kind, move, method):
    """The criterion tightly.

    Parameters as the root of the criterion's tolerance, since it is flat at its end.
    """
    case = CASES[kind]
    before, after = estimate(case.data(), method), estimate(move(case).data(), method)
    p = len(before.params.beta)
    reml = method == "reml"
    shift = 2 * (N - p * reml) * np.log(move.b) + 2 * np.log(move.f) * (p > 0) * reml
    criterion = after.deviance - shift
    assert criterion == pytest.approx(before.deviance, rel=max(1e-10, N * move.tolerance))
    loosely = 1e-4
    assert after.params.sigma / (move.b * np.sqrt(move.c)) == pytest.approx(
        before.params.sigma, rel=loosely
    )
    for name, cov in before.params.cov.items():
        np.testing.assert_allclose(
            after.params.cov[name] / move.b**2,
            cov,
            rtol=loosely,
            atol=loosely * before.params.sigma**2,
        )
    np.testing.assert_allclose(
        move.back(after.params.beta),
        before.params.beta,
        rtol=loosely,
        atol=loosely + move.tolerance,
    )
    np.testing.assert_allclose(after.u / move.b, before.u, rtol=loosely, atol=loosely)
    if p:
        assert after.se[1] * move.f / move.b == pytest.approx(before.se[1], rel=loosely)
    assert after.converged


def _draws(data, size=512):
    return posterior(data, Priors.weak(data), size, rng=np.random.default_rng(1))


def _left_out(data):
    """elpd of each row from the same draws, whatever Pareto k says of so few."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return loo(_draws(data), data).elpd_i.to_numpy()


@EACH
def test_weak_priors_say_the_same_and_so_does_the_posterior(kind, move):
    """One stream of random numbers, one set of draws in other units; log p(y) loses N log b.

    The proposal stands at modes that exact derivatives find, so that draws lose two digits at most.
    """
    case = CASES[kind]
    before, after = _draws(case.data()), _draws(move(case).data())
    evidence = after.attrs["log_evidence"] + N * np.log(move.b)
    assert evidence == pytest.approx(
        before.attrs["log_evidence"], abs=max(1e-9, N * move.tolerance)
    )
    tolerance = 1e2 * move.tolerance
    one, other = before.posterior, after.posterior
    np.testing.assert_allclose(other.sigma / (move.b * np.sqrt(move.c)), one.sigma, rtol=tolerance)
    np.testing.assert_allclose(other.sd / move.b, one.sd, rtol=tolerance)
    np.testing.assert_allclose(other.u / move.b, one.u, atol=tolerance)
    if kind != "no fixed effects":
        np.testing.assert_allclose(move.back(other.beta.to_numpy()), one.beta, atol=tolerance)


@pytest.mark.parametrize(
    "move", [SCALES[0], SCALES[5], SCALES[6], SCALES[11], PLACES[8], *EVERYTHING], ids=str
)
@pytest.mark.parametrize("kind", ["slopes", "crossed"])
def test_leave_one_out_transforms(kind, move):
    """Each row's log density loses log b."""
    before, after = _left_out(CASES[kind].data()), _left_out(move(CASES[kind]).data())
    np.testing.assert_allclose(after + np.log(move.b), before, atol=max(1e-8, 1e3 * move.tolerance))


LOG_DENSITIES = {
    "marginal": marginal_model,
    "conditional": lambda data, priors: conditional_model(data, priors, centered=True),
    "non-centred": lambda data, priors: conditional_model(data, priors, centered=False),
}


@pytest.mark.parametrize(
    "move", [Move(b=1e-15), Move(c=1e15), Move(d=2e5, f=1e-15), *EVERYTHING], ids=str
)
@pytest.mark.parametrize("formulation", LOG_DENSITIES)
def test_compiled_log_densities_transform(formulation, move):
    """At the same point in other units.

    y loses N log b, γ its p Jacobians, centred effects J log b; SDs are on logarithms.
    """
    case = CASES["intercepts"]
    values = []
    for data, b, c, f in (
        (case.data(), 1.0, 1.0, 1.0),
        (move(case).data(), move.b, move.c, move.f),
    ):
        model = LOG_DENSITIES[formulation](data, Priors.weak(data))
        scale = np.array([b, b / f])
        place = np.array([0.3 + case.y.mean() + (move.a if b != 1 else 0.0), 0.5])
        v = 0.1 * np.arange(J)
        point = {
            "gamma": place * scale,
            "sd_log__": np.log([0.8 * b]),
            "sigma_log__": np.log(0.6 * b * np.sqrt(c)),
            "g v": v * b,
            "g z": v[:, None],
        }
        wanted = model.initial_point()
        chosen = {name: np.reshape(point[name], np.shape(value)) for name, value in wanted.items()}
        jacobian = N * np.log(b) + np.log(scale).sum() + J * np.log(b) * ("g v" in wanted)
        values.append(float(model.compile_logp(**FAST)(chosen)) + jacobian)
    assert values[1] == pytest.approx(values[0], rel=max(1e-10, N * move.tolerance))


def _permuted(case, order):
    return replace(
        case,
        **{
            name: getattr(case, name)[order]
            for name in ("y", "x", "weights", "group", "other", "rows")
        },
    )


def _renamed(case):
    """Other names of levels, which sort in another order."""
    names = np.array([f"level {chr(122 - j)}" for j in range(J)])
    return replace(case, group=names[case.group], other=(7 - 3 * case.other) % 5)


NEW_NAMES = {
    f"g[{j}]: {effect}": f"g[level {chr(122 - j)}]: {effect}"
    for j in range(J)
    for effect in ("Intercept", "x1", "x2")
}
NEW_NAMES |= {f"h[{j}]: Intercept": f"h[{(7 - 3 * j) % 5}]: Intercept" for j in range(5)}
REORDERED = {
    "rows": lambda case: _permuted(case, np.random.default_rng(2).permutation(N)),
    "levels": _renamed,
    "both": lambda case: _renamed(_permuted(case, np.arange(N)[::-1])),
}


@pytest.mark.parametrize("reordered", REORDERED)
@pytest.mark.parametrize("kind", KINDS)
def test_order_and_names_change_nothing(kind, reordered):
    """Effects follow their levels.

    σ and SDs are the same draws, u is not, since its random numbers go by its order.
    """
    case, moved = CASES[kind], REORDERED[reordered](CASES[kind])
    one, other = case.data(), moved.data()
    assert estimate(other).deviance == pytest.approx(estimate(one).deviance, rel=1e-10)
    assert estimate(other).params.sigma == pytest.approx(estimate(one).params.sigma, rel=1e-4)
    effects = [dict(zip(d.design.ranef["ranef"], estimate(d).u, strict=True)) for d in (one, other)]
    for name, value in effects[0].items():
        assert effects[1][
            NEW_NAMES.get(name, name) if reordered != "rows" else name
        ] == pytest.approx(value, abs=1e-4)
    before, after = _draws(one), _draws(other)
    assert after.attrs["log_evidence"] == pytest.approx(before.attrs["log_evidence"], abs=1e-9)
    for name in ("sd", "sigma"):
        np.testing.assert_allclose(after.posterior[name], before.posterior[name], rtol=1e-7)


@pytest.mark.parametrize("kind", ["slopes", "crossed"])
def test_leave_one_out_follows_its_rows(kind):
    order = np.random.default_rng(2).permutation(N)
    before, after = _left_out(CASES[kind].data()), _left_out(_permuted(CASES[kind], order).data())
    np.testing.assert_allclose(after, before[order], atol=1e-8)


@pytest.mark.parametrize("formulation", ["marginal", "non-centred"])
def test_compiled_log_densities_know_no_order(formulation):
    values = []
    for case in (CASES["crossed"], REORDERED["both"](CASES["crossed"])):
        data = case.data()
        model = LOG_DENSITIES[formulation](data, Priors.weak(data))
        point = model.initial_point()
        point["gamma"] = np.array([0.4, 0.5])
        if formulation != "marginal":
            point["g z"] = (0.1 * np.arange(J))[:: 1 if case is CASES["crossed"] else -1, None]
            point["h z"] = (
                0.2 * np.arange(5)[:, None]
                if case is CASES["crossed"]
                else 0.2 * ((7 - np.arange(5)) * 2 % 5)[:, None]
            )
        values.append(float(model.compile_logp(**FAST)(point)))
    assert values[1] == pytest.approx(values[0], rel=1e-10)


@pytest.mark.parametrize("spreads", [1e6, 1e9])
def test_a_covariate_up_to_many_spreads_from_zero_is_estimated(spreads):
    near, far = (estimate(Move(d=d)(CASES["intercepts"]).data()) for d in (0.0, spreads))
    tolerance = N * Move(d=spreads).tolerance
    assert far.deviance == pytest.approx(near.deviance, rel=max(1e-10, tolerance))
    assert far.params.beta[1] == pytest.approx(near.params.beta[1], rel=max(1e-4, tolerance))


def test_a_covariate_whose_spread_is_rounding_is_told():
    with pytest.raises(
        ValueError,
        match=(
            r"x2 can be made from the columns before to the rounding of its entries; x2 lies far "
            r"from zero"
        ),
    ):
        Move(d=1e15)(CASES["intercepts"]).data()


def test_a_response_whose_residual_is_rounding_is_told():
    """Not that the fixed effects fit y exactly, which says nothing of where y lies."""
    told = (
        r"leave an SD of 1\.\d of numbers of the size 1\.?\d?e\+15, so .*subtract a constant "
        r"from a response or covariate that lies far"
    )
    far = Move(a=1e15)(CASES["intercepts"]).data()
    with pytest.raises(ValueError, match=told):
        estimate(far)
    with pytest.raises(ValueError, match=told):
        posterior(
            far,
            Priors.build(far.design, (0.0, 1e16), ScalePrior("half-normal", 1.0)),
            rng=np.random.default_rng(1),
        )
    with pytest.raises(
        ValueError, match=r"y must vary .*by more than its rounding; .*subtract a constant"
    ):
        Priors.weak(Move(a=1e16)(CASES["intercepts"]).data())


def test_a_search_in_rounding_is_told_its_reason():
    with pytest.warns(
        ConvergenceWarning,
        match="subtract a constant from a response or covariate that lies far from zero",
    ):
        assert not estimate(Move(a=1e13)(CASES["intercepts"]).data()).converged


@pytest.mark.parametrize("origin", [0.0, 2010.0, 2e5])
def test_a_calendar_year_is_a_covariate_like_any_other(origin):
    """Fifteen sites, ten years: slope and evidence to six decimals, by year * treat as well."""
    rng = np.random.default_rng(11)
    site, year = np.repeat(np.arange(15), 10), np.tile(np.arange(10.0), 15)
    y = 20 + year + rng.normal(0, 2, 15)[site] + rng.normal(size=150)
    treat = site % 2
    found = []
    for start in (-4.5, origin):
        own = start + year
        X = np.column_stack([np.ones(150), own, treat, own * treat])
        for columns in (X[:, :2], X):
            data = Data(y, Design(columns, [Term.grouped("site", site)]))
            tree = _draws(data, 1024)
            found.append((tree.attrs["log_evidence"], float(tree.posterior.beta[..., 1].mean())))
            assert found[-1][1] == pytest.approx(
                estimate(data).params.beta[1], abs=0.1 * estimate(data).se[1]
            )
    np.testing.assert_allclose(found[2:], found[:2], rtol=0, atol=5e-7)
