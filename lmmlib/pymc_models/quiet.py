"""One place for what PyMC says and shows: progress on a terminal, silence in a notebook build."""

import logging
import os
import sys
import warnings

ON_TERMINAL = sys.stderr.isatty()

if not ON_TERMINAL and "pytensor" not in sys.modules:
    os.environ.setdefault("PYTENSOR_FLAGS", "blas__ldflags=")  # or PyTensor warns that it links no BLAS

import pymc  # noqa: E402  (PyTensor reads its flags at import, and PyMC resets its logger's level)

if not ON_TERMINAL:
    logging.getLogger("pymc").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="IProgress not found", module="tqdm")

__all__ = ["ON_TERMINAL", "pymc"]
