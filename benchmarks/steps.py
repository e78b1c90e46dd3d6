"""What is measured: every step of a run, with the tables that it reads."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import designs
import large
from earlier import AGAIN

HERE = Path(__file__).parent
OURS = (sys.executable, str(HERE / "ours.py"))
OURS_LARGE = (sys.executable, str(HERE / "ours_large.py"))
PYTHON_OF_PEERS = str(HERE / ".venv/bin/python")
PEERS = (PYTHON_OF_PEERS, str(HERE / "peers.py"))
PEERS_LARGE = (PYTHON_OF_PEERS, str(HERE / "peers_large.py"))
R = ("Rscript", "--vanilla", str(HERE / "peers.R"))
# Seconds that a process may take. Ours, which waits for its threads while others work, is stopped
# sooner where it is quick by nature, and tried again; and so is a fit of many rows, of any system.
LONGEST = 900
LONGEST_OURS = 120
LONGEST_OF_MANY_ROWS = 300
PROCESSES = 5  # fresh ones, where the first and the second call in a process are measured
PROCESSES_OF_LONG = 3
DRAWS_OF_POSTERIOR = {
    "sleepstudy": 4096,
    "thread_like": 4096,
    "Penicillin": 4096,
    "Pastes": 4096,
    "crossed": 1000,
}
DRAWS_OF_LOO = {"sleepstudy": 4000, "large": 1000, "schools": 4096}
LENGTHS = (100, 200, 500, 1000, 2000, 5000)
FORMULAS = {**designs.FORMULAS, "crossed": designs.CROSSED}
# Of many rows: the work, and whether the effects are drawn.
LARGE_POSTERIORS = {"ratings": "all", "slopes 100000": "none"}
EARLIER = "earlier"  # how the names of steps with the earlier version begin
ORDERS = ("by group", "any order")
WORKERS = (0, 2)
GROWTH = {
    "rows": (10_000, 100_000, 1_000_000),
    "groups": (10_000, 30_000, 100_000, 300_000, 1_000_000),
    "levels": (500, 1_000, 2_000, 4_000),
    "crossed rows": (20_000, 80_000, 320_000),
}


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
        Number of fresh processes at most, of which medians are kept.
    longest : int
        Seconds that a process may take.
    table : str or None
        What has to be written before: a table of many rows, the parts in an order, or the
        earlier version.
    """

    name: str
    command: tuple[str, ...]
    processes: int = 1
    longest: int = LONGEST
    table: str | None = None


def steps(folder: Path, share: float) -> Iterator[Step]:
    """Every measurement, what is ours beside its peers."""
    # One right after the other: a machine has slow minutes.
    for step in (*_densities(), *_posteriors(folder), *_leave_one_out()):
        yield step
        if step.name in AGAIN:
            yield _with_earlier(step, folder)
    yield from _small_fits(folder)
    yield from _large_fits(folder)
    yield from _parts(folder)
    for axis, sizes in GROWTH.items():
        for size in sizes:
            command = (*OURS_LARGE, "growth", axis, str(size), str(share))
            yield Step(f"growth {axis} {size}", command)


def _with_earlier(step: Step, folder: Path) -> Step:
    """The step with the earlier version in the place of today's."""
    command = ("env", f"PYTHONPATH={folder / EARLIER}", *step.command)
    return replace(step, name=f"{EARLIER} {step.name}", command=command, table=EARLIER)


def _ours(name: str, *words: str, processes: int = 1) -> Step:
    return Step(name, (*OURS, *words), processes, LONGEST_OURS)


def _densities() -> Iterator[Step]:
    yield _ours("density rows", "density_rows")
    for n, groups in ((200, 100), (2000, 100), *((n, 20) for n in LENGTHS)):
        name = f"density {n} rows, {groups} groups"
        command = (*OURS, "density", str(n), str(groups))
        yield Step(name, command, longest=LONGEST_OURS)
        one_thread = ("env", "OPENBLAS_NUM_THREADS=1", *command)
        yield Step(f"{name}, one thread", one_thread, longest=LONGEST_OURS)


def _posteriors(folder: Path) -> Iterator[Step]:
    sleepstudy = str(folder / "sleepstudy.csv")
    thread_like = str(folder / "thread_like.csv")
    for data, draws in DRAWS_OF_POSTERIOR.items():
        processes = PROCESSES_OF_LONG if data == "crossed" else PROCESSES
        yield _ours(f"posterior {data}", "posterior", data, str(draws), processes=processes)
    for formulation in ("marginal", "conditional"):
        yield _ours(f"engine {formulation}", "engine", formulation, "correlated")
    yield _ours("engine marginal, uncorrelated", "engine", "marginal", "uncorrelated")
    for sampler in ("numpyro", "nutpie", "pymc"):
        yield Step(f"bambi {sampler}", (*PEERS, "bambi", sampler, sleepstudy))
    yield Step("brms", (*R, "brms_sleepstudy", sleepstudy))
    for formulation in ("conditional", "marginal"):
        yield Step(f"rstan {formulation}", (*R, "rstan_thread_like", formulation, thread_like))


def _leave_one_out() -> Iterator[Step]:
    for data, draws in DRAWS_OF_LOO.items():
        one_term = data != "schools"  # which is what our call of ArviZ is written for
        for leave in ("row", "level", "arviz") if one_term else ("row", "level"):
            yield Step(f"loo {data}, {leave}", (*OURS, "loo", data, str(draws), leave))


def _small_fits(folder: Path) -> Iterator[Step]:
    for data, formula in FORMULAS.items():
        table = str(folder / f"{data}.csv")
        yield _ours(f"ML {data}, lmmlib", "estimate", formula, table)
        yield Step(f"ML {data}, statsmodels", (*PEERS, "statsmodels", data, table))
        yield Step(f"ML {data}, lme4", (*R, "lme4_ml", formula, table))
        for system in ("glmm", "mixedlm"):
            yield Step(f"ML {data}, {system}", (*PEERS_LARGE, "repeated", system, formula, table))


def _large_fits(folder: Path) -> Iterator[Step]:
    for name, work in large.WORKS.items():
        words = (work.formula, work.method, str(folder / name))
        programs = {
            "lmmlib": (*OURS_LARGE, "fit"),
            "lme4": (*R, "lme4_fit"),
            "glmm": (*PEERS_LARGE, "fit", "glmm"),
            "mixedlm": (*PEERS_LARGE, "fit", "mixedlm"),
        }
        for system, program in programs.items():
            command = (*program, *words)
            yield Step(
                f"fit {name}, {system}",
                command,
                PROCESSES_OF_LONG,
                LONGEST_OF_MANY_ROWS,
                table=name,
            )
    for name, effects in LARGE_POSTERIORS.items():
        words = (large.WORKS[name].formula, "1000", effects, str(folder / name))
        command = (*OURS_LARGE, "posterior", *words)
        yield Step(f"draws {name}", command, PROCESSES_OF_LONG, table=name)


def _parts(folder: Path) -> Iterator[Step]:
    for order in ORDERS:
        for workers in WORKERS:
            command = (*OURS_LARGE, "reduce_parts", str(workers), str(folder / order))
            yield Step(f"parts {order}, {workers} workers", command, PROCESSES_OF_LONG, table=order)


def writer(table: str, folder: Path, share: float) -> tuple[str, ...]:
    """The command that writes what a step reads."""
    if table == EARLIER:
        return (sys.executable, str(HERE / "earlier.py"), str(folder / table))
    words = (str(share), str(folder / table))
    task = "parts" if table in ORDERS else "table"
    return (*OURS_LARGE, task, table, *words)
