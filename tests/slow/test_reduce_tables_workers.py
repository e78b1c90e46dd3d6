"""Many tables over a real cluster that loses a worker: every table is counted once."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from lmmlib import Params, loglik, reduce_tables

FORMULA = "y ~ x + (x | g)"
PARAMS = Params([1.0, 0.5], {"g": [[1.0, 0.2], [0.2, 0.5]]}, 0.9)
TABLES = 60
ROWS = 20_000


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    rng = np.random.default_rng(15)
    paths = []
    for number in range(TABLES):
        table = pd.DataFrame(
            {
                "y": rng.normal(size=ROWS),
                "x": rng.normal(size=ROWS),
                "g": rng.integers(5_000, size=ROWS),
            }
        )
        paths.append(folder / f"part{number:02}.parquet")
        table.to_parquet(paths[-1])
    return paths


@pytest.mark.parametrize("is_in_memory", [False, True])
def test_a_cluster_that_loses_a_worker_counts_every_table_once(files, is_in_memory):
    import distributed

    tables = [pd.read_parquet(file) for file in files] if is_in_memory else files
    with ThreadPoolExecutor(1) as thread:
        expected = reduce_tables(FORMULA, tables, executor=thread)
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        workers = dict(client.run(os.getpid))
        doomed = next(iter(workers.values()))

        def _stopped_after(count):
            for number, table in enumerate(tables):
                if number == count:
                    os.kill(doomed, signal.SIGKILL)
                    time.sleep(0.1)
                yield table

        found = reduce_tables(
            FORMULA, _Listed(_stopped_after(30), TABLES), executor=client.get_executor()
        )
        assert doomed not in client.run(os.getpid).values()
    assert found.n == expected.n == TABLES * ROWS
    np.testing.assert_array_equal(found.rows[1], expected.rows[1])
    assert loglik.marginal(found, PARAMS) == loglik.marginal(expected, PARAMS)


class _Listed:
    """An iterator whose length is known, so that jobs are those of a list."""

    def __init__(self, tables, length):
        self.tables = tables
        self.length = length

    def __iter__(self):
        return self.tables

    def __len__(self):
        return self.length
