"""The Stan programs that the chapter on the fits shows have the densities that it says.

Where R with rstan is found; three programs are compiled.
"""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from lmmlib import Data, Design, Params, Term, load_dataset, loglik

HERE = Path(__file__).parent
PROGRAMS = HERE.parents[1] / "stan"
NAMES = ["discussion_A", "discussion_C", "discussion_C_slip"]
TERMS = ["z1", "z2", "z3", "z4", "z5"]


def _has_rstan():
    if shutil.which("Rscript") is None:
        return False
    asked = subprocess.run(
        ["Rscript", "-e", "stopifnot(requireNamespace('rstan'), requireNamespace('jsonlite'))"],
        capture_output=True,
        check=False,
    )
    return asked.returncode == 0


@pytest.fixture(scope="module")
def data():
    table = load_dataset("thread_like")
    terms = [Term.dense(name, table[[name]].to_numpy()) for name in TERMS]
    return Data(table.y, Design(table[["x1", "x2", "x3", "x4"]].to_numpy(), terms))


@pytest.fixture(scope="module")
def points():
    """Four of (β, u, τ, σ), scales of the order of one."""
    rng = np.random.default_rng(5)
    return [
        (rng.normal(5, 1, 4), rng.normal(size=5), rng.lognormal(size=5), rng.lognormal())
        for _ in range(4)
    ]


@pytest.fixture(scope="module")
def by_stan(data, points, tmp_path_factory):
    """Stan's log densities, whose parameters are the logarithms of all scales."""
    if not _has_rstan():
        pytest.skip("R with rstan and jsonlite is not there")
    folder = tmp_path_factory.mktemp("stan")
    arrays = {"X": data.design.X, "Z": data.design.Z.toarray(), "y": data.y}
    values = {name: array.tolist() for name, array in arrays.items()}
    scales = [np.log([*tau, sigma]) for _, _, tau, sigma in points]
    conditional = [[*beta, *u, *s] for (beta, u, _, _), s in zip(points, scales, strict=True)]
    marginal = [[*beta, *s] for (beta, _, _, _), s in zip(points, scales, strict=True)]
    asked = {
        "data": {"n": 100, "p": 4, "q": 5, **values},
        "points": dict(zip(NAMES, (conditional, marginal, marginal), strict=True)),
    }
    (folder / "asked.json").write_text(json.dumps(asked))
    script = ["Rscript", str(HERE / "stan_discussion.R"), str(PROGRAMS)]
    subprocess.run([*script, str(folder / "asked.json"), str(folder / "found.json")], check=True)
    return json.loads((folder / "found.json").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_a_program_has_its_density(name, data, points, by_stan):
    """Log likelihood, log prior and log Jacobian, up to one constant."""
    expected = []
    for beta, u, tau, sigma in points:
        is_slip = name == "discussion_C_slip"
        variances = tau if is_slip else tau**2
        residual_sd = np.sqrt(sigma) if is_slip else sigma
        params = Params(beta, dict(zip(TERMS, variances, strict=True)), residual_sd)
        scales = np.append(tau, sigma)
        prior = norm.logpdf(beta, 0, 10).sum() + norm.logpdf(scales).sum() + np.log(scales).sum()
        if name == "discussion_A":
            given_u = loglik.conditional(data, params, u) + norm.logpdf(u, 0, tau).sum()
            expected.append(prior + given_u)
        else:
            expected.append(prior + loglik.marginal(data, params))
    gaps = np.array(by_stan[name]) - expected
    np.testing.assert_allclose(gaps, gaps.mean(), rtol=0, atol=1e-9 * np.abs(expected).max())
