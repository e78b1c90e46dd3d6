"""Maximum likelihood and REML, with β and σ profiled out and the ratios of standard deviations searched."""

from lmmlib.estimation.checks import check_spare, confounded_with_sigma
from lmmlib.estimation.fit import Estimate, estimate, rough
from lmmlib.linalg import ConvergenceWarning

__all__ = ["ConvergenceWarning", "Estimate", "check_spare", "confounded_with_sigma", "estimate", "rough"]
