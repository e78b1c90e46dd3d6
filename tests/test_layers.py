"""The floors of the package: a module imports only from below, and importing the package stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lmmlib

ROOT = Path(lmmlib.__file__).parent
FLOORS = {
    "linalg": 0,
    "datasets": 0,
    "design": 1,
    "data": 2,
    "simulation": 2,
    "formula": 3,
    "moments": 3,
    "loglik": 3,
    "effects": 3,
    "estimation": 4,
    "multivariate": 4,
    "draws": 4,
    "direct": 5,
    "foreign": 5,
    "prior": 5,
    "pymc_models": 5,
    "crossvalidation": 6,
    "replication": 6,
    "calibration": 7,
    "plots": 8,
}
ONLY_IN = {"pymc": "pymc_models", "pytensor": "pymc_models", "numpyro": "pymc_models", "nutpie": "pymc_models", "matplotlib": "plots"}


def _imports(file):
    """(module, inside) for every import of a file; ``inside`` is False at the top of the file."""
    for node in ast.walk(ast.parse(file.read_text("utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" if node.module == "lmmlib" else node.module for alias in node.names)


def _modules():
    return [(f, f.relative_to(ROOT).parts[0].removesuffix(".py")) for f in sorted(ROOT.rglob("*.py")) if f != ROOT / "__init__.py"]


def test_every_module_has_a_floor():
    assert {module for _, module in _modules()} == set(FLOORS)


@pytest.mark.parametrize(("file", "module"), _modules(), ids=lambda v: str(v.relative_to(ROOT)) if isinstance(v, Path) else "")
def test_imports_go_down(file, module):
    for name in _imports(file):
        parts = name.split(".")
        if parts[0] == "lmmlib" and parts[1] != module:
            assert FLOORS[parts[1]] < FLOORS[module], f"{file.name} on floor {FLOORS[module]} imports {name}"
        assert ONLY_IN.get(parts[0], module) == module, f"{file.name} imports {name}"


@pytest.mark.parametrize("file", [f for f, _ in _modules()], ids=lambda f: str(f.relative_to(ROOT)))
def test_files_stay_short(file):
    assert len(file.read_text("utf8").splitlines()) <= 300


def test_the_package_imports_lightly():
    heavy = ["pymc", "pytensor", "jax", "jaxlib", "numpyro", "matplotlib", "arviz", "arviz_plots", "arviz_stats", "formulaic"]
    code = f"import sys, lmmlib; lmmlib.Design, lmmlib.from_formula, lmmlib.simulate; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_every_public_name_is_found():
    for name in lmmlib.__all__:
        assert getattr(lmmlib, name) is not None
    with pytest.raises(AttributeError, match="lmer"):
        lmmlib.lmer  # noqa: B018
    functions = {name for name in lmmlib.__all__ if callable(getattr(lmmlib, name))}
    assert not functions & set(FLOORS)  # a function named like a module breaks at the second call
