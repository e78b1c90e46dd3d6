"""Leave-one-out with the prediction task on the result.

What is left out, through which density, and what was refitted.
"""

import lmmlib.draws  # noqa: F401  before ArviZ, for the reason given there
from lmmlib.crossvalidation.comparison import compare
from lmmlib.crossvalidation.leave_out import loo
from lmmlib.crossvalidation.pit import loo_pit
from lmmlib.crossvalidation.result import TaskLOO
from lmmlib.crossvalidation.smoothing import smoothed_weights

__all__ = ["TaskLOO", "compare", "loo", "loo_pit", "smoothed_weights"]
