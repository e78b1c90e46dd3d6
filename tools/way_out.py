"""Render the pages without Jupyter Book 1.x, and list what differs from the site.

Jupyter Book 1.x holds Sphinx at 7.4.7. Its command ``config sphinx`` writes the ``conf.py`` that
other versions of Sphinx read, so that ``_config.yml`` and ``_toc.yml`` stay. The packages of
``way_out.txt``, as new as there are, render the outputs that ``make book`` has stored. Everything
stands in ``_build/way-out``: the site, ``warnings.txt`` and ``differences.txt``.
"""

import re
import shutil
import subprocess
import sys
from collections import Counter
from itertools import zip_longest
from pathlib import Path

import yaml
from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "_build" / "way-out"
SOURCE = WORK / "source"
OUTPUT = WORK / "html"
TOOLS = Path(sys.executable).parent
JUPYTER_BOOK = "'jupyter_book', "  # its own extension, which needs its own Sphinx
WARNING = re.compile(r"WARNING: .*?(?:\[([\w.-]+)\])?$", re.MULTILINE)
# One Sphinx sets a displayed formula off by blanks, another does not.
DISPLAYED = re.compile(r"(\\\[|\\\]|\\(?:begin|end)\{split\})")
CONTEXT = 8  # words that show where two pages part


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command; give what it prints on its error stream."""
    return subprocess.run(command, cwd=cwd, check=True, text=True, stderr=subprocess.PIPE).stderr


def copy_sources() -> None:
    """Copy what git tracks, and lead to the stored outputs: their key is made of the same files."""
    shutil.rmtree(WORK, ignore_errors=True)
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (SOURCE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, SOURCE / name)
    (SOURCE / "_build").mkdir()
    for cache in (ROOT / "_build").glob(".jupyter_cache-*"):
        (SOURCE / "_build" / cache.name).symlink_to(cache)


def write_configuration() -> None:
    """Write ``conf.py``, without Jupyter Book's own extension and with the folders of ours."""
    run(TOOLS / "jupyter-book", "config", "sphinx", ".", cwd=SOURCE)
    settings = yaml.safe_load((SOURCE / "_config.yml").read_text("utf-8"))["sphinx"]
    folders = [str(SOURCE / name) for name in settings["local_extensions"].values()]
    conf = SOURCE / "conf.py"
    text = conf.read_text("utf-8").replace(JUPYTER_BOOK, "")
    conf.write_text(f"import sys\nsys.path[:0] = {folders}\n{text}", "utf-8")


def render() -> str:
    """Render the pages in an environment of the newest packages; give the warnings."""
    requirements = ROOT / "tools" / "way_out.txt"
    packages = ["--with-requirements", requirements, "--with", f"{ROOT}[pymc,plots]"]
    environment = [TOOLS / "uv", "run", "--quiet", "--no-project", "--python", sys.executable]
    sphinx = ["python", "-m", "sphinx", "-b", "html", "-n", "-q", "--no-color", "--keep-going"]
    return run(*environment, *packages, *sphinx, ".", OUTPUT, cwd=SOURCE)


def kinds_of_warnings(messages: str) -> list[str]:
    """Count warnings by their kind, the most frequent first."""
    counts = Counter(kind or "of no kind" for kind in WARNING.findall(messages))
    return [f"{number} warnings [{kind}]" for kind, number in counts.most_common()]


def article(page: Path) -> Tag:
    """Read the part of a page that is its own."""
    return BeautifulSoup(page.read_text("utf-8"), "html.parser").find("article")


def first_difference(before: list[str], after: list[str]) -> str:
    """Show where two texts part first."""
    pairs = enumerate(zip_longest(before, after))
    start = next(place for place, (old, new) in pairs if old != new)
    old, new = (" ".join(words[start : start + CONTEXT]) for words in (before, after))
    return f"{old!r} is {new!r}"


def differences(before: Path, after: Path) -> list[str]:
    """List what a reader of one page would notice on the other: words and anchors."""
    if not after.is_file():
        return ["is missing"]
    old, new = article(before), article(after)
    found = []
    lost = {tag["id"] for tag in old.select("[id]")} - {tag["id"] for tag in new.select("[id]")}
    if lost:
        found.append(f"{len(lost)} anchors are lost, such as {min(lost)}")
    texts = [DISPLAYED.sub(r" \1 ", part.get_text(" ")) for part in (old, new)]
    words = [text.split() for text in texts]
    if words[0] != words[1]:
        counts = [Counter(text) for text in words]
        lacking, added = (counts[0] - counts[1]).total(), (counts[1] - counts[0]).total()
        found.append(f"{lacking} words less, {added} more; first {first_difference(*words)}")
    return found


def main() -> None:
    """Render, compare, and write the list."""
    site = ROOT / "_build" / "html"
    if not site.is_dir():
        sys.exit(f"way-out: there is no site in {site.relative_to(ROOT)}: make book first")
    copy_sources()
    write_configuration()
    messages = render()
    (WORK / "warnings.txt").write_text(messages, "utf-8")
    lines = kinds_of_warnings(messages)
    for page in sorted([site / "intro.html", *(site / "chapters").rglob("*.html")]):
        name = page.relative_to(site)
        lines += [f"{name}: {line}" for line in differences(page, OUTPUT / name)]
    (WORK / "differences.txt").write_text("\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
