"""What lmmlib takes: ``python ours.py TASK ARGUMENT``, one task a process."""

import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import arviz_stats
import clock
import designs
import large
import numpy as np
import pandas as pd
import xarray as xr
from scipy.linalg import cholesky, solve_triangular
from scipy.stats import norm

import lmmlib as lmm

PACKAGES = ("numpy", "scipy", "lmmlib", "pymc", "numpyro", "jax", "pyarrow")


def density_rows() -> dict:
    """One marginal log density after reduction.

    A thousand rows and a million, of the same hundred groups.
    """
    works = {}
    for n in (1_000, 1_000_000):
        data, params = designs.grouped(n, 100)
        works[str(n)] = partial(lmm.loglik.marginal, data, params)
    return clock.side_by_side(works)


def density(n: str, groups: str) -> dict:
    """One log density of n rows.

    Marginal after reduction, conditional, and by the dense twin of the marginal.
    """
    data, params = designs.grouped(int(n), int(groups))
    u = np.zeros(int(groups))
    dense, dense_with_V = _dense_twin(data, params)
    np.testing.assert_allclose(dense(), lmm.loglik.marginal(data, params), rtol=1e-9)
    works = {
        "reduced": partial(lmm.loglik.marginal, data, params),
        "conditional": partial(lmm.loglik.conditional, data, params, u),
        "dense": dense,
        "dense_factor_alone": dense_with_V,
    }
    return {"n": int(n), "groups": int(groups), **clock.side_by_side(works)}


def _dense_twin(
    data: lmm.Data, params: lmm.Params
) -> tuple[Callable[[], float], Callable[[], float]]:
    """Log density log N(y; Xβ, V) as the definition reads.

    V = ZGZ' + R is formed anew, or already at hand with its Cholesky factor.
    """
    (term,) = data.design.terms
    Z = term.Z.toarray()
    y = data.y
    n = data.design.n
    G = np.kron(np.eye(len(term.levels)), params.cov[term.name])

    def covariance() -> np.ndarray:
        return Z @ G @ Z.T + params.sigma**2 * np.eye(n)

    def log_density(V: np.ndarray) -> float:
        L = cholesky(V, lower=True, check_finite=False)
        residual = y - data.design.X @ params.beta
        white = solve_triangular(L, residual, lower=True, check_finite=False)
        log_det = 2 * np.log(np.diag(L)).sum()
        return -0.5 * (n * np.log(2 * np.pi) + log_det + white @ white)

    V_at_hand = covariance()
    return lambda: log_density(covariance()), lambda: log_density(V_at_hand)


def posterior(name: str, draws: str) -> dict:
    """The posterior of everything.

    The first call in this process, and the second, each on data of its own.
    """
    seconds = []
    trees = []
    for seed in (1, 2):
        data, priors = _data_and_priors(name)
        start = time.perf_counter()
        trees.append(lmm.posterior(data, priors, int(draws), rng=np.random.default_rng(seed)))
        seconds.append(time.perf_counter() - start)
    worse = {
        "pareto_k": max(t.attrs["pareto_k"] for t in trees),
        "kish_ess": min(t.attrs["kish_ess"] for t in trees),
    }
    return {"first": seconds[0], "second": seconds[1], "draws": int(draws), **worse}


def _data_and_priors(name: str) -> tuple[lmm.Data, lmm.Priors]:
    if name == "thread_like":
        return designs.thread_like()
    if name == "large":
        data, _ = designs.grouped(100_000, 1_000)
    elif name == "crossed":
        data = lmm.from_formula(designs.CROSSED, designs.crossed())
    elif name == "schools":
        data = lmm.from_formula(large.CROSSED, large.crossed(148, 19, 3_435))
    else:
        data = designs.table_data(name)
    return data, lmm.Priors.weak(data)


def loo(name: str, draws: str, leave: str) -> dict:
    """Leave out a ``row`` or a ``level`` of the first term, given draws.

    ``arviz`` is its own way for rows. After a call on sleepstudy.
    """
    for which in ("sleepstudy", name):
        data, priors = _data_and_priors(which)
        tree = lmm.posterior(data, priors, int(draws), rng=np.random.default_rng(1))
        left_out = data.design.terms[0].name if leave == "level" else leave
        start = time.perf_counter()
        result = _arviz_loo(tree, data) if leave == "arviz" else lmm.loo(tree, data, leave=left_out)
        seconds = time.perf_counter() - start
    return {
        "rows": data.design.n,
        "draws": int(draws),
        "seconds": seconds,
        "elpd": float(result.elpd),
    }


def _arviz_loo(tree: xr.DataTree, data: lmm.Data) -> object:
    """ArviZ's own, from the log densities of the rows given u, which it has to be handed."""
    theta = lmm.draws.theta(tree, data.design)
    u = lmm.draws.flat(tree, "u")
    mean = (data.design.X @ theta.beta.T + data.design.terms[0].Z @ u.T).T
    log_p = norm.logpdf(data.y, mean, theta.sigma[:, None])
    by_chain = log_p.reshape(*tree.posterior["sigma"].shape, -1)
    tree["log_likelihood"] = xr.Dataset({"y": (("chain", "draw", "row"), by_chain)})
    return arviz_stats.loo(tree)


def estimate(formula: str, path: str) -> dict:
    """ML from a table: formula, reduction and search."""
    table = pd.read_csv(path)
    fits: list = []

    def fit() -> None:
        fits[:] = [lmm.estimate(lmm.from_formula(formula, table), method="ml")]

    times = clock.repeated(fit)
    return {**times, "criterion": fits[0].deviance, "evaluations": fits[0].evaluations}


ENGINES = {
    "correlated": designs.FORMULAS["sleepstudy"],
    "uncorrelated": "Reaction ~ Days + (Days || Subject)",
}


def engine(formulation: str, effects: str) -> dict:
    """One of our PyMC models on sleepstudy, fitted twice in this process.

    ``first_split``: where the seconds of the first fit go.
    """
    data = lmm.from_formula(ENGINES[effects], lmm.load_dataset("sleepstudy"))
    priors = lmm.Priors.weak(data)
    make = {"marginal": lmm.marginal_model, "conditional": lmm.conditional_model}[formulation]
    model = make(data, priors)
    import jax_clock  # the models above bring PyMC in their own way

    watched = jax_clock.watch()
    seconds = []
    splits = []
    for seed in (1, 2):
        start = time.perf_counter()
        tree = lmm.sample(model, random_seed=seed)
        seconds.append(time.perf_counter() - start)
        splits.append(watched.split(start, time.perf_counter()))
    diagnosis = lmm.pymc_models.diagnose(tree)
    return {
        "first": seconds[0],
        "second": seconds[1],
        "sampling": watched.sampling,
        "first_split": splits[0],
        "smallest_ess": diagnosis.ess_bulk,
        "divergences": diagnosis.divergences,
        "draws": int(tree.posterior["sigma"].size),
    }


def versions() -> dict:
    """Packages of this environment."""
    return {name: version(name) for name in PACKAGES}


def tables(folder: str) -> dict:
    """Write the tables that peers read into a folder."""
    for name in (*designs.FORMULAS, "thread_like"):
        lmm.load_dataset(name).to_csv(f"{folder}/{name}.csv", index=False)
    designs.crossed().to_csv(f"{folder}/crossed.csv", index=False)
    return {}


if __name__ == "__main__":
    clock.answer(
        {
            f.__name__: f
            for f in (density_rows, density, posterior, loo, estimate, engine, versions, tables)
        }
    )
