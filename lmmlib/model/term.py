"""One random-effects term.

J levels, q effects per level, and the columns that bring them to the rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import csr_array, get_index_dtype, kron

from lmmlib.model.descriptions import WIDTH, describe_term, shortened
from lmmlib.model.grouping import checked_covariates, codes_of, effect_labels
from lmmlib.model.known_covariance import level_cholesky_factor
from lmmlib.model.options import in_brief
from lmmlib.model.row_labels import check_order, check_same_rows, names_along, row_index
from lmmlib.model.state import restore_state, same_fields, stored_state
from lmmlib.model.validation import frozen_array, labels

# SD of a covariate, relative to its largest value, below which it is constant to rounding
CONSTANT = 1e-12


@dataclass(frozen=True, eq=False, repr=False)
class Term:
    r"""Effects u_k ~ N(0, A ⊗ Σ_k), one vector of q effects for each of J levels.

    Made by :meth:`grouped` or :meth:`dense`, which check their input. Two terms are equal where
    they hold the same names and numbers, however their rows are labelled.

    Attributes
    ----------
    name : str
        Name of the term.
    levels : tuple of str
        Labels of the J levels.
    effects : tuple of str
        Names of the q effects.
    Z : scipy.sparse.csr_array, shape (n, J q)
        Columns by level, then effect.
    correlated : bool
        Whether the effects of a level are correlated; if not, Σ_k is diagonal.
    level_chol : ndarray, shape (J, J), or None
        Factor L of the known covariance A = LL' of the levels; None is A = I.
    is_dense : bool
        Whether the term is one effect that bears the term's name, its levels the columns of a
        matrix.
    index : pandas.Index or None
        Labels of the rows, where they came with some.
    """

    name: str
    levels: tuple[str, ...]
    effects: tuple[str, ...]
    Z: csr_array
    correlated: bool = True
    level_chol: np.ndarray | None = None
    is_dense: bool = False
    index: pd.Index | None = None

    def __post_init__(self) -> None:
        self.Z.data.flags.writeable = False

    __getstate__ = stored_state
    __setstate__ = restore_state

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Term):
            return NotImplemented
        compared = ("name", "levels", "effects", "Z", "correlated", "level_chol", "is_dense")
        return same_fields(self, other, compared)

    def __hash__(self) -> int:
        return hash((self.name, self.levels, self.effects, self.correlated, self.is_dense))

    def __repr__(self) -> str:
        return f"<Term {shortened(describe_term(self), WIDTH - len('<Term >'))}>"

    @classmethod
    def grouped(
        cls,
        name: str,
        codes: ArrayLike,
        covariates: ArrayLike | None = None,
        levels: Iterable[object] | None = None,
        effects: Sequence[str] | None = None,
        correlated: bool = True,
        between: ArrayLike | None = None,
    ) -> "Term":
        """Effects of the levels of one factor.

        Parameters
        ----------
        name : str
            Name of the term.
        codes : array_like, shape (n,)
            Labels of any kind, a whole number by its digits (1.0 is ``1``); with ``levels``,
            integers that index it.
        covariates : array_like, shape (n, q), optional
            Covariates of the effects; a column of ones if None.
        levels : iterable, optional
            Labels of the levels; the sorted labels of ``codes`` if None.
        effects : sequence of str, optional
            Names of the q effects; if None ``Intercept`` without covariates, ``x1`` to ``xq`` with
            them.
        correlated : bool, default: True
            Whether the effects of a level are correlated.
        between : array_like, shape (J, J), optional
            Known covariance A of the levels, positive semi-definite: clones and twins are ordinary.
            Rows and columns that are labelled (pandas, xarray) are matched to the levels by their
            labels, and relatives that are no levels are left out.

        Returns
        -------
        Term
            Term whose columns are ordered by level, then effect.

        Raises
        ------
        TypeError
            If ``correlated`` is neither True nor False.
        ValueError
            If lengths or labels of rows differ, a code is missing or out of range, two labels have
            one text, or A lacks a level, is not symmetric, or has a negative eigenvalue.

        Examples
        --------
        >>> term = Term.grouped("g", ["b", "a", "b"])
        >>> term
        <Term g: 2 levels, Intercept>
        >>> term.levels, term.Z.toarray().tolist()
        (('a', 'b'), [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
        """
        if not isinstance(correlated, bool | np.bool_):
            raise TypeError(
                f"correlated of {name!r} must be True or False, got {in_brief(correlated)}"
            )
        index = row_index(codes)
        check_same_rows(f"covariates of {name!r}", row_index(covariates), "its codes", index)
        read = codes_of(name, codes, levels)
        n = len(read.level)
        J = len(read.levels)
        x = np.ones((n, 1)) if covariates is None else checked_covariates(name, covariates, n)
        q = x.shape[1]
        named_effects = effect_labels(name, effects, covariates, q)
        level_labels = labels(f"levels of {name!r}", read.levels, J)
        # A row has q entries, in the columns of its own level; zeros are stored too.
        index_type = get_index_dtype(maxval=max(n, J) * q)
        columns = read.level.astype(index_type)[:, None] * q + np.arange(q, dtype=index_type)
        row_starts = np.arange(0, n * q + 1, q, dtype=index_type)
        Z = csr_array((x.ravel(), columns.ravel(), row_starts), shape=(n, J * q))
        return cls(
            name,
            level_labels,
            named_effects,
            Z,
            correlated=bool(correlated) or q == 1,
            level_chol=level_cholesky_factor(name, between, level_labels),
            index=index,
        )

    @classmethod
    def dense(
        cls,
        name: str,
        Z: ArrayLike,
        between: ArrayLike | None = None,
        levels: Sequence[object] | None = None,
    ) -> "Term":
        """One effect with one SD whose levels are the columns of ``Z``.

        Parameters
        ----------
        name : str
            Name of the term.
        Z : array_like, shape (n, J)
            Matrix that brings the J effects to the rows.
        between : array_like, shape (J, J), optional
            Known covariance A of the columns' effects, positive semi-definite; matched by its
            labels if it has some.
        levels : sequence, optional
            Labels of the J columns; if None those of the columns of a table, or 1 to J.

        Returns
        -------
        Term
            Term of one effect, which bears the name of the term.

        Raises
        ------
        ValueError
            If ``Z`` is not a finite matrix, its columns are labelled in another order than
            ``levels``, or A lacks a level, is not symmetric, or has a negative eigenvalue.

        Examples
        --------
        >>> Term.dense("z", [[0.5, 1.0], [2.0, 0.0]]).levels
        ('1', '2')
        """
        column_names = names_along(Z, 1)
        matrix = frozen_array(f"Z of {name!r}", Z, (None, None))
        J = matrix.shape[1]
        if J == 0:
            raise ValueError(f"Z of {name!r} must have a column at least, got none")
        if levels is None:
            levels = range(1, J + 1) if column_names is None else column_names
        level_labels = labels(f"levels of {name!r}", levels, J)
        check_order(f"Z of {name!r}", column_names, level_labels)
        return cls(
            name,
            level_labels,
            (name,),
            csr_array(matrix),
            level_chol=level_cholesky_factor(name, between, level_labels),
            is_dense=True,
            index=row_index(Z),
        )

    def rows(self, chosen: np.ndarray) -> "Term":
        """The term over some of the rows, with all levels."""
        index = None if self.index is None else self.index[chosen]
        return replace(self, Z=self.Z[chosen], index=index)

    @property
    def size(self) -> tuple[int, int]:
        """Levels J and effects q."""
        return len(self.levels), len(self.effects)

    @property
    def effect_names(self) -> tuple[str, ...]:
        """Effects as draws and priors name them: ``Subject: Days``; a dense term has its name."""
        if self.is_dense:
            return (self.name,)
        return tuple(f"{self.name}: {effect}" for effect in self.effects)

    @property
    def pair_names(self) -> tuple[str, ...]:
        """Pairs of correlated effects, row by row below the diagonal.

        ``Subject: Intercept, Days``.
        """
        return tuple(f"{self.name}: {self.effects[j]}, {self.effects[i]}" for i, j in self.pairs)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Index pairs (i, j), j < i, of correlated effects; none for an uncorrelated term."""
        if not self.correlated:
            return ()
        return tuple((i, j) for i in range(len(self.effects)) for j in range(i))

    @property
    def row_levels(self) -> np.ndarray:
        """Level of a grouped term in which each row lies, (n,) int."""
        q = len(self.effects)
        return self.Z.indices[::q] // q

    @property
    def row_covariates(self) -> np.ndarray:
        """Covariates of a grouped term, (n, q): each row stores q entries, zeros too."""
        return self.Z.data.reshape(-1, len(self.effects))

    @cached_property
    def units(self) -> np.ndarray:
        """Unit of each effect's covariate, (q,).

        Its SD over the rows, its size where it is constant. For a dense term the root mean square
        over rows of Zu for effects of SD one.
        """
        if self.is_dense:
            mean_square = np.sum(self.Z.data**2) / self.Z.shape[0]
            return np.array([np.sqrt(mean_square)])
        x = np.ascontiguousarray(self.row_covariates.T)
        spread = x.std(1)
        is_constant = spread <= CONSTANT * np.abs(x).max(1)
        return np.where(is_constant, np.abs(x[:, 0]), spread)

    @cached_property
    def row_products(self) -> np.ndarray:
        """Σ_j z_ij z_ij' over levels, (n, q, q).

        A row's variance is its sum of products with the effects' covariance.
        """
        n = self.Z.shape[0]
        q = len(self.effects)
        Z = self.columns_of_independent_levels()
        products = np.empty((n, q, q))
        for a in range(q):
            for b in range(q):
                products[:, a, b] = np.asarray(Z[:, a::q].multiply(Z[:, b::q]).sum(1)).ravel()
        return products

    def columns_of_independent_levels(self) -> csr_array:
        """Z (L ⊗ I), (n, J q): the columns for effects whose levels are independent."""
        if self.level_chol is None:
            return self.Z
        identity = np.eye(len(self.effects))
        return csr_array(self.Z @ kron(csr_array(self.level_chol), identity, format="csr"))
