"""How far estimates are from known truths: bias, root mean square error and coverage."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lmmlib.calibration.engines import FailedFit
from lmmlib.model import Design, Params

COLUMNS = ("scenario", "engine", "parameter", "truth", "measure", "value", "error")


@dataclass(frozen=True, eq=False)
class Intervals:
    """Estimates of Q parameters, and central intervals of them.

    Attributes
    ----------
    estimates : ndarray, shape (Q,)
        β, SDs of the effects and σ.
    lower : ndarray, shape (Q,)
        Lower ends; minus infinity where there is no interval.
    upper : ndarray, shape (Q,)
        Upper ends; infinity where there is no interval.
    """

    estimates: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


@dataclass(frozen=True)
class Measure:
    """One measure of how far estimates are from the truth.

    Attributes
    ----------
    name : str
        ``bias``, ``rmse`` or ``coverage``.
    value : float
        Its value over the replications.
    error : float
        Its Monte Carlo error.
    """

    name: str
    value: float
    error: float


def values_of(design: Design, params: Params) -> np.ndarray:
    """β, the SDs of all effects and σ, (Q,).

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> values_of(design, Params([3.0], {"g": 4.0}, 1.0)).tolist()
    [3.0, 2.0, 1.0]
    """
    sds = [np.sqrt(np.diag(params.cov[term.name])) for term in design.terms]
    return np.concatenate([params.beta, *sds, [params.sigma]])


def recovery_table(
    scenario: str,
    design: Design,
    truth: Params,
    engines: Sequence[str],
    replications: Sequence[Sequence[Intervals | FailedFit]],
) -> pd.DataFrame:
    """Every measure of every parameter by every engine, in one scenario.

    Parameters
    ----------
    scenario : str
        Name of the scenario.
    design : Design
        Its design.
    truth : Params
        Its true parameters.
    engines : sequence of str
        Names of the engines.
    replications : sequence of sequence of (Intervals or FailedFit)
        By replication, what each engine found.

    Returns
    -------
    pandas.DataFrame
        One row a measure, and one with the number of failed fits of each engine. An engine with
        fewer than two fits has no measures.
    """
    parameters = [*design.layout.coef, *(f"sd {effect}" for effect in design.effects), "sigma"]
    true_values = values_of(design, truth)
    rows: list[tuple[object, ...]] = []
    for k, engine in enumerate(engines):
        fits = [fit for fit in (found[k] for found in replications) if isinstance(fit, Intervals)]
        if len(fits) > 1:
            for q, parameter in enumerate(parameters):
                true_value = true_values[q]
                for measure in _measures(fits, q, true_value):
                    rows.append(
                        (
                            scenario,
                            engine,
                            parameter,
                            true_value,
                            measure.name,
                            measure.value,
                            measure.error,
                        )
                    )
        failed = len(replications) - len(fits)
        rows.append((scenario, engine, "all", np.nan, "failed fits", failed, 0.0))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"truth": "Float64"})


def _measures(fits: Sequence[Intervals], q: int, truth: float) -> list[Measure]:
    """Bias, root mean square error and, where there are intervals, coverage of one parameter."""
    estimates = np.array([fit.estimates[q] for fit in fits])
    lower = np.array([fit.lower[q] for fit in fits])
    upper = np.array([fit.upper[q] for fit in fits])
    measures = [_bias(estimates - truth), _root_mean_square(estimates - truth)]
    if np.isfinite(lower).all() and np.isfinite(upper).all():
        measures.append(_coverage((lower <= truth) & (truth <= upper)))
    return measures


def _bias(error: np.ndarray) -> Measure:
    return Measure("bias", float(error.mean()), float(error.std(ddof=1) / np.sqrt(len(error))))


def _root_mean_square(error: np.ndarray) -> Measure:
    """By the delta method; without error where every estimate hit the truth."""
    rmse = float(np.sqrt(np.mean(error**2)))
    error_of_square = float(np.std(error**2, ddof=1) / np.sqrt(len(error)))
    return Measure("rmse", rmse, error_of_square / (2 * rmse) if rmse > 0 else 0.0)


def _coverage(is_covered: np.ndarray) -> Measure:
    """Its error is that of one interval in n at least, also where all cover, or none."""
    n = len(is_covered)
    share = float(np.mean(is_covered))
    variance = max(share * (1 - share), 1 / n)
    return Measure("coverage", share, float(np.sqrt(variance / n)))
