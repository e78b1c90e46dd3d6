"""Growth curves and the model of cost, on sizes and times that are known."""

import importlib
import math
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _modules_of_the_folder(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)


def module(name):
    return importlib.import_module(name)


def test_sizes_are_those_of_the_dense_cross_table():
    rng = np.random.default_rng(1)
    a = np.concatenate([np.arange(30), rng.integers(30, size=300)])
    b = np.concatenate([rng.permutation(np.arange(12)), rng.integers(12, size=318)])
    share_a_row = np.zeros((30, 12))
    share_a_row[a, b] = 1
    products = share_a_row.T @ share_a_row
    for codes in ((a, b), (b, a)):  # the larger factor is found
        size = module("cost_model").crossed_size(*codes)
        assert size == (share_a_row.sum(), (share_a_row.sum(axis=1) ** 2).sum(), 12)
        assert size.pairs == products.sum()


def truth():
    return module("cost_model").CostModel(2e-8, 1e-9, 3e-12)


def sizes():
    CrossedSize = module("cost_model").CrossedSize
    return [
        CrossedSize(40 * J, 1600 * J * spread, J // 2)
        for J in (500, 1000, 2000, 4000, 8000)
        for spread in (1, 3)
    ]


def test_the_model_is_recovered_from_its_own_times():
    cost_model = module("cost_model")
    times = [truth().seconds(size) for size in sizes()]
    model = cost_model.fitted(sizes(), times)
    np.testing.assert_allclose(
        [model.coupled, model.pairs, model.separator_cubed], [2e-8, 1e-9, 3e-12], rtol=1e-9
    )


def test_no_coefficient_is_negative():
    times = [3e-12 * size.separator**3 for size in sizes()]
    model = module("cost_model").fitted(sizes(), times)
    assert min(model.coupled, model.pairs) >= 0
    assert math.isclose(model.separator_cubed, 3e-12, rel_tol=1e-9)


def point(size, evaluations=20):
    searching = evaluations * truth().seconds(size)
    return {**size._asdict(), "searching": searching, "evaluations": evaluations}


def measured():
    unseen = module("cost_model").CrossedSize(990_000, 1.7e8, 3_500)
    return {
        **{f"growth levels {index}": point(size) for index, size in enumerate(sizes())},
        "growth rows 1000": {"searching": 1.0, "evaluations": 10},  # of no crossed factors
        "fit crossed 6000 x 3500, lmmlib": {
            **point(unseen, evaluations=30),
            "reducing": 2.0,
            "rows": 1_000_000,
        },
    }


def test_a_prediction_is_evaluations_and_reduction():
    cost_model = module("cost_model")
    predicted = cost_model.prediction(measured())
    assert predicted.points == len(sizes())
    assert abs(predicted.worst_error) < 1e-9
    assert abs(predicted.unseen_error) < 1e-9
    films = cost_model.Films(films=10_000, spread=1.0, ratings=1e6, viewers=1e4)
    # a hundred ratings a viewer: Σ m² = 10⁴ · 100² · (1 + 1)
    assert films.size == (1e6, 2e8, 10_000)
    evaluation = 2e-8 * 1e6 + 1e-9 * 2e8 + 3e-12 * 1e12
    assert math.isclose(predicted.evaluation(films), evaluation, rel_tol=1e-9)
    assert math.isclose(predicted.fit(films), 1e6 * 2e-6 + 30 * evaluation, rel_tol=1e-9)
    assert films.bytes == 8e8 + 1.2e7


def test_nothing_is_predicted_from_less():
    prediction = module("cost_model").prediction
    unseen = "fit crossed 6000 x 3500, lmmlib"
    assert prediction({}) is None
    assert prediction({**measured(), unseen: {"failed": "stopped after 900 s"}}) is None
    assert prediction({unseen: measured()[unseen]}) is None


def test_the_page_states_the_prediction_as_one():
    page = module("growth_table").films(measured())
    assert page.startswith("A prediction; nothing of this size was run.")
    assert "| 27,000,000 | 267,000 × 13,360 | 0 |" in page
    assert module("growth_table").films({}) == ""


@pytest.mark.parametrize("power", [0.0, 1.0, 2.5])
def test_exponents_of_powers(power):
    size = np.array([1e3, 3e3, 1e5])
    assert math.isclose(
        module("growth").exponent(size, 0.2 * size**power), power, rel_tol=1e-12, abs_tol=1e-12
    )


def growing():
    point = {"peak_mib": 200.0, "evaluations": 10}
    return {
        "growth groups 30000": {
            **point,
            "size": 30_000,
            "reducing": 3.0,
            "evaluation": 0.09,
            "searching": 3.0,
        },
        "growth groups 10000": {
            **point,
            "size": 10_000,
            "reducing": 1.0,
            "evaluation": 0.01,
            "searching": 3.0,
        },
        "growth groups 100000": {"failed": "stopped after 900 s", "stopped": 900},
        "growth crossed rows 20000": {**point, "size": 1, "reducing": 1.0, "searching": 1.0},
    }


def test_curves_have_their_points_in_order_without_those_that_failed():
    curves = module("growth").curves(growing())
    assert list(curves) == ["groups"]  # one point of crossed rows is no curve
    assert curves["groups"].sizes == (10_000, 30_000)
    assert curves["groups"].seconds["searching"] == (0.3, 0.3)
    page = module("growth_table").growth(growing())
    assert "| 10,000 | 30,000 | 1.00 | 2.00 | 0.00 |" in page


def test_the_figure_is_drawn_alike_twice_and_removed_where_nothing_grows(tmp_path):
    growth = module("growth")
    growth.draw(growing(), tmp_path / "a.svg")
    growth.draw(growing(), tmp_path / "b.svg")
    drawn = (tmp_path / "a.svg").read_text("utf8")
    assert drawn == (tmp_path / "b.svg").read_text("utf8")
    assert "one log density: exponent 2.00" in drawn
    growth.draw({}, tmp_path / "a.svg")
    assert not (tmp_path / "a.svg").exists()
