"""The cache of executed chapters: named after everything a chapter reads.

MyST-NB looks at the code of the chapter alone: a change in the package, in the data or in the
arithmetic would leave stale outputs.
"""

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

PREFIX = ".jupyter_cache-"
DATA = ("benchmarks/*.json", "CITATION.cff")
INPUTS = ("lmmlib/**/*", "requirements.txt", *DATA)
# With their variables sums have another order or precision, and chains go another way.
ARITHMETIC = ("JAX_", "NPY_", "OMP_", "OPENBLAS_", "PYTENSOR_", "XLA_")


def sources_key(root: Path, environment: Mapping[str, str] = os.environ) -> str:
    """Hash the files of ``INPUTS``, Python's version and the variables of ``ARITHMETIC``."""
    variables = sorted((name, value) for name, value in environment.items() if value)
    arithmetic = [variable for variable in variables if variable[0].startswith(ARITHMETIC)]
    digest = hashlib.sha256(f"{sys.version_info[:2]} {arithmetic}".encode())
    files = {file for pattern in INPUTS for file in root.glob(pattern) if file.is_file()}
    for file in sorted(file for file in files if file.suffix != ".pyc"):
        name = file.relative_to(root).as_posix().encode()
        digest.update(b"\0" + name + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def cache_path(root: Path) -> Path:
    """Return the cache of the present sources, absolute whatever the current directory."""
    return root / "_build" / f"{PREFIX}{sources_key(root)}"


def set_cache_path(app: Sphinx, config: Config) -> None:
    """Point MyST-NB to the cache of the present sources."""
    config.nb_execution_cache_path = str(cache_path(Path(app.srcdir).resolve()))


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("config-inited", set_cache_path)
