"""What goes to the Python registry: the page that it shows, and the wheel in clean environments.

``make wheel`` has built both files into ``_build/wheel``, the wheel from the source archive.
``WHEEL_VERSIONS`` chooses the versions of what the wheel needs: ``locked``, or what a stranger gets
today (``highest``), or the oldest that pyproject.toml admits (``lowest-direct``).
"""

import os
import re
import tarfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import lmmlib
from environments import ROOT, UV, locked_versions, new_environment, run

BUILT = ROOT / "_build" / "wheel"
WHEEL = BUILT / f"lmmlib-{lmmlib.__version__}-py3-none-any.whl"
SOURCES = BUILT / f"lmmlib-{lmmlib.__version__}.tar.gz"
VERSIONS = os.environ.get("WHEEL_VERSIONS", "locked")
HEAVY = ["pymc", "jax", "numpyro", "matplotlib"]
# Built, not sampled: compiling them takes as long as all other tests here.
BUILD_MODELS = """
import lmmlib as lmm
import matplotlib.pyplot
data = lmm.from_formula("Yield ~ 1 + (1 | Batch)", lmm.load_dataset("Dyestuff"))
priors = lmm.Priors.weak(data)
for model in (lmm.conditional_model(data, priors), lmm.marginal_model(data, priors)):
    print([variable.name for variable in model.free_RVs])
"""


def install(folder: Path, extras: tuple[str, ...] = ()) -> Path:
    """Install the wheel into a new environment and give its interpreter."""
    python = new_environment(folder)
    pins = folder / "pins.txt"
    pins.write_text(locked_versions() if VERSIONS == "locked" else "")
    resolution = "highest" if VERSIONS == "locked" else VERSIONS
    choice = ("--constraint", pins, "--resolution", resolution, "--only-binary", ":all:")
    # uv takes the bounds of pyproject.toml for direct ones, those of a wheel's metadata not.
    bounds = ("-r", ROOT / "pyproject.toml", *(f"--extra={extra}" for extra in extras))
    into = (UV, "pip", "install", "--quiet", "--python", python)
    run(*into, *choice, *bounds, cwd=folder)
    run(*into, "--no-deps", WHEEL, cwd=folder)
    return python


def metadata() -> Message:
    """Read the metadata of the wheel."""
    with ZipFile(WHEEL) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        return message_from_bytes(archive.read(name))


def readme_programs() -> list[str]:
    """Give the Python programs of the README."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf8"), re.DOTALL)


def test_the_registry_shows_nothing_that_breaks_there():
    page = metadata().get_payload(decode=True).decode()
    assert page.startswith("# lmmlib\n")
    assert 'pip install "lmmlib[pymc,plots]"' in page
    links = re.findall(r"\]\(([^)]*)\)", page)
    assert links
    assert [link for link in links if not link.startswith("https://")] == []
    assert re.search(r"\$|<img|make ", page) is None
    assert all(program in page for program in readme_programs())


def test_licences_types_and_tables_are_in_both_files():
    with tarfile.open(SOURCES) as archive:
        sources = {name.partition("/")[2] for name in archive.getnames()}
    wheel = set(ZipFile(WHEEL).namelist())
    package = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "lmmlib").rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert package <= sources
    assert package == {name for name in wheel if name.startswith("lmmlib/")}
    for licence in ("LICENSE", "LICENSE-TEXT"):
        assert licence in sources
        assert f"lmmlib-{lmmlib.__version__}.dist-info/licenses/{licence}" in wheel


def test_the_supported_versions_are_those_of_the_readme():
    readme = (ROOT / "README.md").read_text("utf8")
    section = readme.partition("## Supported versions")[2].partition("\n## ")[0]
    classifiers = "\n".join(metadata().get_all("Classifier"))
    pythons = re.findall(r":: Python :: (3\.\d+)", classifiers)
    assert f"| Python | {', '.join(pythons)} |" in section
    needs = "\n".join(metadata().get_all("Requires-Dist"))
    for name in ("numpy", "scipy", "pandas", "xarray", "arviz-base", "pymc", "matplotlib"):
        oldest = re.search(rf"^{name}\b.*>=([\d.]+)", needs, re.MULTILINE)[1]
        assert oldest in section, name


def test_the_core_fits_alone(tmp_path):
    python = install(tmp_path)
    present = f"from importlib.util import find_spec; print([m for m in {HEAVY} if find_spec(m)])"
    assert run(python, "-c", present, cwd=tmp_path).strip() == "[]"
    script = tmp_path / "readme.py"
    script.write_text("\n".join(readme_programs()[:2]))
    printed = run(python, script, cwd=tmp_path)
    assert "REML deviance 1743.63" in printed
    assert re.search(r"row i from all other rows: elpd -86\d", printed)


def test_the_models_of_pymc_come_with_the_extras(tmp_path):
    python = install(tmp_path, ("pymc", "plots"))
    script = tmp_path / "models.py"
    script.write_text(BUILD_MODELS)
    assert "sigma" in run(python, script, cwd=tmp_path)
