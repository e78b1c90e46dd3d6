"""The separator of a sparse arrowhead, eliminated front by front.

All that it is asked for stands where its factor has entries: no matrix of its size is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array, csr_array

from lmmlib.linalg.block_patterns import block_entries, symmetric_blocks
from lmmlib.linalg.dense_separator import is_regular
from lmmlib.linalg.multifrontal import FrontalFactor, factorise_fronts
from lmmlib.linalg.separator_pattern import KindPairs, SeparatorPattern
from lmmlib.linalg.triangles import scale_columns

CHUNK = 64  # columns of right-hand sides held at a time


@dataclass(frozen=True, eq=False)
class SparseSeparator:
    """Factor of M = Λ'KΛ + I for what the blocks leave of cross products, K, of h columns.

    Attributes
    ----------
    pattern : SeparatorPattern
        Where K has entries.
    groups : tuple of tuple of int
        Blocks L and columns q of each group.
    Lam : tuple of ndarray
        Λ_k (w, w) of each kind.
    counts : tuple of int
        Columns by kind.
    cross : tuple of ndarray
        Entries (P, w_k, w_l) of K for each pair of kinds.
    factor : FrontalFactor
        Lower triangle R' of M.
    """

    pattern: SeparatorPattern
    groups: tuple[tuple[int, int], ...]
    Lam: tuple[np.ndarray, ...]
    counts: tuple[int, ...]
    cross: tuple[np.ndarray, ...]
    factor: FrontalFactor

    @property
    def log_det(self) -> float:
        """Log determinant of the triangle."""
        return self.factor.log_det

    def forward(self, rhs: np.ndarray) -> np.ndarray:
        """R'^{-1} rhs, (h, m)."""
        return self.factor.forward(rhs)

    def back(self, x: np.ndarray) -> np.ndarray:
        """R^{-1} x, (h, m)."""
        return self.factor.back(x)

    def times(self, s: np.ndarray) -> np.ndarray:
        """R s, (h, m)."""
        return self.factor.times(s)

    def inverse_bundles(self) -> list[np.ndarray]:
        """Diagonal bundles (J, w, w) of M^{-1} for each kind."""
        bundles = [np.zeros((0, len(L), len(L))) for L in self.Lam]
        for pairs, inverse in zip(self.pattern.pairs, self._inverse, strict=True):
            k, other = pairs.kinds
            if k == other:
                bundles[k] = inverse[pairs.is_diagonal]
        return bundles

    def through(self) -> list[np.ndarray]:
        """X = CΛM^{-1}Λ'C' of the blocks of each group, (q, q, L)."""
        Q = np.zeros(self.pattern.of_blocks.shape[0])
        for pairs, inverse in zip(self.pattern.pairs, self._inverse, strict=True):
            k, other = pairs.kinds
            scaled = self.Lam[k] @ inverse @ self.Lam[other].T
            if k == other:
                # Of a bundle with itself the lower triangle, as the map has it, half the diagonal.
                lower = np.tril(scaled[pairs.is_diagonal])
                scaled[pairs.is_diagonal] = lower * (1.0 - 0.5 * np.eye(len(self.Lam[k])))
            Q[pairs.part] = scaled.ravel()
        return symmetric_blocks(-(self.pattern.of_blocks.T @ Q), self.groups)

    def kind_sums(self) -> list[np.ndarray]:
        """Sums (w, w) of the diagonal bundles of K − KΛM^{-1}Λ'K, kind by kind.

        KΛM^{-1} is that times Λ, and its diagonal bundles need M^{-1} only where K has entries: a
        regular Λ_k is divided out.
        """
        times_Lam = [np.zeros(L.shape) for L in self.Lam]
        for pairs, K, inverse in zip(self.pattern.pairs, self.cross, self._inverse, strict=True):
            k, other = pairs.kinds
            times_Lam[k] += np.einsum("pia,ab,pjb->ij", K, self.Lam[other], inverse, optimize=True)
            off = ~pairs.is_diagonal
            times_Lam[other] += np.einsum(
                "pai,ab,pbj->ij", K[off], self.Lam[k], inverse[off], optimize=True
            )
        sums = []
        for k, (Lam, count) in enumerate(zip(self.Lam, self.counts, strict=True)):
            if not count:
                sums.append(np.zeros(Lam.shape))
            elif is_regular(Lam):
                block = np.linalg.solve(Lam.T, times_Lam[k].T).T
                sums.append(0.5 * (block + block.T))
            else:
                sums.append(self._sum_by_columns(k))
        return sums

    @cached_property
    def _inverse(self) -> list[np.ndarray]:
        """Entries (P, w_k, w_l) of M^{-1} for each pair of kinds."""
        entries = self.factor.inverse()
        return [entries[pairs.place] for pairs in self.pattern.pairs]

    def _sum_by_columns(self, k: int) -> np.ndarray:
        """The same sum by the squares of R'^{-1}Λ'K, whose columns are solved for."""
        w = len(self.Lam[k])
        start = sum(self.counts[:k])
        step = CHUNK // w * w
        total = np.zeros((w, w))
        for first in range(start, start + self.counts[k], step):
            columns = self._cross_matrix[:, first : min(first + step, start + self.counts[k])]
            dense = columns.toarray()
            scaled = scale_columns(dense.T[None], self.Lam, self.counts)[0].T
            solved = self.factor.forward(scaled).reshape(len(scaled), -1, w)
            own = dense[first : first + dense.shape[1]].reshape(-1, w, dense.shape[1] // w, w)
            total += np.einsum("bibj->ij", own) - np.einsum("hbi,hbj->ij", solved, solved)
        return total

    @cached_property
    def _cross_matrix(self) -> csr_array:
        """K, (h, h)."""
        h = sum(self.counts)
        rows, columns, values = [], [], []
        for pairs, K in zip(self.pattern.pairs, self.cross, strict=True):
            row, column = np.broadcast_arrays(pairs.rows, pairs.columns)
            off = ~pairs.is_diagonal
            rows += [row.ravel(), column[off].ravel()]
            columns += [column.ravel(), row[off].ravel()]
            values += [K.ravel(), K[off].ravel()]
        index = (np.concatenate(rows), np.concatenate(columns))
        return csr_array(coo_array((np.concatenate(values), index), shape=(h, h)))


def sparse_separator(
    pattern: SeparatorPattern,
    groups: Sequence[tuple[int, int]],
    Lam: tuple[np.ndarray, ...],
    counts: tuple[int, ...],
    halves: Sequence[np.ndarray],
) -> SparseSeparator:
    """Factor M for G (q, q, L) of each group of blocks."""
    remainder = pattern.of_blocks @ block_entries(halves)
    cross = tuple(_of_kinds(pairs, remainder) for pairs in pattern.pairs)
    entries = pattern.fronts.padding.copy()
    for pairs, K in zip(pattern.pairs, cross, strict=True):
        k, other = pairs.kinds
        M = Lam[k].T @ K @ Lam[other]
        if k == other:
            M[pairs.is_diagonal] += np.eye(len(Lam[k]))
        entries[pairs.place] = M
    try:
        factor = factorise_fronts(pattern.fronts, entries)
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(
            "the separator's Schur complement is not positive definite to rounding"
        ) from error
    return SparseSeparator(pattern, tuple(groups), Lam, counts, cross, factor)


def _of_kinds(pairs: KindPairs, remainder: np.ndarray) -> np.ndarray:
    """Entries (P, w_k, w_l) of K; the map has the lower triangle of a bundle with itself."""
    K = remainder[pairs.part].reshape(pairs.place.shape)
    k, other = pairs.kinds
    if k == other:
        own = K[pairs.is_diagonal]
        K[pairs.is_diagonal] = np.tril(own) + np.swapaxes(np.tril(own, -1), 1, 2)
    return K
