"""One random-effects term.

J levels, q effects per level, and the columns that bring them to the rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, kron

from lmmlib.model.known_covariance import covariance_root
from lmmlib.model.row_labels import check_order, check_same_rows, names_along, row_index
from lmmlib.model.validation import frozen_array, labels


@dataclass(frozen=True, eq=False)
class Term:
    r"""Effects u_k ~ N(0, A ⊗ Σ_k), one vector of q effects for each of J levels.

    Made by :meth:`grouped` or :meth:`dense`, which check their input.

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
        Root L of the known covariance A = LL' of the levels; None is A = I.
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

    @classmethod
    def grouped(
        cls,
        name: str,
        codes: object,
        covariates: object = None,
        levels: Iterable[object] | None = None,
        effects: Sequence[str] | None = None,
        correlated: bool = True,
        between: object = None,
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
        levels : sequence, optional
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

        Raises
        ------
        ValueError
            If lengths or labels of rows differ, a code is missing or out of range, two labels have
            one text, or A lacks a level, is not symmetric, or has a negative eigenvalue.

        Examples
        --------
        >>> term = Term.grouped("g", ["b", "a", "b"])
        >>> term.levels, term.Z.toarray().tolist()
        (('a', 'b'), [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
        """
        if not isinstance(correlated, bool | np.bool_):
            raise TypeError(f"correlated of {name!r} must be True or False, got {correlated!r}")
        index = row_index(codes)
        check_same_rows(f"covariates of {name!r}", row_index(covariates), "its codes", index)
        codes, names = _codes(name, codes, levels)
        n, J = len(codes), len(names)
        x = np.ones((n, 1)) if covariates is None else _covariates(name, covariates, n)
        q = x.shape[1]
        columns = codes[:, None] * q + np.arange(q)
        Z = csr_array((x.ravel(), columns.ravel(), np.arange(0, n * q + 1, q)), shape=(n, J * q))
        default = ("Intercept",) if covariates is None else tuple(f"x{i + 1}" for i in range(q))
        of_effects = labels(f"effects of {name!r}", default if effects is None else effects, q)
        check_order(f"covariates of {name!r}", names_along(covariates, 1), of_effects)
        of_levels = labels(f"levels of {name!r}", names, J)
        root = covariance_root(name, between, of_levels)
        return cls(name, of_levels, of_effects, Z, bool(correlated) or q == 1, root, False, index)

    @classmethod
    def dense(
        cls, name: str, Z: object, between: object = None, levels: Sequence[object] | None = None
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
        index = row_index(Z)
        column_names = names_along(Z, 1)
        Z = frozen_array(f"Z of {name!r}", Z, (None, None))
        J = Z.shape[1]
        if J == 0:
            raise ValueError(f"Z of {name!r} must have a column at least, got none")
        default = range(1, J + 1) if column_names is None else column_names
        of_levels = labels(f"levels of {name!r}", default if levels is None else levels, J)
        check_order(f"Z of {name!r}", column_names, of_levels)
        return cls(
            name,
            of_levels,
            (name,),
            csr_array(Z),
            True,
            covariance_root(name, between, of_levels),
            True,
            index,
        )

    def rows(self, chosen: np.ndarray) -> "Term":
        """The term over some of the rows, with all levels."""
        return replace(
            self, Z=self.Z[chosen], index=None if self.index is None else self.index[chosen]
        )

    @property
    def size(self) -> tuple[int, int]:
        """Levels J and effects q."""
        return len(self.levels), len(self.effects)

    @property
    def effect_names(self) -> tuple[str, ...]:
        """Effects as draws and priors name them: ``Subject: Days``.

        A dense term's is its own name.
        """
        return (self.name,) if self.is_dense else tuple(f"{self.name}: {e}" for e in self.effects)

    @property
    def pair_names(self) -> tuple[str, ...]:
        """Pairs of correlated effects, row by row below the diagonal.

        ``Subject: Intercept, Days``.
        """
        return tuple(f"{self.name}: {self.effects[j]}, {self.effects[i]}" for i, j in self.pairs)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Index pairs (i, j), j < i, of correlated effects; none for an uncorrelated term."""
        return (
            tuple((i, j) for i in range(len(self.effects)) for j in range(i))
            if self.correlated
            else ()
        )

    @cached_property
    def units(self) -> np.ndarray:
        """Unit of each effect's covariate, (q,).

        Its SD over the rows, its size where it is constant.

        For a dense term the root mean square over rows of Zu for effects of SD one.
        """
        if self.is_dense:
            return np.array([np.sqrt(np.sum(self.Z.data**2) / self.Z.shape[0])])
        x = self.Z.data.reshape(
            -1, len(self.effects)
        )  # a grouped term stores q entries a row, zeros too
        spread = x.std(0)
        constant = spread <= 1e-12 * np.abs(x).max(0)
        return np.where(constant, np.abs(x[0]), spread)

    @property
    def validation_error(self) -> str | None:
        """Why no response can tell of this term's effects, or None."""
        J, q = self.size
        seen = np.zeros(J * q, bool)
        seen[self.Z.indices[self.Z.data != 0]] = True
        by_effect = seen.reshape(J, q)
        empty = np.flatnonzero(~(seen if self.is_dense else by_effect.any(0)))
        if len(empty):
            return (
                f"each column of {self.name!r} must have an entry other than zero, column "
                f"{empty[0]} is; drop it"
            )
        levels = int(by_effect.any(1).sum())
        if levels < 2 and not self.is_dense:
            rows = "" if levels == J else f" with rows of {J} declared"
            told = f"grouping {self.name!r} must have two levels or more, got {levels}{rows}"
            return f"{told}: its effect would be one with the fixed effects; drop it"
        return None

    @cached_property
    def row_products(self) -> np.ndarray:
        """Σ_j z_ij z_ij' over levels, (n, q, q).

        A row's variance is its sum of products with the effects' covariance.
        """
        n, (_, q) = self.Z.shape[0], self.size
        Z = self.columns_of_independent_levels()
        products = np.empty((n, q, q))
        for a in range(q):
            for b in range(q):
                products[:, a, b] = np.asarray(Z[:, a::q].multiply(Z[:, b::q]).sum(1)).ravel()
        return products

    def columns_of_independent_levels(self) -> csr_array:
        """Z (root ⊗ I): the columns for effects whose levels are independent."""
        return (
            self.Z
            if self.level_chol is None
            else csr_array(
                self.Z @ kron(csr_array(self.level_chol), np.eye(len(self.effects)), format="csr")
            )
        )


def _codes(
    name: str, codes: object, levels: Iterable[object] | None
) -> tuple[np.ndarray, Sequence[object]]:
    """Integers (n,) and what they index."""
    codes = _one_a_row(name, codes)
    if levels is None:
        found, names = pd.factorize(codes, sort=True)
        return found, list(names)
    if isinstance(levels, str) or not isinstance(levels, Iterable):
        raise ValueError(f"levels of {name!r} must be a sequence of labels, got {levels!r}")
    levels = list(levels)
    if codes.dtype.kind not in "iu":
        raise ValueError(
            f"codes of {name!r} must be integers that index levels, got type {codes.dtype}; "
            "leave levels out to use labels"
        )
    if codes.min() < 0 or codes.max() >= len(levels):
        raise ValueError(
            f"codes of {name!r} must lie in 0 to {len(levels) - 1}, got {codes.min()} to "
            f"{codes.max()}"
        )
    return codes.astype(np.int64), levels


def _one_a_row(name: str, given: object) -> np.ndarray:
    """Labels as an array that keeps them apart: NumPy makes one string of 1 and "1"."""
    if isinstance(given, Mapping):
        raise TypeError(f"codes of {name!r} must be one label per row, got {type(given).__name__}")
    codes = np.asarray(given)
    if codes.dtype.kind in "US" and not hasattr(given, "dtype"):
        codes = np.asarray(given, object)
    if not codes.dtype.isnative:
        codes = codes.astype(codes.dtype.newbyteorder("="))
    if codes.ndim != 1 or len(codes) == 0:
        raise ValueError(f"codes of {name!r} must be one label per row, got shape {codes.shape}")
    missing = int(
        np.ma.getmaskarray(given).sum() if np.ma.is_masked(given) else pd.isna(codes).sum()
    )
    if missing:
        raise ValueError(
            f"codes of {name!r} must not be missing, got {missing} missing of {len(codes)}; drop "
            "those rows or give them a level"
        )
    return codes


def _covariates(name: str, covariates: object, n: int) -> np.ndarray:
    x = frozen_array(f"covariates of {name!r}", covariates, (None, None))
    if len(x) != n:
        raise ValueError(f"term {name!r} has {n} codes; its covariates have {len(x)} rows")
    if x.shape[1] == 0:
        raise ValueError(
            f"covariates of {name!r} must have a column at least, got none; leave them out for "
            "an intercept"
        )
    return x
