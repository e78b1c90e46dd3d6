"""The stored full-size calibration.

Its page is made from its numbers, engines passed, and controls failed with power.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from lmmlib.calibration import Calibration

FOLDER = Path(__file__).parents[2] / "benchmarks"
RESULTS = json.loads((FOLDER / "CALIBRATION.json").read_text("utf8"))


@pytest.fixture(scope="module")
def calibrate_script():
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location(
            "benchmarks_calibrate", FOLDER / "calibrate.py"
        )
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(FOLDER))


def test_every_part_is_there(calibrate_script):
    assert [run["name"] for run in RESULTS["runs"]] == calibrate_script.ORDER
    sizes = {run.name: run.replications for part in calibrate_script.PARTS.values() for run in part}
    assert {run["name"]: run["replications"] for run in RESULTS["runs"]} == sizes
    assert all(
        run["date"] and run["versions"] and run["seed"] == calibrate_script.SEED
        for run in RESULTS["runs"]
    )


def test_the_page_is_made_from_the_numbers(calibrate_script):
    assert (FOLDER / "CALIBRATION.md").read_text("utf8") == calibrate_script.table(RESULTS["runs"])


@pytest.mark.parametrize("run", RESULTS["runs"], ids=lambda run: run["name"])
def test_the_verdicts_follow_from_the_ranks(run):
    stored = Calibration(
        tuple(run["names"]), np.array(run["ranks"]).T, run["draws"], tuple(run["failures"])
    )
    verdict = stored.verdict()
    assert verdict.passed == run["passed"] == (run["kind"] == "engine")
    assert len(stored.ranks) + len(stored.failures) == run["replications"]
    assert verdict.p_values.to_dict() == pytest.approx(run["p_values"], rel=1e-3)
    if run["kind"] == "control":
        assert run["power"][str(run["replications"])] > 0.95
