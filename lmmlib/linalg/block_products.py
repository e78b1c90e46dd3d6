"""Products with the block diagonal Λ, and with the diagonal blocks of a sparse arrowhead."""

from collections.abc import Sequence

import numpy as np

from lmmlib.linalg.sparse_arrowhead import BlockGroup
from lmmlib.linalg.stacks import solve_lower_stack


def block_factor(Lam: Sequence[np.ndarray], counts: Sequence[int]) -> np.ndarray:
    """Block diagonal Λ (q, q) of one block, each Λ_k over the bundles of its kind."""
    q = sum(counts)
    out = np.zeros((q, q))
    start = 0
    for factor, count in zip(Lam, counts, strict=True):
        w = len(factor)
        for first in range(start, start + count, w):
            out[first : first + w, first : first + w] = factor
        start += count
    return out


def block_chol(group: BlockGroup, Lam: Sequence[np.ndarray]) -> np.ndarray:
    """Upper triangles F (q, q, L) with F'F = Λ'Z'ZΛ + I."""
    factor = block_factor(Lam, group.counts)
    q = len(factor)
    if q == 1:
        return np.sqrt(factor[0, 0] ** 2 * group.cross + 1.0)
    M = np.einsum("ia,ijl,jb->lab", factor, group.cross, factor, optimize=True)
    M[:, range(q), range(q)] += 1.0
    return np.ascontiguousarray(np.moveaxis(np.linalg.cholesky(M), 0, -1).swapaxes(0, 1))


def block_half(F: np.ndarray, Lam: np.ndarray) -> np.ndarray:
    """ΛF^{-1} (q, q, L): its transpose solves F'G' = Λ'."""
    rhs = np.broadcast_to(Lam.T[..., None], (*Lam.shape, F.shape[2]))
    return np.swapaxes(solve_lower_stack(F[:, :, None], rhs), 0, 1)


def scaled_rows(
    v: np.ndarray, Lam: Sequence[np.ndarray], counts: Sequence[int], transposed: bool
) -> np.ndarray:
    """Λ or Λ' times rows v (h, m) that stand kind by kind."""
    out = np.empty_like(v)
    start = 0
    for factor, count in zip(Lam, counts, strict=True):
        stop = start + count
        matrix = factor.T if transposed else factor
        w = len(matrix)
        if w == 1:
            np.multiply(v[start:stop], factor[0, 0], out=out[start:stop])
            start = stop
            continue
        bundles = v[start:stop].reshape(count // w, w, v.shape[1])
        out[start:stop] = np.einsum("ij,bjm->bim", matrix, bundles).reshape(count, v.shape[1])
        start = stop
    return out


def by_block(v: np.ndarray, q: int) -> np.ndarray:
    """Rows (L q, m) as (q, L, m)."""
    return v.reshape(len(v) // q, q, v.shape[1]).transpose(1, 0, 2)


def from_blocks(v: np.ndarray) -> np.ndarray:
    """(q, L, m) as rows (L q, m)."""
    q, L, m = v.shape
    return v.transpose(1, 0, 2).reshape(L * q, m)


def times_blocks(matrix: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A matrix (q, q) times every block of v (q, L, m)."""
    if len(matrix) == 1:
        return matrix[0, 0] * v
    return np.einsum("ij,jlm->ilm", matrix, v)
