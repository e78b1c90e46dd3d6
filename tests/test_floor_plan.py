"""The floors of the package.

A module imports only from below, and importing the package stays light.
"""

import ast
import subprocess
import sys
from pathlib import Path

import lmmlib

ROOT = Path(lmmlib.__file__).parent
FLOORS = [
    ["datasets"],
    ["linalg"],
    ["model"],
    ["formula", "moments", "simulation", "loglik"],
    ["held_out", "random_effects", "draws"],
    ["converters", "prior_predictive", "estimation"],
    ["importance", "pymc_models", "multivariate"],
    ["crossvalidation", "prediction"],
    ["calibration"],
    ["plots"],
    ["report"],
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
LIBRARIES_OF_ROOMS = {
    "pymc": {"pymc_models", "report"},
    "pytensor": {"pymc_models", "report"},
    "numpyro": {"pymc_models"},
    "nutpie": {"pymc_models"},
    "matplotlib": {"plots", "report"},
}
LONGEST_FILE = 300


def _files():
    """Every file of the package but its own ``__init__.py``, with its room."""
    for file in sorted(ROOT.rglob("*.py")):
        if file != ROOT / "__init__.py":
            yield file, file.relative_to(ROOT).parts[0].removesuffix(".py")


def _imported_modules(file):
    """Dotted names of what a file imports anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text("utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "lmmlib":
            yield from (f"lmmlib.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def _offences(file, room):
    """What a file imports that its floor does not allow, as sentences."""
    for name in _imported_modules(file):
        package, *inside = name.split(".")
        where = file.relative_to(ROOT)
        if package == "lmmlib" and inside and inside[0] != room:
            if FLOOR_OF[inside[0]] >= FLOOR_OF[room]:
                yield f"{where} imports {name}, which is not below it"
        elif room not in LIBRARIES_OF_ROOMS.get(package, {room}):
            yield f"{where} imports {name}, which is for other rooms"


def test_the_floor_plan():
    files = list(_files())
    assert {room for _, room in files} == set(FLOOR_OF)
    offences = [sentence for file, room in files for sentence in _offences(file, room)]
    assert offences == []


def test_files_are_short():
    files = list(_files())
    lengths = {str(f.relative_to(ROOT)): len(f.read_text("utf8").splitlines()) for f, _ in files}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_the_package_imports_lightly():
    heavy = [
        "pymc",
        "pytensor",
        "jax",
        "jaxlib",
        "numpyro",
        "matplotlib",
        "arviz",
        "arviz_plots",
        "arviz_stats",
        "formulaic",
    ]
    code = (
        "import sys, lmmlib; lmmlib.Design, lmmlib.from_formula, lmmlib.simulate;"
        f" print([m for m in {heavy} if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_posterior_and_its_leave_one_out_load_no_jax():
    """ArviZ lists JAX in ``sys.modules``, to be loaded when anything of it is asked for."""
    code = (
        "import sys, lmmlib as lmm;"
        ' data = lmm.from_formula("Yield ~ 1 + (1 | Batch)", lmm.load_dataset("Dyestuff"));'
        " lmm.loo(lmm.posterior(data, lmm.Priors.weak(data), 256, rng=1), data);"
        ' print([m for m in ("jax._src", "jaxlib", "pymc") if m in sys.modules])'
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
