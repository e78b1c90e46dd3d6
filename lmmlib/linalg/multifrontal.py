"""Cholesky factor of a sparse positive definite matrix, front by front, and its inverse there.

Fronts of one shape go through NumPy together. All entries of the inverse that stand where the
factor has one come from the same fronts, from the roots down.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotri, dtrtrs

from lmmlib.linalg.fronts import FrontBatch, Fronts, Link
from lmmlib.linalg.triangles import symmetric

SMALL = 64  # columns of a triangle up to which NumPy solves with many at once


@dataclass(frozen=True, eq=False)
class FrontalFactor:
    """Lower triangle, in the order of elimination, of a matrix with h columns.

    With L_11 a front's own rows and L_21 those of its boundary.

    Attributes
    ----------
    fronts : Fronts
        The order.
    own : tuple of ndarray
        L_11 (m, c, c) of each batch.
    below : tuple of ndarray
        L_21 (m, b, c) of each batch.
    """

    fronts: Fronts
    own: tuple[np.ndarray, ...]
    below: tuple[np.ndarray, ...]

    @property
    def log_det(self) -> float:
        """Log determinant of the triangle."""
        return sum(float(np.log(np.einsum("mii->mi", L)).sum()) for L in self.own)

    def forward(self, rhs: np.ndarray) -> np.ndarray:
        """L^{-1} rhs, (h, k)."""
        rest = _with_padding(rhs)
        x = np.zeros_like(rest)
        for batch, own, below in self._batches():
            solved = _solve(own, rest[batch.columns])
            x[batch.columns] = solved
            if batch.boundary.size:
                np.subtract.at(rest, batch.boundary, below @ solved)
        return x[:-1]

    def back(self, x: np.ndarray) -> np.ndarray:
        """L^{-T} x, (h, k)."""
        padded = _with_padding(x)
        s = np.zeros_like(padded)
        for batch, own, below in reversed(self._batches()):
            rest = padded[batch.columns] - _transposed(below) @ s[batch.boundary]
            s[batch.columns] = _solve(own, rest, transposed=True)
        return s[:-1]

    def times(self, s: np.ndarray) -> np.ndarray:
        """L's, (h, k)."""
        padded = _with_padding(s)
        x = np.zeros_like(padded)
        for batch, own, below in self._batches():
            of_boundary = _transposed(below) @ padded[batch.boundary]
            x[batch.columns] = _transposed(own) @ padded[batch.columns] + of_boundary
        return x[:-1]

    def inverse(self) -> np.ndarray:
        """Entries of the inverse of LL', where ``Fronts.index`` has those of a factor."""
        batches = self.fronts.batches
        first_child = {}  # the last batch to be read from each, from the roots down
        for i in range(len(batches) - 1, -1, -1):
            for link in batches[i].links:
                first_child[link.parent] = i
        whole: dict[int, np.ndarray] = {}  # inverses (m, c + b, c + b) of fronts with children
        entries = np.empty(self.fronts.size)
        starts = self.fronts.starts
        for i, (batch, own, below) in reversed(list(enumerate(self._batches()))):
            m, c, members = batch.size
            through = _solve(own, _transposed(below), transposed=True)  # (L_21 L_11^{-1})'
            of_boundary = _gather(whole, batch)
            Z = entries[starts[i] : starts[i + 1]].reshape(m, members, c)
            Z[:, c:] = -of_boundary @ _transposed(through)
            Z[:, :c] = _inverse_of_square(own) - through @ Z[:, c:]
            if i in first_child:
                right = np.concatenate([_transposed(Z[:, c:]), of_boundary], 1)
                whole[i] = np.concatenate([Z, right], 2)
            for link in batch.links:
                if first_child[link.parent] == i:
                    del whole[link.parent]
        return entries

    def _batches(self) -> list[tuple[FrontBatch, np.ndarray, np.ndarray]]:
        return list(zip(self.fronts.batches, self.own, self.below, strict=True))


def factorise_fronts(fronts: Fronts, entries: np.ndarray) -> FrontalFactor:
    """Eliminate all columns of a positive definite matrix.

    Parameters
    ----------
    fronts : Fronts
        From ``find_fronts``.
    entries : ndarray, shape (fronts.size,)
        Entries of the matrix where ``Fronts.index`` says, each once; ``Fronts.padding`` elsewhere.

    Returns
    -------
    FrontalFactor
        Its lower triangle.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite to rounding.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from lmmlib.linalg.fronts import find_fronts
    >>> fronts = find_fronts(csr_array(np.ones((1, 1))), np.ones(1, int))
    >>> round(float(np.exp(factorise_fronts(fronts, np.array([4.0])).log_det)), 9)
    2.0
    """
    received: dict[int, np.ndarray] = {}  # what children leave to a batch, (m, c + b, c + b)
    own = []
    below = []
    for i, batch in enumerate(fronts.batches):
        m, c, members = batch.size
        panel = entries[fronts.starts[i] : fronts.starts[i + 1]].reshape(m, members, c)
        front = received.pop(i, None)
        if front is not None:
            panel = panel + front[:, :, :c]
        L = np.linalg.cholesky(panel[:, :c])
        below_L = _transposed(_solve(L, _transposed(panel[:, c:])))
        own.append(L)
        below.append(below_L)
        if batch.links:
            left = -below_L @ _transposed(below_L)
            if front is not None:
                left += front[:, c:, c:]
            _scatter(received, fronts, batch, left)
    return FrontalFactor(fronts, tuple(own), tuple(below))


def _scatter(
    received: dict[int, np.ndarray], fronts: Fronts, batch: FrontBatch, left: np.ndarray
) -> None:
    """Add what fronts leave to their boundaries, (m, b, b), to what the parents receive."""
    for link in batch.links:
        m, _, f = fronts.batches[link.parent].size
        if link.parent not in received:
            received[link.parent] = np.zeros((m, f, f))
        into = received[link.parent]
        if len(link.fronts) == 1:
            (place,) = link.place
            # padding adds zeros to place 0, but an index must not stand twice
            real = slice(0, np.count_nonzero(batch.boundary[link.fronts[0]] < fronts.h))
            at = np.ix_(place[real], place[real])
            into[link.parents[0]][at] += left[link.fronts[0]][real, real]
        else:
            np.add.at(into.reshape(-1), _addresses(link, f).ravel(), left[link.fronts].ravel())


def _gather(whole: dict[int, np.ndarray], batch: FrontBatch) -> np.ndarray:
    """What stands at the boundaries of fronts in those of the parents, (m, b, b)."""
    m, c, members = batch.size
    found = np.zeros((m, members - c, members - c))
    for link in batch.links:
        of_parents = whole[link.parent]
        found[link.fronts] = of_parents.reshape(-1)[_addresses(link, of_parents.shape[1])]
    return found


def _addresses(link: Link, f: int) -> np.ndarray:
    """Flat places of all pairs of a boundary in the parents' fronts of f columns, (k, b, b)."""
    row = link.parents[:, None] * f + link.place
    return row[:, :, None] * f + link.place[:, None, :]


def _with_padding(rows: np.ndarray) -> np.ndarray:
    """Rows (h, k) and one of zeros."""
    return np.concatenate([rows, np.zeros((1, rows.shape[1]))])


def _solve(L: np.ndarray, rhs: np.ndarray, transposed: bool = False) -> np.ndarray:
    """L^{-1} rhs, or L^{-T} rhs, for lower triangles (m, c, c) and rhs (m, c, k)."""
    if _goes_to_numpy(L):
        return np.linalg.solve(_transposed(L) if transposed else L, rhs)
    out = np.empty(rhs.shape)
    for i in range(len(L) if rhs.size else 0):
        # LAPACK reads columns: L by its rows is the upper triangle L'.
        out[i] = dtrtrs(L[i].T, rhs[i], lower=0, trans=0 if transposed else 1)[0]
    return out


def _inverse_of_square(L: np.ndarray) -> np.ndarray:
    """(LL')^{-1} for lower triangles (m, c, c)."""
    if _goes_to_numpy(L):
        half = np.linalg.inv(L)
        return _transposed(half) @ half
    return np.stack([symmetric(dpotri(one.T, lower=0)[0].T) for one in L])


def _goes_to_numpy(L: np.ndarray) -> bool:
    """Whether many small triangles are better solved together than one by one."""
    return L.shape[1] <= SMALL and len(L) > 1


def _transposed(stack: np.ndarray) -> np.ndarray:
    return np.swapaxes(stack, 1, 2)
