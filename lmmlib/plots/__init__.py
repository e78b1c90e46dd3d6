"""One figure a function, from results: what a user of the package would draw."""

from lmmlib.plots.calibration import rank_ecdf
from lmmlib.plots.intervals import estimates
from lmmlib.plots.loo import pareto_k
from lmmlib.plots.pit import pit_ecdf
from lmmlib.plots.pooling import shrinkage
from lmmlib.plots.predictive_checks import statistics
from lmmlib.plots.recoveries import recovery
from lmmlib.plots.replicates import density_overlay, replicated_statistics
from lmmlib.plots.standard_deviations import sd_posteriors, sd_priors
from lmmlib.plots.style import COLORS

__all__ = [
    "COLORS",
    "density_overlay",
    "estimates",
    "pareto_k",
    "pit_ecdf",
    "rank_ecdf",
    "recovery",
    "replicated_statistics",
    "sd_posteriors",
    "sd_priors",
    "shrinkage",
    "statistics",
]
