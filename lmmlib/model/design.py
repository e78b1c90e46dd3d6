"""The design: everything about an experiment but its response."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, diags_array, hstack

from lmmlib import linalg
from lmmlib.model.identifiability import confounded_terms
from lmmlib.model.layout import Layout
from lmmlib.model.options import in_brief
from lmmlib.model.rank import rank_error
from lmmlib.model.row_labels import check_order, common_index, names_along, row_index
from lmmlib.model.term import Term
from lmmlib.model.validation import frozen_array, labels


class FormulaText(Protocol):
    """A formula as it was read."""

    @property
    def text(self) -> str:
        """The formula as it was typed."""


class FormulaSpec(Protocol):
    """What a design of a formula remembers."""

    taken_from_data: str

    @property
    def parsed(self) -> "FormulaText":
        """The formula."""

    def fixed_mean(self, table: object, beta: np.ndarray) -> pd.Series:
        """Offset + Xβ of the rows of a table, which need not have the grouping columns."""

    def design(self, table: object, known: Layout | None = None) -> "Design":
        """The rows of a table, with at least the levels of ``known``."""


@dataclass(frozen=True, eq=False)
class Design:  # numpydoc ignore=PR02
    r"""y = offset + Xβ + Σ_k Z_k u_k + e, with e ~ N(0, σ²W⁻¹); the response is not part of it.

    Parameters
    ----------
    X : array_like, shape (n, p)
        Columns of the fixed effects; p may be zero, for a model without fixed effects.
    terms : sequence of Term
        Random-effects terms, one at least.
    weights : array_like, shape (n,), optional
        Weights of the rows, above zero; ones if None.
    offset : array_like, shape (n,), optional
        Known part of the mean, in units of the response; zeros if None.
    coef : sequence of str, optional
        Names of the p coefficients; ``x1`` to ``xp`` if None.
    formula_spec : FormulaSpec, optional
        Builds rows like these from another table; None where the design comes from no formula.

    Attributes
    ----------
    index : pandas.Index or None
        Labels of the rows, where X or anything else came as a pandas object; None otherwise.

    Raises
    ------
    TypeError
        If something else than a Term stands among the terms.
    ValueError
        If sizes or labels of rows differ, the columns of X are labelled in another order than
        ``coef``, a weight is not above zero, or names are not distinct.

    Notes
    -----
    Arrays are copied and read-only. Whether a response can be fitted to the design is asked by
    :class:`lmmlib.Data`: a design of new rows may be as small as one row.

    Examples
    --------
    >>> design = Design(
    ...     [[1.0], [1.0], [1.0]], [Term.grouped("g", ["a", "b", "b"])], coef=["Intercept"]
    ... )
    >>> design.n, design.coef, design.effects, design.Z.toarray()[0].tolist()
    (3, ('Intercept',), ('g: Intercept',), [1.0, 0.0])
    """

    X: np.ndarray
    terms: Sequence[Term]
    weights: np.ndarray | None = None
    offset: np.ndarray | None = None
    coef: Sequence[str] | None = None
    formula_spec: "FormulaSpec | None" = None
    index: pd.Index | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        columns = names_along(self.X, 1)
        labelled = {
            "X": row_index(self.X),
            "weights": row_index(self.weights),
            "offset": row_index(self.offset),
        }
        X = frozen_array("X", self.X, (None, None))
        n, p = X.shape
        if n == 0:
            raise ValueError(f"X must have a row at least, got shape {X.shape}")
        terms = _terms(self.terms)
        index = common_index(labelled | {f"term {t.name!r}": t.index for t in terms})
        names = labels(
            "coef", self.coef if self.coef is not None else [f"x{i + 1}" for i in range(p)], p
        )
        check_order("X", columns, names)
        labels("names of the terms", [t.name for t in terms], len(terms))
        for t in terms:
            if t.Z.shape[0] != n:
                raise ValueError(f"term {t.name!r} has {t.Z.shape[0]} rows; X has {n}")
        weights = (
            np.ones(n)
            if self.weights is None
            else frozen_array("weights", self.weights, (n,), f"X has {n} rows")
        )
        if np.any(weights <= 0):
            raise ValueError(
                f"weights must be above zero, got {weights.min():g} in row "
                f"{int(weights.argmin())}; drop such rows"
            )
        offset = (
            np.zeros(n)
            if self.offset is None
            else frozen_array("offset", self.offset, (n,), f"X has {n} rows")
        )
        for name, value in {
            "X": X,
            "terms": terms,
            "weights": weights,
            "offset": offset,
            "coef": names,
            "index": index,
        }.items():
            object.__setattr__(self, name, value)

    @property
    def n(self) -> int:
        """Rows."""
        return self.X.shape[0]

    @cached_property
    def validation_error(self) -> str | None:
        """Why no response can be fitted to this design, or None."""
        dependent = linalg.dependent_columns(self.X)
        if dependent:
            return rank_error(self.coef, dependent, self.X)
        return self.terms_error

    @cached_property
    def terms_error(self) -> str | None:
        """Why no response can tell of the terms, or None.

        Some rows of a design are judged by all of its rows.
        """
        return next(
            (t.validation_error for t in self.terms if t.validation_error), None
        ) or confounded_terms(self.terms)

    def new_rows(self, table: object) -> "Design":
        """The design of other rows.

        Same coefficients and terms, levels as they are here, unknown ones after them.

        Parameters
        ----------
        table : pandas.DataFrame
            Table with the columns of the formula that this design was made from.

        Raises
        ------
        TypeError
            If the table is no pandas.DataFrame.
        ValueError
            If the design was not made from a formula, or the table does not fit it.
        """
        if self.formula_spec is None:
            raise ValueError(
                "only a design made by from_formula can build rows from a table; make a Design "
                "of the new rows instead"
            )
        return self.formula_spec.design(table, self.layout)

    @cached_property
    def layout(self) -> Layout:
        """Names and terms, without the rows."""
        units = tuple(t.units for t in self.terms)
        return Layout(self.coef, self.terms, units, self.taken_from_data)

    @property
    def taken_from_data(self) -> str | None:
        """Fingerprint of what the formula took from its first table.

        None without a formula.
        """
        return None if self.formula_spec is None else self.formula_spec.taken_from_data

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Levels J and effects q of each term."""
        return self.layout.shapes

    @property
    def effects(self) -> tuple[str, ...]:
        """Names of all effects that have an SD: ``Subject: Intercept``, ``Subject: Days``."""
        return self.layout.effects

    @property
    def pairs(self) -> tuple[str, ...]:
        """Names of all pairs of effects that have a correlation."""
        return self.layout.pairs

    @property
    def ranef(self) -> dict[str, list[str]]:
        """Label, term, level and covariate of each entry of u.

        ``effect`` is the dimension of SDs already.
        """
        return self.layout.ranef

    @cached_property
    def Z(self) -> csr_array:
        """(n, K) sparse, columns by term, level, effect."""
        Z = csr_array(hstack([t.Z for t in self.terms], format="csr"))
        Z.data.flags.writeable = False
        return Z

    @cached_property
    def independent(self) -> csr_array:
        """(n, K) sparse W^½ Z (root ⊗ I): columns of effects whose levels are independent."""
        columns = hstack([t.columns_of_independent_levels() for t in self.terms], format="csr")
        return csr_array(diags_array(np.sqrt(self.weights)) @ columns)

    @cached_property
    def partition(self) -> linalg.Partition:
        """Blocks and border of ``independent``."""
        return linalg.find_partition(self.independent, self.shapes)

    @cached_property
    def component_partition(self) -> linalg.Partition:
        """The same with every component by itself.

        Rows that share effects, directly or through others.
        """
        return linalg.find_partition(self.independent, self.shapes, lump=False)

    @cached_property
    def components(self) -> np.ndarray:
        """Component of each row, (n,) int."""
        found = self.component_partition
        label = np.empty(self.n, int)
        label[found.rows] = np.repeat(found.component, np.diff(found.row_start))
        return label

    @cached_property
    def widest_component(self) -> int:
        """Effects in the largest component."""
        found = self.component_partition
        own = np.bincount(found.component, found.counts.sum(1), minlength=len(found.border_counts))
        return int(np.max(own + found.border_counts.sum(1)))

    def columns_of(self, rows: np.ndarray) -> tuple[csr_array, tuple[tuple[int, int], ...]]:
        """The columns of ``independent`` that some rows touch, and their shapes.

        All effects of a level stay together.
        """
        kinds = np.repeat(np.arange(len(self.terms)), [J for J, _ in self.shapes])
        width = np.array([q for _, q in self.shapes])
        bundle = np.repeat(np.arange(len(kinds)), width[kinds])
        touched = np.unique(bundle[self.independent[rows].indices])
        counts = np.bincount(kinds[touched], minlength=len(self.terms))
        shapes = tuple((int(J), int(q)) for J, q in zip(counts, width, strict=True))
        return self.independent[:, np.flatnonzero(np.isin(bundle, touched))], shapes

    def level_of_rows(self, term: str) -> np.ndarray:
        """Level of a grouped term in which each row lies, (n,) int.

        Raises
        ------
        ValueError
            If there is no such term, or it is a dense one, whose levels share all rows.
        """
        found = self.term(term)
        if found.is_dense:
            raise ValueError(
                f"{term!r} is a dense term: its levels share all rows, and none can be left out"
            )
        q = len(found.effects)
        return found.Z.indices[::q] // q

    def term(self, name: str) -> Term:
        """The term of that name.

        Raises
        ------
        ValueError
            If there is none.
        """
        named = {t.name: t for t in self.terms}
        if not isinstance(name, str) or name not in named:
            raise ValueError(
                f"there is no term {in_brief(name)}; the design has {', '.join(named)}"
            )
        return named[name]

    def rows(self, chosen: np.ndarray) -> "Design":
        """The design of some of the rows, with all levels."""
        terms = [t.rows(chosen) for t in self.terms]
        part = Design(
            self.X[chosen],
            terms,
            self.weights[chosen],
            self.offset[chosen],
            self.coef,
            self.formula_spec,
        )
        vars(part)["terms_error"] = (
            self.terms_error
        )  # one fold, or one part of a reduction, may hold a single level
        return part

    @cached_property
    def blocks(self) -> tuple[linalg.Batch, ...]:
        """The rows of ``independent`` by blocks that share no column."""
        return linalg.pack(self.independent, self.shapes)

    def fixed_part(self, beta: np.ndarray) -> np.ndarray:
        """Offset + Xβ for β (..., p): (..., n)."""
        return self.offset + beta @ self.X.T

    def random_part(self, u: np.ndarray) -> np.ndarray:
        """Zu for u (..., K): (..., n)."""
        flat = u.reshape(-1, u.shape[-1])
        return (self.Z @ flat.T).T.reshape(*u.shape[:-1], self.n)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of everything above, the order of rows included."""
        digest = sha256()
        digest.update(
            repr(
                (self.coef, self.effects, self.ranef["ranef"], [t.correlated for t in self.terms])
            ).encode()
        )
        arrays = [
            self.X,
            self.weights,
            self.offset,
            *(t.level_chol for t in self.terms if t.level_chol is not None),
        ]
        for array in [
            *arrays,
            self.Z.data,
            self.Z.indices.astype(np.int64),
            self.Z.indptr.astype(np.int64),
        ]:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


def checked_rows(design: object) -> Design:
    """``design`` itself, if it is a Design: a layout has no rows."""
    if not isinstance(design, Design):
        raise TypeError(
            f"design must be a Design, got {type(design).__name__}; make one with Design(X, terms)"
        )
    return design


def checked_design(design: object) -> Design | Layout:
    """``design`` itself, if it is a Design or the layout of one.

    Raises
    ------
    TypeError
        If it is anything else, a Data for one.
    """
    if not isinstance(design, Design | Layout):
        raise TypeError(
            f"design must be a Design, got {type(design).__name__}; make one with Design(X, "
            "terms), or give data.design"
        )
    return design


def _terms(given: object) -> tuple[Term, ...]:
    """The terms of a design, one at least."""
    terms = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    strange = [type(t).__name__ for t in terms if not isinstance(t, Term)]
    if strange or isinstance(given, Term):
        told = (
            type(given).__name__ if not isinstance(given, list | tuple) else f"{strange[0]} in it"
        )
        raise TypeError(
            f"terms must be a sequence of Term, got {told}; give [Term.grouped(...)] or "
            "[Term.dense(...)]"
        )
    if not terms:
        raise ValueError(
            "a mixed model needs one random-effects term at least; without one, use a linear model"
        )
    return terms
