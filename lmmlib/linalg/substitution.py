"""Solutions of triangular systems with a factor."""

import numpy as np

from lmmlib.linalg.factor import Factor, FactoredSparse
from lmmlib.linalg.stacks import solve_lower_stack, solve_upper_stack


def back_substitute(factor: Factor, K: int, shift: np.ndarray | None = None) -> np.ndarray:
    """R^{-1}(t + shift) for the first right-hand side t of the factor.

    Parameters
    ----------
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
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowheads
    >>> Z = csr_array(np.array([[1.0], [1.0]]))
    >>> B = np.array([[1.0], [2.0]])
    >>> arrowheads = reduce_to_arrowheads(Z, B, find_partition(Z, [(1, 1)]))
    >>> factor = factorise(arrowheads, [np.ones((1, 1, 1))])
    >>> back_substitute(factor, 1).round(9).tolist()
    [[1.0]]
    """
    S = len(factor.log_det)
    padded = np.zeros((K + 1, S))  # the last row is that of padding
    if shift is not None:
        padded[:K] = shift
    solution = np.zeros((K + 1, S))
    for factored in factor.arrowheads:
        if isinstance(factored, FactoredSparse):
            columns = factored.arrowhead.columns
            for k, one in enumerate(factored.factors):
                shifted = one.back(padded[columns, k : k + 1])
                solution[columns, k] = one.solution[:, 0] + shifted[:, 0]
            continue
        arrowhead = factored.arrowhead
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


def forward_substitute(factor: Factor, rhs: np.ndarray) -> np.ndarray:
    """R'^{-1} rhs, with the same right-hand sides for every R or others for each.

    Parameters
    ----------
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
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowheads
    >>> Z = csr_array(np.array([[1.0], [1.0], [1.0]]))
    >>> arrowheads = reduce_to_arrowheads(Z, np.ones((3, 1)), find_partition(Z, [(1, 1)]))
    >>> factor = factorise(arrowheads, [np.ones((1, 1, 1))])
    >>> abs(forward_substitute(factor, np.ones((1, 1, 1)))).round(9).tolist()
    [[[0.5]]]
    """
    K, *stack = rhs.shape
    padded = np.concatenate([rhs, np.zeros((1, *stack))])
    solution = np.zeros((K + 1, *stack))
    for factored in factor.arrowheads:
        if isinstance(factored, FactoredSparse):
            columns = factored.arrowhead.columns
            for k, one in enumerate(factored.factors):
                solution[columns, :, k] = one.forward(padded[columns, :, k])
            continue
        arrowhead = factored.arrowhead
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


def forward_substitute_blocks(factor: Factor, rhs: np.ndarray) -> np.ndarray:
    """R'^{-1} rhs, where rhs is block diagonal in the blocks and separators of R.

    Parameters
    ----------
    factor : Factor
        As ``factorise`` returned it.
    rhs : ndarray, shape (K, K, S)
        Right-hand sides for each R; what stands outside of the blocks is not read.

    Returns
    -------
    ndarray, shape (K, K, S)
        Solutions.

    Notes
    -----
    A column of a block reaches this block and its separator only: K h² products, not K² h.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowheads
    >>> Z = csr_array(np.array([[1.0], [1.0], [1.0]]))
    >>> arrowheads = reduce_to_arrowheads(Z, np.ones((3, 1)), find_partition(Z, [(1, 1)]))
    >>> factor = factorise(arrowheads, [np.ones((1, 1, 1))])
    >>> abs(forward_substitute_blocks(factor, np.ones((1, 1, 1)))).round(9).tolist()
    [[[0.5]]]
    """
    K, _, S = rhs.shape
    padded = np.zeros((K + 1, K + 1, S))  # the last row and column are those of padding
    padded[:K, :K] = rhs
    solution = np.zeros((K + 1, K + 1, S))
    for factored in factor.arrowheads:
        if isinstance(factored, FactoredSparse):
            own_columns = np.ix_(factored.arrowhead.columns, factored.arrowhead.columns)
            own = padded[own_columns]
            for k, one in enumerate(factored.factors):
                own[..., k] = one.forward(own[..., k])
            solution[own_columns] = own
            continue
        separator = factored.arrowhead.separator
        h = len(separator)
        R = factored.separator[:, :h]
        square = (separator[:, None], separator[None])
        solution[square] = solve_lower_stack(R[:, :, None], padded[square])
        for diagonal, block in zip(
            factored.arrowhead.diagonal_blocks, factored.diagonal_blocks, strict=True
        ):
            q = len(block)
            columns = diagonal.columns
            square = (columns[:, None], columns[None])
            own = solve_lower_stack(block[:, :q, None], padded[square])
            solution[square] = own
            coupled = np.einsum("qhcls,qjcls->hjcls", block[:, q : q + h], own)
            shared = solve_lower_stack(R[:, :, None, :, None], -coupled)
            solution[separator[:, None, :, None], columns[None]] = shared
    return solution[:K, :K]


def projected_rhs(factor: Factor, K: int) -> np.ndarray:
    """R'^{-1}Λ'Z' times the first right-hand side: its coordinates in the columns.

    Parameters
    ----------
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
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowheads
    >>> Z = csr_array(np.array([[1.0], [1.0], [1.0]]))
    >>> arrowheads = reduce_to_arrowheads(Z, np.ones((3, 1)), find_partition(Z, [(1, 1)]))
    >>> factor = factorise(arrowheads, [np.ones((1, 1, 1))])
    >>> abs(projected_rhs(factor, 1)).round(9).tolist()
    [[1.5]]
    """
    projected = np.zeros((K + 1, len(factor.log_det)))
    for factored in factor.arrowheads:
        if isinstance(factored, FactoredSparse):
            for k, one in enumerate(factored.factors):
                projected[factored.arrowhead.columns, k] = one.times(one.solution[:, :1])[:, 0]
            continue
        arrowhead = factored.arrowhead
        h = len(arrowhead.separator)
        projected[arrowhead.separator] = factored.separator[:, h]
        for diagonal, block in zip(
            arrowhead.diagonal_blocks, factored.diagonal_blocks, strict=True
        ):
            projected[diagonal.columns] = block[:, len(block) + h]
    return projected[:K]
