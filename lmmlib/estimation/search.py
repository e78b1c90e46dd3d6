"""The search for the least deviance, and the gain that a further step would promise."""

from dataclasses import dataclass, replace

import numpy as np

from lmmlib import linalg
from lmmlib.estimation.derivatives import DevianceDerivatives
from lmmlib.estimation.deviance import diagonal_points, free_entries
from lmmlib.linalg import Evaluation, Minimum
from lmmlib.model import Layout

# SDs of effects in the unit of their own covariate, relative to that of a row, to start from.
START_RATIOS = (1.0, 0.1, 10.0)
NEARLY_SINGULAR = 0.03  # SD of an effect given those before it, where a start is nearly singular
# An entry below it is compared with zero itself, where the deviance may be lower still.
NEAR_ZERO = 1e-3
GAIN = 1e-6  # of the deviance that a step from the end of a search may still promise
# The same where a search stops, for average second derivatives: a step of 1e-7 standard errors.
AVERAGE_GAIN = 1e-14
ROUNDING = 1e-13  # share of a deviance by which two that are one may differ
ESCAPE = 0.1  # step off a point where the deviance curves down, in units of the coordinates


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The end of a search.

    Attributes
    ----------
    point : ndarray, shape (d,)
        The best point.
    promised_gain : float
        What a further Newton step promises to take from the deviance: half the square of its
        length in standard errors. Infinite where the deviance curves down.
    evaluations : int
        How often the deviance was evaluated.
    """

    point: np.ndarray
    promised_gain: float
    evaluations: int = 0


def search(deviance: DevianceDerivatives) -> SearchResult:
    """Minimise by Newton's method from several starts, with entries near zero set to zero.

    The deviance does not change with the sign of a column of Λ, so that zero is no boundary. It may
    have several minima where there are few levels: small problems are searched from every start,
    nearly singular ones among them, large ones from the best.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> data = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    >>> result = search(DevianceDerivatives(data.reduction, "ml"))
    >>> result.point.round(6).tolist(), result.promised_gain < 1e-15
    ([0.752581], True)
    """
    starts = starting_points(deviance.layout)
    evaluations = len(starts)
    if deviance.is_dense:
        # From the lowest start first: the others are given up where they come into its bowl.
        at_starts = [deviance(start) for start in starts]
        order = np.argsort([here.value for here in at_starts], kind="stable")
        best = _minimum(deviance, starts[order[0]], None, at_starts[order[0]])
        evaluations += best.evaluations
        for number in order[1:]:
            end = _minimum(deviance, starts[number], best, at_starts[number])
            evaluations += end.evaluations
            if _is_lower(end, best):
                best = end
    else:
        values = [deviance.value(start) for start in starts]
        best = _minimum(deviance, starts[int(np.argmin(values))])
        evaluations += best.evaluations

    # Entries near zero are compared with zero itself.
    with_zeros = np.where(np.abs(best.x) < NEAR_ZERO, 0.0, best.x)
    if not np.array_equal(with_zeros, best.x):
        at_zeros = linalg.newton_minimize(deviance, with_zeros, None, np.inf)
        evaluations += at_zeros.evaluations
        if not _is_lower(best, at_zeros):
            best = at_zeros
    return SearchResult(best.x, best.promised_gain, evaluations)


def starting_points(layout: Layout) -> np.ndarray:
    """Points (m, d) to start from: equal ratios, and terms whose effects are nearly one.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> slopes = Term.grouped("g", ["a", "a", "b"], [[1.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    >>> starting_points(Design([[1.0]] * 3, [slopes]).layout).tolist()[:4]
    [[1.0, 0.0, 1.0], [0.1, 0.0, 0.1], [10.0, 0.0, 10.0], [1.0, 1.0, 0.03]]
    """
    starts = list(diagonal_points(layout, START_RATIOS))
    first = 0
    for term in layout.terms:
        rows, columns = free_entries(term)
        if term.correlated and len(term.effects) > 1:
            is_first_column = columns == 0
            for sign in (1.0, -1.0):
                start = starts[0].copy()
                below = np.where(rows == 0, 1.0, sign)
                diagonal = np.where(rows == columns, NEARLY_SINGULAR, 0.0)
                start[first : first + len(rows)] = np.where(is_first_column, below, diagonal)
                starts.append(start)
        first += len(rows)
    return np.array(starts)


def _least_gain(deviance: DevianceDerivatives) -> float:
    return linalg.LEAST_GAIN if deviance.is_dense else AVERAGE_GAIN


def _minimum(
    deviance: DevianceDerivatives,
    start: np.ndarray,
    known: Minimum | None = None,
    at_start: Evaluation | None = None,
) -> Minimum:
    """The end of a search from one start, which goes on where the deviance curves down."""
    end = linalg.newton_minimize(
        deviance, start, known, _least_gain(deviance), deviance.signs, at_start
    )
    if np.isfinite(end.promised_gain):
        return end
    _, axes = np.linalg.eigh(end.evaluation.hessian)
    beside = end.x + ESCAPE * axes[:, 0]
    further = linalg.newton_minimize(deviance, beside, known, _least_gain(deviance), deviance.signs)
    return replace(further, evaluations=end.evaluations + further.evaluations)


def _is_lower(end: Minimum, other: Minimum) -> bool:
    """Whether the deviance at one end is below that at another by more than rounding."""
    value = end.evaluation.value
    return value < other.evaluation.value - ROUNDING * max(1.0, abs(value))
