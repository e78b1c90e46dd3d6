"""From lme4's notation to a Data: the bars are split here, the matrix of each side is formulaic's."""

from lmmlib.formula.doors import from_formula, reduce_tables
from lmmlib.formula.notation import Bar, parse
from lmmlib.formula.recipe import Recipe

__all__ = ["Bar", "Recipe", "from_formula", "parse", "reduce_tables"]
