"""Mutants of some modules by cosmic-ray, each against its module's fast tests: ``make mutate``.

Everything happens in a copy of the package under ``_build/mutants``, so that an interrupted run
leaves no wrong operator behind. A run that was interrupted, or given ``--minutes``, goes on where
it stopped; one that is done starts over.
"""

import argparse
import fcntl
import os
import random
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from itertools import groupby
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import TestOutcome, WorkItem

ROOT = Path(__file__).parents[1]
CONFIG = tomllib.loads((ROOT / "tests" / "mutation.toml").read_text("utf8"))
SURVIVORS = tomllib.loads((ROOT / "tests" / "survivors.toml").read_text("utf8"))
ARGUED = {
    (file, entry["line"], entry.get("becomes"))
    for file, entries in SURVIVORS.items()
    for entry in entries
}
PYTEST = f"{ROOT / '.venv' / 'bin' / 'python'} -m pytest -x -q -p no:cacheprovider"
# the time of the tests without a mutant, after which a mutant is taken for a loop without end
TIMES = 5


def main() -> int:
    options = _options()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    stop = time.monotonic() + 60 * options.minutes
    return max([_run(module, options.one_each, stop) for module in options.modules])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mutate", description=__doc__)
    parser.add_argument(
        "modules",
        nargs="*",
        default=list(CONFIG["modules"]),
        metavar="MODULE",
        help=", ".join(CONFIG["modules"]),
    )
    parser.add_argument(
        "--one-each",
        action="store_true",
        help="one replacement of each operator, drawn with the seed; else all",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=float("inf"),
        help="stop after so many; the next call goes on",
    )
    options = parser.parse_args()
    unknown = sorted(set(options.modules) - set(CONFIG["modules"]))
    if unknown:
        known = ", ".join(CONFIG["modules"])
        parser.error(f"no such module: {', '.join(unknown)}; there are {known}")
    return options


def _run(module: str, one_each: bool, stop: float) -> int:
    """Run the mutants of one module that wait, and print what became of all.

    Returns 1 if one survived for no stated reason.
    """
    home = ROOT / "_build" / "mutants" / module
    session = home / "session.sqlite"
    if not session.exists():
        _begin(module, home, one_each)
    os.chdir(home)
    # held to the end of the process: two runs in one copy would see each other's mutants
    lock = open("lock", "w")  # noqa: SIM115
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"mutate: another run of {module} is under way in {home}; wait for it or end it")
    shutil.rmtree("lmmlib", ignore_errors=True)  # a run that was killed has left its mutant there
    shutil.copytree("original", "lmmlib")
    command = " ".join([PYTEST, *CONFIG["modules"][module]])
    timeout = TIMES * _seconds_without_mutant(module, command)
    with use_db(session) as db:
        for item in db.pending_work_items:
            if time.monotonic() > stop:
                break
            result = mutate_and_test(item.mutations, command, timeout)
            was_run = result.test_outcome in (TestOutcome.KILLED, TestOutcome.SURVIVED)
            if not was_run:  # cosmic-ray would count it as killed
                sys.exit(f"mutate: a mutant of {module} was not run: {result.output}")
            db.set_result(item.job_id, result)
        waiting = len(db.pending_work_items)
        survived = _reported(module, db.completed_work_items, waiting)
    os.chdir(ROOT)
    if not waiting:
        session.rename(home / "done.sqlite")
    return int(survived > 0)


def _seconds_without_mutant(module: str, command: str) -> float:
    """Time of the tests.

    This run alone writes bytecode: of the libraries, and of files older than any mutant of theirs.
    """
    started = time.monotonic()
    run = subprocess.run(
        command.split(),
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""},
    )
    if run.returncode:
        sys.exit(
            f"{run.stdout[-2000:]}\nmutate: the tests of {module} fail without any mutant: "
            f"{command}"
        )
    return time.monotonic() - started


def _begin(module: str, home: Path, one_each: bool) -> None:
    """Copy what the tests need, and write down the mutants."""
    shutil.rmtree(home, ignore_errors=True)
    for folder, copy in (("lmmlib", "original"), ("tests", "tests")):
        shutil.copytree(ROOT / folder, home / copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (ROOT / "pyproject.toml", *ROOT.glob("*.csv")):
        shutil.copy(file, home)
    os.chdir(home)
    operators = re.compile("|".join(f"core/{o}" for o in CONFIG["operators"]))
    with use_db("unfinished.sqlite") as db:
        shutil.copytree("original", "lmmlib")
        init(_files(module), db, {})
        wanted = [
            item for item in db.work_items if operators.fullmatch(item.mutations[0].operator_name)
        ]
        wanted.sort(key=lambda item: (_place(item), item.mutations[0].operator_name))
        total = len(wanted)
        if one_each:
            rng = random.Random(CONFIG["seed"])
            wanted = [rng.choice(list(same)) for _, same in groupby(wanted, _place)]
        db.clear()
        db.add_work_items(wanted)
    Path("unfinished.sqlite").rename("session.sqlite")
    print(f"mutate: {module} has {total} mutants, {len(wanted)} are to be run", flush=True)


def _files(module: str) -> list[Path]:
    """The files of a module: one, or all in its folder."""
    file = Path("lmmlib", f"{module}.py")
    return [file] if file.exists() else sorted(Path("lmmlib", module).glob("*.py"))


def _reported(module: str, completed: list, waiting: int) -> int:
    """Print the survivors without a stated reason, and the counts; return how many they are."""
    became = Counter()
    for item, result in sorted(completed, key=lambda pair: _place(pair[0])):
        if result.is_killed:
            became[_death(result.output)] += 1
            continue
        path, (number, _) = _place(item)
        # a statement may take several lines
        changed = [text for text in result.diff.splitlines() if re.match(r"[-+](?![-+])", text)]
        line = _joined(changed, "-")
        becomes = _joined(changed, "+")
        if (path, line, None) in ARGUED or (path, line, becomes) in ARGUED:
            became["argued"] += 1
            continue
        became["survived"] += 1
        print(f"{path}:{number}", f"- {line}", f"+ {becomes}", sep="\n  ")
    counts = ", ".join(f"{count} {name}" for name, count in sorted(became.items()))
    print(f"mutate: {module}: {counts or 'none run'}, {waiting} waiting", flush=True)
    return became["survived"]


def _death(output: str) -> str:
    """How a mutant ended."""
    if output == "timeout":
        return "timed out"
    if re.search(r"^(FAILED|ERROR)", output, re.MULTILINE):
        return "killed"
    return "ended without a failed test"


def _joined(changed: list[str], sign: str) -> str:
    """The lines of one side of a difference as one."""
    return " ".join(text[1:].strip() for text in changed if text[0] == sign).strip()


def _place(item: WorkItem) -> tuple[str, tuple[int, int]]:
    """File, line and column of the operator."""
    return str(item.mutations[0].module_path), item.mutations[0].start_pos


if __name__ == "__main__":
    sys.exit(main())
