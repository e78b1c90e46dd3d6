"""Repeated timing, and the memory that a process took; needs nothing but Python."""

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping

REPEATS = 7
LONG = 5.0  # seconds from which on work is timed once, after one call that is not counted
LEAST = 0.02  # seconds that one repeat lasts at least: shorter work is looped over


def repeated(work: Callable[[], object]) -> dict[str, float]:
    """Seconds of the first call in this process, and median and minimum of later ones."""
    first = seconds_of(work)
    return {"first": first, **side_by_side({"": work})[""]}


def side_by_side(works: Mapping[str, Callable[[], object]]) -> dict[str, dict[str, float]]:
    """Median and minimum times of several tasks, run in turn.

    So whatever else the machine does meets all of them.
    """
    once = {name: min(seconds_of(work), seconds_of(work)) for name, work in works.items()}
    if max(once.values()) > LONG:
        return {name: told([seconds]) for name, seconds in once.items()}
    loops = {name: max(1, round(LEAST / seconds)) for name, seconds in once.items()}
    seconds = {name: [] for name in works}
    for _ in range(REPEATS):
        for name, work in works.items():
            seconds[name].append(seconds_of(work, loops[name]))
    return {name: told(values) for name, values in seconds.items()}


def told(values: list[float]) -> dict[str, float]:
    """What is kept of repeated measurements."""
    return {"median": statistics.median(values), "minimum": min(values), "repeats": len(values)}


def seconds_of(work: Callable[[], object], loops: int = 1) -> float:
    """Seconds of one call, averaged over ``loops``."""
    began = time.perf_counter()
    for _ in range(loops):
        work()
    return (time.perf_counter() - began) / loops


def peak_mib() -> float:
    """Largest memory of this process so far, MiB (2²⁰ bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def answer(tasks: Mapping[str, Callable[..., dict]]) -> None:
    """Do the task that the command line names, and print its result last."""
    name, *arguments = sys.argv[1:]
    print(json.dumps({**tasks[name](*arguments), "peak_mib": peak_mib()}))
