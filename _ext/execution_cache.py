"""The cache of executed chapters: named after everything a chapter reads, so that no stored output outlives its source.

MyST-NB looks at the code of the chapter alone: a change in the package or the data would leave stale outputs.
"""

import hashlib
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import ExtensionMetadata

PREFIX = ".jupyter_cache-"
INPUTS = ("lmmlib/**/*", "benchmarks/*.json", "*.csv", "chapters/*.csv", "tests/data/*", "CITATION.cff", "requirements.txt")


def sources_key(root: Path) -> str:
    """Hash the files of ``INPUTS`` and the interpreter's version."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    found = {file for pattern in INPUTS for file in root.glob(pattern) if file.is_file() and file.suffix != ".pyc"}
    for file in sorted(found):
        digest.update(b"\0" + file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def cache_path(root: Path) -> Path:
    """Return the cache of the present sources; absolute, as a relative one would depend on the current directory."""
    return root / "_build" / f"{PREFIX}{sources_key(root)}"


def set_cache_path(app: Sphinx, config: Config) -> None:
    """Point MyST-NB to the cache of the present sources."""
    config.nb_execution_cache_path = str(cache_path(Path(app.srcdir).resolve()))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx."""
    app.connect("config-inited", set_cache_path)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
