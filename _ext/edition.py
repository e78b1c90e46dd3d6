"""Version and date in the footer of each page: the package's version, and the day of its release or, before that, of the last commit.

Not the day of the build: the same commit gives the same pages whenever it is built.
"""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import ExtensionMetadata

import citation


def version(root: Path) -> str:
    """Read the version from CITATION.cff; a test holds the package to the same."""
    return str(citation.read(root)["version"])


def date(root: Path) -> str:
    """Take the day of the release, or before it that of SOURCE_DATE_EPOCH, of the last commit, or, in an archive, of CITATION.cff."""
    record = citation.read(root)
    if citation.released(record):
        return str(record["date-released"])
    seconds = (
        os.environ.get("SOURCE_DATE_EPOCH")
        or last_commit(root)
        or (root / citation.RECORD).stat().st_mtime
    )
    return datetime.fromtimestamp(int(seconds), UTC).date().isoformat()


def last_commit(root: Path) -> str:
    """Give the time of the last commit in seconds, or nothing where there is no repository or no git."""
    try:
        return subprocess.run(
            ["git", "log", "-1", "--format=%ct"],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
    except FileNotFoundError:
        return ""


def set_footer(app: Sphinx, config: Config) -> None:
    """Put both into Sphinx's variables and into the footer."""
    root = Path(app.srcdir)
    config.version = config.release = version(root)
    config.today = date(root)
    config.html_theme_options["extra_footer"] = (
        f"<p>Version {citation.stamp(citation.read(root), config.today)}</p>"
    )


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx, before the theme reads its options."""
    app.connect("config-inited", set_footer, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
