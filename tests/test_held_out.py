"""Rows, levels and sets given all others, against conditioning of the joint normal.

In 50 digits where doubles are the weaker side.
"""

import numpy as np
import pytest

import truth
from cases import CASES, each_case, three_draws
from lmmlib import (
    Data,
    Design,
    Params,
    Term,
    from_formula,
    held_out,
    linalg,
    load_dataset,
    simulate,
)
from lmmlib.held_out import by_leverage, by_merging, fit_to_all, level_leverages, levels, sets
from lmmlib.loglik import log_normal
from lmmlib.model import Theta


@each_case
def test_rows_are_brute_force(name):
    data, params = CASES[name]()
    expected = truth.left_out(data, params)
    np.testing.assert_allclose(held_out.rows(data, params), expected, rtol=1e-10)


def test_the_sum_over_rows_at_published_estimates():
    """Plug-in sums at the published ML estimates, computed once by dense algebra.

    Estimates have four to seven digits.
    """
    data = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    params = Params([1527.5], {"Batch": 37.26034**2}, 49.51010)
    assert held_out.rows(data, params).sum() == pytest.approx(-162.03258013, abs=1e-6)


@each_case
def test_predictions_of_rows_are_their_residuals_and_variances(name):
    """In units of σ, of whitened rows; the density of a row is that of its residual."""
    data, params = CASES[name]()
    theta = params.theta(data.design).repeat(2)
    V = truth.arrays(data.design, params).V
    variance = 1 / np.diag(np.linalg.inv(V)) * data.design.weights / params.sigma**2
    weights = data.design.weights
    rows = []
    for part in held_out.row_predictions(data, theta):
        np.testing.assert_allclose(part.variance, [variance[part.rows]] * 2, rtol=1e-8)
        white = log_normal(part.residual, params.sigma**2 * part.variance)
        density = white + 0.5 * np.log(weights[part.rows])
        expected = truth.left_out(data, params)[part.rows]
        np.testing.assert_allclose(density, [expected] * 2, rtol=1e-9)
        rows += part.rows.tolist()
    assert sorted(rows) == list(range(data.design.n))


@each_case
def test_any_set_of_rows_is_brute_force(name):
    data, params = CASES[name]()
    rng, theta = np.random.default_rng(1), params.theta(data.design).repeat(2)
    for size in (1, 2, data.design.n // 2, data.design.n - 1):
        rows = np.sort(rng.choice(data.design.n, size, replace=False))
        density = held_out.set_in_draws(data, theta, rows)
        np.testing.assert_allclose(density, truth.set_left_out(data, params, rows), rtol=1e-9)


@each_case
def test_every_level_of_every_grouped_term_is_brute_force(name):
    data, params = CASES[name]()
    theta = params.theta(data.design).repeat(3)
    for t in data.design.terms:
        if t.is_dense:
            with pytest.raises(ValueError, match="is a dense term: its levels share all rows"):
                data.design.level_of_rows(t.name)
            continue
        level = data.design.level_of_rows(t.name)
        seen = []
        for numbers, values in held_out.levels_in_draws(data, theta, t.name):
            seen += numbers.tolist()
            expected = [
                truth.set_left_out(data, params, np.flatnonzero(level == j)) for j in numbers
            ]
            np.testing.assert_allclose(values, np.tile(expected, (3, 1)), rtol=1e-9)
        assert sorted(seen) == sorted(set(level.tolist()))


def test_levels_of_a_group_by_itself_do_not_wait_for_each_other(monkeypatch):
    """Subjects share nothing: their densities come together, and from the reduction alone."""
    data, params = CASES["unbalanced slopes"]()
    monkeypatch.setattr(levels, "set_in_draws", None)
    ((numbers, _),) = held_out.levels_in_draws(data, params.theta(data.design).repeat(1), "g")
    assert sorted(numbers.tolist()) == [0, 1, 2, 3, 4, 5]
    nested, params = CASES["nested"]()
    ((numbers, _),) = held_out.levels_in_draws(nested, params.theta(nested.design).repeat(1), "a")
    assert len(numbers) == 4


CROSSED = ["crossed", "wide crossed", "two correlated terms", "three terms, one factor twice"]


@pytest.mark.parametrize("name", CROSSED)
def test_both_ways_to_a_level_agree(name, monkeypatch):
    """One factor of all rows, and a factor of the others for each level."""
    data, params = CASES[name]()
    theta, _ = three_draws(data, params)
    for t in data.design.terms:
        by_way = []
        for held in (4_000_000, 0):
            monkeypatch.setattr(fit_to_all, "MAX_INVERSE_ENTRIES", held)
            parts = list(held_out.levels_in_draws(data, theta, t.name))
            by_way.append(np.concatenate([values for _, values in parts], 1))
        np.testing.assert_allclose(*by_way, rtol=1e-11)


def test_crossed_levels_do_not_reduce_the_others_anew(monkeypatch):
    """At ordinary ratios of SDs all levels come from one factor a draw."""
    data, params = CASES["wide crossed"]()
    theta, _ = three_draws(data, params)
    monkeypatch.setattr(level_leverages, "set_in_draws", None)
    parts = list(held_out.levels_in_draws(data, theta, "a"))
    assert len(parts) == len(np.unique(data.design.level_of_rows("a")))


def test_draws_with_levels_near_one_take_the_others(monkeypatch):
    """Ratios on both sides of the bound in one call; each draw is exact, by either way."""
    data, params = CASES["crossed"]()
    ratios = np.geomspace(1.0, 1e4, 9)
    several = [
        Params(params.beta, {"a": (ratio * params.sigma) ** 2, "b": 1.1}, params.sigma)
        for ratio in ratios
    ]
    one_by_one = [one.theta(data.design) for one in several]
    theta = Theta(
        np.stack([one.beta for one in one_by_one]),
        tuple(
            np.stack(chols) for chols in zip(*[one.effect_chols for one in one_by_one], strict=True)
        ),
        np.stack([one.sigma for one in one_by_one]),
    )
    reduced_anew = []

    def recorded(data, theta, rows):
        reduced_anew.append(len(theta.sigma))
        return sets.set_in_draws(data, theta, rows)

    monkeypatch.setattr(level_leverages, "set_in_draws", recorded)
    level = data.design.level_of_rows("a")
    for (number,), values in held_out.levels_in_draws(data, theta, "a"):
        rows = np.flatnonzero(level == number)
        exact = [truth.set_left_out_50_digits(data, one, rows) for one in several]
        np.testing.assert_allclose(values[:, 0], exact, rtol=1e-9)
    assert len(reduced_anew) == len(np.unique(level))
    assert all(0 < draws < len(ratios) for draws in reduced_anew)


def _scaled(ratio):
    """Grouped, sloped with singletons, nested, dense and crossed designs at τ/σ = ratio."""
    n = 20
    rng = np.random.default_rng(4)
    codes = np.repeat(np.arange(6), [1, 1, 2, 3, 5, 8])
    x = rng.normal(size=n)
    ones = np.ones((n, 1))
    square = ratio**2
    yield "grouped", [Term.grouped("g", codes)], {"g": square}
    yield (
        "slopes",
        [Term.grouped("g", codes, np.column_stack([ones, x - x.mean()]))],
        {"g": square * np.array([[1.0, 0.2], [0.2, 0.7]])},
    )
    yield (
        "nested",
        [Term.grouped("a", codes // 2), Term.grouped("b", codes)],
        {"a": square, "b": 0.4 * square},
    )
    deep = np.repeat(np.arange(10), 2)
    yield (
        "deep",
        [Term.grouped("a", deep // 9), Term.grouped("b", deep)],
        {"a": square, "b": 0.4 * square},
    )
    pairs = np.repeat(np.arange(10), 2)
    covariate = rng.normal(size=n)
    yield (
        "nested in twos",
        [Term.grouped("a", pairs // 2), Term.grouped("b", pairs)],
        {"a": square, "b": square},
    )
    known = 0.5 ** np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    yield (
        "known covariance",
        [Term.grouped("g", codes, np.column_stack([ones, covariate]), between=known)],
        {"g": square * np.eye(2)},
    )
    yield (
        "dense beside groups",
        [Term.dense("z", rng.normal(size=(n, 2))), Term.grouped("g", codes)],
        {"z": square, "g": square},
    )
    yield (
        "dense",
        [Term.dense(f"z{k}", rng.uniform(size=(n, 1))) for k in range(3)],
        {f"z{k}": square for k in range(3)},
    )
    if ratio <= 1e3:
        yield (
            "crossed",
            [
                Term.grouped("a", np.arange(n) % 5),
                Term.grouped("b", np.append(rng.integers(6, size=n - 1), 6)),
            ],
            {"a": square, "b": square},
        )
        yield (
            "zero SD",
            [Term.grouped("a", np.arange(n) % 5), Term.grouped("b", codes)],
            {"a": square, "b": 0.0},
        )


@pytest.mark.parametrize("ratio", [1e-3, 1.0, 1e2, 1e3, 1e4])
def test_rows_and_levels_are_exact(ratio):
    for _, terms, cov in _scaled(ratio):
        design = Design(np.ones((20, 1)), terms)
        params = Params([0.3], cov, 1.0)
        data = Data(simulate(design, params, np.random.default_rng(2)).y, design)
        residual, variance = truth.left_out_50_digits(data, params)
        exact = -0.5 * (np.log(2 * np.pi * variance) + residual**2 / variance)
        np.testing.assert_allclose(held_out.rows(data, params), exact, rtol=1e-9)
        theta = params.theta(design).repeat(1)
        for t in [t for t in terms if not t.is_dense]:
            level = design.level_of_rows(t.name)
            for numbers, values in held_out.levels_in_draws(data, theta, t.name):
                for j, value in zip(numbers, values[0], strict=True):
                    rows = np.flatnonzero(level == j)
                    exact = truth.set_left_out_50_digits(data, params, rows)
                    np.testing.assert_allclose(value, exact, rtol=1e-9)


def test_both_ways_to_a_row_agree(monkeypatch):
    """A nested design narrow enough for merging, forced through the structured factor as well."""
    data, params = CASES["nested"]()
    merged = held_out.rows(data, params)
    monkeypatch.setattr(linalg, "WIDEST_MERGED", 0)
    np.testing.assert_allclose(held_out.rows(data, params), merged, rtol=1e-11)


@each_case
@pytest.mark.parametrize("inverse", [True, False])
def test_rows_by_either_form_of_the_factor_are_brute_force(name, inverse, monkeypatch):
    """By the inverse of the factor, and by substitution for each row."""
    data, params = CASES[name]()
    monkeypatch.setattr(linalg, "WIDEST_MERGED", 0)
    monkeypatch.setattr(by_leverage, "_inverse_is_cheaper", lambda design: inverse)
    expected = truth.left_out(data, params)
    np.testing.assert_allclose(held_out.rows(data, params), expected, rtol=1e-10)


def test_rows_and_levels_of_a_sparse_design(monkeypatch):
    """A separator too wide to be rotated, by the inverse of its factor and without it."""
    n = 300
    rng = np.random.default_rng(3)
    terms = [
        Term.grouped("a", np.append(np.arange(80), rng.integers(80, size=n - 80))),
        Term.grouped("b", np.append(np.arange(70), rng.integers(70, size=n - 70))),
    ]
    design = Design(np.ones((n, 1)), terms)
    params = Params([1.0], {"a": 1.0, "b": 0.5}, 1.5)
    data = Data(simulate(design, params, rng).y, design)
    assert isinstance(data.reduction.arrowheads[0], linalg.SparseArrowhead)
    theta = params.theta(design).repeat(2)
    by_way = []
    for entries in (4_000_000, 0):
        monkeypatch.setattr(fit_to_all, "MAX_INVERSE_ENTRIES", entries)
        of_levels = [values for _, values in held_out.levels_in_draws(data, theta, "a")]
        of_rows = [values for _, values in held_out.rows_in_draws(data, theta)]
        by_way.append(np.concatenate(of_levels + of_rows, 1))
    np.testing.assert_allclose(*by_way, rtol=1e-10)
    level = design.level_of_rows("a")
    expected = [truth.set_left_out(data, params, np.flatnonzero(level == j)) for j in range(5)]
    np.testing.assert_allclose(by_way[0][0, :5], expected, rtol=1e-9)


@each_case
@pytest.mark.parametrize("held", [None, 1])
@pytest.mark.parametrize("merged", [True, False])
def test_many_draws_at_once_are_one_by_one(name, held, merged, monkeypatch):
    """By either way to a row, with all draws and blocks in one piece, and with one piece for
    each.
    """
    if held:
        monkeypatch.setattr("lmmlib.model.reduction.CHUNK", held)
        monkeypatch.setattr(sets, "MAX_REDUCED_ENTRIES", held)
        monkeypatch.setattr(sets, "MAX_STACKED_ENTRIES", held)
        monkeypatch.setattr(by_leverage, "_inverse_is_cheaper", lambda design: True)
        monkeypatch.setattr(by_leverage, "MAX_ROW_ENTRIES", held)
        monkeypatch.setattr(by_merging, "MAX_ROW_ENTRIES", held)
        monkeypatch.setattr(by_merging, "MAX_TRIANGLE_ENTRIES", held)
    if not merged:
        monkeypatch.setattr(linalg, "WIDEST_MERGED", 0)
    data, params = CASES[name]()
    many, singles = three_draws(data, params)
    rows = np.full((3, data.design.n), np.nan)
    for numbers, values in held_out.rows_in_draws(data, many):
        rows[:, numbers] = values
    np.testing.assert_allclose(rows, [truth.left_out(data, one) for one in singles], rtol=1e-9)
    some = np.arange(0, data.design.n, 3)
    np.testing.assert_allclose(
        held_out.set_in_draws(data, many, some),
        [truth.set_left_out(data, one, some) for one in singles],
        rtol=1e-9,
    )
    for t in [t for t in data.design.terms if not t.is_dense][:1]:
        level = data.design.level_of_rows(t.name)
        for numbers, values in held_out.levels_in_draws(data, many, t.name):
            expected = [
                [truth.set_left_out(data, one, np.flatnonzero(level == j)) for j in numbers]
                for one in singles
            ]
            np.testing.assert_allclose(values, expected, rtol=1e-9)
