"""One figure a function, from results; the only place that imports Matplotlib."""

from lmmlib.plots.calibrations import rank_ecdf
from lmmlib.plots.checks import statistics
from lmmlib.plots.costs import scaling, systems
from lmmlib.plots.loo import left_out, pareto_k, pareto_k_against_leverage
from lmmlib.plots.look import COLOURS
from lmmlib.plots.mixtures import mixture
from lmmlib.plots.pooling import shrinkage, tails
from lmmlib.plots.posteriors import differences, estimates, lattice
from lmmlib.plots.priors import sd_priors
from lmmlib.plots.recoveries import recovery
from lmmlib.plots.replicates import replicated_rows, replicated_statistics, transforms
from lmmlib.plots.scales import sd_posteriors
from lmmlib.plots.strips import strips
from lmmlib.plots.theory import balanced_groups, convergence, offsets, two_distributions

__all__ = [
    "COLOURS",
    "balanced_groups",
    "convergence",
    "differences",
    "estimates",
    "lattice",
    "left_out",
    "mixture",
    "offsets",
    "pareto_k",
    "pareto_k_against_leverage",
    "rank_ecdf",
    "recovery",
    "replicated_rows",
    "replicated_statistics",
    "scaling",
    "sd_posteriors",
    "sd_priors",
    "shrinkage",
    "statistics",
    "strips",
    "systems",
    "tails",
    "transforms",
    "two_distributions",
]
