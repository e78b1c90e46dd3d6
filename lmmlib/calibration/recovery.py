"""Recovery of known truths: bias, root mean square error and coverage, with Monte Carlo errors."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor

import numpy as np
import pandas as pd
from scipy.special import ndtri

from lmmlib import draws as draws_
from lmmlib.calibration.engines import Engine
from lmmlib.calibration.workers import running, shown
from lmmlib.estimation import estimate
from lmmlib.model import Data, Design, Params, Priors, RNGLike, checked_rng
from lmmlib.model.design import checked_rows
from lmmlib.model.options import in_brief, whole_number
from lmmlib.model.params import checked_params
from lmmlib.model.priors import checked_priors
from lmmlib.simulation import simulate

ESTIMATES = ("ml", "reml")
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
    scenarios : mapping of str to Scenario
        Design, truth and priors of each scenario, by its name.
    engines : mapping of str to (Engine or str)
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
    >>> with ThreadPoolExecutor(1) as one:
    ...     table = recover(
    ...         {"small": (design, Params([1.0], {"g": 1.0}, 1.0), priors)},
    ...         {"REML": "reml"},
    ...         20,
    ...         rng=np.random.default_rng(1),
    ...         executor=one,
    ...     )
    >>> table.measure.unique().tolist()
    ['bias', 'rmse', 'coverage', 'failed fits']
    """
    replications = whole_number("replications", replications, 2)
    if not isinstance(engines, Mapping):
        raise TypeError(
            f"engines must be a mapping from names to engines, got {type(engines).__name__}; "
            "give {'REML': 'reml'}"
        )
    for name, engine in engines.items():
        if engine not in ESTIMATES if isinstance(engine, str) else not callable(engine):
            raise ValueError(
                f"an engine must be 'ml', 'reml' or a callable, got {in_brief(engine)} for {name!r}"
            )
    _check_scenarios(scenarios)
    rng = checked_rng(rng)
    tables = []
    with running(executor) as pool:
        jobs = {}
        for name, (scenario, stream) in zip(
            scenarios, zip(scenarios.values(), rng.spawn(len(scenarios)), strict=True), strict=True
        ):
            jobs[name] = [
                pool.submit(_fitted, scenario, engines, s) for s in stream.spawn(replications)
            ]
        total = len(scenarios) * replications
        results = [
            job.result() for job in shown((job for these in jobs.values() for job in these), total)
        ]
    for k, (name, (design, params, _)) in enumerate(scenarios.items()):
        tables.append(
            _table(
                name, design, params, engines, results[k * replications : (k + 1) * replications]
            )
        )
    return pd.concat(tables, ignore_index=True)


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


def _fitted(
    scenario: Scenario, engines: Mapping[str, Engine | str], rng: np.random.Generator
) -> list[np.ndarray | str]:
    """Estimate, lower and upper end of each parameter by each engine, (Q, 3); or why it failed."""
    design, params, priors = scenario
    data = Data(simulate(design, params, rng).y, design)
    found: list[np.ndarray | str] = []
    for engine, stream in zip(engines.values(), rng.spawn(len(engines)), strict=True):
        try:
            found.append(
                _estimates(data, engine)
                if isinstance(engine, str)
                else _summaries(data, engine(data, priors, stream))
            )
        except (RuntimeError, ValueError) as failure:
            found.append(f"{type(failure).__name__}: {failure}")
    return found


def _values(design: Design, params: Params) -> np.ndarray:
    sd = [np.sqrt(np.diag(params.cov[t.name])) for t in design.terms]
    return np.concatenate([params.beta, *sd, [params.sigma]])


def _estimates(data: Data, method: str) -> np.ndarray:
    fit = estimate(data, method=method)
    value, half = _values(data.design, fit.params), ndtri((1 + LEVEL) / 2) * fit.se
    ends = np.full((2, len(value)), np.inf) * np.array(
        [[-1.0], [1.0]]
    )  # no interval: it covers nothing that is reported
    ends[:, : len(half)] = fit.params.beta - half, fit.params.beta + half
    return np.column_stack([value, *ends])


def _summaries(data: Data, tree: object) -> np.ndarray:
    flat = np.concatenate(
        [draws_.flat(tree, "beta"), draws_.flat(tree, "sd"), draws_.flat(tree, "sigma")[:, None]], 1
    )
    return np.column_stack(
        [flat.mean(0), *np.quantile(flat, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)]
    )


def _table(
    name: str,
    design: Design,
    params: Params,
    engines: Mapping[str, Engine | str],
    results: Sequence[list],
) -> pd.DataFrame:
    labels = [*design.coef, *(f"sd {e}" for e in design.effects), "sigma"]
    truth, rows = _values(design, params), []
    for k, engine in enumerate(engines):
        fits = np.array([r[k] for r in results if not isinstance(r[k], str)])
        failed = len(results) - len(fits)
        for q, label in enumerate(labels):
            if len(fits) > 1:
                rows += [
                    [name, engine, label, truth[q], *measure]
                    for measure in _measures(fits[:, q], truth[q])
                ]
        rows.append([name, engine, "all", np.nan, "failed fits", failed, 0.0])
    table = pd.DataFrame(
        rows, columns=["scenario", "engine", "parameter", "truth", "measure", "value", "error"]
    )
    return table.astype({"truth": "Float64"})


def _measures(fits: np.ndarray, truth: float) -> list[tuple[str, float, float]]:
    """Bias, root mean square error and, where there are intervals, coverage.

    Each with its Monte Carlo error.
    """
    error, n = fits[:, 0] - truth, len(fits)
    rmse = float(np.sqrt(np.mean(error**2)))
    found = [("bias", float(error.mean()), float(error.std(ddof=1) / np.sqrt(n)))]
    spread = float(np.std(error**2, ddof=1) / np.sqrt(n))
    found.append(
        ("rmse", rmse, spread / (2 * rmse) if rmse > 0 else 0.0)
    )  # every estimate hit the truth
    if np.isfinite(fits[:, 1:]).all():
        covered = float(np.mean((fits[:, 1] <= truth) & (truth <= fits[:, 2])))
        found.append(("coverage", covered, float(np.sqrt(max(covered * (1 - covered), 1 / n) / n))))
    return found
