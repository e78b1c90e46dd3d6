"""Every notebook that the site offers runs in a clean folder and a clean environment.

There are the packages that its first cell says to install, with the wheel of this version: nothing
else of the repository but what its first cell names.
"""

import re
import shlex
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

from environments import ROOT, UV, locked_versions, new_environment, run

SOURCES = ROOT / "_build" / "html" / "_sources"
OFFERED = sorted(SOURCES.rglob("*.ipynb"))
INSTALL = re.compile(r"^pip install (.+)$", re.MULTILINE)


def what_to_install(notebook: Path) -> str:
    """Give the arguments of the command in the first cell."""
    return INSTALL.search(nbformat.read(notebook, as_version=4).cells[0].source)[1]


@pytest.fixture(scope="session")
def python(tmp_path_factory) -> Path:
    """Install what the notebooks ask for, beside the wheel, into a new environment."""
    folder = tmp_path_factory.mktemp("reader")
    build = ("--quiet", "--wheel", "--no-build-isolation", "--out-dir", folder)
    run(UV, "build", *build, "--python", sys.executable, ROOT, cwd=folder)
    (folder / "versions.txt").write_text(locked_versions())
    python = new_environment(folder)
    (arguments,) = {what_to_install(notebook) for notebook in OFFERED}
    install = ("pip", "install", "--quiet", "--constraint", "versions.txt", "--python", python)
    run(UV, *install, *shlex.split(arguments), cwd=folder)
    return python


def test_there_are_notebooks():
    assert len(OFFERED) > 10, "run make book first"


@pytest.mark.parametrize("notebook", OFFERED, ids=lambda file: file.stem)
def test_notebook_runs(notebook, clean, python):
    copy = clean / notebook.relative_to(SOURCES)
    copy.parent.mkdir(exist_ok=True)
    shutil.copyfile(notebook, copy)
    assert nbformat.read(copy, as_version=4).metadata.kernelspec.name == "python3"
    execute = (python.with_name("jupyter-execute"), "--timeout=1200", copy.name)
    run(*execute, cwd=copy.parent, python=python)
