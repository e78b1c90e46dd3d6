"""Simulation-based calibration.

Truths from the priors, data from the truths, draws from the data, ranks of the truths.
"""

from concurrent.futures import Executor, as_completed

import numpy as np

from lmmlib.calibration.engines import Engine, FailedFit, check_engine
from lmmlib.calibration.execution import executor_or_pool, with_progress
from lmmlib.calibration.quantities import quantities_at, quantities_of_draws, quantity_names
from lmmlib.calibration.ranks import Calibration
from lmmlib.model import Data, Design, Priors, RNGLike, checked_rng
from lmmlib.model.design import checked_rows
from lmmlib.model.options import whole_number
from lmmlib.model.priors import checked_priors
from lmmlib.prior_predictive import draw_parameters
from lmmlib.simulation import draw_effects, draw_response

DRAWS = 99  # ranked, so that a rank is one of a hundred


def calibrate(
    design: Design,
    priors: Priors,
    engine: Engine,
    replications: int = 200,
    *,
    rng: RNGLike = None,
    draws: int = DRAWS,
    executor: Executor | None = None,
) -> Calibration:
    """Rank truths drawn from the priors among an engine's draws.

    Uniform ranks if the engine is right.

    Parameters
    ----------
    design : Design
        Design of the rows.
    priors : Priors
        Prior distributions of the parameters, fixed before anything is simulated.
    engine : callable
        Function of (data, priors, rng) that returns draws of equal weight with ``u``, as
        ``calibration.ImportanceSampler``; an exception of it is counted as a failed fit, and shown.
    replications : int, default: 200
        Number of replications.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it; every replication gets a stream
        of its own.
    draws : int, default: DRAWS
        Number L of draws that are ranked, chosen at random: a rank is one of L + 1.
    executor : concurrent.futures.Executor, optional
        Where the replications run; a pool of processes if None and there is more than one core.

    Returns
    -------
    Calibration
        Ranks by quantity, with a verdict and its false-alarm rate.

    Raises
    ------
    ValueError
        If the design cannot be fitted, or there are fewer draws or replications than one.
    RuntimeError
        If every fit failed.

    Notes
    -----
    The result does not depend on the number of workers, nor on a worker that is lost and its work
    repeated. Ties are broken at random.

    References
    ----------
    Talts et al. (2018), arXiv 1804.06788; Modrák et al. (2025), Bayesian Anal. 20(2).

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from lmmlib.calibration import ImportanceSampler
    >>> from lmmlib.model import ScalePrior, Term
    >>> design = Design(np.ones((8, 1)), [Term.grouped("g", list("aabbccdd"))])
    >>> priors = Priors.build(design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> with ThreadPoolExecutor(1) as executor:
    ...     result = calibrate(design, priors, ImportanceSampler(), 3, rng=1, executor=executor)
    >>> result.ranks.shape, result.draws
    ((3, 6), 99)
    """
    checked_priors(priors, checked_rows(design))
    replications = whole_number("replications", replications, 1)
    draws = whole_number("draws", draws, 1)
    check_engine("engine", engine)
    # Whether the design can be fitted is asked before anything is simulated.
    any_data = Data(np.zeros(design.n), design)

    # Every replication has a stream of its own, so that their order plays no part.
    streams = checked_rng(rng).spawn(replications)
    results: list[np.ndarray | FailedFit | None] = [None] * replications
    with executor_or_pool(executor) as pool:
        number_of_job = {
            pool.submit(_replicate, design, priors, engine, stream, draws): number
            for number, stream in enumerate(streams)
        }
        for job in with_progress(as_completed(number_of_job), replications, "calibration"):
            results[number_of_job[job]] = job.result()

    ranks = [result for result in results if isinstance(result, np.ndarray)]
    failures = tuple(
        f"replication {number}: {result.reason}"
        for number, result in enumerate(results)
        if isinstance(result, FailedFit)
    )
    if not ranks:
        raise RuntimeError(f"all {replications} fits failed; the first: {failures[0]}")
    return Calibration(quantity_names(any_data), np.array(ranks), draws, failures)


def _replicate(
    design: Design, priors: Priors, engine: Engine, rng: np.random.Generator, draws: int
) -> np.ndarray | FailedFit:
    """Ranks of one truth, (Q,), or why the fit failed."""
    # A truth from the priors, and data from the truth.
    theta = draw_parameters(design.layout, priors, 1, rng).theta
    u = draw_effects(design, theta, rng)
    y = draw_response(design, theta, u, rng)
    data = Data(y[0], design)
    truth = quantities_at(data, theta, u, rng)[0]
    # Draws from the data; what an engine refuses is a failed fit, a programming error is none.
    try:
        drawn = quantities_of_draws(data, engine(data, priors, rng), draws, rng)
    except (RuntimeError, ValueError) as error:
        return FailedFit.of(error)
    # The rank of the truth; ties are broken at random.
    below = np.sum(drawn < truth, 0)
    tied = np.sum(drawn == truth, 0)
    return below + rng.integers(tied + 1)
