"""From lme4's notation to a Data.

Formulas are parsed here, the matrix of each side is formulaic's.
"""

from lmmlib.formula.build import from_formula
from lmmlib.formula.many_tables import reduce_tables
from lmmlib.formula.missing import NoRowLeftError
from lmmlib.formula.parsed_formula import ParsedFormula, parse
from lmmlib.formula.spec import FormulaSpec, ModelRows

__all__ = [
    "FormulaSpec",
    "ModelRows",
    "NoRowLeftError",
    "ParsedFormula",
    "from_formula",
    "parse",
    "reduce_tables",
]
