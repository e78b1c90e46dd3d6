"""What glmm and mixedlm take: ``python peers_large.py TASK ARGUMENT``, one task a process.

In the environment that requirements.txt makes. What a first call loads, a fit to a few rows has
loaded before. Each is asked for estimates and standard errors, and nothing beside them.
"""

import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import clock
import columns
import large
import pandas as pd


def glmm_fit(formula: str, method: str, table: pd.DataFrame) -> object:
    """The cheapest fit of glmm: standard errors from the factor, no degrees of freedom."""
    import glmm

    return glmm.fit(
        table, formula, reml=method == "reml", wald_se="rx", satterthwaite=False, anova_test="Wald"
    )


def mixedlm_fit(formula: str, method: str, table: pd.DataFrame) -> object:
    """A fit of mixedlm with its own settings."""
    import mixedlm

    return mixedlm.lmer(formula, table, REML=method == "reml")


FITS = {"glmm": glmm_fit, "mixedlm": mixedlm_fit}


def repeated(system: str, formula: str, path: str) -> dict:
    """ML of a small table, again and again: formula and search."""
    table = pd.read_csv(path)
    for column in ("Subject", "sample"):  # numbers that name levels
        if column in table:
            table[column] = table[column].astype(str)
    fits: list = []

    def fit() -> None:
        fits[:] = [FITS[system](formula, "ml", table)]

    return {**clock.repeated(fit), **_found(system, fits[0])}


def fit(system: str, formula: str, method: str, folder: str) -> dict:
    """Formula and search, from a table in memory; where it can be had, one evaluation by itself."""
    fit_of_system = FITS[system]
    fit_of_system(large.SLOPES, method, large.slopes(20, 5))
    table = columns.read(Path(folder))
    start = time.perf_counter()
    result = fit_of_system(formula, method, table)
    seconds = time.perf_counter() - start
    found = {"rows": len(table), "seconds": seconds, "peak_mib": clock.peak_mib()}
    found |= _found(system, result)
    if system == "mixedlm":
        found["evaluation"] = _evaluation_of_mixedlm(formula, method, table, result)
    return found


def _found(system: str, result: object) -> dict:
    """The criterion at the end, and how often it was evaluated."""
    if system == "glmm":
        return {"criterion": float(-2 * result.loglik), "evaluations": int(result.n_eval)}
    evaluations = int(result.function_evals)
    return {"criterion": float(result.deviance), "evaluations": evaluations}


def _evaluation_of_mixedlm(formula: str, method: str, table: pd.DataFrame, result: object) -> float:
    import mixedlm

    parsed = mixedlm.lFormula(formula, table, REML=method == "reml")
    deviance: Callable[[object], float] = mixedlm.mkLmerDevfun(parsed)
    return clock.side_by_side({"": lambda: deviance(result.theta)})[""]["median"]


def versions() -> dict:
    """The two packages."""
    return {name: version(name) for name in FITS}


if __name__ == "__main__":
    # A singular fit of the few rows, or of a small share, is none of the benchmark's business.
    warnings.simplefilter("ignore")
    clock.answer({f.__name__: f for f in (repeated, fit, versions)})
