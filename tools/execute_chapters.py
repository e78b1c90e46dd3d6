"""Run the chapters whose outputs are not stored yet, into the cache from which the book is built.

MyST-NB would run them one after another; the executors of jupyter-cache run one per core, take an
entry that a kill has cut short for a stored one, and name no cell in the line that names a chapter.
The build that follows finds every output here and runs nothing.
"""

import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from time import perf_counter

import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract, ProjectNb
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import is_myst_markdown_notebook
from nbclient.exceptions import DeadKernelError
from nbformat.reader import NotJSONError
from sphinx_external_toc.parsing import parse_toc_yaml

from execution_cache import cache_path

ROOT = Path(__file__).resolve().parents[1]
WORKERS = 2  # not one per core: a chapter that fits a model has four chains of its own
READER = {"name": "myst_nb_md", "type": "plugin"}


def chapters(cache: JupyterCacheAbstract) -> Iterator[ProjectNb]:
    """Read the pages of the table of contents that hold code."""
    for name in parse_toc_yaml(ROOT / "_toc.yml"):
        page = ROOT / f"{name}.md"
        if page.exists() and is_myst_markdown_notebook(page.read_text("utf-8")):
            record = cache.add_nb_to_project(str(page), read_data=READER)
            yield cache.get_project_notebook(record.pk)


def is_stored(cache: JupyterCacheAbstract, chapter: ProjectNb) -> bool:
    """Try what the build will do: an entry that a kill left without its notebook is none."""
    try:
        cache.merge_match_into_notebook(chapter.nb)
    except (KeyError, NotJSONError):
        return False
    return True


def execute(chapter: ProjectNb, timeout: int) -> tuple[float, str]:
    """Run a chapter in its folder, which fills in its outputs; give the seconds and an error."""
    start = perf_counter()
    try:
        run = single_nb_execution(chapter.nb, str(Path(chapter.uri).parent), timeout, False)
        error = str(run.err or "")
    except DeadKernelError as dead:
        error = f"{dead}: out of memory, or stopped from outside"
    return perf_counter() - start, error


def main() -> int:
    """Execute what is not stored; a failing chapter stops at its cell, not the other chapters."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # end at once, and the kernels with this process
    start = perf_counter()
    cache = get_cache(str(cache_path(ROOT)))
    timeout = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["execute"]["timeout"]
    pages = list(chapters(cache))
    due = [chapter for chapter in pages if not is_stored(cache, chapter)]
    failed = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        runs = {pool.submit(execute, chapter, timeout): chapter for chapter in due}
        for run in as_completed(runs):
            chapter = runs[run]
            seconds, error = run.result()
            name = Path(chapter.uri).relative_to(ROOT)
            if error:
                failed += 1
                cell = sum(bool(c.get("execution_count")) for c in chapter.nb.cells)
                where = f"{name}: code cell {cell} failed after {seconds:.1f} s"
                print(f"{error}\n{where}", file=sys.stderr, flush=True)
                continue
            bundle = CacheBundleIn(chapter.nb, chapter.uri, data={"execution_seconds": seconds})
            cache.cache_notebook_bundle(bundle, overwrite=True)
            print(f"{name}: executed in {seconds:.1f} s", flush=True)
    counts = f"{len(due) - failed} executed, {len(pages) - len(due)} stored before, {failed} failed"
    print(f"chapters: {counts}, in {perf_counter() - start:.1f} s")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
