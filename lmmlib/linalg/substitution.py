"""What a factor tells once it is made.

Solutions, covariances of the columns, and how much it sees of a row.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_array

from lmmlib.linalg.arrowhead import Arrowhead, dense_blocks
from lmmlib.linalg.factor import Factor
from lmmlib.linalg.partition import Partition
from lmmlib.linalg.stacks import scale_stack, solve_lower_stack, solve_upper_stack


def back_substitute(
    forms: Sequence[Arrowhead], factor: Factor, K: int, noise: np.ndarray | None = None
) -> np.ndarray:
    """R^{-1}(t + noise) for the first right-hand side t: (K, S).

    Parameters
    ----------
    forms, factor : sequence of Arrowhead
        As given to and returned by ``factorise``.
    K : int
        Number of columns.
    noise : ndarray, shape (K, S), optional
        Noise that is added to the right-hand side; none if None.

    Examples
    --------
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowhead
    >>> Z = csr_array(np.array([[1.0], [1.0]]))
    >>> forms = reduce_to_arrowhead(Z, np.array([[1.0], [2.0]]), find_partition(Z, [(1, 1)]))
    >>> back_substitute(forms, factorise(forms, [np.ones((1, 1, 1))]), 1).round(9).tolist()
    [[1.0]]
    """
    S = len(factor.log_det)
    padded = np.zeros((K + 1, S))  # the last row is that of padding
    if noise is not None:
        padded[:K] = noise
    found = np.zeros((K + 1, S))
    for form, made in zip(forms, factor.forms, strict=True):
        h = len(form.columns)
        border = solve_upper_stack(made.border[:, :h], made.border[:, h] + padded[form.columns])
        found[form.columns] = border
        for leaves, block in zip(form.leaves, made.blocks, strict=True):
            q = len(block)
            coupled = np.einsum("qhcls,hcs->qcls", block[:, q : q + h], border)
            found[leaves.columns] = solve_upper_stack(
                block[:, :q], block[:, q + h] + padded[leaves.columns] - coupled
            )
    return found[:K]


def forward_substitute(forms: Sequence[Arrowhead], factor: Factor, sides: np.ndarray) -> np.ndarray:
    """R'^{-1} sides for sides (K, m, S), with the same columns for every draw or one draw for all.

    (K, m, S).

    Examples
    --------
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowhead
    >>> Z = csr_array(np.array([[1.0], [1.0], [1.0]]))
    >>> forms = reduce_to_arrowhead(Z, np.ones((3, 1)), find_partition(Z, [(1, 1)]))
    >>> abs(
    ...     forward_substitute(forms, factorise(forms, [np.ones((1, 1, 1))]), np.ones((1, 1, 1)))
    ... ).round(9).tolist()
    [[[0.5]]]
    """
    K, *stack = sides.shape
    padded, found = np.concatenate([sides, np.zeros((1, *stack))]), np.zeros((K + 1, *stack))
    for form, made in zip(forms, factor.forms, strict=True):
        h, border = len(form.columns), padded[form.columns]
        for leaves, block in zip(form.leaves, made.blocks, strict=True):
            q = len(block)
            own = solve_lower_stack(block[:, :q, ..., None, :], padded[leaves.columns])
            found[leaves.columns] = own
            border = border - np.einsum("qhcls,qclms->hcms", block[:, q : q + h], own)
        found[form.columns] = solve_lower_stack(made.border[:, :h, ..., None, :], border)
    return found[:K]


def projected_rhs(forms: Sequence[Arrowhead], factor: Factor, K: int) -> np.ndarray:
    """R'^{-1}Λ'Z' times the first right-hand side, (K, S): what the columns see of it.

    Examples
    --------
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowhead
    >>> Z = csr_array(np.array([[1.0], [1.0], [1.0]]))
    >>> forms = reduce_to_arrowhead(Z, np.ones((3, 1)), find_partition(Z, [(1, 1)]))
    >>> abs(projected_rhs(forms, factorise(forms, [np.ones((1, 1, 1))]), 1)).round(9).tolist()
    [[1.5]]
    """
    found = np.zeros((K + 1, len(factor.log_det)))
    for form, made in zip(forms, factor.forms, strict=True):
        found[form.columns] = made.border[:, len(form.columns)]
        for leaves, block in zip(form.leaves, made.blocks, strict=True):
            found[leaves.columns] = block[:, len(block) + len(form.columns)]
    return found[:K]


def covariance_blocks(
    forms: Sequence[Arrowhead],
    factor: Factor,
    K: int,
    shapes: Sequence[tuple[int, int]],
    roots: Sequence[np.ndarray],
) -> list[np.ndarray]:
    """Diagonal blocks C of (R'R)^{-1} of a factor of one draw, as root C root', bundle by bundle.

    Per kind (J, w, w).

    Roots multiply R^{-1} before it is squared: the product of C itself with large roots loses their
    square.

    Examples
    --------
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowhead
    >>> Z = csr_array(np.array([[1.0], [1.0], [1.0]]))
    >>> forms = reduce_to_arrowhead(Z, np.ones((3, 1)), find_partition(Z, [(1, 1)]))
    >>> covariance_blocks(forms, factorise(forms, [np.ones((1, 1, 1))]), 1, [(1, 1)], [np.eye(1)])[
    ...     0
    ... ].round(9).tolist()
    [[[0.25]]]
    """
    found = [np.zeros((J, w, w)) for J, w in shapes]
    for form, made in zip(forms, factor.forms, strict=True):
        h, C = form.columns.shape
        inverse = solve_upper_stack(
            made.border[:, :h, None, :, 0], np.broadcast_to(np.eye(h)[..., None], (h, h, C))
        )
        _put(found, roots, inverse, form.columns, form.counts, K)
        for leaves, block in zip(form.leaves, made.blocks, strict=True):
            q, _, C, L, _ = block.shape
            own = solve_upper_stack(
                block[:, :q, None, ..., 0],
                np.broadcast_to(np.eye(q)[..., None, None], (q, q, C, L)),
            )
            through = np.einsum(
                "qrcl,rhcl,hkc->qkcl", own, block[:, q : q + h, ..., 0], inverse, optimize=True
            )
            _put(found, roots, np.concatenate([own, through], 1), leaves.columns, leaves.counts, K)
    return found


def row_leverages(
    Z: csr_array,
    B: np.ndarray,
    found: Partition,
    forms: Sequence[Arrowhead],
    factor: Factor,
    Lam: Sequence[np.ndarray],
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For rows (a, b) of [Z B].

    w = R'^{-1}Λ'a, as its square, and what of b it leaves, b − (sides of the factor)'w.

    Parameters
    ----------
    Z : scipy.sparse.csr_array, shape (n, K)
        Sparse matrix of shape (n, K).
    B : ndarray, shape (n, c)
        Right-hand sides, with as many columns, from the first, as are wanted of the factor's.
    found : Partition
        Plan of Z.
    forms, factor, Lam : sequence of Arrowhead
        As given to and returned by ``factorise``.

    Yields
    ------
    rows : ndarray, shape (r,)
        Numbers of the rows of a block.
    seen : ndarray, shape (r, S)
        Squares w'w.
    rest : ndarray, shape (c, r, S)
        What is left of the right-hand sides.

    Examples
    --------
    >>> from lmmlib.linalg import factorise, find_partition, reduce_to_arrowhead
    >>> Z, B = csr_array(np.array([[1.0], [1.0], [1.0]])), np.ones((3, 1))
    >>> forms, ones = reduce_to_arrowhead(Z, B, find_partition(Z, [(1, 1)])), [np.ones((1, 1, 1))]
    >>> [
    ...     (seen.ravel().round(9).tolist(), rest.ravel().round(9).tolist())
    ...     for _, seen, rest in row_leverages(
    ...         Z, B, find_partition(Z, [(1, 1)]), forms, factorise(forms, ones), ones
    ...     )
    ... ]
    [([0.25, 0.25, 0.25], [0.25, 0.25, 0.25])]
    """
    factors, place = [np.moveaxis(L, 0, -1) for L in Lam], _places(forms, Z.shape[1])
    for blocks, counts, rows, dense in dense_blocks(Z, B, found):
        q, c = sum(counts), B.shape[1]
        h = dense.shape[-1] - q - c
        real = rows < len(B)
        stacked = np.moveaxis(dense, -1, 0)
        rest, seen = stacked[q + h :, ..., None], 0.0
        border = stacked[q:q, ..., None]
        component = found.component[blocks]
        first = (
            found.columns[found.column_start[blocks]]
            if q
            else found.border[found.border_start[component]]
            if h
            else None
        )
        if h:
            k, _, at, _ = place[:, found.border[found.border_start[component]]]
            border = scale_stack(stacked[None, q : q + h], factors, forms[k[0]].counts)[0]
        if q:
            k, leaf, at, beside = place[:, first]
            block = factor.forms[k[0]].blocks[leaf[0]][:, :, at, beside, None]
            own = solve_lower_stack(
                block[:, :q], scale_stack(stacked[None, :q], factors, counts)[0]
            )
            seen = seen + np.sum(own**2, 0)
            border = border - np.einsum("qhbos,qbms->hbms", block[:, q : q + h], own)
            rest = rest - np.einsum("qcbos,qbms->cbms", block[:, q + h : q + h + c], own)
        if h:
            block = factor.forms[k[0]].border[:, :, at, None]
            shared = solve_lower_stack(block[:, :h], border)
            seen = seen + np.sum(shared**2, 0)
            rest = rest - np.einsum("hcbos,hbms->cbms", block[:, h : h + c], shared)
        S = len(factor.log_det)
        seen = np.broadcast_to(seen, (*real.shape, S))
        yield rows[real], seen[real], np.broadcast_to(rest, (c, *real.shape, S))[:, real]


def _places(forms: Sequence[Arrowhead], K: int) -> np.ndarray:
    """Form, leaves, component and block in which each column stands, (4, K)."""
    place = np.zeros((4, K + 1), int)
    for k, form in enumerate(forms):
        h, C = form.columns.shape
        place[:, form.columns] = np.broadcast_to(np.array([k, 0, 0, 0])[:, None, None], (4, h, C))
        place[2, form.columns] = np.arange(C)
        for i, leaves in enumerate(form.leaves):
            _, C, L = leaves.columns.shape
            place[0, leaves.columns], place[1, leaves.columns] = k, i
            place[2, leaves.columns], place[3, leaves.columns] = np.arange(C)[:, None], np.arange(L)
    return place[:, :K]


def _put(
    found: list[np.ndarray],
    roots: Sequence[np.ndarray],
    half: np.ndarray,
    columns: np.ndarray,
    counts: Sequence[int],
    K: int,
) -> None:
    """Write (root half)(root half)' of every bundle of columns (q, ...) to its place.

    ``half`` is (q, any, ...).
    """
    start, first = 0, 0
    for blocks, root, count in zip(found, roots, counts, strict=True):
        J, w, _ = blocks.shape
        for b in range(start, start + count, w):
            real = columns[b] < K
            part = np.einsum("ai,ikx->akx", root, half[b : b + w][..., real])
            blocks[(columns[b][real] - first) // w] = np.einsum("ikx,jkx->xij", part, part)
        start, first = start + count, first + J * w
