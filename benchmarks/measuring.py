"""One step measured in fresh processes: its result, or the reason why there is none."""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace

import clock
from machine import busy_seconds, wait_until_quiet
from steps import HERE, Step

CALM = 0.2  # cores that other processes may take while a step is measured
TRIES = 3  # for a calm one
ENOUGH = 30.0  # seconds after which a step is measured in no further process
# The chains of these are processes of their own, and so are the workers.
WITH_PROCESSES_OF_THEIR_OWN = ("brms", "rstan", "parts")
SECONDS = ("first", "second", "seconds")


def measure(step: Step, environment: dict[str, str], alone: bool = True) -> dict:
    """One step: what its process found, or the reason why there is nothing.

    ``alone``: on a quiet machine; the calmest of a few tries. A trial takes one process.
    """
    if not alone:
        return _measure_once(replace(step, processes=1), environment)
    tries: list[dict] = []
    while not tries or (_was_disturbed(tries[-1]) and len(tries) < TRIES):
        wait_until_quiet()
        tries.append(_measure_once(step, environment))
    return min(tries, key=lambda result: result["others"])


def _was_disturbed(result: dict) -> bool:
    """Whether others worked meanwhile; what was stopped would be stopped again."""
    return result["others"] > CALM and "stopped" not in result


def _measure_once(step: Step, environment: dict[str, str]) -> dict:
    """What the processes of a step found, and the cores that others took meanwhile."""
    start = time.perf_counter()
    others_before = _seconds_of_others()
    results: list[dict] = []
    while _another(step, results, time.perf_counter() - start):
        results.append(process(step.command, environment, step.longest))
    seconds = time.perf_counter() - start
    others = (_seconds_of_others() - others_before) / seconds
    if step.name.startswith(WITH_PROCESSES_OF_THEIR_OWN):
        others = 0.0
    failed = results[-1].get("failed")
    result = results[-1] if failed else medians(results)
    note = f", failed: {failed}" if failed else ""
    print(
        f"bench: {step.name}: {seconds:.0f} s{note}; other processes took {others:.2f} cores",
        flush=True,
    )
    return {**result, "others": max(0.0, round(others, 2))}


def _another(step: Step, results: list[dict], seconds: float) -> bool:
    """Whether a step is measured in one more process."""
    if not results:
        return True
    return len(results) < step.processes and "failed" not in results[-1] and seconds < ENOUGH


def _seconds_of_others() -> float:
    """Seconds that processes other than ours have worked."""
    ours = sum(os.times()[:4])
    return busy_seconds() - ours


def process(command: tuple[str, ...], environment: dict[str, str], longest: int) -> dict:
    """What a command prints last, or the reason why there is nothing."""
    if shutil.which(command[0]) is None:
        if command[0] == "Rscript":
            return {"failed": "Rscript is not there"}
        return {"failed": "the environment of the peers could not be made"}
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
            return {"failed": f"stopped after {longest} s", "stopped": longest}
    if process.returncode:
        return {"failed": reason(process.stderr)}
    return _rounded(json.loads(process.stdout.splitlines()[-1]))


def reason(stderr: str) -> str:
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
    """The result with times and sizes of ten digits, criteria of fifteen."""
    return {key: _rounded_value(key, value) for key, value in result.items()}


def _rounded_value(key: str, value: object) -> object:
    if isinstance(value, dict):
        return _rounded(value)
    if not isinstance(value, float):
        return value
    digits = 15 if key == "criterion" else 10
    return float(f"{value:.{digits}g}")


def medians(results: list[dict]) -> dict:
    """Medians over processes, with the minima of the seconds and the largest memory."""
    if len(results) == 1:
        return results[0]
    middle = {key: statistics.median(r[key] for r in results) for key in results[0]}
    minima = {f"{key}_minimum": min(r[key] for r in results) for key in SECONDS if key in middle}
    return {
        **middle,
        **minima,
        "peak_mib": max(r["peak_mib"] for r in results),
        "processes": len(results),
    }


def import_seconds(code: str, environment: dict[str, str]) -> dict:
    """Seconds of a whole process that runs ``code``.

    The call that is not counted compiles the bytecode.
    """
    command = [sys.executable, "-c", code]
    return _rounded(
        clock.repeated(
            lambda: subprocess.run(command, env=environment, check=True, cwd=HERE.parent)
        )
    )
