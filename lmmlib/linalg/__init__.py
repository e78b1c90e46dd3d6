"""Kernels without statistical words: blocks, triangles and what is left when one row is left out."""

from lmmlib.linalg.blocks import Batch, pack, positions
from lmmlib.linalg.bordered import Bordered, Leaves, as_rows, dense_blocks, reduce_rows
from lmmlib.linalg.climbing import ConvergenceWarning, Peaks, climb
from lmmlib.linalg.factor import Factor, factorise, factorise_components
from lmmlib.linalg.left_out import WIDEST_MERGED, left_out
from lmmlib.linalg.plan import Plan, plan
from lmmlib.linalg.rotation import Rotation, rotate
from lmmlib.linalg.rounding import first_of_least, rounding
from lmmlib.linalg.stacks import scale_stack, solve_lower_stack, solve_upper_stack, triangle_stack
from lmmlib.linalg.substitution import back_substitute, covariance_blocks, forward_substitute, rows_seen, seen_sides
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
    "Batch",
    "Bordered",
    "ConvergenceWarning",
    "Factor",
    "Leaves",
    "NotPositiveSemidefiniteError",
    "Peaks",
    "Plan",
    "Rotation",
    "as_rows",
    "back_substitute",
    "cholesky_semidefinite",
    "climb",
    "covariance_blocks",
    "dense_blocks",
    "dependent_columns",
    "eliminate",
    "factorise",
    "factorise_components",
    "first_of_least",
    "forward_substitute",
    "left_out",
    "merge",
    "one_thread",
    "pack",
    "plan",
    "positions",
    "reduce_rows",
    "rotate",
    "rounding",
    "rows_seen",
    "scale_columns",
    "scale_stack",
    "seen_sides",
    "solve_lower_stack",
    "solve_upper_stack",
    "triangle_stack",
]
