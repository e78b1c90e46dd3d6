"""Numerical linear algebra without statistical words.

Partitions of sparse matrices, orthogonal reduction to arrowheads, factors and solutions, triangles,
and an optimiser.
"""

from lmmlib.linalg.arrowhead import Arrowhead, DiagonalBlocks, rotate_to_arrowheads
from lmmlib.linalg.arrowheads import WIDEST_ROTATED, AnyArrowhead, as_rows, reduce_to_arrowheads
from lmmlib.linalg.block_chunks import is_large, large_inverse, small_blocks
from lmmlib.linalg.block_projection import (
    BlockProjection,
    BlockTriangle,
    block_triangle,
    project_blocks,
)
from lmmlib.linalg.blocks import Batch, pack, positions
from lmmlib.linalg.dense import DenseBlocks, dense_blocks
from lmmlib.linalg.factor import (
    Factor,
    FactoredArrowhead,
    FactoredSparse,
    factorise,
    factorise_components,
)
from lmmlib.linalg.inverse_blocks import inverse_blocks
from lmmlib.linalg.leave_one_out import WIDEST_MERGED, predict_from_others
from lmmlib.linalg.leverages import RowLeverages, row_leverages
from lmmlib.linalg.minimize import (
    LEAST_GAIN,
    ConvergenceWarning,
    Evaluation,
    Minimum,
    newton_minimize,
)
from lmmlib.linalg.partition import Partition, find_partition
from lmmlib.linalg.projection import DenseProjection, kind_sums, project_dense
from lmmlib.linalg.rotation import Rotation, rotate
from lmmlib.linalg.sparse_arrowhead import SparseArrowhead, sparse_arrowhead
from lmmlib.linalg.sparse_factor import SparseFactor, factorise_sparse
from lmmlib.linalg.stacks import scale_stack, solve_lower_stack, solve_upper_stack, triangle_stack
from lmmlib.linalg.substitution import (
    back_substitute,
    forward_substitute,
    forward_substitute_blocks,
    projected_rhs,
)
from lmmlib.linalg.threads import one_thread, side_by_side, threads_for
from lmmlib.linalg.triangles import (
    NotPositiveSemidefiniteError,
    cholesky_semidefinite,
    dependent_columns,
    eliminate,
    merge,
    scale_columns,
)

__all__ = [
    "LEAST_GAIN",
    "WIDEST_MERGED",
    "WIDEST_ROTATED",
    "AnyArrowhead",
    "Arrowhead",
    "Batch",
    "BlockProjection",
    "BlockTriangle",
    "ConvergenceWarning",
    "DenseBlocks",
    "DenseProjection",
    "DiagonalBlocks",
    "Evaluation",
    "Factor",
    "FactoredArrowhead",
    "FactoredSparse",
    "Minimum",
    "NotPositiveSemidefiniteError",
    "Partition",
    "Rotation",
    "RowLeverages",
    "SparseArrowhead",
    "SparseFactor",
    "as_rows",
    "back_substitute",
    "block_triangle",
    "cholesky_semidefinite",
    "dense_blocks",
    "dependent_columns",
    "eliminate",
    "factorise",
    "factorise_components",
    "factorise_sparse",
    "find_partition",
    "forward_substitute",
    "forward_substitute_blocks",
    "inverse_blocks",
    "is_large",
    "kind_sums",
    "large_inverse",
    "merge",
    "newton_minimize",
    "one_thread",
    "pack",
    "positions",
    "predict_from_others",
    "project_blocks",
    "project_dense",
    "projected_rhs",
    "reduce_to_arrowheads",
    "rotate",
    "rotate_to_arrowheads",
    "row_leverages",
    "scale_columns",
    "scale_stack",
    "side_by_side",
    "small_blocks",
    "solve_lower_stack",
    "solve_upper_stack",
    "sparse_arrowhead",
    "threads_for",
    "triangle_stack",
]
