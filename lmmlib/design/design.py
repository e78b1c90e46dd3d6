"""The design: everything about an experiment but its response."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack

from lmmlib import linalg
from lmmlib.design.checks import frozen_array, labels
from lmmlib.design.term import Term


@dataclass(frozen=True, eq=False)
class Design:
    r"""y = offset + Xβ + Σ_k Z_k u_k + e, with e ~ N(0, σ²W⁻¹); the response is not part of it.

    Parameters
    ----------
    X : (n, p) of full column rank
    terms : sequence of Term
    weights : (n,) above zero, or None for ones
    offset : (n,) in units of the response, or None for zeros
    coef : p names, ``x1`` to ``xp`` if None

    Raises
    ------
    ValueError  if sizes differ, X is rank deficient (its columns are named), or names are not distinct

    Notes
    -----
    Arrays are copied and read-only.

    Examples
    --------
    >>> design = Design([[1.0], [1.0], [1.0]], [Term.grouped("g", ["a", "b", "b"])], coef=["Intercept"])
    >>> design.n, design.coef, design.effects, design.Z.toarray()[0].tolist()
    (3, ('Intercept',), ('g: Intercept',), [1.0, 0.0])
    """

    X: np.ndarray
    terms: Sequence[Term]
    weights: np.ndarray | None = None
    offset: np.ndarray | None = None
    coef: Sequence[str] | None = None

    def __post_init__(self) -> None:
        X = frozen_array("X", self.X, (None, None))
        n, p = X.shape
        if n == 0 or p == 0:
            raise ValueError(f"X must have a row and a column at least, got shape {X.shape}")
        terms = tuple(self.terms)
        if not terms:
            raise ValueError("a mixed model needs one random-effects term at least; without one, use a linear model")
        names = labels("coef", self.coef if self.coef is not None else [f"x{i + 1}" for i in range(p)], p)
        labels("names of the terms", [t.name for t in terms], len(terms))
        for t in terms:
            if t.Z.shape[0] != n:
                raise ValueError(f"term {t.name!r} has {t.Z.shape[0]} rows; X has {n}")
        dependent = linalg.dependent_columns(X)
        if dependent:
            told = ", ".join(names[j] for j in dependent)
            raise ValueError(f"X must have full column rank; {told} can be made from the columns before; drop it")
        weights = np.ones(n) if self.weights is None else frozen_array("weights", self.weights, (n,), f"X has {n} rows")
        if np.any(weights <= 0):
            raise ValueError(f"weights must be above zero, got {weights.min():g} in row {int(weights.argmin())}; drop such rows")
        offset = np.zeros(n) if self.offset is None else frozen_array("offset", self.offset, (n,), f"X has {n} rows")
        for field, value in {"X": X, "terms": terms, "weights": weights, "offset": offset, "coef": names}.items():
            object.__setattr__(self, field, value)

    @property
    def n(self) -> int:
        """Rows."""
        return self.X.shape[0]

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Levels J and effects q of each term."""
        return tuple(t.size for t in self.terms)

    @property
    def effects(self) -> tuple[str, ...]:
        """Names of all effects that have an SD: ``Subject: Intercept``, ``Subject: Days``."""
        return tuple(name for t in self.terms for name in t.effect_names)

    @property
    def pairs(self) -> tuple[str, ...]:
        """Names of all pairs of effects that have a correlation."""
        return tuple(name for t in self.terms for name in t.pair_names)

    @cached_property
    def ranef(self) -> dict[str, list[str]]:
        """Label, term, level and covariate of each entry of u; ``effect`` is the dimension of SDs already."""
        rows = [(t.name, level, effect) for t in self.terms for level in t.levels for effect in t.effects]
        named = {key: list(column) for key, column in zip(("term", "level", "covariate"), zip(*rows, strict=True), strict=True)}
        return {"ranef": [f"{t}[{level}]" if t == e else f"{t}[{level}]: {e}" for t, level, e in rows], **named}

    @cached_property
    def Z(self) -> csr_array:
        """(n, K) sparse, columns by term, level, effect."""
        return csr_array(hstack([t.Z for t in self.terms], format="csr"))

    @cached_property
    def blocks(self) -> tuple[linalg.Batch, ...]:
        """Rows of W^½ Z (root ⊗ I) in independent blocks: columns of effects with independent levels."""
        columns = hstack([t.columns_of_independent_levels() for t in self.terms], format="csr")
        return linalg.pack(csr_array(diags_array(np.sqrt(self.weights)) @ columns), self.shapes)

    def fixed_part(self, beta: np.ndarray) -> np.ndarray:
        """Offset + Xβ for β (..., p): (..., n)."""
        return self.offset + beta @ self.X.T

    def random_part(self, u: np.ndarray) -> np.ndarray:
        """Zu for u (..., K): (..., n)."""
        flat = u.reshape(-1, u.shape[-1])
        return (self.Z @ flat.T).T.reshape(*u.shape[:-1], self.n)

    def with_known_covariance(self, v: np.ndarray) -> np.ndarray:
        """u = (root ⊗ I) v from effects v (..., K) whose levels are independent."""
        parts, start = [], 0
        for t, (J, q) in zip(self.terms, self.shapes, strict=True):
            part = v[..., start : start + J * q]
            if t.root is not None:
                part = np.einsum("ij,...jq->...iq", t.root, part.reshape(*v.shape[:-1], J, q)).reshape(part.shape)
            parts.append(part)
            start += J * q
        return np.concatenate(parts, -1)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of everything above, the order of rows included."""
        digest = sha256()
        digest.update(repr((self.coef, self.effects, self.ranef["ranef"], [t.correlated for t in self.terms])).encode())
        arrays = [self.X, self.weights, self.offset, *(t.root for t in self.terms if t.root is not None)]
        for array in [*arrays, self.Z.data, self.Z.indices.astype(np.int64), self.Z.indptr.astype(np.int64)]:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]
