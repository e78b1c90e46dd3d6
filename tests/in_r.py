"""R and its packages, where they are found."""

import shutil
import subprocess
from functools import cache

import pytest


@cache
def has(*packages):
    """Whether R is there, and has all of the packages."""
    if shutil.which("Rscript") is None:
        return False
    asked = "".join(f"stopifnot(requireNamespace('{package}'));" for package in packages)
    return (
        subprocess.run(["Rscript", "-e", asked], capture_output=True, check=False).returncode == 0
    )


def needs(*packages):
    """Leave a test out where R, or one of the packages, is not there."""
    if not has(*packages):
        pytest.skip(f"R is not there, or has not all of {', '.join(packages)}")
