"""Recovery of known truths: estimates by many engines of data that the truths have made."""

from collections.abc import Mapping
from concurrent.futures import Executor

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import ndtri

from lmmlib import draws as draws_
from lmmlib.calibration.engines import Engine, FailedFit
from lmmlib.calibration.execution import executor_or_pool, with_progress
from lmmlib.calibration.recovery_table import Intervals, recovery_table, values_of
from lmmlib.estimation import estimate
from lmmlib.model import Data, Design, Params, Priors, RNGLike, checked_rng
from lmmlib.model.design import checked_rows
from lmmlib.model.options import in_brief, whole_number
from lmmlib.model.params import checked_params
from lmmlib.model.priors import checked_priors
from lmmlib.simulation import simulate

METHODS = ("ml", "reml")
LEVEL = 0.9  # of the central intervals

Scenario = tuple[Design, Params, Priors]


def recover(
    scenarios: Mapping[str, Scenario],
    engines: Mapping[str, Engine | str],
    replications: int = 200,
    *,
    rng: RNGLike = None,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Fit data simulated from known truths, and say how far the estimates are from them.

    Parameters
    ----------
    scenarios : mapping of str to tuple
        Design, true Params and Priors of each scenario, by its name.
    engines : mapping of str to {"ml", "reml"} or callable
        Engines by name: ``ml``, ``reml``, or a callable (data, priors, rng) → draws, whose means
        and 90 % intervals count.
    replications : int, default: 200
        Number of replications of each scenario.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it; every replication gets a stream
        of its own, the same for all engines.
    executor : concurrent.futures.Executor, optional
        Where the replications run, as for ``calibrate``.

    Returns
    -------
    pandas.DataFrame
        Table with columns scenario, engine, parameter, truth, measure (``bias``, ``rmse``,
        ``coverage``, ``failed fits``), value, error (Monte Carlo). Maximum likelihood has intervals
        for β only, and so no coverage of SDs.

    Raises
    ------
    ValueError
        If an engine's name is unknown, there is no scenario, or fewer than two replications.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from lmmlib.model import ScalePrior, Term
    >>> design = Design(np.ones((12, 1)), [Term.grouped("g", list("aabbccddeeff"))])
    >>> priors = Priors.build(design, (0, 5), ScalePrior("half-normal", 3.0))
    >>> scenario = (design, Params([1.0], {"g": 1.0}, 1.0), priors)
    >>> with ThreadPoolExecutor(1) as executor:
    ...     table = recover({"small": scenario}, {"REML": "reml"}, 20, rng=1, executor=executor)
    >>> table.measure.unique().tolist()
    ['bias', 'rmse', 'coverage', 'failed fits']
    """
    replications = whole_number("replications", replications, 2)
    _check_engines(engines)
    _check_scenarios(scenarios)

    # Every replication has a stream of its own, the same for all engines.
    streams = checked_rng(rng).spawn(len(scenarios))
    total = len(scenarios) * replications
    with executor_or_pool(executor) as pool:
        jobs = [
            pool.submit(_fits, scenario, engines, stream)
            for scenario, of_scenario in zip(scenarios.values(), streams, strict=True)
            for stream in of_scenario.spawn(replications)
        ]
        results = [job.result() for job in with_progress(jobs, total, "recovery")]

    tables = []
    for k, (name, (design, truth, _)) in enumerate(scenarios.items()):
        of_scenario = results[k * replications : (k + 1) * replications]
        tables.append(recovery_table(name, design, truth, list(engines), of_scenario))
    return pd.concat(tables, ignore_index=True)


def _check_engines(engines: object) -> None:
    """Raise unless there are engines by name."""
    if not isinstance(engines, Mapping):
        raise TypeError(
            f"engines must be a mapping from names to engines, got {type(engines).__name__}; "
            "give {'REML': 'reml'}"
        )
    for name, engine in engines.items():
        is_engine = engine in METHODS if isinstance(engine, str) else callable(engine)
        if not is_engine:
            raise ValueError(
                f"an engine must be 'ml', 'reml' or a callable, got {in_brief(engine)} for {name!r}"
            )


def _check_scenarios(scenarios: object) -> None:
    """Raise unless there are designs, truths and priors by name."""
    if not isinstance(scenarios, Mapping) or not scenarios:
        kind = "none" if isinstance(scenarios, Mapping) else type(scenarios).__name__
        raise ValueError(
            f"scenarios must be a mapping from names to (design, truth, priors), got {kind}"
        )
    for name, scenario in scenarios.items():
        if not isinstance(scenario, tuple | list) or len(scenario) != 3:
            raise ValueError(
                f"scenario {name!r} must be (design, truth, priors), got {in_brief(scenario)}"
            )
        design, params, priors = scenario
        checked_params(params).theta(checked_rows(design))
        checked_priors(priors, design)


def _fits(
    scenario: Scenario, engines: Mapping[str, Engine | str], rng: np.random.Generator
) -> list[Intervals | FailedFit]:
    """What each engine makes of one simulated data set."""
    design, truth, priors = scenario
    data = Data(simulate(design, truth, rng).y, design)
    fits: list[Intervals | FailedFit] = []
    for engine, stream in zip(engines.values(), rng.spawn(len(engines)), strict=True):
        try:
            if isinstance(engine, str):
                fits.append(_intervals_of_estimates(data, engine))
            else:
                fits.append(_intervals_of_draws(engine(data, priors, stream)))
        except (RuntimeError, ValueError) as error:
            fits.append(FailedFit.of(error))
    return fits


def _intervals_of_estimates(data: Data, method: str) -> Intervals:
    """Estimates, with Wald intervals of β at the estimated variances; SDs have none."""
    fit = estimate(data, method=method)
    estimates = values_of(data.design, fit.params)
    beta = fit.params.beta
    half_width = ndtri((1 + LEVEL) / 2) * fit.se
    lower = np.full(len(estimates), -np.inf)
    upper = np.full(len(estimates), np.inf)
    lower[: len(beta)] = beta - half_width
    upper[: len(beta)] = beta + half_width
    return Intervals(estimates, lower, upper)


def _intervals_of_draws(draws: xr.DataTree) -> Intervals:
    """Posterior means, with central intervals."""
    names = [name for name in ("beta", "sd", "sigma") if name in draws.posterior]
    columns = [draws_.flat(draws, name) for name in names]
    values = np.column_stack(columns)
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    lower, upper = np.quantile(values, ends, axis=0)
    return Intervals(values.mean(0), lower, upper)
