"""Figures that one chapter needs to make its point: one a function, from results."""

from lmmlib.report.figures.checks import null_p_values
from lmmlib.report.figures.comparisons import differences, lattice, readings, strips
from lmmlib.report.figures.cost import scaling, systems
from lmmlib.report.figures.links import links_of_means
from lmmlib.report.figures.loo import left_out, pareto_k_against_leverage
from lmmlib.report.figures.posteriors import posteriors_of_both_forms
from lmmlib.report.figures.scales import mixture, tails
from lmmlib.report.figures.theory import (
    balanced_groups,
    convergence,
    likelihoods_of_a_scale,
    offsets,
    two_distributions,
    variance_parts,
)
from lmmlib.report.figures.traits import two_traits

__all__ = [
    "balanced_groups",
    "convergence",
    "differences",
    "lattice",
    "left_out",
    "likelihoods_of_a_scale",
    "links_of_means",
    "mixture",
    "null_p_values",
    "offsets",
    "pareto_k_against_leverage",
    "posteriors_of_both_forms",
    "readings",
    "scaling",
    "strips",
    "systems",
    "tails",
    "two_distributions",
    "two_traits",
    "variance_parts",
]
