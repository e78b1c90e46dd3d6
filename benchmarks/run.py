"""Run every measurement, one process each, and write RESULTS.json and RESULTS.md.

``make bench``. ``--only TEXT`` measures the steps that have TEXT in their name, ``--share 0.01`` a
hundredth of the tables of many rows, to try the programs; ``--resume`` goes on with a run that was
interrupted. What is measured lies in _build/bench, and is taken over once a run of full size has
all steps.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import bars
import growth
import report
from machine import machine, wait_until_quiet
from measuring import import_seconds, measure, process
from steps import HERE, LONGEST, OURS, PEERS, PEERS_LARGE, R, steps, writer

UNDER_WAY = HERE.parent / "_build/bench"
IMPORTS = {
    "nothing": "pass",
    "lmmlib": "import lmmlib",
    "Design": "import lmmlib; lmmlib.Design",
}

# Bytecode is kept, and threads are as each library chooses.
NOT_OF_A_RUN = {
    "PYTHONDONTWRITEBYTECODE",
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
}


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="steps with TEXT in their name")
    parser.add_argument("--share", type=_share, default=1.0, help="of the tables of many rows")
    parser.add_argument("--resume", action="store_true", help="measure what is not measured yet")
    return parser.parse_args(words)


def _share(word: str) -> float:
    share = float(word)
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most 1, got {word}")
    return share


def check_chosen(options: argparse.Namespace) -> None:
    """Refuse a run of nothing.

    Raises
    ------
    SystemExit
        If no measurement has the text in its name.
    """
    names = [f"import {what}" for what in IMPORTS]
    names += [step.name for step in steps(UNDER_WAY, options.share)]
    if not any(options.only in name for name in names):
        examples = ", ".join(sorted({name.split()[0] for name in names}))
        raise SystemExit(
            f"bench: no measurement has {options.only!r} in its name; names begin with {examples}"
        )


def versions(environment: dict[str, str]) -> dict:
    """Of the interpreter, our packages, the peers' and R's; what is not there is left out."""
    version_of = {"Python": platform.python_version()}
    for command in (R, PEERS, PEERS_LARGE, OURS):
        printed = process((*command, "versions"), environment, LONGEST)
        for name, version in printed.items():
            if name not in ("failed", "peak_mib"):
                version_of[name] = version
    return version_of


def source() -> dict:
    """What git calls the package's folder as it was committed; nothing where there is no git."""
    command = ("git", "rev-parse", "--short", "HEAD:lmmlib")
    if shutil.which("git") is None:
        return {}
    tree = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False)
    return {} if tree.returncode else {"lmmlib": tree.stdout.strip()}


def begun(path: Path, fresh: dict, resume: bool) -> dict:
    """The results to go on with: those of an interrupted run, or fresh ones.

    Raises
    ------
    SystemExit
        If there is nothing to go on with, or it was measured on another machine, with other
        versions or of another source.
    """
    if not resume:
        return fresh
    if not path.exists():
        raise SystemExit(
            f"bench: there is no run to resume, {path.name} is not there; run without --resume"
        )
    stored = json.loads(path.read_text("utf8"))
    for part in ("machine", "versions", "source"):
        differing = [
            key
            for key in {*stored[part], *fresh[part]} - {"load_at_start"}
            if stored[part].get(key) != fresh[part].get(key)
        ]
        if differing:
            names = ", ".join(sorted(differing))
            raise SystemExit(
                f"bench: the run to resume differs in its {part} ({names}); start anew, without "
                "--resume"
            )
    return stored


def is_missing(result: dict | None) -> bool:
    """Whether a step has to be measured: not yet, or it failed otherwise than by its time."""
    return result is None or ("failed" in result and "stopped" not in result)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, judge, and write the files."""
    options = arguments(words)
    check_chosen(options)
    start = time.perf_counter()
    unset = {"PYTHONDONTWRITEBYTECODE"} if options.share < 1 else NOT_OF_A_RUN
    environment = {key: value for key, value in os.environ.items() if key not in unset}
    fresh = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions(environment),
        "source": source(),
        "share": options.share,
        "measured": {},
    }
    folder = UNDER_WAY if options.share == 1 else UNDER_WAY / f"share-{options.share:g}"
    path = folder / "RESULTS.json"
    results = begun(path, fresh, options.resume)
    folder.mkdir(parents=True, exist_ok=True)
    complete = _measure_all(results, path, options, environment)
    if complete and options.share == 1:
        folder = HERE
    _write(results, folder)
    print(
        f"bench: {report.verdict(results)}; tables in {folder.relative_to(HERE.parent)}/RESULTS.md,"
        f" made in {time.perf_counter() - start:.0f} s"
    )


def _measure_all(
    results: dict, path: Path, options: argparse.Namespace, environment: dict[str, str]
) -> bool:
    """Measure what was asked for and is missing, step by step; whether then nothing is missing."""
    measured = results["measured"]
    alone = options.share == 1

    def wanted(name: str) -> bool:
        return options.only in name and is_missing(measured.get(name))

    def store(name: str, result: dict) -> None:
        measured[name] = result
        written = path.with_suffix(".part")  # whatever interrupts, what is stored is whole
        written.write_text(_json(results), "utf8")
        written.replace(path)

    for what, code in IMPORTS.items():
        if wanted(f"import {what}"):
            if alone:
                wait_until_quiet()
            store(f"import {what}", import_seconds(code, environment))
    with tempfile.TemporaryDirectory() as temporary:
        tables = Path(temporary)
        process((*OURS, "tables", temporary), environment, LONGEST)
        all_steps = list(steps(tables, options.share))
        for step in all_steps:
            if wanted(step.name):
                written = {}
                if step.table and not (tables / step.table).exists():
                    command = writer(step.table, tables, options.share)
                    written = process(command, environment, LONGEST)
                failed = "failed" in written
                store(step.name, written if failed else measure(step, environment, alone))
    names = {*(f"import {what}" for what in IMPORTS), *(step.name for step in all_steps)}
    return names <= set(measured)


def _write(results: dict, folder: Path) -> None:
    """Numbers with the bars judged on them, their figure, and the page."""
    quoted = json.loads((HERE / "quoted.json").read_text("utf8"))
    results["bars"] = bars.judged(results["measured"], quoted)
    (folder / "RESULTS.json").write_text(_json(results), "utf8")
    growth.draw(results["measured"], folder / "growth.svg")
    (folder / "RESULTS.md").write_text(report.text(results, quoted), "utf8")


def _json(results: dict) -> str:
    return json.dumps(results, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
