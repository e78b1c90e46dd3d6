"""Bars are judged on the measurements that they name; nothing is measured here."""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _modules_of_the_folder(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)


def module(name):
    return importlib.import_module(name)


def all_steps(folder=Path("tables")):
    return {step.name: step for step in module("steps").steps(folder, 1.0)}


def test_a_whole_run_measures_what_every_bar_needs():
    bars = module("bars").BARS
    measured = {*all_steps(), *(f"import {what}" for what in module("run").IMPORTS)}
    needed = {name for bar in bars for name in bar.steps}
    assert needed - measured == {module("bars").QUOTED_BRMS}


def test_bars_have_names_of_their_own():
    works = [bar.work for bar in module("bars").BARS]
    assert len(works) == len(set(works))
    assert all(bar.sense in ("at most", "below", "at least") for bar in module("bars").BARS)


def test_a_bar_is_judged_where_its_measurements_were_made():
    judged = module("bars").judged({"import lmmlib": {"median": 1.6}}, [])
    assert [(bar["work"], bar["measured"], bar["met"]) for bar in judged] == [
        ("`import lmmlib`", 1.6, False)
    ]
    assert module("bars").judged({}, []) == []


@pytest.mark.parametrize(
    ("sense", "value", "met"),
    [
        ("at most", 2.0, True),
        ("at most", 2.001, False),
        ("below", 2.0, False),
        ("below", 1.999, True),
        ("at least", 2.0, True),
        ("at least", 1.999, False),
    ],
)
def test_limits(sense, value, met):
    bar = module("bar")
    one = bar.Bar("work", "how", sense, 2.0, "s", ("a",), bar.field("seconds"))
    assert one.judged({"a": {"seconds": value}})["met"] is met
    assert one.judged({"a": {"failed": "no network"}})["met"] is None


def of_work(work):
    (bar,) = (bar for bar in module("bars").BARS if bar.work == work)
    return bar


def test_a_peer_that_was_stopped_took_that_long_at_least():
    ours = {"seconds": 30.0}
    stopped = {"failed": "stopped after 900 s", "stopped": 900}
    measured = {"fit slopes 100000, lmmlib": ours, "fit slopes 100000, lme4": stopped}
    judged = of_work("slopes 100000, fit: lme4 to lmmlib").judged(measured)
    assert (judged["measured"], judged["met"]) == (30.0, True)
    measured = {"fit ratings, lmmlib": {"seconds": 1.2}, "fit ratings, glmm": {"seconds": 1.0}}
    judged = of_work("ratings, fit: lmmlib to glmm").judged(measured)
    assert (judged["measured"], judged["met"]) == (1.2, True)


def test_ours_that_was_stopped_is_not_measured():
    stopped = {"failed": "stopped after 900 s", "stopped": 900}
    measured = {"fit ratings, lmmlib": stopped, "fit ratings, glmm": {"seconds": 1.0}}
    assert of_work("ratings, fit: lmmlib to glmm").judged(measured)["met"] is None


def test_the_fastest_sampler_and_the_largest_ess_of_the_peers_count():
    ours = {"second": 0.02, "kish_ess": 3000.0}
    failed = {"failed": "no network"}
    samplers = {
        "bambi numpyro": failed,
        "bambi nutpie": {"first": 4.0, "smallest_ess": 1000.0},
        "bambi pymc": {"first": 6.0, "smallest_ess": 1500.0},
    }
    measured = {"posterior sleepstudy": ours, **samplers, "brms": failed}
    assert of_work("sleepstudy, posterior: Bambi to ours").judged(measured)["measured"] == 200
    ess = of_work("sleepstudy, effective draws: ours to the best peer's").judged(measured)
    assert (ess["measured"], ess["met"]) == (2, True)
    none = {name: failed for name in measured if name != "posterior sleepstudy"}
    without_peers = {"posterior sleepstudy": ours, **none}
    assert of_work("sleepstudy, posterior: Bambi to ours").judged(without_peers)["met"] is None


def test_nothing_is_slower_than_before():
    bar = of_work("posterior sleepstudy: lmmlib to the version before")
    now, then = bar.steps
    assert (now, then) == ("posterior sleepstudy", "earlier posterior sleepstudy")
    judged = bar.judged({now: {"first": 9.0, "second": 1.1}, then: {"first": 1.0, "second": 1.0}})
    assert (judged["measured"], judged["met"]) == (1.1, True)
    judged = bar.judged({now: {"second": 1.2}, then: {"second": 1.0}})
    assert judged["met"] is False
    density = of_work("density 200 rows, 20 groups, one thread: lmmlib to the version before")
    medians = [{"reduced": {"median": 1e-4}}, {"reduced": {"median": 2e-4}}]
    assert density.judged(dict(zip(density.steps, medians, strict=True)))["measured"] == 0.5


def test_the_version_before_is_measured_by_the_same_program():
    steps = all_steps(Path("tables"))
    for name in module("earlier").AGAIN:
        today = steps[name]
        before = steps[f"earlier {name}"]
        assert before.command == ("env", "PYTHONPATH=tables/earlier", *today.command)
        assert (before.table, before.processes) == ("earlier", today.processes)
