"""Maximum likelihood and REML.

β and σ are profiled out, and the ratios of standard deviations are searched.
"""

from lmmlib.estimation.checks import check_residual_df, confounded_with_sigma
from lmmlib.estimation.fit import Estimate, estimate, initial_scales
from lmmlib.linalg import ConvergenceWarning

__all__ = [
    "ConvergenceWarning",
    "Estimate",
    "check_residual_df",
    "confounded_with_sigma",
    "estimate",
    "initial_scales",
]
