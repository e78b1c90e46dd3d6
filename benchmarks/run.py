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
CALM, TRIES = 0.2, 3  # cores that other processes may take while a step is measured; tries for that
# fresh ones, where the first and the second call in a process are measured; three for what takes
# long
PROCESSES = 5
LENGTHS = (100, 200, 500, 1000, 2000, 5000)
FORMULAS = {**designs.FORMULAS, "crossed": designs.CROSSED}

Step = tuple[str, tuple[str, ...], int]  # name, command, processes


def steps(folder: Path) -> Iterator[Step]:
    """Every measurement, what is ours beside its peers."""
    yield "density rows", (*OURS, "density_rows"), 1
    for n, groups in (*((n, 100) for n in (200, 2000)), *((n, 20) for n in LENGTHS)):
        command = (*OURS, "density", str(n), str(groups))
        yield f"density {n} rows, {groups} groups", command, 1
        yield (
            f"density {n} rows, {groups} groups, one thread",
            ("env", "OPENBLAS_NUM_THREADS=1", *command),
            1,
        )
    for name, draws in {
        "sleepstudy": 4096,
        "thread_like": 4096,
        "Penicillin": 4096,
        "Pastes": 4096,
        "crossed": 1000,
    }.items():
        yield (
            f"posterior {name}",
            (*OURS, "posterior", name, str(draws)),
            3 if name == "crossed" else PROCESSES,
        )
    for name, draws in {"sleepstudy": 4000, "large": 1000}.items():
        for leave in ("row", "level", "arviz"):
            yield f"loo {name}, {leave}", (*OURS, "loo", name, str(draws), leave), 1
    for formulation in ("marginal", "conditional"):
        yield f"engine {formulation}", (*OURS, "engine", formulation), 1
    for sampler in ("numpyro", "nutpie", "pymc"):
        yield f"bambi {sampler}", (*PEERS, "bambi", sampler, str(folder / "sleepstudy.csv")), 1
    yield "brms", (*R, "brms_sleepstudy", str(folder / "sleepstudy.csv")), 1
    for formulation in ("conditional", "marginal"):
        yield (
            f"rstan {formulation}",
            (*R, "rstan_thread_like", formulation, str(folder / "thread_like.csv")),
            1,
        )
    for name, formula in FORMULAS.items():
        table = str(folder / f"{name}.csv")
        yield f"ML {name}, lmmlib", (*OURS, "estimate", formula, table), 1
        yield f"ML {name}, statsmodels", (*PEERS, "statsmodels", name, table), 1
        yield f"ML {name}, lme4", (*R, "lme4_ml", formula, table), 1


def measure(step: Step, environment: dict[str, str]) -> dict:
    """One step: what its process found, or the reason why there is nothing.

    The calmest of a few tries.
    """
    name, command, processes = step
    tries = []
    while not tries or (tries[-1]["others"] > CALM and len(tries) < TRIES):
        wait_until_quiet()
        began, busy = time.perf_counter(), _others()
        found: list[dict] = []
        while len(found) < processes and not (found and "failed" in found[-1]):
            found.append(_process(command, environment))
        failed = found[-1] if "failed" in found[-1] else None
        seconds = time.perf_counter() - began
        others = (
            0.0 if name.startswith(("brms", "rstan")) else (_others() - busy) / seconds
        )  # their chains count as others
        tries.append({**(failed or _middle(found)), "others": max(0.0, round(others, 2))})
        told = f", failed: {failed['failed']}" if failed else ""
        print(
            f"bench: {name}: {seconds:.0f} s{told}; other processes took {others:.2f} cores",
            flush=True,
        )
    return min(tries, key=lambda t: t["others"])


def _others() -> float:
    """Seconds that processes other than ours have worked."""
    return busy_seconds() - sum(os.times()[:4])


def _process(command: tuple[str, ...], environment: dict[str, str]) -> dict:
    if shutil.which(command[0]) is None:
        return {
            "failed": "Rscript is not there"
            if command[0] == "Rscript"
            else "the environment of the peers could not be made"
        }
    longest = LONGEST_OURS if command[:2] == OURS else LONGEST
    with tempfile.TemporaryDirectory() as cold:  # nothing compiled is left from an earlier run
        flags = {"PYTENSOR_FLAGS": f"base_compiledir={cold}", "NUMBA_CACHE_DIR": cold}
        try:
            done = subprocess.run(
                command,
                env={**environment, **flags},
                capture_output=True,
                text=True,
                timeout=longest,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"failed": f"it had not ended after {longest} s"}
    if done.returncode:
        return {"failed": _reason(done.stderr)}
    return _rounded(json.loads(done.stdout.splitlines()[-1]))


def _reason(stderr: str) -> str:
    """The error of R, or the last line of a traceback, without folders of this machine."""
    told = re.search(
        r"^(Error.*?)^(?:Calls:|In addition:|Execution halted)", stderr, re.DOTALL | re.MULTILINE
    )
    words = told[1] if told else (stderr.strip() or "it ended without a word").splitlines()[-1]
    return re.sub(r"(?:/[^\s/]+)+/", "", " ".join(words.split()))


def _rounded(found: dict) -> dict:
    return json.loads(json.dumps(found), parse_float=lambda text: float(f"{float(text):.10g}"))


def _middle(found: list[dict]) -> dict:
    """Medians over processes, with the least of the seconds beside them."""
    if len(found) == 1:
        return found[0]
    middle = {key: statistics.median(f[key] for f in found) for key in found[0]}
    least = {f"{key}_minimum": min(f[key] for f in found) for key in ("first", "second")}
    return {
        **middle,
        **least,
        "peak_mib": max(f["peak_mib"] for f in found),
        "processes": len(found),
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
    found = {"Python": ".".join(map(str, sys.version_info[:3]))}
    for command in (R, PEERS, OURS):
        told = _process((*command, "versions"), environment)
        found |= {name: v for name, v in told.items() if name not in ("failed", "peak_mib")}
    return found


def main() -> None:
    """Measure all, judge, and write both files."""
    began = time.perf_counter()
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
        measured |= {step[0]: measure(step, environment) for step in steps(Path(folder))}
    quoted = json.loads((HERE / "quoted.json").read_text("utf8"))
    results |= {"measured": measured, "bars": bars.judged(measured, quoted)}
    (HERE / "RESULTS.json").write_text(
        json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf8"
    )
    (HERE / "RESULTS.md").write_text(report.text(results, quoted), "utf8")
    print(
        f"bench: {report.verdict(results)}; tables in benchmarks/RESULTS.md, made in "
        f"{time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
