"""Draws of other engines in the one form: what Bambi and brms call by other names."""

from lmmlib.converters.bambi import from_bambi
from lmmlib.converters.brms import from_brms

__all__ = ["from_bambi", "from_brms"]
