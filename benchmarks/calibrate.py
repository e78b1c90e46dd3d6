"""The full calibration, minutes long: ``make calibrate`` writes CALIBRATION.json and CALIBRATION.md."""

import json
import sys
import time
from collections.abc import Iterator
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
    "working independence": calibration.WorkingIndependence(),
}
PACKAGES = ("lmmlib", "numpy", "scipy", "pymc", "nutpie", "arviz-stats")


def problem() -> tuple[lmm.Data, lmm.Priors]:
    """The design of sleepstudy with priors that were fixed before anything was simulated, in milliseconds."""
    data = lmm.from_formula(FORMULA, lmm.load("sleepstudy"))
    half = {e: lmm.ScalePrior("half-normal", s) for e, s in zip(data.design.effects, (30.0, 8.0), strict=True)}
    beta = {"Intercept": (250.0, 50.0), "Days": (10.0, 10.0)}
    return data, lmm.Priors.build(data.design, beta, half, lmm.ScalePrior("half-normal", 30.0), cor=2.0)


def runs(scale: float) -> Iterator[tuple[str, str, int, object]]:
    """Name, kind, replications and engine (or how to make it) of every run."""
    yield "direct posterior", "engine", int(1000 * scale), calibration.Direct
    for name, engine in CONTROLS.items():
        yield name, "control", int(200 * scale), lambda engine=engine: engine
    for formulation in ("marginal", "conditional"):
        yield f"{formulation} model by NUTS", "engine", int(100 * scale), lambda f=formulation: _refitter(f)


def _refitter(formulation: str) -> object:
    from lmmlib.pymc_models import Refitter

    return Refitter(formulation, *problem())


def measured(name: str, kind: str, replications: int, make: object) -> dict[str, object]:
    """One run: ranks, failures, verdict, time with compilation; and for a control its power."""
    data, priors = problem()
    began = time.perf_counter()
    engine, rng = make(), np.random.default_rng(SEED)
    with ThreadPoolExecutor(1) as one:  # a compiled model lives in one process
        executor = one if "NUTS" in name else None
        found = lmm.calibrate(data.design, priors, engine, replications, rng=rng, executor=executor)
    seconds = time.perf_counter() - began
    verdict = found.verdict()
    print(f"calibrate: {name}: {seconds:.0f} s, {verdict}", flush=True)
    told = {
        "name": name,
        "kind": kind,
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
        told["power"] = {str(n): calibration.power(found, n, np.random.default_rng(SEED)) for n in (50, 100, 200)}
    return told


def table(results: dict) -> str:
    """CALIBRATION.md from CALIBRATION.json."""
    lines = [
        "# Calibration",
        "",
        f"Simulation-based calibration on the design of sleepstudy (`{FORMULA}`), priors fixed beforehand, seed {results['seed']}.",
        f"Made by `make calibrate` on {results['date']}, {results['machine']['cores']} cores, "
        + ", ".join(f"{k} {v}" for k, v in results["versions"].items())
        + ".",
        "",
        "| engine | replications | failed fits | smallest p value | verdict | as it should | seconds | power at 50, 100, 200 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in results["runs"]:
        worst = min(run["p_values"], key=run["p_values"].get)
        as_wanted = run["passed"] == (run["kind"] == "engine")
        power = ", ".join(f"{p:.2f}" for p in run["power"].values()) if "power" in run else ""
        lines.append(
            f"| {run['name']} | {run['replications']} | {len(run['failures'])} | {run['p_values'][worst]:.2g} ({worst}) | "
            f"{'passed' if run['passed'] else 'failed'} | {'yes' if as_wanted else '**no**'} | {run['seconds']:.0f} | {power} |"
        )
    rate = results["runs"][0]["false_alarm"]
    lines += ["", f"A right engine fails with a probability of at most {rate:g}, over all its quantities together."]
    lines += ["Controls are wrong on purpose and have to fail; their power is by the bootstrap of their own ranks.", ""]
    return "\n".join(lines)


def main() -> None:
    """Run all, write both files, and say whether everything came out as it should."""
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    folder = HERE if scale == 1.0 else Path()
    results = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {p: version(p) for p in PACKAGES},
        "seed": SEED,
        "runs": [],
    }
    for run in runs(scale):  # written after each: the last ones take the longest
        results["runs"].append(measured(*run))
        (folder / "CALIBRATION.json").write_text(json.dumps(results) + "\n", "utf8")
        (folder / "CALIBRATION.md").write_text(table(results), "utf8")
    wrong = [run["name"] for run in results["runs"] if run["passed"] != (run["kind"] == "engine")]
    if wrong:
        raise SystemExit(f"calibrate: not as it should be: {', '.join(wrong)}; see CALIBRATION.md")
    print("calibrate: every engine passed and every control failed; see benchmarks/CALIBRATION.md")


if __name__ == "__main__":
    main()
