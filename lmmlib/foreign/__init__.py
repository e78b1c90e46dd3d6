"""Draws of other engines in the one form: what Bambi and brms call by other names."""

from lmmlib.foreign.bambi import from_bambi
from lmmlib.foreign.brms import from_brms

__all__ = ["from_bambi", "from_brms"]
