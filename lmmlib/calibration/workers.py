"""Where replications run, and how far they are."""

import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context

from lmmlib import linalg

_for_good = ExitStack()  # of a worker: what it holds until it ends


@contextmanager
def running(executor: Executor | None) -> Iterator[Executor]:
    """The executor given, or a pool of processes for the time being."""
    if executor is not None:
        if not hasattr(executor, "submit"):
            raise TypeError(
                "executor must be a concurrent.futures.Executor or None, got "
                f"{type(executor).__name__}"
            )
        yield executor
        return
    with ProcessPoolExecutor(
        os.cpu_count() or 1, mp_context=get_context("spawn"), initializer=_take_one_thread
    ) as pool:
        yield pool


def _take_one_thread() -> None:
    """More threads than cores cost a factor of four."""
    _for_good.enter_context(linalg.one_thread())


def shown(jobs: Iterable, total: int) -> Iterator:
    """The jobs, with a count on a terminal."""
    for k, job in enumerate(jobs, 1):
        if sys.stderr.isatty():
            print(
                f"\rcalibration: {k} of {total}",
                end="" if k < total else "\n",
                file=sys.stderr,
                flush=True,
            )
        yield job
