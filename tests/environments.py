"""Clean environments for what readers run: nothing of this one, and versions of the lock."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")


def run(*command: str | Path, cwd: Path, python: Path | None = None) -> str:
    """Run a command, the programs of an environment first, and give what it prints.

    A failure shows both of its streams.
    """
    ours = ("PYTHON", "JUPYTER", "MPL")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    if python:
        environment["PATH"] = f"{python.parent}{os.pathsep}{environment['PATH']}"
        environment["VIRTUAL_ENV"] = str(python.parents[1])
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def new_environment(folder: Path) -> Path:
    """Make an environment with pip alone, and give its interpreter."""
    run(UV, "venv", "--quiet", "--seed", "--python", sys.executable, folder / "env", cwd=folder)
    return folder / "env" / "bin" / "python"


def locked_versions() -> str:
    """Give the pins of the lock, without their hashes."""
    lines = (ROOT / "requirements.txt").read_text("utf8").splitlines()
    return "\n".join(line.split(" \\")[0] for line in lines if "==" in line)
