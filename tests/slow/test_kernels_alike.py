"""Estimates under each kernel of OpenBLAS that the processor has, number by number."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import kernels
import lmmlib as lmm

# Every documented fit that the package has numbers of, by both methods, and σ, SDs and β of each.
PROGRAM = """
import json
import numpy as np
from threadpoolctl import threadpool_info
import scipy.linalg
import lmmlib as lmm

blas = [pool for pool in threadpool_info() if pool["internal_api"] == "openblas"]
found = {"kernels": sorted({pool["architecture"] for pool in blas}), "fits": {}}
fits = lmm.load_dataset("published_fits")[["table", "formula"]].drop_duplicates()
for table, formula in fits.itertuples(index=False):
    data = lmm.from_formula(formula, lmm.load_dataset(table))
    for method in ("ml", "reml"):
        fit = lmm.estimate(data, method=method)
        params = fit.params
        sds = [np.sqrt(np.diag(cov)) for cov in params.cov.values()]
        numbers = np.concatenate([[fit.deviance, params.sigma], params.beta, *sds])
        found["fits"][f"{table}, {formula}, {method}"] = numbers.tolist()
print(json.dumps(found))
"""


def _estimates(kernel):
    environment = os.environ | {"OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    assert found["kernels"] == [kernels.KERNELS[kernel][0]]
    return found["fits"]


@pytest.mark.skipif(not kernels.runnable(), reason="the kernels are those of x86-64")
def test_estimates_are_alike():
    """To 1e-9: a Newton step that the search still takes is 1e-9 standard errors long."""
    of_kernels = [_estimates(kernel) for kernel in kernels.runnable()]
    assert len(of_kernels) > 1
    fits = lmm.load_dataset("published_fits")[["table", "formula"]].drop_duplicates()
    assert len(of_kernels[0]) == 2 * len(fits)
    for name, numbers in of_kernels[0].items():
        for others in of_kernels[1:]:
            np.testing.assert_allclose(others[name], numbers, rtol=1e-9, err_msg=name)
