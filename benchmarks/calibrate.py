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
    half = {
        e: lmm.ScalePrior("half-normal", s)
        for e, s in zip(data.design.effects, (30.0, 8.0), strict=True)
    }
    beta = {"Intercept": (250.0, 50.0), "Days": (10.0, 10.0)}
    return data, lmm.Priors.build(
        data.design, beta, half, lmm.ScalePrior("half-normal", 30.0), cor=2.0
    )


def _refitter(formulation: object) -> object:
    from lmmlib.pymc_models import Refitter

    return Refitter(formulation, *problem())


# Name, kind, replications and how to make the engine of every run, by part.
PARTS = {
    "direct": [("direct posterior", "engine", 1000, calibration.ImportanceSampler)],
    "controls": [
        (name, "control", 200, lambda engine=engine: engine) for name, engine in CONTROLS.items()
    ],
    "marginal": [("marginal model by NUTS", "engine", 100, lambda: _refitter("marginal"))],
    "conditional": [("conditional model by NUTS", "engine", 100, lambda: _refitter("conditional"))],
    "independent": [
        (
            "working independence",
            "control",
            100,
            lambda: _refitter(lmm.report.working_independence_model),
        )
    ],
}
ORDER = [name for part in PARTS.values() for name, *_ in part]


def measured(
    name: str, kind: str, replications: int, make: Callable[[], object]
) -> dict[str, object]:
    """One run: ranks, failures, verdict, time with compilation; and for a control its power."""
    before = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {p: version(p) for p in PACKAGES},
    }
    data, priors = problem()
    began = time.perf_counter()
    engine, rng = make(), np.random.default_rng(SEED)
    with ThreadPoolExecutor(1) as one:  # a compiled model lives in one process
        executor = one if hasattr(engine, "formulation") else None
        found = lmm.calibrate(data.design, priors, engine, replications, rng=rng, executor=executor)
    seconds = time.perf_counter() - began
    verdict = found.verdict()
    print(f"calibrate: {name}: {seconds:.0f} s, {verdict}", flush=True)
    told = {
        "name": name,
        "kind": kind,
        **before,
        "seed": SEED,
        "replications": replications,
        "seconds": round(seconds, 1),
        "passed": verdict.passed,
        "false_alarm": verdict.false_alarm,
        "p_values": {k: float(f"{p:.4g}") for k, p in verdict.p_values.items()},
        "failures": list(found.failures),
        "names": list(found.names),
        "draws": found.draws,
        "ranks": found.ranks.T.tolist(),
    }
    if kind == "control":
        told["power"] = {
            str(n): calibration.power(found, n, np.random.default_rng(SEED)) for n in (50, 100, 200)
        }
    return told


def merged(runs: list[dict], fresh: dict) -> list[dict]:
    """The runs with the fresh one in the place of an older one of its name."""
    kept = [run for run in runs if run["name"] != fresh["name"] and run["name"] in ORDER]
    return sorted([*kept, fresh], key=lambda run: ORDER.index(run["name"]))


def as_wanted(run: dict) -> bool:
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
    for run in runs:
        worst = min(run["p_values"], key=run["p_values"].get)
        power = ", ".join(f"{p:.2f}" for p in run["power"].values()) if "power" in run else ""
        lines.append(
            f"| {run['name']} | {run['replications']} | {len(run['failures'])} | "
            f"{run['p_values'][worst]:.2g} ({worst}) | "
            f"{'passed' if run['passed'] else 'failed'} | "
            f"{'yes' if as_wanted(run) else '**no**'} | {run['seconds']:.0f} | {power} |"
        )
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
    return "\n".join([*lines, *(["", "Fits that failed:", ""] * bool(failures)), *failures, ""])


def asked(words: Sequence[str]) -> tuple[list[str], float]:
    """Parts and scale named on the command line."""
    scale = [float(word) for word in words if word[0].isdigit()]
    parts = [word for word in words if not word[0].isdigit()]
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise SystemExit(f"calibrate: parts are {', '.join(PARTS)}, got {', '.join(unknown)}")
    return parts or list(PARTS), scale[0] if scale else 1.0


def main() -> None:
    """Run the parts, and say whether everything came out as it should.

    Both files are written after each run.
    """
    parts, scale = asked(sys.argv[1:])
    folder = HERE if scale == 1.0 else Path()
    stored = folder / "CALIBRATION.json"
    runs, done = json.loads(stored.read_text("utf8"))["runs"] if stored.exists() else [], []
    for name, kind, replications, make in (run for part in parts for run in PARTS[part]):
        done.append(measured(name, kind, int(replications * scale), make))
        runs = merged(runs, done[-1])
        stored.write_text(json.dumps({"runs": runs}) + "\n", "utf8")
        (folder / "CALIBRATION.md").write_text(table(runs), "utf8")
    wrong = [run["name"] for run in done if not as_wanted(run)]
    if wrong:
        raise SystemExit(f"calibrate: not as it should be: {', '.join(wrong)}; see CALIBRATION.md")
    print("calibrate: every engine passed and every control failed; see benchmarks/CALIBRATION.md")


if __name__ == "__main__":
    main()
