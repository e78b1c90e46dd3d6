"""The door for randomness.

Whatever ``numpy.random.default_rng`` takes, as SPEC 7 of Scientific Python has it.
"""

from collections.abc import Sequence

import numpy as np

from lmmlib.model.options import in_brief

RNGLike = (
    None
    | int
    | np.integer
    | Sequence[int]
    | np.random.SeedSequence
    | np.random.BitGenerator
    | np.random.Generator
)


def checked_rng(rng: RNGLike = None) -> np.random.Generator:
    """``numpy.random.default_rng(rng)``.

    Parameters
    ----------
    rng : None, int, sequence of int, SeedSequence, BitGenerator or Generator, default: None
        A generator is handed back as it is, None takes a seed from the system.

    Returns
    -------
    numpy.random.Generator
        Generator to draw from.

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
        raise type(error)(f"{expected}; got {in_brief(rng)}") from None
