"""One place for what PyMC says and shows: progress on a terminal, silence in a notebook build."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

ON_TERMINAL = sys.stderr.isatty()

if not ON_TERMINAL and "pytensor" not in sys.modules:
    os.environ.setdefault(
        "PYTENSOR_FLAGS", "blas__ldflags="
    )  # or PyTensor warns that it links no BLAS

import pymc  # noqa: E402  (PyTensor reads its flags at import, and PyMC resets its logger's level)

if not ON_TERMINAL:
    logging.getLogger("pymc").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="IProgress not found", module="tqdm")

OF_THE_MACHINE = (  # beginnings of warnings that say nothing of a fit
    "PyTensor could not link to a BLAS",
    "There are not enough devices to run parallel chains",
    "IProgress not found",
)


@contextmanager
def only_about_the_fit() -> Iterator[None]:
    """Silence, for the time being, what libraries say of the machine that they run on.

    Warnings of a fit pass.
    """
    with warnings.catch_warnings():
        for beginning in OF_THE_MACHINE:
            warnings.filterwarnings("ignore", message=beginning)
        yield


__all__ = ["ON_TERMINAL", "only_about_the_fit", "pymc"]
