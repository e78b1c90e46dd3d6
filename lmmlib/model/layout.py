"""The layout of a design.

Its names and terms without its rows, all that parameters and effects are checked against.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmmlib.model.term import Term

IMPOSSIBLE = 1e-8  # of the largest effect: a difference that is no rounding


@dataclass(frozen=True, eq=False)
class Layout:
    """Coefficients and terms of a design; what a reduction keeps of it.

    Attributes
    ----------
    coef : tuple of str
        Names of the p coefficients.
    terms : tuple of Term
        Their rows play no part.
    units : tuple of ndarray
        One array (q,) per term, unit of each effect's covariate: it places starting values and weak
        priors.
    taken_from_data : str or None
        Fingerprint of what a formula took from its first table, or None without a formula.
    """

    coef: tuple[str, ...]
    terms: tuple[Term, ...]
    units: tuple[np.ndarray, ...]
    taken_from_data: str | None = None

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Levels J and effects q of each term."""
        return tuple(t.size for t in self.terms)

    @property
    def width(self) -> int:
        """Entries of u."""
        return sum(J * q for J, q in self.shapes)

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
        """Label, term, level and covariate of each entry of u.

        ``effect`` is the dimension of SDs already.
        """
        rows = [
            (t.name, level, effect)
            for t in self.terms
            for level in t.levels
            for effect in t.effects
        ]
        named = {
            key: list(column)
            for key, column in zip(
                ("term", "level", "covariate"), zip(*rows, strict=True), strict=True
            )
        }
        bare = [t.is_dense for t in self.terms for _ in range(len(t.levels) * len(t.effects))]
        labels = [
            f"{t}[{level}]" if alone else f"{t}[{level}]: {e}"
            for (t, level, e), alone in zip(rows, bare, strict=True)
        ]
        return {"ranef": labels, **named}

    def same_columns(self, other: "Layout") -> bool:
        """Whether columns of one name are one.

        No formula took other means, knots or levels from its first table.
        """
        taken = {self.taken_from_data, other.taken_from_data} - {None}
        return len(taken) < 2

    def split(self, u: np.ndarray) -> list[np.ndarray]:
        """Entries of u (..., K) by term: (..., J, q) each."""
        ends = np.cumsum([J * q for J, q in self.shapes])[:-1]
        return [
            part.reshape(*u.shape[:-1], J, q)
            for part, (J, q) in zip(np.split(u, ends, -1), self.shapes, strict=True)
        ]

    def with_known_covariance(self, v: np.ndarray) -> np.ndarray:
        """u = (root ⊗ I) v from effects v (..., K) whose levels are independent."""
        parts = [
            part if t.level_chol is None else np.einsum("ij,...jq->...iq", t.level_chol, part)
            for t, part in zip(self.terms, self.split(v), strict=True)
        ]
        return np.concatenate([part.reshape(*v.shape[:-1], -1) for part in parts], -1)

    def with_independent_levels(self, u: np.ndarray) -> np.ndarray:
        """v from u = (root ⊗ I) v, the inverse of :meth:`with_known_covariance`.

        Raises
        ------
        ValueError
            If a singular known covariance does not allow u: twins have one effect.
        """
        parts = [
            part if t.level_chol is None else _independent_levels(t, part)
            for t, part in zip(self.terms, self.split(u), strict=True)
        ]
        return np.concatenate([part.reshape(*u.shape[:-1], -1) for part in parts], -1)

    def scaled(self, s: np.ndarray, roots: Sequence[np.ndarray]) -> np.ndarray:
        """v = (I ⊗ root_k) s for spherical effects s (..., K) and roots (..., q, q).

        Effects with independent levels.
        """
        parts = [
            part @ np.swapaxes(root, -1, -2)
            for part, root in zip(self.split(s), roots, strict=True)
        ]
        return np.concatenate([part.reshape(*s.shape[:-1], -1) for part in parts], -1)


def _independent_levels(term: Term, u: np.ndarray) -> np.ndarray:
    """v (J, q) from u = root v.

    Zero where the root of a singular covariance has a column of zeros.
    """
    regular = term.level_chol.any(0)
    if regular.all():
        return np.linalg.solve(term.level_chol, u)
    v = np.zeros_like(u)
    v[regular] = np.linalg.lstsq(term.level_chol[:, regular], u)[0]
    excess = np.abs(term.level_chol @ v - u).max()
    if excess > IMPOSSIBLE * np.abs(u).max():
        reason = (
            "its known covariance is singular, and the nearest effects that it allows are "
            f"{excess:.3g} away"
        )
        raise ValueError(
            f"u of {term.name!r} has no density: {reason}; give levels of one effect one value"
        )
    return v
