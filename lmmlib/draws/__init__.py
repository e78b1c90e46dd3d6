"""The one form of draws: whatever made them, everything after reads only this.

A DataTree with ``posterior`` (``beta``, ``sigma``, ``sd``, ``cor``, ``u``), ``observed_data``
(``y``), ``constant_data`` (term, level and covariate of each entry of ``u``) and, where the engine
has them, ``sample_stats``. It holds no ``log_likelihood``: which density that would be is the
question.
"""

from lmmlib.draws.datatree import DIMS, FINGERPRINT, VARIABLES, assemble, coords, tree_of
from lmmlib.draws.extraction import flat, log_weight, theta, theta_of_data
from lmmlib.draws.from_arrays import as_draws
from lmmlib.draws.summary_table import summary
from lmmlib.draws.validation import (
    ADDED,
    ADDED_ON_U,
    ADDED_ON_Y,
    DISTRIBUTION,
    check_additions,
    check_data,
    check_design,
    checked_tree,
)

__all__ = [
    "ADDED",
    "ADDED_ON_U",
    "ADDED_ON_Y",
    "DIMS",
    "DISTRIBUTION",
    "FINGERPRINT",
    "VARIABLES",
    "as_draws",
    "assemble",
    "check_additions",
    "check_data",
    "check_design",
    "checked_tree",
    "coords",
    "flat",
    "log_weight",
    "summary",
    "theta",
    "theta_of_data",
    "tree_of",
]
