"""Run every measurement, one process each, and write RESULTS.json and RESULTS.md.

``make bench``.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import bars
import clock
import designs
import report
from machine import busy_seconds, machine, wait_until_quiet

HERE = Path(__file__).parent
ROOT = HERE.parent
OURS = (sys.executable, str(HERE / "ours.py"))
PEERS = (str(HERE / ".venv/bin/python"), str(HERE / "peers.py"))
R = ("Rscript", "--vanilla", str(HERE / "peers.R"))
# seconds that a process may take; ours, which waits for its threads while others work, is tried
# again sooner
LONGEST = 900
LONGEST_OURS = 120
CALM = 0.2  # cores that other processes may take while a step is measured
TRIES = 3  # for a calm one
PROCESSES = 5  # fresh ones, where the first and the second call in a process are measured
PROCESSES_OF_LONG = 3
DRAWS_OF_POSTERIOR = {
    "sleepstudy": 4096,
    "thread_like": 4096,
    "Penicillin": 4096,
    "Pastes": 4096,
    "crossed": 1000,
}
DRAWS_OF_LOO = {"sleepstudy": 4000, "large": 1000}
LENGTHS = (100, 200, 500, 1000, 2000, 5000)
FORMULAS = {**designs.FORMULAS, "crossed": designs.CROSSED}


@dataclass(frozen=True)
class Step:
    """One measurement.

    Attributes
    ----------
    name : str
        Key of the result.
    command : tuple of str
        What is run.
    processes : int
        Number of fresh processes, of which medians are kept.
    """

    name: str
    command: tuple[str, ...]
    processes: int = 1


def steps(folder: Path) -> Iterator[Step]:
    """Every measurement, what is ours beside its peers."""
    sleepstudy = str(folder / "sleepstudy.csv")
    thread_like = str(folder / "thread_like.csv")
    yield Step("density rows", (*OURS, "density_rows"))
    for n, groups in ((200, 100), (2000, 100), *((n, 20) for n in LENGTHS)):
        name = f"density {n} rows, {groups} groups"
        command = (*OURS, "density", str(n), str(groups))
        yield Step(name, command)
        yield Step(f"{name}, one thread", ("env", "OPENBLAS_NUM_THREADS=1", *command))
    for data, draws in DRAWS_OF_POSTERIOR.items():
        processes = PROCESSES_OF_LONG if data == "crossed" else PROCESSES
        yield Step(f"posterior {data}", (*OURS, "posterior", data, str(draws)), processes)
    for data, draws in DRAWS_OF_LOO.items():
        for leave in ("row", "level", "arviz"):
            yield Step(f"loo {data}, {leave}", (*OURS, "loo", data, str(draws), leave))
    for formulation in ("marginal", "conditional"):
        yield Step(f"engine {formulation}", (*OURS, "engine", formulation))
    for sampler in ("numpyro", "nutpie", "pymc"):
        yield Step(f"bambi {sampler}", (*PEERS, "bambi", sampler, sleepstudy))
    yield Step("brms", (*R, "brms_sleepstudy", sleepstudy))
    for formulation in ("conditional", "marginal"):
        yield Step(f"rstan {formulation}", (*R, "rstan_thread_like", formulation, thread_like))
    for data, formula in FORMULAS.items():
        table = str(folder / f"{data}.csv")
        yield Step(f"ML {data}, lmmlib", (*OURS, "estimate", formula, table))
        yield Step(f"ML {data}, statsmodels", (*PEERS, "statsmodels", data, table))
        yield Step(f"ML {data}, lme4", (*R, "lme4_ml", formula, table))


def measure(step: Step, environment: dict[str, str]) -> dict:
    """One step: what its process found, or the reason why there is nothing.

    The calmest of a few tries.
    """
    tries: list[dict] = []
    while not tries or (tries[-1]["others"] > CALM and len(tries) < TRIES):
        wait_until_quiet()
        tries.append(_measure_once(step, environment))
    return min(tries, key=lambda result: result["others"])


def _measure_once(step: Step, environment: dict[str, str]) -> dict:
    """What the processes of a step found, and the cores that others took meanwhile."""
    start = time.perf_counter()
    others_before = _seconds_of_others()
    results: list[dict] = []
    failed = None
    while len(results) < step.processes and failed is None:
        results.append(_process(step.command, environment))
        failed = results[-1].get("failed")
    seconds = time.perf_counter() - start
    others = (_seconds_of_others() - others_before) / seconds
    # The chains of these are processes of their own.
    if step.name.startswith(("brms", "rstan")):
        others = 0.0
    result = results[-1] if failed else _medians(results)
    note = f", failed: {failed}" if failed else ""
    print(
        f"bench: {step.name}: {seconds:.0f} s{note}; other processes took {others:.2f} cores",
        flush=True,
    )
    return {**result, "others": max(0.0, round(others, 2))}


def _seconds_of_others() -> float:
    """Seconds that processes other than ours have worked."""
    ours = sum(os.times()[:4])
    return busy_seconds() - ours


def _process(command: tuple[str, ...], environment: dict[str, str]) -> dict:
    """What a command prints last, or the reason why there is nothing."""
    if shutil.which(command[0]) is None:
        if command[0] == "Rscript":
            return {"failed": "Rscript is not there"}
        return {"failed": "the environment of the peers could not be made"}
    longest = LONGEST_OURS if command[:2] == OURS else LONGEST
    with tempfile.TemporaryDirectory() as cold:  # nothing compiled is left from an earlier run
        flags = {"PYTENSOR_FLAGS": f"base_compiledir={cold}", "NUMBA_CACHE_DIR": cold}
        try:
            process = subprocess.run(
                command,
                env={**environment, **flags},
                capture_output=True,
                text=True,
                timeout=longest,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"failed": f"it had not ended after {longest} s"}
    if process.returncode:
        return {"failed": _reason(process.stderr)}
    return _rounded(json.loads(process.stdout.splitlines()[-1]))


def _reason(stderr: str) -> str:
    """The error of R, or the last line of a traceback, without folders of this machine."""
    error_of_r = re.search(
        r"^(Error.*?)^(?:Calls:|In addition:|Execution halted)", stderr, re.DOTALL | re.MULTILINE
    )
    if error_of_r:
        words = error_of_r[1]
    else:
        words = (stderr.strip() or "it ended without a word").splitlines()[-1]
    one_line = " ".join(words.split())
    return re.sub(r"(?:/[^\s/]+)+/", "", one_line)


def _rounded(result: dict) -> dict:
    """The result with numbers of ten digits."""
    return json.loads(json.dumps(result), parse_float=lambda text: float(f"{float(text):.10g}"))


def _medians(results: list[dict]) -> dict:
    """Medians over processes, with the minima of the seconds."""
    if len(results) == 1:
        return results[0]
    medians = {key: statistics.median(r[key] for r in results) for key in results[0]}
    minima = {f"{key}_minimum": min(r[key] for r in results) for key in ("first", "second")}
    return {
        **medians,
        **minima,
        "peak_mib": max(r["peak_mib"] for r in results),
        "processes": len(results),
    }


def import_seconds(code: str, environment: dict[str, str]) -> dict:
    """Seconds of a whole process that runs ``code``.

    The call that is not counted compiles the bytecode.
    """
    wait_until_quiet()
    command = [sys.executable, "-c", code]
    return _rounded(
        clock.repeated(lambda: subprocess.run(command, env=environment, check=True, cwd=ROOT))
    )


def versions(environment: dict[str, str]) -> dict:
    """Of the interpreter, our packages, the peers' and R's; what is not there is left out."""
    version_of = {"Python": ".".join(map(str, sys.version_info[:3]))}
    for command in (R, PEERS, OURS):
        printed = _process((*command, "versions"), environment)
        for name, version in printed.items():
            if name not in ("failed", "peak_mib"):
                version_of[name] = version
    return version_of


def main() -> None:
    """Measure all, judge, and write both files."""
    start = time.perf_counter()
    environment = {
        key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"
    }
    results = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions(environment),
    }
    measured = {
        f"import {what}": import_seconds(code, environment)
        for what, code in {
            "nothing": "pass",
            "lmmlib": "import lmmlib",
            "Design": "import lmmlib; lmmlib.Design",
        }.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        _process((*OURS, "tables", folder), environment)
        for step in steps(Path(folder)):
            measured[step.name] = measure(step, environment)
    quoted = json.loads((HERE / "quoted.json").read_text("utf8"))
    results |= {"measured": measured, "bars": bars.judged(measured, quoted)}
    (HERE / "RESULTS.json").write_text(
        json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf8"
    )
    (HERE / "RESULTS.md").write_text(report.text(results, quoted), "utf8")
    print(
        f"bench: {report.verdict(results)}; tables in benchmarks/RESULTS.md, made in "
        f"{time.perf_counter() - start:.0f} s"
    )


if __name__ == "__main__":
    main()
