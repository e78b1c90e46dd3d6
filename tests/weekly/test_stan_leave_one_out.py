"""What the Stan programs of the report leave out, sampled by rstan, is what the report says.

Where R with rstan and jsonlite is found. Each program is compiled and sampled: a minute or two.
"""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp

import discussion
import in_r
import lmmlib as lmm
from lmmlib.crossvalidation.smoothing import relative_efficiency

HERE = Path(__file__).parent
PROGRAMS = HERE.parents[1] / "programs"
DRAWS = 4000
SETS = 20


def _sampled(files, data, folder):
    """Arrays (chains, draws, …) of the parameters of a Stan program."""
    in_r.needs("rstan", "jsonlite")
    values = {name: np.asarray(value).tolist() for name, value in data.items()}
    (folder / "data.json").write_text(json.dumps(values))
    script = ["Rscript", str(HERE / "stan_draws.R"), folder / "data.json", folder / "draws.json"]
    subprocess.run([*script, *(PROGRAMS / file for file in files)], check=True)
    found = json.loads((folder / "draws.json").read_text())
    arrays = {
        name: np.reshape(of_one["values"], of_one["shape"], order="F")
        for name, of_one in found.items()
    }
    return {name: np.swapaxes(array, 0, 1) for name, array in arrays.items()}


def _assert_within_error(elpd, efficiency, by_library):
    """An estimate from dependent draws, and the library's from sets of as many independent ones."""
    error = np.std(by_library, ddof=1) * np.sqrt(1 / efficiency + 1 / len(by_library))
    # Conditional weights of the rats err by a nat. Rows and rats left out lie thirty nats apart.
    assert abs(elpd - np.mean(by_library)) < 5 * error < 10, (elpd, np.mean(by_library), error)


def _by_library(data, priors, **task):
    sets = (lmm.posterior(data, priors, DRAWS, rng=[1, j]) for j in range(SETS))
    return [lmm.loo(tree, data, **task).elpd for tree in sets]


@pytest.fixture(scope="module")
def thread():
    """The data of the discussion's experiment, simulated, and its priors."""
    y, X, Z = discussion.arrays()
    terms = [lmm.Term.dense(name, Z[:, [k]]) for k, name in enumerate(discussion.EFFECTS)]
    data = lmm.Data(y, lmm.Design(X, terms))
    return data, lmm.Priors.build(data.design, (0, 10), lmm.ScalePrior("half-normal", 1.0))


@pytest.mark.filterwarnings("ignore:Pareto k")
@pytest.mark.parametrize("model", ["A", "C", "C_slip"])
def test_leave_one_out_of_the_discussion_is_one_number(model, thread, tmp_path):
    """That of A by its conditional density, that of C with u integrated out.

    Where every scale is taken for a variance, the priors are others: the same model of PyMC has
    them too.
    """
    data, priors = thread
    y, X, Z = discussion.arrays()
    passed = {"n": 100, "p": 4, "q": 5, "X": X, "Z": Z, "y": y}
    found = _sampled([f"discussion_{model}.stan"], passed, tmp_path)
    scales = (found["tau"], found["sigma"])
    sd, sigma = map(np.sqrt, scales) if model == "C_slip" else scales
    draws = lmm.draws.as_draws(data=data, sd=sd, sigma=sigma, beta=found["beta"], u=found.get("u"))
    route = "conditional" if model == "A" else "leverage"
    by_library = _by_library(data, priors, route=route)
    elpd = lmm.loo(draws, data, route=route).elpd
    if model == "C_slip":
        slip = lmm.sample(lmm.report.variance_form_model(data, priors), random_seed=1)
        by_library += lmm.loo(slip, data).elpd - np.mean(by_library)
    _assert_within_error(elpd, relative_efficiency(draws), by_library)


@pytest.fixture(scope="module")
def rats():
    """Growth of thirty rats, each with a line of its own, rows of a rat together."""
    table = lmm.load_dataset("rats").sort_values(["rat", "day"], ignore_index=True)
    data = lmm.from_formula("weight ~ age + (age | rat)", table.assign(age=table.day - 22))
    return data, lmm.Priors.weak(data)


TASKS = {
    "conditional": {"route": "conditional"},
    "integrated": {"route": "leverage"},
    "group": {"leave": "rat"},
}


def _log_densities(kind, draws, data):
    """(draws, rows or rats) by the library, of what the block of this kind calls log_lik."""
    theta = lmm.draws.theta(draws, data.design)
    if kind == "conditional":
        return lmm.loglik.conditional_in_draws(data, theta, lmm.draws.flat(draws, "u"))
    if kind == "integrated":
        log_p = np.empty((DRAWS, data.design.n))
        for rows, block in lmm.held_out.rows_in_draws(data, theta):
            log_p[:, rows] = block
        return log_p
    sets = np.arange(data.design.n).reshape(30, 5)
    return np.stack([lmm.held_out.set_in_draws(data, theta, rows) for rows in sets], axis=1)


@pytest.mark.filterwarnings("ignore:Pareto k")
@pytest.mark.parametrize(
    ("model", "kind"),
    [
        *(("conditional", kind) for kind in TASKS),
        ("marginal", "integrated"),
        ("marginal", "group"),
    ],
)
def test_a_block_of_log_lik_leaves_out_what_it_says(model, kind, rats, tmp_path):
    data, priors = rats
    assert priors.beta_transform is None
    X = data.design.X
    first = np.arange(1, 150, 5)
    passed = {"n": 150, "p": 2, "q": 2, "J": 30, "y": data.y, "X": X, "Z": X}
    passed |= {"first": first, "last": first + 4}
    passed |= {"beta_mean": priors.beta_mean, "beta_sd": priors.beta_sd}
    passed |= {"tau_scale": [prior.scale for prior in priors.sd.values()]}
    passed |= {"sigma_scale": priors.sigma.scale}
    found = _sampled([f"{model}_model.stan", f"log_lik_{kind}.stan"], passed, tmp_path)

    # The same densities at the same draws.
    effects = None
    if "u" in found:
        effects = np.swapaxes(found["u"], 2, 3).reshape(*found["sigma"].shape, -1)
    draws = lmm.draws.as_draws(
        data=data,
        sd=found["tau"],
        sigma=found["sigma"],
        beta=found["beta"],
        cor=found["L"][..., 1, :1],
        u=effects,
    )
    log_lik = found["log_lik"].reshape(DRAWS, -1)
    expected = _log_densities(kind, draws, data)
    np.testing.assert_allclose(log_lik, expected, rtol=1e-8, atol=1e-8)

    # And, by independent draws of the library, the same elpd.
    weights, _ = lmm.crossvalidation.smoothed_weights(log_lik, relative_efficiency(draws))
    elpd = logsumexp(weights + log_lik, axis=0).sum()
    by_library = _by_library(data, priors, **TASKS[kind])
    _assert_within_error(elpd, relative_efficiency(draws), by_library)


# What the page says to load, at the Stan and in the place of Boost that are found.
OF_THIS_RSTAN = """
source("{here}/../stan_program.R")
stan <- function(model_code, data) rstan::sampling(stan_program(model_code), data, refresh = 0)
source("marginal_model.R")
found <- loo(fit)
cat("\\nelpd", found$estimates["elpd_loo", "Estimate"], loo::mcse_loo(found))
"""


@pytest.mark.filterwarnings("ignore:Pareto k")
def test_the_call_of_the_marginal_model_finds_the_elpd_of_the_library(rats, tmp_path):
    in_r.needs("rstan")
    for file in ("marginal_model.stan", "log_lik_integrated.stan", "marginal_model.R"):
        shutil.copy(PROGRAMS / file, tmp_path)
    lmm.load_dataset("rats").to_csv(tmp_path / "rats.csv", index=False)
    script = OF_THIS_RSTAN.format(here=HERE)
    run = subprocess.run(
        ["Rscript", "-e", script], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    elpd, error = map(float, run.stdout.rpartition("elpd")[2].split())

    data, _ = rats
    beta = {"Intercept": (data.y.mean(), 300.0), "age": (0.0, 10.0)}
    scales = {"rat: Intercept": 60.0, "rat: age": 3.0}
    sd = {name: lmm.ScalePrior("half-normal", scale) for name, scale in scales.items()}
    priors = lmm.Priors.build(data.design, beta, sd, lmm.ScalePrior("half-normal", 60.0))
    by_library = _by_library(data, priors)
    assert abs(elpd - np.mean(by_library)) < 5 * np.hypot(error, np.std(by_library, ddof=1))
