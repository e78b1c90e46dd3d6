"""The data that are measured on: tables of the package, and simulated designs of given size."""

import numpy as np
import pandas as pd

import lmmlib as lmm

FORMULAS = {
    "sleepstudy": "Reaction ~ Days + (Days | Subject)",
    "Penicillin": "diameter ~ 1 + (1 | plate) + (1 | sample)",
    "Pastes": "strength ~ 1 + (1 | batch/cask)",
}
CROSSED = "y ~ x + (1 | student) + (1 | teacher) + (1 | school)"
CROSSED_LEVELS = {"student": 300, "teacher": 100, "school": 14}


def table_data(name: str) -> lmm.Data:
    """A table of the package under its formula, made anew.

    Nothing of an earlier call is left in it.
    """
    return lmm.from_formula(FORMULAS[name], lmm.load_dataset(name))


def thread_like() -> tuple[lmm.Data, lmm.Priors]:
    """Five dense terms of one column: six variance parameters."""
    table = lmm.load_dataset("thread_like")
    terms = [lmm.Term.dense(f"z{k}", table[[f"z{k}"]].to_numpy()) for k in range(1, 6)]
    X = table[["x1", "x2", "x3", "x4"]].to_numpy()
    data = lmm.Data(table.y, lmm.Design(X, terms))
    priors = lmm.Priors.build(data.design, (0, 10), lmm.ScalePrior("half-normal", 1.0))
    return data, priors


def grouped(n: int, groups: int) -> tuple[lmm.Data, lmm.Params]:
    """Random intercepts of groups of equal size, one covariate, and parameters to evaluate at."""
    rng = np.random.default_rng(n)
    X = np.column_stack([np.ones(n), rng.normal(size=n)])
    design = lmm.Design(X, [lmm.Term.grouped("group", np.arange(n) % groups)])
    params = lmm.Params([1.0, 0.5], {"group": 0.5}, 1.0)
    data = lmm.Data(lmm.simulate(design, params, rng).y, design)
    return data, params


def crossed(n: int = 5000) -> pd.DataFrame:
    """Three factors crossed at random, every level present: a table."""
    rng = np.random.default_rng(1)
    codes = {name: rng.permutation(np.arange(n) % J) for name, J in CROSSED_LEVELS.items()}
    x = rng.normal(size=n)
    terms = [lmm.Term.grouped(name, codes_of_factor) for name, codes_of_factor in codes.items()]
    design = lmm.Design(np.column_stack([np.ones(n), x]), terms)
    params = lmm.Params([3.0, 0.5], {"student": 0.10, "teacher": 0.25, "school": 0.05}, 1.2)
    table = pd.DataFrame({"y": lmm.simulate(design, params, rng).y, "x": x})
    for name, codes_of_factor in codes.items():
        table[name] = [f"{name}{code}" for code in codes_of_factor]
    return table
