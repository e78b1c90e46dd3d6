"""Whether X and the effects can fit a response exactly, so that nothing is left for σ."""

from dataclasses import dataclass

import numpy as np

from lmmlib import linalg
from lmmlib.estimation.derivatives import MOST_DENSE_EFFECTS
from lmmlib.estimation.deviance import (
    diagonal_points,
    free_entries,
    profile_at,
    relative_factors,
)
from lmmlib.estimation.fixed_effects_fit import fixed_effects_fit
from lmmlib.model import Priors, Reduction, ScalePrior

FREE_RATIO = 1e8  # of an effect's SD to σ: it leaves the effects free
NEARLY_FREE_RATIO = 1e2  # the same where free effects would ask for rotated rows
# Share of the sum of squares without effects: many times what such ratios squared leave.
SURE_SHARE = 5e-2
NEGLIGIBLE = 1e-14  # share of a sum of squares that is rounding


def check_residual_df(reduction: Reduction, priors: Priors | None = None) -> None:
    """Raise if X and the effects can fit y exactly with rows to spare.

    The density then has no bound as σ goes to zero. Effects whose SD is known to be zero fit
    nothing.

    Parameters
    ----------
    reduction : Reduction
        Response and design.
    priors : Priors, optional
        Priors, of which fixed ones make σ or an SD known.

    Raises
    ------
    ValueError
        If X and the effects can fit y exactly with rows to spare; not where σ is known.

    Examples
    --------
    >>> from lmmlib.model import Data
    >>> from lmmlib.model import Design, Term
    >>> design = Design([[1.0]] * 4, [Term.grouped("g", ["a", "a", "b", "b"])])
    >>> check_residual_df(Data([1.0, 1.0, 5.0, 5.0], design).reduction)
    ... # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
        ...
    ValueError: X and the effects fit y exactly, so that nothing is left for sigma; drop a term, or
    give sigma a fixed prior
    """
    if priors and priors.sigma.family == "fixed":
        return
    is_free = diagonal_points(reduction.layout, [1.0])[0] > 0
    if priors:
        is_free &= ~_is_known_zero(reduction, priors)
    if not _obviously_leave_residuals(reduction, is_free):
        freed = _freed_effects(reduction, is_free)
        if not freed.has_rows_to_spare:
            return
        if freed.share_left <= NEGLIGIBLE:
            raise ValueError(
                "X and the effects fit y exactly, so that nothing is left for sigma; drop a term, "
                "or give sigma a fixed prior"
            )
    fit = fixed_effects_fit(reduction)
    if fit.is_exact:
        raise ValueError(
            f"{fit.sentence}, so that nothing is left for sigma; {fit.advice}, or give sigma a "
            "fixed prior"
        )


def _obviously_leave_residuals(reduction: Reduction, is_free: np.ndarray) -> bool:
    """Whether effects that are nearly free leave much of y, where free ones would be costly.

    If they fitted y exactly with coefficients of its own size, the penalised sum of squares would
    fall like the inverse square of their ratio.
    """
    has_rows_to_spare = reduction.n > len(reduction.layout.coef) + reduction.layout.width
    if reduction.layout.width <= MOST_DENSE_EFFECTS or not has_rows_to_spare:
        return False
    ratio = NEARLY_FREE_RATIO
    while not _keep_digits(reduction, ratio * is_free):
        ratio /= 2
    nearly_free = np.outer((0.0, ratio), is_free)
    pwrss = profile_at(reduction, nearly_free).pwrss
    return bool(pwrss[1] > SURE_SHARE * pwrss[0])


def _keep_digits(reduction: Reduction, point: np.ndarray) -> bool:
    """Whether no rows have to be rotated at a point (d,)."""
    Lam = relative_factors(reduction, point[None])
    return all(
        arrowhead.keeps_digits(Lam)
        for arrowhead in reduction.arrowheads
        if isinstance(arrowhead, linalg.SparseArrowhead)
    )


@dataclass(frozen=True)
class _FreedEffects:
    """What X and effects that are free leave.

    Attributes
    ----------
    has_rows_to_spare : bool
        Whether there are more rows than columns of X and of the effects that are independent.
    share_left : float
        Share of the sum of squares without effects.
    """

    has_rows_to_spare: bool
    share_left: float


def _freed_effects(reduction: Reduction, is_free: np.ndarray) -> _FreedEffects:
    """What is left when some effects are free."""
    # Without effects, with free ones, and with ten times as free ones: a log determinant grows by
    # log 10 for each rank of [Z X] above that of X.
    profiled = profile_at(reduction, np.outer((0.0, FREE_RATIO, 10 * FREE_RATIO), is_free))
    log_det = profiled.log_det + profiled.log_det_fixed
    rank_of_effects = round((log_det[2] - log_det[1]) / np.log(10))
    rank_of_X = len(reduction.independent_columns)
    without, with_free, _ = profiled.pwrss
    share_left = with_free / without if without > 0 else 0.0
    return _FreedEffects(reduction.n - rank_of_X - rank_of_effects > 0, share_left)


def _is_known_zero(reduction: Reduction, priors: Priors) -> np.ndarray:
    """Whether each entry of a point is of an effect whose SD is known to be zero, (d,) bool."""
    is_zero = []
    for term in reduction.layout.terms:
        of_effects = [priors.sd[name] == ScalePrior("fixed", 0.0) for name in term.effect_names]
        rows, _ = free_entries(term)
        is_zero.append(np.array(of_effects)[rows])
    return np.concatenate(is_zero)
