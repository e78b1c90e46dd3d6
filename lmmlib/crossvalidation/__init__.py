"""Leave-one-out with the prediction task on the result.

What is left out, through which density, and what was refitted.
"""

from lmmlib.crossvalidation.comparison import compare
from lmmlib.crossvalidation.leave_out import loo
from lmmlib.crossvalidation.pit import loo_pit
from lmmlib.crossvalidation.result import TaskLOO
from lmmlib.crossvalidation.smoothing import smoothed_weights

__all__ = ["TaskLOO", "compare", "loo", "loo_pit", "smoothed_weights"]
