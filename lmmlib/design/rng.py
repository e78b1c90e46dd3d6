"""The door for randomness: a generator that the caller holds, so that a seed gives one result."""

import numpy as np


def checked_rng(rng: object) -> np.random.Generator:
    """``rng`` itself, if it is a generator.

    Raises
    ------
    TypeError  if it is a seed, a legacy RandomState or missing

    Examples
    --------
    >>> checked_rng(1)
    Traceback (most recent call last):
        ...
    TypeError: rng must be a numpy.random.Generator, got int; make one with numpy.random.default_rng(seed)
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}; make one with numpy.random.default_rng(seed)")
    return rng
