"""Jobs over an executor: few at a time, in order, and each again where it failed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from lmmlib.model.descriptions import counted

# Errors of what was given: they come again however often it is tried.
FINAL = (TypeError, ValueError, ImportError)


class InThisProcess(Executor):
    """An executor that runs a job at once, where it is submitted.

    Examples
    --------
    >>> InThisProcess().submit(sum, [1, 2]).result()
    3
    """

    def submit[**P, Result](
        self, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[Result]:
        """Run a job, and give its future, which is done; an interrupt is not the job's error."""
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass(frozen=True, eq=False)
class _Submitted[Job, Result]:
    """A job and its future, or what refused to take it."""

    job: Job
    future: Future[Result]


def results_in_order[Job, Result](
    run: Callable[[Job], Result],
    jobs: Iterable[Job],
    executor: Executor,
    in_flight: int,
    retries: int,
) -> Generator[Result, None, None]:
    """The result of each job, in the order of the jobs, whichever is done first.

    Parameters
    ----------
    run : callable
        Function of a job; both can be pickled where the executor asks for it.
    jobs : iterable
        Jobs, each with a text; one is taken whenever another can be submitted.
    executor : concurrent.futures.Executor
        Where they run.
    in_flight : int
        Jobs that are submitted, and whose result was not taken yet, at most.
    retries : int
        How often a job is tried again.

    Yields
    ------
    object
        Result of a job, once each.

    Raises
    ------
    TypeError, ValueError, ImportError
        Of a job that found something wrong with what it was given, at once.
    RuntimeError
        If a job has failed otherwise more than ``retries`` times. Whatever ends the iteration, an
        interrupt too, cancels what waits to be run.

    Examples
    --------
    >>> list(results_in_order(abs, [-1, -2, 3], InThisProcess(), 1, 0))
    [1, 2, 3]
    """
    submitted: deque[_Submitted[Job, Result]] = deque()
    try:
        for job in jobs:
            submitted.append(_Submitted(job, _submit(run, job, executor)))
            if len(submitted) >= in_flight:
                yield _result(run, submitted.popleft(), executor, retries)
        while submitted:
            yield _result(run, submitted.popleft(), executor, retries)
    finally:
        for waiting in submitted:
            waiting.future.cancel()


def _submit[Job, Result](
    run: Callable[[Job], Result], job: Job, executor: Executor
) -> Future[Result]:
    """The future of a job; of one that the executor would not take, with that as its error."""
    try:
        return executor.submit(run, job)
    except Exception as error:  # a pool that has lost its workers refuses by itself
        refused: Future[Result] = Future()
        refused.set_exception(error)
        return refused


def _result[Job, Result](
    run: Callable[[Job], Result],
    submitted: _Submitted[Job, Result],
    executor: Executor,
    retries: int,
) -> Result:
    """The result of a job, which is submitted again if it fails."""
    future = submitted.future
    attempts = 1
    while True:
        try:
            return future.result()
        except FINAL:
            raise
        except Exception as error:
            if attempts > retries:
                raise RuntimeError(
                    f"{submitted.job} failed {counted(attempts, 'time')}, at last with "
                    f"{type(error).__name__}: {error}; nothing is left half-made: mend what this "
                    "names, or give another executor, and start again"
                ) from error
        except BaseException:  # an interrupt: this job is no longer among those that wait
            future.cancel()
            raise
        future = _submit(run, submitted.job, executor)
        attempts += 1
