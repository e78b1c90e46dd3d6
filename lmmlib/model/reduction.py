"""The reduction: all that the log density needs of rows, in a few triangles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from lmmlib import linalg
from lmmlib.model.descriptions import counted, model_lines
from lmmlib.model.design import Design
from lmmlib.model.identifiability import term_error
from lmmlib.model.layout import Layout
from lmmlib.model.params import Theta
from lmmlib.model.rank import rank_error
from lmmlib.model.state import restore_state, stored_state

# entries of stacked factors held at a time: few enough to stay close to a processor, many enough to
# keep it busy
CHUNK = 400_000


@dataclass(frozen=True, eq=False, repr=False)
class Reduction:
    """What the log density needs of (y, X, Z, W); its size does not depend on the number of rows.

    Attributes
    ----------
    layout : Layout
        Names and terms of the design.
    arrowheads : tuple of linalg.Arrowhead or linalg.SparseArrowhead
        The rows W^½[Z (L ⊗ I), X, y − offset] rotated to few.
    n : int
        Number of rows.
    log_weights : float
        Sum of the log weights, Σ log w.
    dropped : str or None
        Which rows of a table were left out because a value was missing, as a sentence.

    See Also
    --------
    lmmlib.merge_reductions : Merges the reductions of any split of the rows.
    """

    layout: Layout
    arrowheads: tuple[linalg.AnyArrowhead, ...]
    n: int
    log_weights: float
    dropped: str | None = None

    __getstate__ = stored_state
    __setstate__ = restore_state

    def __repr__(self) -> str:
        head = f"Reduction: {counted(self.n, 'row')}"
        return model_lines(head, self.layout.coef, self.layout.terms)

    @property
    def validation_error(self) -> str | None:
        """Why these rows cannot be fitted, or None; as a design's."""
        if self.rank_error:
            return self.rank_error
        Z, _ = self.rows
        for t, columns in zip(self.layout.terms, self.layout.ranef_slices, strict=True):
            error = term_error(replace(t, Z=Z[:, columns], level_chol=None))
            if error:
                return error
        return None

    @cached_property
    def independent_columns(self) -> np.ndarray:
        """Numbers of the columns of X that are no combination of those before.

        All of them but in a fold, (≤ p,) int.
        """
        _, B = self.rows
        dependent = linalg.dependent_columns(B[:, :-1])
        return np.setdiff1d(np.arange(len(self.layout.coef)), dependent)

    @property
    def rank_error(self) -> str | None:
        """Which columns of X, in whitened rows, are combinations of those before, or None."""
        every = np.arange(len(self.layout.coef))
        dependent = np.setdiff1d(every, self.independent_columns).tolist()
        return rank_error(self.layout.coef, dependent) if dependent else None

    @property
    def entries(self) -> int:
        """Numbers that one evaluation works on."""
        entries = 0
        for arrowhead in self.arrowheads:
            if isinstance(arrowhead, linalg.SparseArrowhead):
                entries += arrowhead.entries
                continue
            entries += arrowhead.remainder.size
            entries += sum(2 * blocks.rows.size for blocks in arrowhead.diagonal_blocks)
        return entries

    @property
    def widest_separator(self) -> int:
        """Columns of the largest dense matrix that one evaluation factors."""
        wide = [a.widest_front for a in self.arrowheads if isinstance(a, linalg.SparseArrowhead)]
        return max(wide, default=0)

    @property
    def sqrt_mean_weight(self) -> float:
        """Root of the geometric mean of the weights."""
        return float(np.exp(0.5 * self.log_weights / self.n))

    def chunks(self, draws: int) -> Iterator[slice]:
        """Draws to evaluate at a time, so that ``CHUNK`` numbers or those of one draw are held."""
        step = max(1, CHUNK // self.entries)
        return (slice(start, start + step) for start in range(0, draws, step))

    @cached_property
    def rows(self) -> tuple[csr_array, np.ndarray]:
        """The rotated rows, (r, K) sparse and (r, p + 1)."""
        return linalg.as_rows(self.arrowheads, self.layout.width)

    @cached_property
    def whole(self) -> linalg.SparseArrowhead:
        """All rotated rows as cross products."""
        if len(self.arrowheads) == 1 and isinstance(self.arrowheads[0], linalg.SparseArrowhead):
            return self.arrowheads[0]
        Z, B = self.rows
        return linalg.sparse_arrowhead(Z, B, linalg.find_partition(Z, self.layout.shapes))

    def factorise(
        self, Lam: Sequence[np.ndarray], combination: np.ndarray | None = None
    ) -> linalg.Factor:
        """Eliminate the spherical effects for Λ_k (S, q, q): see ``linalg.factorise``.

        Right-hand sides are the columns [X, y − offset], or combinations (S, p + 1, m) of them.
        """
        return linalg.factorise(self.arrowheads, Lam, combination)

    def given(self, theta: Theta) -> linalg.Factor:
        """The same at S values of θ.

        The residual y − offset − Xβ is the one right-hand side.
        """
        return self.factorise(theta.Lam, theta.residual_weights[..., None])


def reduction_of(y: np.ndarray, design: Design) -> Reduction:
    """The reduction of rows that need not make a :class:`Data` by themselves.

    Of one level, or of dependent columns.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> reduction_of(np.array([1.0]), Design([[1.0, 2.0]], [Term.grouped("g", ["a"])])).n
    1
    """
    rows = whitened_rows(y, design)
    arrowheads = linalg.reduce_to_arrowheads(design.independent, rows, design.partition)
    log_weights = float(np.log(design.weights).sum())
    return Reduction(design.layout, arrowheads, design.n, log_weights)


def whitened_rows(y: np.ndarray, design: Design) -> np.ndarray:
    """W^½ [X, y − offset], (n, p + 1)."""
    columns = np.column_stack([design.X, y - design.offset])
    columns *= np.sqrt(design.weights)[:, None]
    return columns
