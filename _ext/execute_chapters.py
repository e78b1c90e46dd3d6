"""Run the chapters whose outputs are not stored yet, two at a time, into the cache from which the book is built.

MyST-NB would run them one after another. The build that follows finds every output here and runs nothing.
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


def chapters(cache: JupyterCacheAbstract) -> Iterator[ProjectNb]:
    """Read the pages of the table of contents that hold code."""
    for name in parse_toc_yaml(ROOT / "_toc.yml"):
        page = ROOT / f"{name}.md"
        if page.exists() and is_myst_markdown_notebook(page.read_text("utf-8")):
            record = cache.add_nb_to_project(
                str(page), read_data={"name": "myst_nb_md", "type": "plugin"}
            )
            yield cache.get_project_notebook(record.pk)


def is_stored(cache: JupyterCacheAbstract, chapter: ProjectNb) -> bool:
    """Try what the build will do: an entry that a kill left without its notebook, or with half of it, is none."""
    try:
        cache.merge_match_into_notebook(chapter.nb)
    except (KeyError, NotJSONError):
        return False
    return True


def execute(chapter: ProjectNb, timeout: int) -> tuple[ProjectNb, float, str]:
    """Run a chapter in its own folder, which fills in its outputs; return it with the seconds and its error, if any."""
    start = perf_counter()
    try:
        error = single_nb_execution(
            chapter.nb, cwd=str(Path(chapter.uri).parent), timeout=timeout, allow_errors=False
        ).err
    except DeadKernelError as dead:
        error = f"{dead}: out of memory, or stopped from outside"
    return chapter, perf_counter() - start, str(error or "")


def main() -> int:
    """Execute what is not stored; a failing chapter does not stop the others, but fails the whole."""
    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # end at once; the kernels end with the process that started them
    start = perf_counter()
    cache = get_cache(str(cache_path(ROOT)))
    timeout = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["execute"]["timeout"]
    found = list(chapters(cache))
    due = [chapter for chapter in found if not is_stored(cache, chapter)]
    failed = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        for run in as_completed([pool.submit(execute, chapter, timeout) for chapter in due]):
            chapter, seconds, error = run.result()
            name = Path(chapter.uri).relative_to(ROOT)
            if error:
                failed += 1
                print(f"{error}\n{name}: failed after {seconds:.1f} s", file=sys.stderr, flush=True)
            else:
                cache.cache_notebook_bundle(
                    CacheBundleIn(chapter.nb, chapter.uri, data={"execution_seconds": seconds}),
                    overwrite=True,
                )
                print(f"{name}: executed in {seconds:.1f} s", flush=True)
    total, stored = perf_counter() - start, len(found) - len(due)
    print(
        f"chapters: {len(due) - failed} executed, {stored} stored before, {failed} failed, in {total:.1f} s"
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
