"""Simulation-based calibration.

Truths from the priors, data from the truths, draws from the data, ranks of the truths.
"""

from concurrent.futures import Executor, as_completed

import numpy as np

from lmmlib.calibration.engines import Engine, check_engine
from lmmlib.calibration.quantities import in_draws, measured, names
from lmmlib.calibration.ranks import Calibration
from lmmlib.calibration.workers import running, shown
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
        ``calibration.Direct``; an exception of it is counted as a failed fit, and shown.
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
    >>> from lmmlib.calibration.engines import Direct
    >>> from lmmlib.model import ScalePrior, Term
    >>> design = Design(np.ones((8, 1)), [Term.grouped("g", list("aabbccdd"))])
    >>> priors = Priors.build(design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> with ThreadPoolExecutor(1) as one:
    ...     found = calibrate(
    ...         design, priors, Direct(), 3, rng=np.random.default_rng(1), executor=one
    ...     )
    >>> found.ranks.shape, found.draws
    ((3, 6), 99)
    """
    checked_priors(priors, checked_rows(design))
    replications = whole_number("replications", replications, 1)
    draws = whole_number("draws", draws, 1)
    check_engine("engine", engine)
    data = Data(
        np.zeros(design.n), design
    )  # whether it can be fitted is asked before anything is simulated
    streams = checked_rng(rng).spawn(replications)
    with running(executor) as pool:
        jobs = {
            pool.submit(_replicate, design, priors, engine, stream, draws): i
            for i, stream in enumerate(streams)
        }
        done = {jobs[job]: job.result() for job in shown(as_completed(jobs), replications)}
    ranks = [r for i in range(replications) if not isinstance(r := done[i], str)]
    failures = tuple(
        f"replication {i}: {r}" for i in range(replications) if isinstance(r := done[i], str)
    )
    if not ranks:
        raise RuntimeError(f"all {replications} fits failed; the first: {failures[0]}")
    return Calibration(names(data), np.array(ranks), draws, failures)


def _replicate(
    design: Design, priors: Priors, engine: Engine, rng: np.random.Generator, draws: int
) -> np.ndarray | str:
    """Ranks of one truth, (Q,), or why the fit failed."""
    theta = draw_parameters(design.layout, priors, 1, rng).theta
    u = draw_effects(design, theta, rng)
    data = Data(draw_response(design, theta, u, rng)[0], design)
    truth = measured(data, theta, u, rng)[0]
    try:
        found = in_draws(data, engine(data, priors, rng), draws, rng)
    except (RuntimeError, ValueError) as failure:  # the engines' own; a programming error is none
        return f"{type(failure).__name__}: {failure}"
    below, tied = np.sum(found < truth, 0), np.sum(found == truth, 0)
    return below + rng.integers(tied + 1)
