"""The benchmarks' tables come from their numbers; no speed is tested here."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

from lmmlib.calibration import Calibration

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _modules_of_the_folder(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)  # they import one another


def _module(name):
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def results():
    return json.loads((FOLDER / "RESULTS.json").read_text("utf8"))


@pytest.fixture(scope="module")
def quoted():
    return json.loads((FOLDER / "quoted.json").read_text("utf8"))


def test_the_page_is_made_from_the_numbers(results, quoted):
    assert (FOLDER / "RESULTS.md").read_text("utf8") == _module("report").text(results, quoted)


def test_bars_are_judged_on_the_numbers(results, quoted):
    assert results["bars"] == _module("bars").judged(results["measured"], quoted)


def test_results_tell_where_and_with_what_they_were_measured(results):
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", results["date"])
    assert set(results["machine"]) == {
        "processor",
        "cores",
        "memory_gib",
        "system",
        "load_at_start",
    }
    assert {"Python", "numpy", "scipy", "lmmlib", "pymc"} <= set(results["versions"])


def test_every_measurement_has_its_fields_or_a_reason(results):
    fields = {
        "import ": {"median", "minimum", "repeats"},
        "ML ": {"first", "median", "minimum", "repeats", "criterion"},
        "posterior ": {"first", "second", "draws", "pareto_k", "kish_ess", "peak_mib", "processes"},
        "loo ": {"rows", "draws", "seconds", "elpd", "peak_mib"},
        "fit ": {"rows", "seconds", "criterion", "evaluations", "peak_mib"},
        "draws ": {"rows", "seconds", "draws", "pareto_k", "kish_ess", "peak_mib"},
        "parts ": {"rows", "seconds", "reducing", "fitting", "criterion", "peak_mib"},
        "growth ": {"rows", "size", "reducing", "searching", "evaluation", "evaluations"},
        "engine ": {"first", "second", "sampling", "smallest_ess", "divergences", "draws"},
        "bambi ": {"first", "second", "sampling", "smallest_ess", "divergences", "draws"},
        "brms": {"first", "second", "sampling", "smallest_ess", "divergences", "draws"},
        "rstan ": {"first", "second", "sampling", "smallest_ess", "divergences", "draws"},
        "density rows": {"1000", "1000000"},
        "density ": {"n", "groups", "reduced", "conditional", "dense", "dense_factor_alone"},
    }
    for name, found in results["measured"].items():
        of_today = name.removeprefix("earlier ")
        expected = next(v for start, v in fields.items() if of_today.startswith(start))
        assert "failed" in found or expected <= set(found), name


def test_all_systems_reach_one_criterion(results):
    for name in ("sleepstudy", "Penicillin", "Pastes", "crossed"):
        found = [
            results["measured"][f"ML {name}, {system}"]
            for system in ("lmmlib", "statsmodels", "lme4", "glmm", "mixedlm")
            if f"ML {name}, {system}" in results["measured"]
        ]
        criteria = [f["criterion"] for f in found if "criterion" in f]
        assert max(criteria) - min(criteria) < 1e-4, name


def test_all_systems_reach_one_criterion_of_many_rows(results):
    for name in _module("large").WORKS:
        found = {
            system: results["measured"].get(f"fit {name}, {system}", {}).get("criterion")
            for system in ("lmmlib", "lme4", "glmm", "mixedlm")
        }
        reached = {system: criterion for system, criterion in found.items() if criterion}
        if reached:
            least = min(reached.values())
            assert reached["lmmlib"] - least <= 1e-9 * abs(least), name
            # lme4's optimiser stops where a further step gains little: about 1e-8 of the criterion.
            assert max(reached.values()) - least <= 1e-6 * abs(least), name


def test_the_figure_of_growth_is_there_where_something_grows(results):
    curves = _module("growth").curves(results["measured"])
    assert (FOLDER / "growth.svg").exists() == bool(curves)


def test_a_failure_is_a_row_with_its_reason(results, quoted):
    broken = json.loads(json.dumps(results))
    broken["measured"] = {
        name: {"failed": "no network"} if name.startswith("bambi") else m
        for name, m in broken["measured"].items()
    }
    broken["bars"] = _module("bars").judged(broken["measured"], quoted)
    assert [b["work"] for b in broken["bars"] if b["met"] is None] == [
        "sleepstudy, posterior: Bambi to ours",
        *_first_fits(results),
    ]
    page = _module("report").text(broken, quoted)
    assert page.count("not run: no network") == 3
    assert "not measured: sleepstudy, posterior: Bambi to ours" in page


def _first_fits(results):
    """Bars of first fits of our PyMC models, which are set beside Bambi's."""
    return [b["work"] for b in results["bars"] if b["work"].endswith("first fit, to Bambi's")]


def test_results_name_no_folder_of_the_machine(results):
    assert not re.search(
        r'(?:^|[\s"])/(?:home|root|tmp|usr|work|Users)\b', json.dumps(results, ensure_ascii=False)
    )


def test_quoted_figures_have_a_date(quoted):
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", q["date"]) and q["seconds"] > 0 for q in quoted)


@pytest.fixture
def calibrate(monkeypatch, tmp_path):
    """The script, at work in an empty folder, with calibrations that only draw ranks.

    Uniform ones, or none for a control.
    """
    monkeypatch.syspath_prepend(FOLDER)
    module = _module("calibrate")
    monkeypatch.setattr(module, "HERE", tmp_path)
    for part, runs in module.PARTS.items():
        monkeypatch.setitem(
            module.PARTS,
            part,
            [module.Run(run.name, run.kind, 20, lambda kind=run.kind: kind) for run in runs],
        )
    monkeypatch.setattr(module.lmm, "calibrate", _ranks)
    return module


def _ranks(design, priors, engine, replications, *, rng, executor):
    if engine == "control":
        raise RuntimeError("interrupted")
    return Calibration(
        ("a", "b"),
        rng.integers(100, size=(replications - 1, 2)),
        99,
        ("replication 3: SamplingError: failed twice",),
    )


def _stored(folder):
    return {
        run["name"]: run
        for run in json.loads((folder / "CALIBRATION.json").read_text("utf8"))["runs"]
    }


def test_parts_of_the_calibration_are_merged(calibrate, monkeypatch, tmp_path):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["calibrate.py", *words])
        calibrate.main()
        return _stored(tmp_path)

    first = run("marginal", "direct")
    assert list(first) == [
        "direct posterior",
        "marginal model by NUTS",
    ]  # in one order, however they were asked for
    monkeypatch.setattr(calibrate, "SEED", 1)
    second = run("marginal")
    assert second["direct posterior"] == first["direct posterior"]
    assert (first["marginal model by NUTS"]["seed"], second["marginal model by NUTS"]["seed"]) == (
        20267,
        1,
    )
    assert (tmp_path / "CALIBRATION.md").read_text("utf8") == calibrate.table(list(second.values()))
    assert "- marginal model by NUTS: replication 3: SamplingError: failed twice" in (
        tmp_path / "CALIBRATION.md"
    ).read_text("utf8")
    with pytest.raises(
        SystemExit,
        match="parts are direct, controls, marginal, conditional, independent, got margin",
    ):
        run("margin")
    with pytest.raises(RuntimeError, match="interrupted"):  # an interrupted run loses nothing
        run("direct", "controls", "marginal")
    assert _stored(tmp_path)["direct posterior"]["seed"] == 1
    assert _stored(tmp_path)["marginal model by NUTS"] == second["marginal model by NUTS"]
