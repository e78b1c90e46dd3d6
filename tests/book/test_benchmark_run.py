"""The programs of the benchmarks without the peers: options, tables, steps, resuming."""

import doctest
import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _modules_of_the_folder(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)


def module(name):
    return importlib.import_module(name)


def test_options():
    options = module("run").arguments(["--only", "fit ", "--share", "0.01", "--resume"])
    assert (options.only, options.share, options.resume) == ("fit ", 0.01, True)
    whole = module("run").arguments([])
    assert (whole.only, whole.share, whole.resume) == ("", 1.0, False)


@pytest.mark.parametrize("share", ["0", "-1", "1.5", "nan"])
def test_a_share_is_between_zero_and_one(share, capsys):
    with pytest.raises(SystemExit):
        module("run").arguments(["--share", share])
    assert f"must be above 0 and at most 1, got {share}" in capsys.readouterr().err


def test_a_text_that_is_in_no_name_is_refused():
    run = module("run")
    run.check_chosen(run.arguments(["--only", "ratings, glmm"]))
    with pytest.raises(SystemExit, match="no measurement has 'ratngs' in its name; names begin"):
        run.check_chosen(run.arguments(["--only", "ratngs"]))


def test_steps_have_names_of_their_own_and_their_tables():
    steps = list(module("steps").steps(Path("tables"), 1.0))
    assert len(steps) == len({step.name for step in steps})
    tables = {step.table for step in steps if step.table}
    assert tables == {*module("large").WORKS, *module("steps").ORDERS, "earlier"}
    for step in steps:
        if step.table in module("large").WORKS:
            assert step.command[-1] == str(Path("tables") / step.table)


@pytest.mark.parametrize("name", ["slopes 1000", "crossed 6000 x 3500", "pupils", "ratings"])
def test_a_share_of_a_table_is_of_its_make(name):
    work = module("large").WORKS[name]
    table = work.make(0.01)
    assert table.equals(work.make(0.01))
    assert len(table) <= 10_000
    for column in table.select_dtypes("category"):
        assert table[column].nunique() == len(table[column].cat.categories)


def test_whole_tables_have_the_sizes_of_their_names():
    large = module("large")
    ratings = large.WORKS["ratings"].make(1.0)
    levels = [len(ratings[column].cat.categories) for column in ("s", "d", "dept")]
    assert (len(ratings), levels) == (73_421, [2_972, 1_128, 14])
    crossed = large.WORKS["crossed 2000 x 1000"].make(1.0)
    assert (len(crossed), crossed["a"].nunique(), crossed["b"].nunique()) == (80_000, 2_000, 1_000)


def test_pupils_and_teachers_are_nested_in_schools():
    table = module("large").pupils(schools=5, pupils_per_school=30, teachers_per_school=4)
    for factor in ("pupil", "teacher"):
        assert table.groupby(factor, observed=True)["school"].nunique().max() == 1
    assert table.groupby("pupil", observed=True)["teacher"].nunique().max() > 1


def test_parts_are_one_data_set():
    large = module("large")
    by_group = [large.part(index, 10, 100, 50, "by group") for index in range(10)]
    groups = [set(part["group"]) for part in by_group]
    assert set.union(*groups) == set(range(100))
    assert sum(map(len, groups)) == 100  # a group in one part
    any_order = [large.part(index, 10, 100, 50, "any order") for index in range(10)]
    assert not any_order[0].equals(any_order[1])
    assert set(any_order[0]["group"]) & set(any_order[1]["group"])


def test_columns_come_back_to_the_last_digit(tmp_path):
    table = module("large").WORKS["crossed 2000 x 1000"].make(0.02)
    module("columns").write(tmp_path / "table", table)
    read = module("columns").read(tmp_path / "table")
    pd.testing.assert_frame_equal(read[table.columns], table, check_exact=True)


@pytest.mark.parametrize("name", ["cost_model", "earlier", "formatting", "growth"])
def test_the_examples_in_the_docstrings(name):
    found = doctest.testmod(module(name))
    assert found.attempted > 0
    assert found.failed == 0


def printing(words):
    return (sys.executable, "-c", words)


def test_a_process_that_takes_too_long_is_stopped():
    process = module("measuring").process
    found = process(printing("import time; time.sleep(60)"), {}, 1)
    assert found == {"failed": "stopped after 1 s", "stopped": 1}
    row = module("formatting").reason(found, 3)
    assert row == ("stopped after 1 s", "", "")


def test_a_process_that_fails_leaves_its_reason():
    process = module("measuring").process
    found = process(printing("raise MemoryError('no room in /tmp/here/x')"), {}, 60)
    assert found == {"failed": "MemoryError: no room in x"}
    assert process(("no-such-program",), {}, 60) == {
        "failed": "the environment of the peers could not be made"
    }
    error = "Error in lmer(y) :\n  too many levels\nCalls: do.call\nExecution halted\n"
    assert module("measuring").reason(error) == "Error in lmer(y) : too many levels"


def test_results_keep_ten_digits_and_criteria_fifteen():
    third = 1 / 3
    words = f"import json; print('x'); print(json.dumps(dict(seconds={third}, criterion={third})))"
    found = module("measuring").process(printing(words), {}, 60)
    assert found == {"seconds": 0.3333333333, "criterion": 0.333333333333333}


def test_medians_of_processes():
    results = [{"seconds": s, "peak_mib": p} for s, p in ((3.0, 10.0), (1.0, 30.0), (2.0, 20.0))]
    assert module("measuring").medians(results) == {
        "seconds": 2.0,
        "seconds_minimum": 1.0,
        "peak_mib": 30.0,
        "processes": 3,
    }


def run_of(processor="P", lmmlib="0.1.0", tree="abc", measured=()):
    return {
        "machine": {"processor": processor, "load_at_start": len(measured)},
        "versions": {"lmmlib": lmmlib},
        "source": {"lmmlib": tree},
        "measured": dict(measured),
    }


def test_a_run_is_resumed_on_its_machine_alone(tmp_path):
    begun = module("run").begun
    path = tmp_path / "RESULTS.json"
    with pytest.raises(SystemExit, match="there is no run to resume"):
        begun(path, run_of(), resume=True)
    stored = run_of(measured={"fit ratings, glmm": {"seconds": 1.0}})
    path.write_text(json.dumps(stored), "utf8")
    assert begun(path, run_of(), resume=True) == stored
    assert begun(path, run_of(), resume=False) == run_of()
    with pytest.raises(SystemExit, match=r"differs in its machine \(processor\); start anew"):
        begun(path, run_of(processor="Q"), resume=True)
    with pytest.raises(SystemExit, match=r"differs in its versions \(lmmlib\); start anew"):
        begun(path, run_of(lmmlib="0.2.0"), resume=True)
    with pytest.raises(SystemExit, match=r"differs in its source \(lmmlib\); start anew"):
        begun(path, run_of(tree="abd"), resume=True)


def test_what_failed_is_measured_again_and_what_was_stopped_is_not():
    is_missing = module("run").is_missing
    assert is_missing(None)
    assert is_missing({"failed": "no network"})
    assert not is_missing({"failed": "stopped after 900 s", "stopped": 900})
    assert not is_missing({"seconds": 1.0})


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.5, "0.50 times"), (-1e-9, "0.00 times"), (1234.5, "1,234 times"), (None, "not measured")],
)
def test_quantities(value, shown):
    assert module("formatting").quantity(value, "times") == shown


def test_each_system_is_set_beside_the_least_criterion():
    fit = {"rows": 10, "seconds": 2.0, "evaluations": 7, "peak_mib": 99.6}
    measured = {
        "fit ratings, lmmlib": {**fit, "criterion": 100.5, "evaluation": 0.1},
        "fit ratings, lme4": {"failed": "stopped after 900 s", "stopped": 900},
        "fit ratings, glmm": {**fit, "criterion": 100.0},
    }
    page = module("fit_tables").large_fits(measured, {"ratings": "`y ~ 1`, ML"})
    rows = page.splitlines()[-3:]
    assert rows == [
        "| ratings | lmmlib | 10 | 2 s | 7 | 286 ms | 100 ms | 100 MiB | 100.500000 | 5.0e-01 |",
        "| ratings | lme4 | stopped after 900 s |  |  |  |  |  |  |  |",
        "| ratings | glmm | 10 | 2 s | 7 | 286 ms |  | 100 MiB | 100.000000 | 0.0e+00 |",
    ]


def test_seconds_of_a_first_fit_are_split_without_loss():
    watched = module("jax_clock").Watched(
        runs=[(4.0, 10.0)],
        compiling=[(2.0, 3.0), (4.0, 8.0), (5.0, 7.5)],
        by_xla=[(5.0, 7.5)],
        before_jax=[(1.0, 2.0)],
    )
    split = watched.split(0.5, 11.0)
    assert split == {"pytensor": 1, "starts": 3.5, "tracing": 1.5, "xla": 2.5, "sampling": 2}
    assert np.isclose(sum(split.values()), 10.5)


@pytest.fixture
def runner(monkeypatch, tmp_path):
    """The runner in an empty folder, and what it has measured, in order: three steps without work.

    The third is interrupted when it is measured first.
    """
    run = module("run")
    Step = module("steps").Step
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    (folder / "quoted.json").write_text("[]", "utf8")
    made = []
    interrupted = []

    def measure(step, environment, alone):
        if step.name == "fit ratings, glmm" and not interrupted:
            interrupted.append(step.name)
            raise KeyboardInterrupt
        made.append(step.name)
        rest = {"evaluations": 4, "peak_mib": 1.0, "others": 0.0}
        return {"rows": 9, "seconds": 2.0, "criterion": 7.0, **rest}

    names = ("fit ratings, lmmlib", "fit ratings, lme4", "fit ratings, glmm")
    monkeypatch.setattr(run, "HERE", folder)
    monkeypatch.setattr(run, "UNDER_WAY", tmp_path / "_build/bench")
    monkeypatch.setattr(run, "IMPORTS", {})
    monkeypatch.setattr(run, "steps", lambda *_: [Step(name, ("x",)) for name in names])
    monkeypatch.setattr(run, "versions", lambda _: {"lmmlib": "0.1.0"})
    monkeypatch.setattr(run, "process", lambda *_: {})
    monkeypatch.setattr(run, "measure", measure)
    return run, made


def stored(folder):
    return json.loads((folder / "RESULTS.json").read_text("utf8"))


def test_a_run_is_published_once_it_is_whole(runner, tmp_path, capsys):
    run, made = runner
    run.main(["--only", "lme4"])
    assert made == ["fit ratings, lme4"]
    assert not (tmp_path / "benchmarks/RESULTS.json").exists()

    made.clear()
    with pytest.raises(KeyboardInterrupt):
        run.main([])
    assert made == ["fit ratings, lmmlib", "fit ratings, lme4"]
    assert list(stored(tmp_path / "_build/bench")["measured"]) == made
    assert not (tmp_path / "benchmarks/RESULTS.json").exists()

    made.clear()
    run.main(["--resume"])
    assert made == ["fit ratings, glmm"]
    published = stored(tmp_path / "benchmarks")
    assert len(published["measured"]) == 3
    bars = {bar["work"]: bar["met"] for bar in published["bars"]}
    assert bars["ratings, fit: lmmlib to glmm"] is True
    assert bars["ratings, fit: lme4 to lmmlib"] is False
    page = (tmp_path / "benchmarks/RESULTS.md").read_text("utf8")
    assert "| ratings | glmm | 9 | 2 s |" in page
    assert "in benchmarks/RESULTS.md" in capsys.readouterr().out


def test_a_trial_is_not_published(runner, tmp_path):
    run, _ = runner
    with pytest.raises(KeyboardInterrupt):
        run.main(["--share", "0.5"])
    run.main(["--share", "0.5", "--resume"])
    assert not (tmp_path / "benchmarks/RESULTS.json").exists()
    trial = tmp_path / "_build/bench/share-0.5"
    assert stored(trial)["share"] == 0.5
    assert "it shows that the programs run, and no speed" in (trial / "RESULTS.md").read_text()
