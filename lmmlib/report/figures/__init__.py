"""Figures that one chapter needs to make its point: one a function, from results."""

from lmmlib.report.figures.comparisons import differences, lattice, strips
from lmmlib.report.figures.cost import scaling, systems
from lmmlib.report.figures.loo import left_out, pareto_k_against_leverage
from lmmlib.report.figures.scales import mixture, tails
from lmmlib.report.figures.theory import (
    balanced_groups,
    convergence,
    offsets,
    two_distributions,
)
from lmmlib.report.figures.traits import two_traits

__all__ = [
    "balanced_groups",
    "convergence",
    "differences",
    "lattice",
    "left_out",
    "mixture",
    "offsets",
    "pareto_k_against_leverage",
    "scaling",
    "strips",
    "systems",
    "tails",
    "two_distributions",
    "two_traits",
]
