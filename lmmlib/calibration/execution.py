"""Where replications run, and how far they are."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context

from tqdm import tqdm

from lmmlib import linalg

_held_until_exit = ExitStack()  # what a worker holds until it ends


@contextmanager
def executor_or_pool(executor: Executor | None) -> Iterator[Executor]:
    """The executor given, or a pool of processes for the time being.

    A process a core, with one thread of BLAS each: more threads than cores cost a factor of four.

    Raises
    ------
    TypeError
        If there is something else than an executor.
    """
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


def with_progress[Result](
    jobs: Iterable[Future[Result]], total: int, description: str
) -> Iterator[Future[Result]]:
    """The jobs, counted by a progress bar on a terminal and nowhere else."""
    yield from tqdm(jobs, total=total, desc=description, unit="fit", disable=None)


def _take_one_thread() -> None:
    _held_until_exit.enter_context(linalg.one_thread())
