"""Diagonal blocks of the inverse of a factored matrix."""

from collections.abc import Sequence

import numpy as np

from lmmlib.linalg.block_products import block_factor
from lmmlib.linalg.factor import Factor, FactoredSparse
from lmmlib.linalg.sparse_factor import SparseFactor
from lmmlib.linalg.stacks import solve_upper_stack


def inverse_blocks(
    factor: Factor,
    K: int,
    shapes: Sequence[tuple[int, int]],
    chols: Sequence[np.ndarray],
) -> list[np.ndarray]:
    """Diagonal blocks C of (R'R)^{-1}, bundle by bundle, as L C L'.

    Parameters
    ----------
    factor : Factor
        As ``factorise`` returned it.
    K : int
        Number of columns.
    shapes : sequence of tuple of int
        Bundles J and width w per kind of column.
    chols : sequence of ndarray
        One lower triangular L (w, w) per kind.

    Returns
    -------
    list of ndarray
        Blocks (J, w, w) of each kind, for the first of the factor's S values.

    Notes
    -----
    L multiplies R^{-1} before it is squared: the product of C itself with a large L loses digits.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowheads
    >>> Z = csr_array(np.array([[1.0], [1.0], [1.0]]))
    >>> arrowheads = reduce_to_arrowheads(Z, np.ones((3, 1)), find_partition(Z, [(1, 1)]))
    >>> factor = factorise(arrowheads, [np.ones((1, 1, 1))])
    >>> (blocks,) = inverse_blocks(factor, 1, [(1, 1)], [np.eye(1)])
    >>> blocks.round(9).tolist()
    [[[0.25]]]
    """
    blocks_by_kind = [np.zeros((J, w, w)) for J, w in shapes]
    for factored in factor.arrowheads:
        if isinstance(factored, FactoredSparse):
            _put_sparse(blocks_by_kind, chols, factored.factors[0])
            continue
        arrowhead = factored.arrowhead
        h, C = arrowhead.separator.shape
        inverse = solve_upper_stack(
            factored.separator[:, :h, None, :, 0],
            np.broadcast_to(np.eye(h)[..., None], (h, h, C)),
        )
        _put(blocks_by_kind, chols, inverse, arrowhead.separator, arrowhead.separator_counts, K)
        for diagonal, block in zip(
            arrowhead.diagonal_blocks, factored.diagonal_blocks, strict=True
        ):
            q, _, C, L, _ = block.shape
            own = solve_upper_stack(
                block[:, :q, None, ..., 0],
                np.broadcast_to(np.eye(q)[..., None, None], (q, q, C, L)),
            )
            through = np.einsum(
                "qrcl,rhcl,hkc->qkcl", own, block[:, q : q + h, ..., 0], inverse, optimize=True
            )
            half = np.concatenate([own, through], 1)
            _put(blocks_by_kind, chols, half, diagonal.columns, diagonal.counts, K)
    return blocks_by_kind


def _put(
    blocks_by_kind: list[np.ndarray],
    chols: Sequence[np.ndarray],
    half: np.ndarray,
    columns: np.ndarray,
    counts: Sequence[int],
    K: int,
) -> None:
    """Write (L half)(L half)' of every bundle of columns (q, ...) to its place.

    ``half`` is (q, any, ...).
    """
    start = 0
    first = 0
    for blocks, chol, count in zip(blocks_by_kind, chols, counts, strict=True):
        J, w, _ = blocks.shape
        for b in range(start, start + count, w):
            real = columns[b] < K
            part = np.einsum("ai,ikx->akx", chol, half[b : b + w][..., real])
            blocks[(columns[b][real] - first) // w] = np.einsum("ikx,jkx->xij", part, part)
        start += count
        first += J * w


def _put_sparse(
    blocks_by_kind: list[np.ndarray], chols: Sequence[np.ndarray], factor: SparseFactor
) -> None:
    """Write L C L' of every bundle of a sparse factor to its place.

    A block is F^{-1}(I + G'XG)F^{-T}, with G = ΛF^{-1} and X what the separator adds.
    """
    arrowhead = factor.arrowhead
    through = factor.separator.through()
    start = 0
    for group, F, X in zip(arrowhead.groups, factor.block_chols, through, strict=True):
        L, q = group.size
        Lam = block_factor(factor.Lam, group.counts)
        identity = np.broadcast_to(np.eye(q)[..., None], (q, q, L))
        inverse_F = solve_upper_stack(F[:, :, None], identity)
        G = np.einsum("ij,jkl->ikl", Lam, inverse_F)
        middle = identity + np.einsum("ial,ijl,jbl->abl", G, X, G, optimize=True)
        blocks = np.einsum("ial,abl,jbl->lij", inverse_F, middle, inverse_F, optimize=True)
        columns = arrowhead.columns[start : start + L * q].reshape(L, q)
        _put_bundles(blocks_by_kind, chols, blocks, columns, group.counts)
        start += L * q
    columns = arrowhead.columns[start:]
    first = 0
    for blocks_of_kind, chol, count, offset, of_bundles in zip(
        blocks_by_kind,
        chols,
        arrowhead.separator_counts,
        _offsets(blocks_by_kind),
        factor.separator.inverse_bundles(),
        strict=True,
    ):
        w = len(chol)
        levels = (columns[first : first + count : w] - offset) // w
        blocks_of_kind[levels] = chol @ of_bundles @ chol.T
        first += count


def _put_bundles(
    blocks_by_kind: list[np.ndarray],
    chols: Sequence[np.ndarray],
    blocks: np.ndarray,
    columns: np.ndarray,
    counts: Sequence[int],
) -> None:
    """Write the bundles of blocks (L, q, q) in columns (L, q)."""
    start = 0
    for of_kind, chol, count, offset in zip(
        blocks_by_kind, chols, counts, _offsets(blocks_by_kind), strict=True
    ):
        w = len(chol)
        for first in range(start, start + count, w):
            bundle = blocks[:, first : first + w, first : first + w]
            levels = (columns[:, first] - offset) // w
            of_kind[levels] = chol @ bundle @ chol.T
        start += count


def _offsets(blocks_by_kind: Sequence[np.ndarray]) -> list[int]:
    """The first column of each kind."""
    offsets = [0]
    for blocks in blocks_by_kind:
        offsets.append(offsets[-1] + blocks.shape[0] * blocks.shape[1])
    return offsets[:-1]
