"""Solutions with a factor: triangular systems, and diagonal blocks of the inverse."""

from collections.abc import Sequence

import numpy as np

from lmmlib.linalg.arrowhead import Arrowhead
from lmmlib.linalg.factor import Factor
from lmmlib.linalg.stacks import solve_lower_stack, solve_upper_stack


def back_substitute(
    arrowheads: Sequence[Arrowhead], factor: Factor, K: int, shift: np.ndarray | None = None
) -> np.ndarray:
    """R^{-1}(t + shift) for the first right-hand side t of the factor.

    Parameters
    ----------
    arrowheads : sequence of Arrowhead
        As given to ``factorise``.
    factor : Factor
        As ``factorise`` returned it.
    K : int
        Number of columns.
    shift : ndarray, shape (K, S), optional
        What is added to the right-hand side; nothing if None.

    Returns
    -------
    ndarray, shape (K, S)
        Solutions.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowhead
    >>> Z = csr_array(np.array([[1.0], [1.0]]))
    >>> B = np.array([[1.0], [2.0]])
    >>> arrowheads = reduce_to_arrowhead(Z, B, find_partition(Z, [(1, 1)]))
    >>> factor = factorise(arrowheads, [np.ones((1, 1, 1))])
    >>> back_substitute(arrowheads, factor, 1).round(9).tolist()
    [[1.0]]
    """
    S = len(factor.log_det)
    padded = np.zeros((K + 1, S))  # the last row is that of padding
    if shift is not None:
        padded[:K] = shift
    solution = np.zeros((K + 1, S))
    for arrowhead, factored in zip(arrowheads, factor.arrowheads, strict=True):
        h = len(arrowhead.separator)
        rhs = factored.separator[:, h] + padded[arrowhead.separator]
        of_separator = solve_upper_stack(factored.separator[:, :h], rhs)
        solution[arrowhead.separator] = of_separator
        for diagonal, block in zip(
            arrowhead.diagonal_blocks, factored.diagonal_blocks, strict=True
        ):
            q = len(block)
            coupled = np.einsum("qhcls,hcs->qcls", block[:, q : q + h], of_separator)
            rhs = block[:, q + h] + padded[diagonal.columns] - coupled
            solution[diagonal.columns] = solve_upper_stack(block[:, :q], rhs)
    return solution[:K]


def forward_substitute(
    arrowheads: Sequence[Arrowhead], factor: Factor, rhs: np.ndarray
) -> np.ndarray:
    """R'^{-1} rhs, with the same right-hand sides for every R or others for each.

    Parameters
    ----------
    arrowheads : sequence of Arrowhead
        As given to ``factorise``.
    factor : Factor
        As ``factorise`` returned it.
    rhs : ndarray, shape (K, m, S)
        Right-hand sides; of S = 1 where the factor has more.

    Returns
    -------
    ndarray, shape (K, m, S)
        Solutions.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowhead
    >>> Z = csr_array(np.array([[1.0], [1.0], [1.0]]))
    >>> arrowheads = reduce_to_arrowhead(Z, np.ones((3, 1)), find_partition(Z, [(1, 1)]))
    >>> factor = factorise(arrowheads, [np.ones((1, 1, 1))])
    >>> abs(forward_substitute(arrowheads, factor, np.ones((1, 1, 1)))).round(9).tolist()
    [[[0.5]]]
    """
    K, *stack = rhs.shape
    padded = np.concatenate([rhs, np.zeros((1, *stack))])
    solution = np.zeros((K + 1, *stack))
    for arrowhead, factored in zip(arrowheads, factor.arrowheads, strict=True):
        h = len(arrowhead.separator)
        of_separator = padded[arrowhead.separator]
        for diagonal, block in zip(
            arrowhead.diagonal_blocks, factored.diagonal_blocks, strict=True
        ):
            q = len(block)
            own = solve_lower_stack(block[:, :q, ..., None, :], padded[diagonal.columns])
            solution[diagonal.columns] = own
            coupled = np.einsum("qhcls,qclms->hcms", block[:, q : q + h], own)
            of_separator = of_separator - coupled
        R = factored.separator[:, :h, ..., None, :]
        solution[arrowhead.separator] = solve_lower_stack(R, of_separator)
    return solution[:K]


def projected_rhs(arrowheads: Sequence[Arrowhead], factor: Factor, K: int) -> np.ndarray:
    """R'^{-1}Λ'Z' times the first right-hand side: its coordinates in the columns.

    Parameters
    ----------
    arrowheads : sequence of Arrowhead
        As given to ``factorise``.
    factor : Factor
        As ``factorise`` returned it.
    K : int
        Number of columns.

    Returns
    -------
    ndarray, shape (K, S)
        Projections.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowhead
    >>> Z = csr_array(np.array([[1.0], [1.0], [1.0]]))
    >>> arrowheads = reduce_to_arrowhead(Z, np.ones((3, 1)), find_partition(Z, [(1, 1)]))
    >>> factor = factorise(arrowheads, [np.ones((1, 1, 1))])
    >>> abs(projected_rhs(arrowheads, factor, 1)).round(9).tolist()
    [[1.5]]
    """
    projected = np.zeros((K + 1, len(factor.log_det)))
    for arrowhead, factored in zip(arrowheads, factor.arrowheads, strict=True):
        h = len(arrowhead.separator)
        projected[arrowhead.separator] = factored.separator[:, h]
        for diagonal, block in zip(
            arrowhead.diagonal_blocks, factored.diagonal_blocks, strict=True
        ):
            projected[diagonal.columns] = block[:, len(block) + h]
    return projected[:K]


def inverse_blocks(
    arrowheads: Sequence[Arrowhead],
    factor: Factor,
    K: int,
    shapes: Sequence[tuple[int, int]],
    chols: Sequence[np.ndarray],
) -> list[np.ndarray]:
    """Diagonal blocks C of (R'R)^{-1}, bundle by bundle, as L C L'.

    Parameters
    ----------
    arrowheads : sequence of Arrowhead
        As given to ``factorise``.
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
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowhead
    >>> Z = csr_array(np.array([[1.0], [1.0], [1.0]]))
    >>> arrowheads = reduce_to_arrowhead(Z, np.ones((3, 1)), find_partition(Z, [(1, 1)]))
    >>> factor = factorise(arrowheads, [np.ones((1, 1, 1))])
    >>> (blocks,) = inverse_blocks(arrowheads, factor, 1, [(1, 1)], [np.eye(1)])
    >>> blocks.round(9).tolist()
    [[[0.25]]]
    """
    blocks_by_kind = [np.zeros((J, w, w)) for J, w in shapes]
    for arrowhead, factored in zip(arrowheads, factor.arrowheads, strict=True):
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
    start, first = 0, 0
    for blocks, chol, count in zip(blocks_by_kind, chols, counts, strict=True):
        J, w, _ = blocks.shape
        for b in range(start, start + count, w):
            real = columns[b] < K
            part = np.einsum("ai,ikx->akx", chol, half[b : b + w][..., real])
            blocks[(columns[b][real] - first) // w] = np.einsum("ikx,jkx->xij", part, part)
        start, first = start + count, first + J * w
