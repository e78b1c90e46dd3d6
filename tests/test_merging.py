"""Reductions: any split and order of the rows, any structure of the columns, and one log
density.
"""

import numpy as np
import pytest

import truth
from cases import CASES, each_case
from lmmlib import (
    Data,
    Design,
    Params,
    Term,
    estimate,
    from_formula,
    linalg,
    load_dataset,
    loglik,
    merge_reductions,
    posterior,
    random_effects,
    reduce_tables,
)
from lmmlib.model import Priors


@each_case
def test_reduced_rows_keep_every_sum_of_squares(name):
    data, _ = CASES[name]()
    rng = np.random.default_rng(1)
    v, t = rng.normal(size=data.design.Z.shape[1]), rng.normal(size=data.whitened.shape[1])
    Z, B = data.reduction.rows
    whole = np.sum((data.design.independent @ v - data.whitened[:-1] @ t) ** 2)
    np.testing.assert_allclose(np.sum((Z @ v - B @ t) ** 2), whole, rtol=1e-12)


@pytest.mark.parametrize("seed", [0, 1, 2])
@each_case
def test_any_split_in_any_order_is_the_whole(name, seed):
    data, params = CASES[name]()
    rng, n = np.random.default_rng(seed), data.design.n
    order = rng.permutation(n)
    parts = [data.rows(part) for part in np.array_split(order, 2)]
    merged = merge_reductions(reversed(parts))
    u = rng.normal(size=data.design.Z.shape[1])
    for density in (loglik.marginal, loglik.restricted, lambda d, p: loglik.conditional(d, p, u)):
        np.testing.assert_allclose(density(merged, params), density(data, params), rtol=1e-12)


def test_a_reduction_takes_the_place_of_the_data():
    data = from_formula("Reaction ~ Days + (Days | Subject)", load_dataset("sleepstudy"))
    merged = merge_reductions(
        data.rows(part) for part in np.array_split(np.random.default_rng(1).permutation(180), 7)
    )
    fit, again = estimate(data), estimate(merged)
    assert again.deviance == pytest.approx(fit.deviance, rel=1e-12)
    # Both searches end within 6e-9 of the minimum, relative to each ratio (test_estimation.py), and
    # effects follow the ratios.
    np.testing.assert_allclose(again.u, fit.u, atol=1e-7 * np.abs(fit.u).max())
    assert again.leverages is None
    priors = Priors.weak(data)
    first, second = (
        posterior(d, priors, 1024, rng=np.random.default_rng(1)) for d in (data, merged)
    )
    error = np.hypot(first.attrs["log_evidence_error"], second.attrs["log_evidence_error"])
    assert abs(first.attrs["log_evidence"] - second.attrs["log_evidence"]) < 5 * error
    assert "observed_data" not in second.children


def test_tables_of_a_formula_one_group_at_a_time():
    """Each table holds one subject.

    A single level, and of the fixed effects no more than it takes.
    """
    table = load_dataset("sleepstudy")
    formula = "Reaction ~ Days + (Days | Subject)"
    whole = from_formula(formula, table)
    merged = reduce_tables(formula, (part for _, part in table.groupby("Subject")))
    params = Params([250.0, 10.0], {"Subject": [[500.0, 10.0], [10.0, 30.0]]}, 25.0)
    assert merged.layout.terms[0].levels == tuple(dict.fromkeys(table.Subject.astype(str)))
    np.testing.assert_allclose(
        loglik.marginal(merged, params), loglik.marginal(whole, params), rtol=1e-12
    )


def test_tables_must_agree_and_suffice():
    table = load_dataset("sleepstudy")
    formula = "Reaction ~ Days + (Days | Subject)"
    with pytest.raises(ValueError, match="grouping 'Subject' must have two levels or more, got 1"):
        reduce_tables(formula, [table[table.Subject == table.Subject[0]]])
    with pytest.raises(ValueError, match="there must be one table at least"):
        reduce_tables(formula, [])
    with pytest.raises(
        ValueError, match="X must have full column rank; Days can be made from the columns before"
    ):
        reduce_tables(formula, [table[table.Days == 3]])
    with pytest.raises(ValueError, match="names unknown columns Subject"):
        reduce_tables(formula, [table, table.drop(columns="Subject")])


def test_parts_must_be_of_one_model():
    data, _ = CASES["balanced"]()
    other = Data(data.y, Design(data.design.X, data.design.terms, coef=["a", "b"]))
    with pytest.raises(
        ValueError, match="all parts must have the coefficients x1, x2; one has a, b"
    ):
        merge_reductions([data, other])
    renamed = Data(data.y, Design(data.design.X, [Term.grouped("h", np.repeat(np.arange(5), 4))]))
    with pytest.raises(
        ValueError, match=r"all parts must have the terms g \(Intercept\); one has h \(Intercept\)"
    ):
        merge_reductions([data, renamed])
    known, _ = CASES["known covariance of groups"]()
    t = known.design.terms[0]
    wider = Data(
        known.y,
        Design(
            known.design.X, [Term(t.name, t.levels, t.effects, t.Z, t.correlated, 2 * t.level_chol)]
        ),
    )
    with pytest.raises(ValueError, match="the same levels of 'g' with the same known covariance"):
        merge_reductions([known, wider])
    with pytest.raises(ValueError, match="there must be one part at least, got none"):
        merge_reductions([])
    with pytest.raises(TypeError, match="data must be a Data or a Reduction, got ndarray"):
        loglik.marginal(np.ones(3), None)


def test_the_factor_that_falls_into_most_pieces_makes_the_blocks():
    forms = CASES["wide crossed"]()[0].reduction.arrowheads
    assert [(len(f.separator), [b.rows.shape[0] for b in f.diagonal_blocks]) for f in forms] == [
        (14, [1])
    ]
    nested = CASES["nested"]()[0].reduction.arrowheads
    assert {len(f.separator) for f in nested} == {1}  # one separator a top group
    assert sum(f.separator.shape[1] for f in nested) == 4
    dense, slopes = (
        CASES["dense"]()[0].reduction.arrowheads,
        CASES["three terms, one factor twice"]()[0].reduction.arrowheads,
    )
    assert [(len(f.separator), f.diagonal_blocks[0].rows.shape[0]) for f in dense] == [(0, 3)]
    assert [(len(f.separator), f.diagonal_blocks[0].rows.shape[0]) for f in slopes] == [
        (3, 2)
    ]  # both terms of g together, h the border


@pytest.mark.parametrize("squares", [0.0, 1e8])
def test_a_wide_border_by_either_way_is_the_dense_density(squares, monkeypatch):
    """Twenty border columns.

    Through cross products, and where these would lose digits through an orthogonal factor.
    """
    monkeypatch.setattr(linalg.elimination, "LARGEST_SQUARE", squares)
    rng, n = np.random.default_rng(5), 150
    terms = [
        Term.grouped(name, rng.integers(J, size=n), levels=range(J))
        for name, J in (("a", 40), ("b", 20))
    ]
    data = Data(
        rng.normal(size=n), Design(np.column_stack([np.ones(n), rng.normal(size=n)]), terms)
    )
    params = Params([0.1, 0.2], {"a": 1.3, "b": 0.4}, 0.8)
    np.testing.assert_allclose(
        loglik.marginal(data, params), truth.marginal(data, params), rtol=1e-10
    )
    np.testing.assert_allclose(
        loglik.restricted(data, params), truth.restricted(data, params), rtol=1e-10
    )
    np.testing.assert_allclose(
        random_effects.conditional_mean(data, params),
        truth.effects(data, params)[0],
        rtol=1e-9,
        atol=1e-12,
    )


@each_case
def test_size_does_not_depend_on_the_number_of_rows(name):
    data, _ = CASES[name]()
    d = data.design
    twice = [t.rows(np.tile(np.arange(d.n), 9)) for t in d.terms]
    many = Data(
        np.tile(data.y, 9),
        Design(np.tile(d.X, (9, 1)), twice, np.tile(d.weights, 9), np.tile(d.offset, 9)),
    )
    assert many.reduction.entries == data.reduction.entries
