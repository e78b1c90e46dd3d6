"""Leverages of rows, from the factor of all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from lmmlib.linalg.arrowhead import Arrowhead
from lmmlib.linalg.dense import dense_blocks
from lmmlib.linalg.factor import Factor, FactoredArrowhead, FactoredSparse
from lmmlib.linalg.partition import Partition
from lmmlib.linalg.stacks import scale_stack, solve_lower_stack

CHUNK_ENTRIES = 4_000_000  # of dense columns of rows held at a time


@dataclass(frozen=True, eq=False)
class RowLeverages:
    """Some rows (a, b) of [Z B] after the elimination of the columns, w = R'^{-1}Λ'a.

    Attributes
    ----------
    rows : ndarray of int, shape (r,)
        Numbers of the rows.
    leverage : ndarray, shape (r, S)
        Squares w'w.
    remainder : ndarray, shape (c, r, S)
        What is left of b: b − (the factor's right-hand sides)'w.
    """

    rows: np.ndarray
    leverage: np.ndarray
    remainder: np.ndarray


def row_leverages(
    Z: csr_array,
    B: np.ndarray,
    partition: Partition,
    factor: Factor,
    Lam: Sequence[np.ndarray],
) -> Iterator[RowLeverages]:
    """Leverages of the rows (a, b) of [Z B], and what the columns leave of b.

    Parameters
    ----------
    Z : scipy.sparse.csr_array, shape (n, K)
        Matrix that was reduced.
    B : ndarray, shape (n, c)
        Right-hand sides: the first c of those that were reduced, as combined for the factor.
    partition : Partition
        Partition of Z.
    factor : Factor
        As ``factorise`` returned it.
    Lam : sequence of ndarray
        As given to ``factorise``.

    Yields
    ------
    RowLeverages
        Some of the rows.

    Examples
    --------
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowheads
    >>> Z = csr_array(np.array([[1.0], [1.0], [1.0]]))
    >>> B = np.ones((3, 1))
    >>> partition = find_partition(Z, [(1, 1)])
    >>> arrowheads = reduce_to_arrowheads(Z, B, partition)
    >>> Lam = [np.ones((1, 1, 1))]
    >>> factor = factorise(arrowheads, Lam)
    >>> (part,) = row_leverages(Z, B, partition, factor, Lam)
    >>> part.leverage.ravel().round(9).tolist(), part.remainder.ravel().round(9).tolist()
    ([0.25, 0.25, 0.25], [0.25, 0.25, 0.25])
    """
    factors = [np.moveaxis(L, 0, -1) for L in Lam]
    sparse = [one for one in factor.arrowheads if isinstance(one, FactoredSparse)]
    rotated = [one for one in factor.arrowheads if isinstance(one, FactoredArrowhead)]
    is_rotated = np.ones(len(partition.separator_counts), bool)
    for factored in sparse:
        is_rotated[factored.arrowhead.components] = False
        yield from _sparse_leverages(Z, B, partition, factored)
    place = _places([one.arrowhead for one in rotated], Z.shape[1])
    S = len(factor.log_det)
    for dense in dense_blocks(Z, B, partition, is_rotated):
        q, c = sum(dense.similar.counts), B.shape[1]
        h = dense.values.shape[-1] - q - c
        real = dense.rows < len(B)
        stacked = np.moveaxis(dense.values, -1, 0)
        remainder = stacked[q + h :, ..., None]
        leverage = np.zeros(())
        of_separator = stacked[q:q, ..., None]
        component = partition.component[dense.similar.blocks]
        if h:
            first = partition.separator[partition.separator_start[component]]
            number, _, slot, _ = place[:, first]
            counts = rotated[number[0]].arrowhead.separator_counts
            of_separator = scale_stack(stacked[None, q : q + h], factors, counts)[0]
        if q:
            first = partition.columns[partition.column_start[dense.similar.blocks]]
            number, shape, slot, rank = place[:, first]
            block = rotated[number[0]].diagonal_blocks[shape[0]][:, :, slot, rank, None]
            scaled = scale_stack(stacked[None, :q], factors, dense.similar.counts)[0]
            own = solve_lower_stack(block[:, :q], scaled)
            leverage = leverage + np.sum(own**2, 0)
            coupling = block[:, q : q + h]
            rhs = block[:, q + h : q + h + c]
            of_separator = of_separator - np.einsum("qhbos,qbms->hbms", coupling, own)
            remainder = remainder - np.einsum("qcbos,qbms->cbms", rhs, own)
        if h:
            block = rotated[number[0]].separator[:, :, slot, None]
            shared = solve_lower_stack(block[:, :h], of_separator)
            leverage = leverage + np.sum(shared**2, 0)
            rhs = block[:, h : h + c]
            remainder = remainder - np.einsum("hcbos,hbms->cbms", rhs, shared)
        leverage = np.broadcast_to(leverage, (*real.shape, S))
        remainder = np.broadcast_to(remainder, (c, *real.shape, S))
        yield RowLeverages(dense.rows[real], leverage[real], remainder[:, real])


def _sparse_leverages(
    Z: csr_array, B: np.ndarray, partition: Partition, factored: FactoredSparse
) -> Iterator[RowLeverages]:
    """The rows of components that were not rotated, some at a time."""
    columns = factored.arrowhead.columns
    chosen = np.zeros(len(partition.separator_counts), bool)
    chosen[factored.arrowhead.components] = True
    block_of_row = np.repeat(np.arange(len(partition.component)), np.diff(partition.row_start))
    rows = np.sort(partition.rows[chosen[partition.component[block_of_row]]])
    in_order = csr_array(Z[rows][:, columns])
    step = max(1, CHUNK_ENTRIES // len(columns))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        dense = in_order[start : start + step].toarray().T
        leverages = []
        remainders = []
        for one in factored.factors:
            half = one.forward(one.scaled_rhs(dense))
            leverages.append(np.sum(half**2, 0))
            fitted = dense.T @ one.scaled(one.solution[:, : B.shape[1]])
            remainders.append((B[part] - fitted).T)
        yield RowLeverages(part, np.stack(leverages, -1), np.stack(remainders, -1))


def _places(arrowheads: Sequence[Arrowhead], K: int) -> np.ndarray:
    """Arrowhead, shape of block, component and block in which each column stands, (4, K)."""
    place = np.zeros((4, K + 1), int)
    for number, arrowhead in enumerate(arrowheads):
        _, C = arrowhead.separator.shape
        place[0, arrowhead.separator] = number
        place[1, arrowhead.separator] = 0
        place[2, arrowhead.separator] = np.arange(C)
        place[3, arrowhead.separator] = 0
        for shape, diagonal in enumerate(arrowhead.diagonal_blocks):
            _, C, L = diagonal.columns.shape
            place[0, diagonal.columns] = number
            place[1, diagonal.columns] = shape
            place[2, diagonal.columns] = np.arange(C)[:, None]
            place[3, diagonal.columns] = np.arange(L)
    return place[:, :K]
