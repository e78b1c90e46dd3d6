"""Kernels without statistical words: blocks, triangles and what is left when one row is left out."""

from lmmlib.linalg.blocks import Batch, pack, positions
from lmmlib.linalg.left_out import left_out
from lmmlib.linalg.rotation import Rotation, rotate
from lmmlib.linalg.triangles import (
    NotPositiveSemidefiniteError,
    cholesky_semidefinite,
    dependent_columns,
    eliminate,
    merge,
    penalised,
    scale_columns,
    solve_upper,
)

__all__ = [
    "Batch",
    "NotPositiveSemidefiniteError",
    "Rotation",
    "cholesky_semidefinite",
    "dependent_columns",
    "eliminate",
    "left_out",
    "merge",
    "pack",
    "penalised",
    "positions",
    "rotate",
    "scale_columns",
    "solve_upper",
]
