"""Predictive replicates, of the rows that were seen or of new ones, and what they say of the data."""

from lmmlib.replication.checks import OF_GROUPS, STATISTICS, Check, check
from lmmlib.replication.replicates import replicate

__all__ = ["OF_GROUPS", "STATISTICS", "Check", "check", "replicate"]
