"""Warnings that name the user's line, however deep in the package they arise."""

import warnings
from pathlib import Path

PACKAGE = str(Path(__file__).parents[1])


def warn_user(sentence: str) -> None:
    """Warn at the line outside of this package from which it was called."""
    warnings.warn(sentence, skip_file_prefixes=(PACKAGE,))
