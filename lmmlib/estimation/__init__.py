"""Maximum likelihood and REML.

β and σ are profiled out, and relative covariance factors are searched.
"""

from lmmlib.estimation.checks import confounded_with_sigma
from lmmlib.estimation.exact_fit import check_residual_df
from lmmlib.estimation.fit import InitialScales, estimate, initial_scales
from lmmlib.estimation.likelihood_ratio import Anova, anova
from lmmlib.estimation.result import Estimate
from lmmlib.linalg import ConvergenceWarning

__all__ = [
    "Anova",
    "ConvergenceWarning",
    "Estimate",
    "InitialScales",
    "anova",
    "check_residual_df",
    "confounded_with_sigma",
    "estimate",
    "initial_scales",
]
