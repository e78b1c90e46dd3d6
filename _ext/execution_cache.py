"""The cache of executed chapters: named after everything a chapter reads, so that no stored output outlives its source.

MyST-NB looks at the code of the chapter alone: a change in the package or the data would leave stale outputs.
"""

import hashlib
import sys
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata

PREFIX = ".jupyter_cache-"
INPUTS = ("lmmlib/**/*", "benchmarks/*.json", "published.csv", "_static/*.mplstyle", "requirements.txt")


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


def fill_downloads(app: Sphinx, env: BuildEnvironment) -> None:
    """Give the notebooks offered for download their outputs: MyST-NB writes them without where the cache had them."""
    cache = get_cache(app.config.nb_execution_cache_path)
    for file in Path(env.mystnb_config.output_folder).rglob("*.ipynb"):
        _, executed = cache.merge_match_into_notebook(nbformat.read(file, as_version=4))
        nbformat.write(executed, file)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx."""
    app.connect("config-inited", set_cache_path)
    app.connect("env-updated", fill_downloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
