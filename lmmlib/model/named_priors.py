"""Priors by the names of what they are of, and the transform that they are made on."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lmmlib.model.options import in_brief
from lmmlib.model.scale_prior import ScalePrior
from lmmlib.model.validation import frozen_array


def by_name[T](given: T | Mapping[str, T], names: Sequence[str]) -> dict[str, T]:
    """One value for each name, from one for all, a mapping, or a Series by its labels.

    Examples
    --------
    >>> by_name(2.0, ["a", "b"]), by_name({"a": 1.0}, ["a", "b"])
    ({'a': 2.0, 'b': 2.0}, {'a': 1.0})
    """
    if isinstance(given, Mapping | pd.Series):
        return dict(given.items())
    return dict.fromkeys(names, given)


def only_scale_priors(sd: object, **others: object) -> None:
    """Raise unless every prior of an SD is one.

    Raises
    ------
    TypeError
        If one is none; the message names it.
    """
    priors = dict(sd) if isinstance(sd, Mapping) else {"sd": sd}
    for name, value in [*priors.items(), *others.items()]:
        if not isinstance(value, ScalePrior):
            raise TypeError(
                f"the prior of {name!r} must be a ScalePrior, got {in_brief(value)}; give for "
                "instance ScalePrior('half-normal', 1.0)"
            )


def checked_transform(transform: ArrayLike | None, p: int) -> np.ndarray | None:
    """T, or None where it is the identity.

    Raises
    ------
    ValueError
        If T is not upper triangular with ones on its diagonal.
    """
    if transform is None:
        return None
    T = frozen_array("beta_transform", transform, (p, p), "one row and column per coefficient")
    if np.any(np.diag(T) != 1) or np.any(np.tril(T, -1) != 0):
        raise ValueError(
            f"beta_transform must be upper triangular with ones on its diagonal, got {T.tolist()}"
        )
    return None if np.array_equal(T, np.eye(p)) else T
