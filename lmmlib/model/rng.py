"""The door for randomness.

Whatever ``numpy.random.default_rng`` takes, as SPEC 7 of Scientific Python has it.
"""

from collections.abc import Sequence

import numpy as np

RNGLike = (
    None
    | int
    | np.integer
    | Sequence[int]
    | np.random.SeedSequence
    | np.random.BitGenerator
    | np.random.Generator
)


def checked_rng(rng: RNGLike) -> np.random.Generator:
    """``numpy.random.default_rng(rng)``.

    A generator is handed back as it is, None takes a seed from the system.

    Raises
    ------
    TypeError
        If it is of a kind that ``default_rng`` does not take.
    ValueError
        If it is a negative seed.

    References
    ----------
    Scientific Python, SPEC 7: Seeding pseudo-random number generation.

    Examples
    --------
    >>> checked_rng(1).integers(100) == np.random.default_rng(1).integers(100)
    np.True_
    >>> checked_rng("1")
    Traceback (most recent call last):
        ...
    TypeError: rng must be what numpy.random.default_rng takes, a seed, a Generator or None; got '1'
    """
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        expected = "rng must be what numpy.random.default_rng takes, a seed, a Generator or None"
        raise type(error)(f"{expected}; got {rng!r}") from None
