"""The modes of a density, and a mixture with a component at each."""

from collections.abc import Callable

import numpy as np

from lmmlib import linalg
from lmmlib.estimation import initial_scales
from lmmlib.importance.proposal import Mixture
from lmmlib.importance.variance_parameters import scale_priors
from lmmlib.importance.weighting import PosteriorError
from lmmlib.linalg import Evaluation, Minimum
from lmmlib.model import Priors, Reduction

LEAST_GAIN = 1e-9  # of the log density, that a step must still promise: 4e-5 SDs from a mode
FLAT = 0.05  # curvature below which it says nothing of the width
SAME_MODE = 1.0  # modes closer than this, in SDs of the one kept before, are one
SMALLEST_HEIGHT = 0.05  # of a mode's mass, in units of the largest
# Of a start, in units of the prior's scale: at zero itself the logarithm has no value.
SMALLEST_SD = 1e-3


def starting_points(reduction: Reduction, priors: Priors) -> np.ndarray:
    """Points from which modes of the posterior are sought, with correlations of zero.

    Rough REML estimates, the prior's scales, and two points between.

    Parameters
    ----------
    reduction : Reduction
        Response and design, reduced.
    priors : Priors
        Prior distributions of the parameters.

    Returns
    -------
    ndarray, shape (4, d)
        Free coordinates, those at the estimates first.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> data = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    >>> np.exp(starting_points(data.reduction, Priors.weak(data))).round().tolist()[0]
    [42.0, 50.0]
    """
    layout = reduction.layout
    of_scales = scale_priors(layout, priors)
    is_free = np.array([prior.family != "fixed" for prior in of_scales])
    prior_scales = np.where(is_free, [prior.scale for prior in of_scales], 1.0)

    rough = initial_scales(reduction)
    rough_scales = prior_scales if rough is None else np.append(rough.sd, rough.sigma)
    estimated = np.log(np.maximum(rough_scales, SMALLEST_SD * prior_scales))
    prior = np.log(prior_scales)

    # Below the prior's scales and below the estimates: a second mode may lie at small SDs.
    below_prior = np.append(prior[:-1] - 2, estimated[-1])
    below_estimate = np.append(estimated[:-1] - 2, estimated[-1] + 0.3)
    log_scales = np.array([estimated, prior, below_prior, below_estimate])[:, is_free]
    correlations = np.zeros((len(log_scales), len(layout.pairs)))
    return np.column_stack([log_scales, correlations])


def mixture_at_modes(function: Callable[[np.ndarray], Evaluation], starts: np.ndarray) -> Mixture:
    """A component at each different mode of a density, as wide as the curvature there says.

    Parameters
    ----------
    function : callable
        Minus the log density at a point (d,), with derivatives. The scale of coordinates is about
        one, and their zero anywhere.
    starts : ndarray, shape (m, d)
        Points from which modes are sought.

    Returns
    -------
    Mixture
        As many components as there are different modes; their weights are the masses of normal
        distributions of that height and width, none of them below a twentieth of the largest.

    Raises
    ------
    PosteriorError
        If the density is finite at none of the starts.

    Examples
    --------
    >>> def bowl(x):
    ...     return Evaluation(0.5 * float((x - 3) @ (x - 3)), x - 3, np.eye(2))
    >>> mixture = mixture_at_modes(bowl, np.array([[0.0, 0.0], [5.0, 5.0]]))
    >>> mixture.centres.round(6).tolist(), mixture.scale_chols.round(6).tolist()
    ([[3.0, 3.0]], [[[1.0, 0.0], [0.0, 1.0]]])
    """
    sizes = np.ones(starts.shape[1])
    modes: list[Minimum] = []
    chols: list[np.ndarray] = []
    for start in starts:
        at_start = function(start)
        if not np.isfinite(at_start.hessian).all():
            continue
        known = modes[0] if modes else None
        end = linalg.newton_minimize(
            function, start, known, LEAST_GAIN, at_start=at_start, sizes=sizes
        )
        if end.in_known_bowl:
            continue
        # Several starts may lead to one mode.
        apart = [
            np.linalg.norm(np.linalg.solve(chol, end.x - mode.x))
            for mode, chol in zip(modes, chols, strict=True)
        ]
        if all(distance >= SAME_MODE for distance in apart):
            modes.append(end)
            chols.append(_inverse_chol(end.evaluation.hessian))

    if not modes:
        raise PosteriorError(
            "the posterior density is not finite where its mode was to be sought, at the scales of "
            "the estimates and of the priors; give priors whose scales are closer to those of the "
            "data"
        )

    # Mass of a normal distribution of that height and width, up to a constant.
    log_mass = np.array(
        [
            np.log(chol.diagonal()).sum() - mode.evaluation.value
            for mode, chol in zip(modes, chols, strict=True)
        ]
    )
    weights = np.maximum(np.exp(log_mass - log_mass.max()), SMALLEST_HEIGHT)
    centres = np.array([mode.x for mode in modes])
    return Mixture(weights / weights.sum(), centres, np.array(chols))


def _inverse_chol(curvature: np.ndarray) -> np.ndarray:
    """Cholesky factor of the inverse of (d, d); a flat direction gets a scale of one."""
    values, axes = np.linalg.eigh(curvature)
    spread = np.where(values > FLAT, 1 / np.sqrt(np.maximum(values, FLAT)), 1.0)
    return np.linalg.cholesky(axes * spread**2 @ axes.T)
