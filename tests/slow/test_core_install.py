"""The core of the package, from a wheel, without PyMC, JAX and Matplotlib.

It installs alone and passes its tests.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
OF_EXTRAS = (
    "test_pymc_*.py",
    "test_report_*.py",
    "test_plots.py",
    "test_floor_plan.py",
    "test_public_names.py",
    "test_survivors.py",  # reads the sources of the repository
    "test_additions.py",
    "test_arviz.py",
    "test_parquet_files.py",  # pyarrow comes with nutpie
)
OF_BOTH = (
    "test_folds.py",
    "test_invariance.py",
    "test_wrong_arguments.py",
    "test_readme.py",
)  # of the core and of PyMC's models
HEAVY = ["pymc", "jax", "numpyro", "matplotlib"]


def _run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, (
        f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    )
    return done.stdout


def test_the_core_installs_alone_and_passes_its_tests(tmp_path):
    _run(
        UV,
        "build",
        "--quiet",
        "--wheel",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        tmp_path,
        ROOT,
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert {"lmmlib/py.typed", "lmmlib/__init__.pyi"} <= set(ZipFile(wheel).namelist())
    python = tmp_path / "env/bin/python"
    _run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "env")
    locked = tmp_path / "versions.txt"
    locked.write_text(
        "\n".join(
            line.split(" \\")[0]
            for line in (ROOT / "requirements.txt").read_text("utf8").splitlines()
            if "==" in line
        )
    )
    tools = ["pytest", "pytest-xdist", "hypothesis", "python-flint", "distributed"]
    _run(UV, "pip", "install", "--quiet", "--python", python, "--constraint", locked, wheel, *tools)
    present = _run(
        python,
        "-c",
        f"from importlib.util import find_spec; print([m for m in {HEAVY} if find_spec(m)])",
    )
    assert present.strip() == "[]"
    tests = tmp_path / "tests"
    shutil.copytree(
        ROOT / "tests",
        tests,
        ignore=shutil.ignore_patterns("__pycache__", "slow", "site", "book", *OF_EXTRAS, *OF_BOTH),
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    one_thread = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
    }  # a worker a core, as make test has them
    parallel = ("-n", "auto", "--dist", "worksteal")
    told = _run(
        python,
        "-m",
        "pytest",
        *parallel,
        "--rootdir",
        tmp_path,
        *sorted(tests.glob("test_*.py")),
        cwd=tmp_path,
        env=one_thread,
    )
    assert " passed" in told
    assert "failed" not in told
