"""One figure a function, from results; the only place that imports Matplotlib."""

from lmmlib.plots.calibrations import rank_ecdf
from lmmlib.plots.checks import statistics
from lmmlib.plots.loo import left_out_row, pareto_k, pareto_k_against_leverage
from lmmlib.plots.look import COLOURS
from lmmlib.plots.posteriors import differences, estimates, lattice
from lmmlib.plots.theory import convergence, offsets, two_distributions

__all__ = [
    "COLOURS",
    "convergence",
    "differences",
    "estimates",
    "lattice",
    "left_out_row",
    "offsets",
    "pareto_k",
    "pareto_k_against_leverage",
    "rank_ecdf",
    "statistics",
    "two_distributions",
]
