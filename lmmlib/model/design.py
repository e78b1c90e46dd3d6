"""The design: everything about an experiment but its response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import csr_array, hstack

from lmmlib import linalg
from lmmlib.model.components import component_of_rows, touched_columns, widest_component
from lmmlib.model.descriptions import describe_rows
from lmmlib.model.design_parts import checked_parts, term_of_name, whitened_columns
from lmmlib.model.fingerprints import fingerprint_of_design
from lmmlib.model.identifiability import TermsVerdict, terms_error
from lmmlib.model.layout import Layout
from lmmlib.model.rank import rank_error
from lmmlib.model.row_builder import RowBuilder
from lmmlib.model.state import restore_state, same_fields, set_fields, stored_state
from lmmlib.model.term import Term


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Design:
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
    formula_spec : RowBuilder, optional
        Builds rows like these from another table; None where the design comes from no formula.
    dropped : str, optional
        Which rows of a table were left out, and why; printed.

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
    Arrays are copied and read-only; designs of the same names and numbers are equal. Whether a
    response can be fitted is asked by :class:`lmmlib.Data`: new rows may be as few as one.

    Examples
    --------
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])], coef=["Intercept"])
    >>> print(design)
    Design: 3 rows
    coefficients: Intercept
    g: 2 levels, Intercept
    >>> design.Z.toarray()[0].tolist()
    [1.0, 0.0]
    """

    X: np.ndarray
    terms: tuple[Term, ...]
    weights: np.ndarray
    offset: np.ndarray
    coef: tuple[str, ...]
    formula_spec: RowBuilder | None
    dropped: str | None
    index: pd.Index | None = field(init=False)
    verdict: TermsVerdict | None = field(init=False)

    def __init__(
        self,
        X: ArrayLike,
        terms: Sequence[Term],
        weights: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        coef: Sequence[str] | None = None,
        formula_spec: RowBuilder | None = None,
        dropped: str | None = None,
    ) -> None:
        parts = vars(checked_parts(X, terms, weights, offset, coef))
        origin = {"formula_spec": formula_spec, "dropped": dropped}
        set_fields(self, {**parts, **origin, "verdict": None})

    __getstate__ = stored_state
    __setstate__ = restore_state

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Design):
            return NotImplemented
        return same_fields(self, other, ("X", "terms", "weights", "offset", "coef"))

    def __hash__(self) -> int:
        return hash((self.coef, self.terms, self.n))

    def __repr__(self) -> str:
        return describe_rows("Design", self)

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
        """Why no response can tell of the terms, or None; some rows are judged by all."""
        return terms_error(self.terms) if self.verdict is None else self.verdict.error

    def new_rows(self, table: pd.DataFrame) -> Design:
        """The design of other rows; levels are as they are here, unknown ones after them.

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
        taken = None if self.formula_spec is None else self.formula_spec.taken_from_data
        return Layout(self.coef, self.terms, units, taken)

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
        """Label, term, level and covariate of each entry of u."""
        return self.layout.ranef

    @cached_property
    def Z(self) -> csr_array:
        """(n, K) sparse, columns by term, level, effect."""
        Z = csr_array(hstack([t.Z for t in self.terms], format="csr"))
        Z.data.flags.writeable = False
        return Z

    @cached_property
    def independent(self) -> csr_array:
        """(n, K) sparse W^½ Z (L ⊗ I): columns of effects whose levels are independent."""
        return whitened_columns(self.terms, self.weights)

    @cached_property
    def partition(self) -> linalg.Partition:
        """Blocks and separators of ``independent``."""
        return linalg.find_partition(self.independent, self.shapes)

    @cached_property
    def component_partition(self) -> linalg.Partition:
        """The same with every component, rows that share effects, by itself."""
        return linalg.find_partition(self.independent, self.shapes, lump=False)

    @cached_property
    def components(self) -> np.ndarray:
        """Component of each row, (n,) int."""
        return component_of_rows(self.component_partition, self.n)

    @cached_property
    def widest_component(self) -> int:
        """Effects in the largest component."""
        return widest_component(self.component_partition)

    def columns_of(self, rows: np.ndarray) -> tuple[csr_array, tuple[tuple[int, int], ...]]:
        """The columns of ``independent`` that some rows touch, whole levels, and their shapes."""
        touched = touched_columns(self.independent, self.shapes, rows)
        return self.independent[:, touched.columns], touched.shapes

    def level_of_rows(self, term: str) -> np.ndarray:
        """Level of a grouped term in which each row lies, (n,) int.

        Raises
        ------
        ValueError
            If there is no such term, or it is a dense one, whose levels share all rows.
        """
        grouped = self.term(term)
        if grouped.is_dense:
            raise ValueError(
                f"{term!r} is a dense term: its levels share all rows, and none can be left out"
            )
        return grouped.row_levels

    def term(self, name: str) -> Term:
        """The term of that name.

        Raises
        ------
        ValueError
            If there is none.
        """
        return term_of_name(self.terms, name)

    def rows(self, chosen: np.ndarray) -> Design:
        """The design of some of the rows, with all levels; all rows judge its terms."""
        part = Design(
            self.X[chosen],
            [t.rows(chosen) for t in self.terms],
            self.weights[chosen],
            self.offset[chosen],
            self.coef,
            self.formula_spec,
        )
        set_fields(part, {"verdict": TermsVerdict(self.terms_error)})
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
        return fingerprint_of_design(self)


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
