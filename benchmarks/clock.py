"""Repeated timing, and the memory that a process took; needs nothing but Python."""

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

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
    seconds_once = {name: min(seconds_of(work), seconds_of(work)) for name, work in works.items()}
    if max(seconds_once.values()) > LONG:
        return {name: summary([seconds]) for name, seconds in seconds_once.items()}
    loops = {name: max(1, round(LEAST / seconds)) for name, seconds in seconds_once.items()}
    seconds = {name: [] for name in works}
    for _ in range(REPEATS):
        for name, work in works.items():
            seconds[name].append(seconds_of(work, loops[name]))
    return {name: summary(values) for name, values in seconds.items()}


def summary(values: list[float]) -> dict[str, float]:
    """Median, minimum and number of repeated measurements."""
    return {"median": statistics.median(values), "minimum": min(values), "repeats": len(values)}


def seconds_of(work: Callable[[], object], loops: int = 1) -> float:
    """Seconds of one call, averaged over ``loops``."""
    start = time.perf_counter()
    for _ in range(loops):
        work()
    return (time.perf_counter() - start) / loops


def peak_mib() -> float:
    """Largest resident memory of this process so far, MiB (2²⁰ bytes).

    What getrusage tells of a process on Linux is no less than what its parent had taken when it was
    started.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return _mib(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    (line,) = (x for x in status.read_text("utf8").splitlines() if x.startswith("VmHWM"))
    kib = int(line.split()[1])
    return kib / 2**10


def peak_mib_of_children() -> float:
    """Largest resident memory of a child that has ended, and of this process at its start."""
    return _mib(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _mib(peak: int) -> float:
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def answer(tasks: Mapping[str, Callable[..., dict]]) -> None:
    """Do the task that the command line names, and print its result last.

    A task that goes on after what is measured gives the peak of its memory itself.
    """
    name, *arguments = sys.argv[1:]
    result = tasks[name](*arguments)
    print(json.dumps({"peak_mib": peak_mib(), **result}))
