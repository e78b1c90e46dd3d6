"""The reduction: all that the log density needs of rows, in a few triangles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from lmmlib import linalg
from lmmlib.model.design import Design
from lmmlib.model.layout import Layout
from lmmlib.model.params import Theta
from lmmlib.model.rank import rank_error

# entries of stacked factors held at a time: few enough to stay close to a processor, many enough to
# keep it busy
CHUNK = 400_000


@dataclass(frozen=True, eq=False)
class Reduction:
    """What the log density needs of (y, X, Z, W); its size does not depend on the number of rows.

    Attributes
    ----------
    layout : Layout
        Names and terms of the design.
    forms : tuple of linalg.Arrowhead
        The rows W^½[Z (root ⊗ I), X, y − offset] rotated to few.
    n : int
        Number of rows.
    log_weights : float
        Sum of the log weights, Σ log w.
    dropped : str or None
        Which rows of a table were left out because a value was missing, as a sentence.

    See Also
    --------
    reduce : Merges the reductions of any split of the rows.
    """

    layout: Layout
    forms: tuple[linalg.Arrowhead, ...]
    n: int
    log_weights: float
    dropped: str | None = None

    @property
    def validation_error(self) -> str | None:
        """Why these rows cannot be fitted, or None; as a design's."""
        if self.rank_error:
            return self.rank_error
        Z = self.rows[0]
        counted = zip(self.layout.terms, self.layout.shapes, strict=True)
        starts = np.cumsum([0, *(J * q for J, q in self.layout.shapes)])
        whole = [
            replace(t, Z=Z[:, a : a + J * q], level_chol=None)
            for (t, (J, q)), a in zip(counted, starts, strict=False)
        ]
        return next((t.validation_error for t in whole if t.validation_error), None)

    @cached_property
    def independent_columns(self) -> np.ndarray:
        """Numbers of the columns of X that are no combination of those before.

        All of them but in a fold, (≤ p,) int.
        """
        dependent = linalg.dependent_columns(self.rows[1][:, :-1])
        return np.setdiff1d(np.arange(len(self.layout.coef)), dependent)

    @property
    def rank_error(self) -> str | None:
        """Which columns of X, in whitened rows, are combinations of those before, or None."""
        dependent = np.setdiff1d(np.arange(len(self.layout.coef)), self.independent_columns)
        return rank_error(self.layout.coef, dependent) if len(dependent) else None

    @property
    def entries(self) -> int:
        """Numbers that one evaluation works on."""
        return sum(
            form.rest.size + sum(2 * leaves.rows.size for leaves in form.leaves)
            for form in self.forms
        )

    def chunks(self, draws: int) -> Iterator[slice]:
        """Draws to evaluate at a time, so that ``CHUNK`` numbers or those of one draw are held."""
        step = max(1, CHUNK // self.entries)
        return (slice(start, start + step) for start in range(0, draws, step))

    @cached_property
    def rows(self) -> tuple[csr_array, np.ndarray]:
        """The rotated rows, (r, K) sparse and (r, p + 1)."""
        return linalg.as_rows(self.forms, self.layout.width)

    def factorise(
        self, Lam: Sequence[np.ndarray], sides: np.ndarray | None = None
    ) -> linalg.Factor:
        """Eliminate the spherical effects for ratios Λ_k (S, q, q): see ``linalg.factorise``."""
        return linalg.factorise(self.forms, Lam, sides)

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
    forms = linalg.reduce_to_arrowhead(
        design.independent, whitened_rows(y, design), design.partition
    )
    return Reduction(design.layout, forms, design.n, float(np.log(design.weights).sum()))


def whitened_rows(y: np.ndarray, design: Design) -> np.ndarray:
    """W^½ [X, y − offset], (n, p + 1)."""
    return np.sqrt(design.weights)[:, None] * np.column_stack([design.X, y - design.offset])
