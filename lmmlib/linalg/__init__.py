"""Kernels without statistical words.

Blocks, triangles and what is left when one row is left out.
"""

from lmmlib.linalg.arrowhead import (
    Arrowhead,
    DiagonalBlocks,
    as_rows,
    dense_blocks,
    reduce_to_arrowhead,
)
from lmmlib.linalg.blocks import Batch, pack, positions
from lmmlib.linalg.factor import Factor, factorise, factorise_components
from lmmlib.linalg.leave_one_out import WIDEST_MERGED, predict_from_others
from lmmlib.linalg.newton import ConvergenceWarning, Optima, newton_maximize
from lmmlib.linalg.partition import Partition, find_partition
from lmmlib.linalg.rotation import Rotation, rotate
from lmmlib.linalg.rounding import first_minimum, rounding_error
from lmmlib.linalg.stacks import scale_stack, solve_lower_stack, solve_upper_stack, triangle_stack
from lmmlib.linalg.substitution import (
    back_substitute,
    covariance_blocks,
    forward_substitute,
    projected_rhs,
    row_leverages,
)
from lmmlib.linalg.threads import one_thread
from lmmlib.linalg.triangles import (
    NotPositiveSemidefiniteError,
    cholesky_semidefinite,
    dependent_columns,
    eliminate,
    merge,
    scale_columns,
)

__all__ = [
    "WIDEST_MERGED",
    "Arrowhead",
    "Batch",
    "ConvergenceWarning",
    "DiagonalBlocks",
    "Factor",
    "NotPositiveSemidefiniteError",
    "Optima",
    "Partition",
    "Rotation",
    "as_rows",
    "back_substitute",
    "cholesky_semidefinite",
    "covariance_blocks",
    "dense_blocks",
    "dependent_columns",
    "eliminate",
    "factorise",
    "factorise_components",
    "find_partition",
    "first_minimum",
    "forward_substitute",
    "merge",
    "newton_maximize",
    "one_thread",
    "pack",
    "positions",
    "predict_from_others",
    "projected_rhs",
    "reduce_to_arrowhead",
    "rotate",
    "rounding_error",
    "row_leverages",
    "scale_columns",
    "scale_stack",
    "solve_lower_stack",
    "solve_upper_stack",
    "triangle_stack",
]
