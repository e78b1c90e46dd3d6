"""LKJ(η) correlation matrices by their canonical partial correlations.

The partial correlation of effects i and j < i given those before j is 2B − 1, independently of all
others, with B ~ Beta(a, a) and a = η + (q − 2 − j)/2 (Lewandowski, Kurowicka & Joe 2009, J.
Multivariate Anal. 100(9), section 2).
"""

import numpy as np


def partial_pairs(q: int) -> list[tuple[int, int]]:
    """The pairs (i, j < i) of q effects, row by row of the lower triangle.

    Examples
    --------
    >>> partial_pairs(3)
    [(1, 0), (2, 0), (2, 1)]
    """
    return [(i, j) for i in range(q) for j in range(i)]


def beta_shapes(q: int, eta: float) -> list[float]:
    """Both shapes of the beta distribution of each partial correlation, pair by pair.

    Parameters
    ----------
    q : int
        Number of effects.
    eta : float
        Shape of LKJ; 1 is uniform over correlation matrices.

    Returns
    -------
    list of float
        One shape a pair, in the order of :func:`partial_pairs`.

    Examples
    --------
    >>> beta_shapes(3, 1.0)
    [1.5, 1.5, 1.0]
    """
    return [eta + (q - 2 - j) / 2 for _, j in partial_pairs(q)]


def correlation_cholesky(partials: np.ndarray, complements: np.ndarray, q: int) -> np.ndarray:
    r"""Lower Cholesky factors of correlation matrices from partial correlations r.

    L_ij = r_ij √(Π_{k<j} (1 − r_ik²)) for j < i, and L_ii = √(Π_{k<i} (1 − r_ik²)): every row has
    unit length.

    Parameters
    ----------
    partials : ndarray, shape (S, q(q − 1)/2)
        Partial correlations, in the order of :func:`partial_pairs`.
    complements : ndarray, shape (S, q(q − 1)/2)
        1 − r² of each. Where r = tanh z lies close to ±1 the difference loses all digits, and
        1/cosh² z none, so that the caller says how it is computed.
    q : int
        Number of effects.

    Returns
    -------
    ndarray, shape (S, q, q)
        Cholesky factors.

    Examples
    --------
    >>> r = np.array([[0.6]])
    >>> correlation_cholesky(r, 1 - r**2, 2)[0].round(12).tolist()
    [[1.0, 0.0], [0.6, 0.8]]
    """
    chols = np.zeros((len(partials), q, q))
    remaining = np.ones((len(partials), q))  # of each row's squared length
    pairs = partial_pairs(q)
    for (i, j), partial, complement in zip(pairs, partials.T, complements.T, strict=True):
        chols[:, i, j] = partial * np.sqrt(remaining[:, i])
        remaining[:, i] *= complement
    diagonal = np.arange(q)
    chols[:, diagonal, diagonal] = np.sqrt(remaining)
    return chols


def cholesky_derivatives(z: np.ndarray, q: int) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivatives of the Cholesky factor in coordinates z, r = tanh z.

    An entry of row i is a product of functions of one coordinate each, sech z before the diagonal
    and tanh z where the entry stands.

    Parameters
    ----------
    z : ndarray, shape (q(q − 1)/2,)
        Coordinates, in the order of :func:`partial_pairs`.
    q : int
        Number of effects.

    Returns
    -------
    first : ndarray, shape (q, q, q(q − 1)/2)
        First derivatives of each entry.
    second : ndarray, shape (q, q, q(q − 1)/2, q(q − 1)/2)
        Second derivatives of each entry.

    Examples
    --------
    >>> first, second = cholesky_derivatives(np.zeros(1), 2)
    >>> float(first[1, 0, 0]), float(second[1, 1, 0, 0])
    (1.0, -1.0)
    """
    # Value, first and second derivative of each function, (3, q(q − 1)/2).
    partial = np.tanh(z)
    root = 1 / np.cosh(z)
    of_partial = np.array([partial, root**2, -2 * partial * root**2])
    of_root = np.array([root, -partial * root, (2 * partial**2 - 1) * root])

    first = np.zeros((q, q, len(z)))
    second = np.zeros((q, q, len(z), len(z)))
    for i in range(q):
        start = i * (i - 1) // 2  # of the row's coordinates
        for j in range(i + 1):
            functions = np.array([of_root[:, start + k] for k in range(j)])
            if j < i:
                functions = np.vstack([functions.reshape(j, 3), of_partial[:, start + j]])
            own = range(start, start + len(functions))
            for a, coordinate in enumerate(own):
                first[i, j, coordinate] = _product(functions, [a])
                for b, other in enumerate(own):
                    second[i, j, coordinate, other] = _product(functions, [a, b])
    return first, second


def _product(functions: np.ndarray, differentiated: list[int]) -> float:
    """Product over functions (m, 3), each differentiated as often as it is named."""
    orders = np.bincount(differentiated, minlength=len(functions))
    return float(np.prod(functions[range(len(functions)), orders]))
