"""Where replications run, and how far they are."""

import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@contextmanager
def running(executor: Executor | None) -> Iterator[Executor]:
    """The executor given, or a pool of processes for the time being."""
    if executor is not None:
        yield executor
        return
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # workers read it when they start; more threads than cores cost a factor of four
    try:
        with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
            yield pool
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def shown(jobs: Iterable, total: int) -> Iterator:
    """The jobs, with a count on a terminal."""
    for k, job in enumerate(jobs, 1):
        if sys.stderr.isatty():
            print(f"\rcalibration: {k} of {total}", end="" if k < total else "\n", file=sys.stderr, flush=True)
        yield job
