"""What a model is before anything is fitted to it.

Terms, design, data, parameters and priors, each checked and frozen.
"""

from lmmlib.model.data import Data, as_reduction, checked_data
from lmmlib.model.design import Design, checked_design, checked_rows
from lmmlib.model.layout import Layout
from lmmlib.model.merging import merge_reductions
from lmmlib.model.params import Params, Theta, checked_params
from lmmlib.model.priors import Priors, checked_priors
from lmmlib.model.reduction import Reduction, reduction_of
from lmmlib.model.rng import RNGLike, checked_rng
from lmmlib.model.row_builder import RowBuilder
from lmmlib.model.scale_prior import ScalePrior
from lmmlib.model.term import Term
from lmmlib.model.validation import frozen_array

__all__ = [
    "Data",
    "Design",
    "Layout",
    "Params",
    "Priors",
    "RNGLike",
    "Reduction",
    "RowBuilder",
    "ScalePrior",
    "Term",
    "Theta",
    "as_reduction",
    "checked_data",
    "checked_design",
    "checked_params",
    "checked_priors",
    "checked_rng",
    "checked_rows",
    "frozen_array",
    "merge_reductions",
    "reduction_of",
]
