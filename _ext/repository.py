"""Buttons to the source and to Binder, where the repository has a public address; a button that leads nowhere is worse than none.

The address is ``repository-code`` in ``CITATION.cff``, or else the git remote ``origin`` if that is a public host.
"""

import re
import subprocess
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import ExtensionMetadata

import citation

REMOTE = re.compile(
    r"(?:https://(?:[^@/]*@)?|ssh://git@|git@)([\w.-]+\.[a-z]+)[:/](.+?)(?:\.git)?/?"
)
BINDER = "https://mybinder.org"


def public(remote: str) -> str:
    """Give the web address of a remote, without user and password; nothing for a folder of this machine."""
    match = REMOTE.fullmatch(remote.strip())
    return f"https://{match[1]}/{match[2]}" if match else ""


def origin(root: Path) -> str:
    """Give the remote of the checkout, or nothing where there is no repository or no git."""
    try:
        return subprocess.run(
            ["git", "remote", "get-url", "origin"],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
    except FileNotFoundError:
        return ""


def set_buttons(app: Sphinx, config: Config) -> None:
    """Switch the theme's buttons on."""
    root = Path(app.srcdir)
    address = citation.read(root).get("repository-code") or public(origin(root))
    if address:
        config.html_theme_options |= {
            "repository_url": address,
            "repository_branch": "main",
            "use_repository_button": True,
            "use_source_button": True,
            "launch_buttons": {"binderhub_url": BINDER, "notebook_interface": "jupyterlab"},
        }


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register with Sphinx, before the theme reads its options."""
    app.connect("config-inited", set_buttons, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
