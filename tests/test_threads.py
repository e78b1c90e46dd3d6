"""BLAS in one thread inside, as it was outside, whoever leaves first; ours side by side."""

import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from threading import Barrier, get_ident

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from cases import CASES
from lmmlib import Priors, ScalePrior, estimate, linalg, loo, posterior
from lmmlib.calibration.execution import executor_or_pool
from lmmlib.estimation import derivatives
from lmmlib.importance import node_sampler
from lmmlib.linalg import block_chunks, threads


def _counts():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def _two_threads():
    with threadpool_limits(2, user_api="blas"):
        yield


def test_threads_come_back_after_errors():
    @linalg.one_thread()
    def failing():
        with linalg.one_thread():
            assert _counts() == {1}
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        failing()
    assert _counts() == {2}


def test_threads_come_back_when_all_have_left():
    """The first to enter is the first to leave."""
    meeting = Barrier(2)

    def first():
        with linalg.one_thread():
            meeting.wait()
            meeting.wait()
        meeting.wait()

    def second():
        meeting.wait()
        with linalg.one_thread():
            meeting.wait()
            meeting.wait()
            return _counts()

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(work) for work in (first, second)]
        assert done[1].result() == {1}
        done[0].result()
    assert _counts() == {2}


def test_workers_have_one_thread(monkeypatch):
    """Where the environment asks for more; make test itself asks for one."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(_counts).result() == {
            min(2, os.cpu_count())
        }  # of a worker that takes what the environment gives
    with executor_or_pool(None) as pool:
        assert pool.submit(_counts).result() == {1}
    assert _counts() == {2}


@pytest.mark.filterwarnings("ignore:Pareto k")  # of these few draws
def test_public_calls_leave_the_threads_as_they_found_them(monkeypatch):
    data, _ = CASES["balanced"]()
    priors = Priors.build(data.design, (0.0, 3.0), ScalePrior("half-normal", 1.0))
    counts_inside = {"factorise": [], "project_dense": []}  # of searches the second

    def count(name):
        function = getattr(linalg, name)

        def counting(*arguments):
            counts_inside[name].append(_counts())
            return function(*arguments)

        monkeypatch.setattr(linalg, name, counting)

    for name in counts_inside:
        count(name)
    estimate(data)
    tree = posterior(data, priors, 512, rng=np.random.default_rng(1))
    loo(tree, data)
    for counts in counts_inside.values():
        assert all(each == {1} for each in counts)
        assert len(counts) > 5
    assert _counts() == {2}


def test_ours_work_side_by_side_where_blas_is_held_to_one(monkeypatch):
    """Two items that wait for each other are done, in order; so is one that asks for more."""
    monkeypatch.setattr(threads, "_cores", lambda: 2)
    meeting = Barrier(2, timeout=60)

    def meet(number):
        meeting.wait()
        return number, linalg.side_by_side(abs, [-1, -2])

    with linalg.one_thread():
        assert linalg.side_by_side(meet, range(4)) == [(number, [1, 2]) for number in range(4)]


def test_one_after_the_other_where_blas_has_threads():
    assert set(linalg.side_by_side(lambda _: get_ident(), range(4))) == {get_ident()}


def test_an_error_of_one_item_is_raised(monkeypatch):
    monkeypatch.setattr(threads, "_cores", lambda: 2)
    with linalg.one_thread(), pytest.raises(ZeroDivisionError):
        linalg.side_by_side(lambda x: 1 / x, [1, 0, 2])


@pytest.mark.parametrize("name", ["balanced", "unbalanced slopes", "wide crossed"])
def test_threads_change_no_digit(name, monkeypatch):
    """Chunks are summed in their order, whoever was done first."""
    monkeypatch.setattr(block_chunks, "CHUNK_ENTRIES", 40)  # a few blocks
    monkeypatch.setattr(node_sampler, "CHUNK", -1)
    monkeypatch.setattr(derivatives, "MOST_DENSE_EFFECTS", 0)
    data, _ = CASES[name]()
    priors = Priors.weak(data)
    found = []
    for cores in (1, 2):
        monkeypatch.setattr(threads, "_cores", lambda cores=cores: cores)
        draws = posterior(data, priors, 512, rng=1).posterior
        found.append((estimate(data).params, draws))
    (params, draws), (again_params, again_draws) = found
    np.testing.assert_array_equal(params.beta, again_params.beta)
    for variable in draws:
        np.testing.assert_array_equal(draws[variable], again_draws[variable])
