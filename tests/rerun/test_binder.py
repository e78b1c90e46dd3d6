"""What Binder does with ``.binder``: Python, packages, ``postBuild``; then a chapter runs."""

import shutil
import subprocess

from environments import ROOT, UV, new_environment, run

CHAPTER = "chapters/moments.md"  # a short one, of numbers and figures


def test_binder_takes_the_python_of_the_repository():
    taken = (ROOT / ".binder/runtime.txt").read_text("utf8").strip()
    assert taken == f"python-{(ROOT / '.python-version').read_text('utf8').strip()}"


def test_a_chapter_runs_where_binder_has_installed(tmp_path):
    repository = tmp_path / "repository"
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, repository / name)
    python = new_environment(tmp_path)
    packages = ("--require-hashes", "-r", repository / ".binder/requirements.txt")
    run(UV, "pip", "install", "--quiet", "--python", python, *packages, cwd=repository)
    run("bash", ".binder/postBuild", cwd=repository, python=python)
    notebook = ("--to", "ipynb", "--execute", "--output", tmp_path / "chapter.ipynb", CHAPTER)
    run(python, "-m", "jupytext", *notebook, cwd=repository, python=python)
