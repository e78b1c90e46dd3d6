"""Warnings of libraries that say something of the machine and nothing of a fit."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

BEGINNINGS = (
    "PyTensor could not link to a BLAS",  # lmmlib's models multiply in JAX or Numba
    "There are not enough devices to run parallel chains",  # NumPyro, where JAX was started before
    "IProgress not found",  # tqdm, in a notebook without widgets
)


@contextmanager
def machine_warnings_ignored() -> Iterator[None]:
    """Silence what libraries say of the machine that they run on; warnings of a fit pass.

    Examples
    --------
    >>> with machine_warnings_ignored():
    ...     warnings.warn("PyTensor could not link to a BLAS installation", stacklevel=1)
    """
    with warnings.catch_warnings():
        for beginning in BEGINNINGS:
            warnings.filterwarnings("ignore", message=beginning)
        yield
