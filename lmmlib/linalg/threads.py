"""Threads: BLAS's own where matrices are wide, ours side by side where BLAS is held to one.

Threads of BLAS wait for one another by spinning. A call that factors a small matrix gains nothing
from them on a free machine, and waits for a turn of the scheduler wherever another process holds a
core: ML of three crossed factors took 2.3 s instead of 0.8 s beside one busy process on two cores.
Threads of ours work on one item each and meet when all are done.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from threading import Lock, local

from threadpoolctl import OpenBLASController, ThreadpoolController

WIDE = 2000  # columns of a matrix, beyond which one factorisation keeps several threads busy
MOST_WORKERS = 8  # threads of ours, each with the arrays of one item

_lock = Lock()  # of the list below
_limits: list = []  # one entry a caller inside, each the limit that the first of them has set
_this_thread = local()  # knows whether it is one of ours


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS to one thread for the time being; also a decorator.

    Nothing changes on import.

    Notes
    -----
    The number of threads belongs to the process: whatever else it computes has one too while any of
    its threads is inside. The first that enters sets it, and the last that leaves puts back what
    the first found, errors or not. Entering costs ten microseconds, the first time a millisecond
    more.

    Examples
    --------
    >>> from threadpoolctl import threadpool_info
    >>> before = threadpool_info()
    >>> with one_thread():
    ...     {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    {1}
    >>> threadpool_info() == before
    True
    """
    with _lock:
        if not _limits:
            # else only the thread that set a limit last can set one
            OpenBLASController.clear_controlling_thread(force=True)
        limit = _limits[0] if _limits else _blas().limit(limits=1)
        _limits.append(limit)
    try:
        yield
    finally:
        with _lock:
            limit = _limits.pop()
            if not _limits:
                OpenBLASController.clear_controlling_thread(force=True)
                limit.restore_original_limits()


def threads_for(width: int) -> AbstractContextManager[None]:
    """The limit of :func:`one_thread`, unless matrices of that many columns are factored.

    Examples
    --------
    >>> with threads_for(3000):
    ...     pass
    """
    return nullcontext() if width > WIDE else one_thread()


def side_by_side[Item, Result](
    function: Callable[[Item], Result], items: Iterable[Item]
) -> list[Result]:
    """Results of a function for each item, in their order, by several threads where that helps.

    NumPy lets go of Python's lock while it works on an array; SciPy's wrappers of LAPACK do not.
    One after the other where BLAS has threads of its own, in a thread of ours, and on one core.

    Examples
    --------
    >>> with one_thread():
    ...     side_by_side(abs, [-1, 2, -3])
    [1, 2, 3]
    """
    items = list(items)
    workers = min(len(items), _cores(), MOST_WORKERS)
    if workers < 2 or not _limits or getattr(_this_thread, "is_ours", False):
        return [function(item) for item in items]
    with ThreadPoolExecutor(workers, initializer=_mark_as_ours) as pool:
        return list(pool.map(function, items))


def _mark_as_ours() -> None:
    _this_thread.is_ours = True


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _blas() -> ThreadpoolController:
    """The libraries that are loaded at first use: NumPy's and SciPy's."""
    import scipy.linalg  # noqa: F401  its BLAS is not NumPy's, and would be missed if it came later

    return ThreadpoolController().select(user_api="blas")
