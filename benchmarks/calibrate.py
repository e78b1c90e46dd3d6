"""The full calibration, minutes long.

``make calibrate`` writes CALIBRATION.json and CALIBRATION.md.

Parts named on the command line (``calibrate.py marginal controls``) are run and merged into what is
there, and each is written as soon as it is done; no name means all. A number
(``calibrate.py direct 0.05``) makes a smaller run in the folder at hand.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from machine import machine

import lmmlib as lmm
from lmmlib import calibration

HERE = Path(__file__).parent
SEED = 20267
FORMULA = "Reaction ~ Days + (Days | Subject)"
CONTROLS = {
    "SDs times 0.8": calibration.TimesSD(),
    "variance under the name of sigma": calibration.VarianceForSD(),
    "one draw shared among new levels": calibration.SharedNewLevel(),
}
PACKAGES = ("lmmlib", "numpy", "scipy", "pymc", "nutpie", "arviz-stats")


def problem() -> tuple[lmm.Data, lmm.Priors]:
    """The design of sleepstudy with priors in milliseconds.

    They were fixed before anything was simulated.
    """
    data = lmm.from_formula(FORMULA, lmm.load_dataset("sleepstudy"))
    beta = {"Intercept": (250.0, 50.0), "Days": (10.0, 10.0)}
    sd = {
        effect: lmm.ScalePrior("half-normal", scale)
        for effect, scale in zip(data.design.effects, (30.0, 8.0), strict=True)
    }
    sigma = lmm.ScalePrior("half-normal", 30.0)
    priors = lmm.Priors.build(data.design, beta, sd, sigma, cor=2.0)
    return data, priors


@dataclass(frozen=True)
class Run:
    """One calibration.

    Attributes
    ----------
    name : str
        What is calibrated.
    kind : str
        ``engine``, which has to pass, or ``control``, which has to fail.
    replications : int
        Number of replications of a full run.
    make_engine : callable
        Makes the engine.
    """

    name: str
    kind: str
    replications: int
    make_engine: Callable[[], object]


def _refitter(formulation: object) -> object:
    from lmmlib.pymc_models import Refitter

    data, priors = problem()
    return Refitter(formulation, data, priors)


PARTS = {
    "direct": [Run("direct posterior", "engine", 1000, calibration.ImportanceSampler)],
    "controls": [
        Run(name, "control", 200, lambda engine=engine: engine) for name, engine in CONTROLS.items()
    ],
    "marginal": [Run("marginal model by NUTS", "engine", 100, lambda: _refitter("marginal"))],
    "conditional": [
        Run("conditional model by NUTS", "engine", 100, lambda: _refitter("conditional"))
    ],
    "independent": [
        Run(
            "working independence",
            "control",
            100,
            lambda: _refitter(lmm.report.working_independence_model),
        )
    ],
}
ORDER = [run.name for part in PARTS.values() for run in part]


def measured(run: Run, replications: int) -> dict[str, object]:
    """Ranks, failures, verdict, time with compilation; and for a control its power."""
    before = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {package: version(package) for package in PACKAGES},
    }
    data, priors = problem()
    rng = np.random.default_rng(SEED)
    start = time.perf_counter()
    engine = run.make_engine()
    with ThreadPoolExecutor(1) as one:  # a compiled model lives in one process
        executor = one if hasattr(engine, "formulation") else None
        result = lmm.calibrate(
            data.design, priors, engine, replications, rng=rng, executor=executor
        )
    seconds = time.perf_counter() - start
    verdict = result.verdict()
    print(f"calibrate: {run.name}: {seconds:.0f} s, {verdict}", flush=True)
    record = {
        "name": run.name,
        "kind": run.kind,
        **before,
        "seed": SEED,
        "replications": replications,
        "seconds": round(seconds, 1),
        "passed": verdict.passed,
        "false_alarm": verdict.false_alarm,
        "p_values": {k: float(f"{p:.4g}") for k, p in verdict.p_values.items()},
        "failures": list(result.failures),
        "names": list(result.names),
        "draws": result.draws,
        "ranks": result.ranks.T.tolist(),
    }
    if run.kind == "control":
        record["power"] = {
            str(n): calibration.power(result, n, np.random.default_rng(SEED))
            for n in (50, 100, 200)
        }
    return record


def merged(runs: list[dict], fresh: dict) -> list[dict]:
    """The runs with the fresh one in the place of an older one of its name."""
    kept = [run for run in runs if run["name"] != fresh["name"] and run["name"] in ORDER]
    return sorted([*kept, fresh], key=lambda run: ORDER.index(run["name"]))


def as_it_should(run: dict) -> bool:
    """Whether an engine passed or a control failed."""
    return run["passed"] == (run["kind"] == "engine")


def table(runs: list[dict]) -> str:
    """CALIBRATION.md from CALIBRATION.json."""
    lines = [
        "# Calibration",
        "",
        (
            f"Simulation-based calibration on the design of sleepstudy (`{FORMULA}`), priors "
            "fixed beforehand. Made by `make calibrate`."
        ),
        "",
        (
            "| engine | replications | failed fits | smallest p value | verdict | as it should | "
            "seconds | power at 50, 100, 200 |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(run) for run in runs]
    lines += [
        "",
        (
            f"A right engine fails with a probability of at most {runs[0]['false_alarm']:g}, "
            "over all its quantities together."
        ),
    ]
    lines += [
        (
            "Controls are wrong on purpose and have to fail; their power is by the bootstrap of "
            "their own ranks."
        ),
        "",
    ]
    lines += ["| engine | date | cores | seed | versions |", "|---|---|---|---|---|"]
    for run in runs:
        versions = ", ".join(f"{k} {v}" for k, v in run["versions"].items())
        lines.append(
            f"| {run['name']} | {run['date']} | {run['machine']['cores']} | {run['seed']} | "
            f"{versions} |"
        )
    failures = [f"- {run['name']}: {failure}" for run in runs for failure in run["failures"]]
    if failures:
        lines += ["", "Fits that failed:", "", *failures]
    return "\n".join([*lines, ""])


def _row(run: dict) -> str:
    """The row of one run in the table of verdicts."""
    worst = min(run["p_values"], key=run["p_values"].get)
    power = ", ".join(f"{p:.2f}" for p in run.get("power", {}).values())
    return (
        f"| {run['name']} | {run['replications']} | {len(run['failures'])} | "
        f"{run['p_values'][worst]:.2g} ({worst}) | "
        f"{'passed' if run['passed'] else 'failed'} | "
        f"{'yes' if as_it_should(run) else '**no**'} | {run['seconds']:.0f} | {power} |"
    )


def parts_and_scale(words: Sequence[str]) -> tuple[list[str], float]:
    """Parts and scale named on the command line."""
    scales = [float(word) for word in words if word[0].isdigit()]
    parts = [word for word in words if not word[0].isdigit()]
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise SystemExit(f"calibrate: parts are {', '.join(PARTS)}, got {', '.join(unknown)}")
    return parts or list(PARTS), scales[0] if scales else 1.0


def main() -> None:
    """Run the parts, and say whether everything came out as it should.

    Both files are written after each run.
    """
    parts, scale = parts_and_scale(sys.argv[1:])
    folder = HERE if scale == 1.0 else Path()
    stored = folder / "CALIBRATION.json"
    records = json.loads(stored.read_text("utf8"))["runs"] if stored.exists() else []
    fresh = []
    for run in (run for part in parts for run in PARTS[part]):
        fresh.append(measured(run, int(run.replications * scale)))
        records = merged(records, fresh[-1])
        stored.write_text(json.dumps({"runs": records}) + "\n", "utf8")
        (folder / "CALIBRATION.md").write_text(table(records), "utf8")
    wrong = [record["name"] for record in fresh if not as_it_should(record)]
    if wrong:
        raise SystemExit(f"calibrate: not as it should be: {', '.join(wrong)}; see CALIBRATION.md")
    print("calibrate: every engine passed and every control failed; see benchmarks/CALIBRATION.md")


if __name__ == "__main__":
    main()
