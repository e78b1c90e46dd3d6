"""Random slopes whose covariate has its zero far outside the data."""

from collections.abc import Sequence

import numpy as np

from lmmlib.model.term import CONSTANT, Term

# SDs of the covariate from its mean to zero: levels' lines fan out tenfold on the way there
FAR = 10.0


def far_covariates(terms: Sequence[Term]) -> list[str]:
    """A sentence for each covariate of a slope that lies far from zero.

    Only where the same levels have an intercept as well. The SD of the intercepts is then that of
    the slopes times the distance, whatever levels differ by where the data are: it means little,
    its weak prior is too narrow for it, and without a correlation the model itself changes with the
    place of zero. A covariate with values on both sides of zero, or at it, is none of these.

    Examples
    --------
    >>> year = np.column_stack([np.ones(6), 2010 + np.arange(6)])
    >>> far_covariates([Term.grouped("site", list("aabbcc"), year, effects=["Intercept", "year"])])[
    ...     0
    ... ].split(";")[0]
    ... # doctest: +NORMALIZE_WHITESPACE
    "the covariate 'year' of term 'site' has a mean of 2012.5 and an SD of 1.7, so that zero lies
    far outside the data"
    >>> far_covariates(
    ...     [Term.grouped("site", list("aabbcc"), year - [0, 2012], effects=["Intercept", "year"])]
    ... )
    []
    """
    grouped = [t for t in terms if not t.is_dense]
    sentences = []
    for t in grouped:
        z = np.ascontiguousarray(t.row_covariates.T)
        smallest = z.min(1)
        largest = z.max(1)
        is_one_sided = (smallest > 0) | (largest < 0)
        if not np.any(is_one_sided & (smallest < largest)):
            continue
        mean = z.mean(1)
        spread = z.std(1)
        varies = spread > CONSTANT * np.maximum(np.abs(smallest), np.abs(largest))
        is_far = is_one_sided & varies & (np.abs(mean) > FAR * spread)
        if is_far.any() and any(_has_intercept(s) and _same_levels(t, s) for s in grouped):
            for k in np.flatnonzero(is_far).tolist():
                sentences.append(_sentence(t, k, mean[k], spread[k]))
    return sentences


def _sentence(term: Term, k: int, mean: float, spread: float) -> str:
    name = term.effects[k]
    return (
        f"the covariate {name!r} of term {term.name!r} has a mean of {mean:.6g} and an SD of "
        f"{spread:.2g}, so that zero lies far outside the data; the SD of the intercepts, which "
        f"are effects at {name} = 0, means little, and a prior of it may mislead: center the "
        f"covariate, in a formula by center({name})"
    )


def _has_intercept(term: Term) -> bool:
    """Whether a covariate is constant."""
    z = term.row_covariates
    return bool(np.any((z == z[0]).all(0)))


def _same_levels(a: Term, b: Term) -> bool:
    """Whether each row is of the same level in both terms."""
    return a.levels == b.levels and np.array_equal(a.row_levels, b.row_levels)
