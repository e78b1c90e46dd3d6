"""The layout of a design.

Its names and terms without its rows, all that parameters and effects are checked against.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmmlib.model.descriptions import model_lines
from lmmlib.model.state import restore_state, stored_state
from lmmlib.model.term import Term

IMPOSSIBLE = 1e-8  # of the largest effect: a difference that is no rounding


@dataclass(frozen=True, eq=False, repr=False)
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

    Examples
    --------
    >>> slopes = Term.grouped("g", ["a", "b"], [[1.0, 2.0], [1.0, 3.0]])
    >>> layout = Layout(("x1",), (slopes, Term.dense("z", np.eye(2))), (np.ones(2), np.ones(1)))
    >>> layout
    Layout
    coefficients: x1
    g: 2 levels, x1 and x2, correlated; z: 2 columns of one SD
    >>> layout.effect_slices, layout.ranef_slices
    ((slice(0, 2, None), slice(2, 3, None)), (slice(0, 4, None), slice(4, 6, None)))
    """

    coef: tuple[str, ...]
    terms: tuple[Term, ...]
    units: tuple[np.ndarray, ...]
    taken_from_data: str | None = None

    __getstate__ = stored_state
    __setstate__ = restore_state

    def __repr__(self) -> str:
        return model_lines("Layout", self.coef, self.terms)

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

    @property
    def effect_slices(self) -> tuple[slice, ...]:
        """Where each term stands in what has an entry an effect, as SDs have: q entries."""
        return _consecutive(len(t.effects) for t in self.terms)

    @property
    def ranef_slices(self) -> tuple[slice, ...]:
        """Where each term stands in u, and in the columns of Z: J q entries."""
        return _consecutive(J * q for J, q in self.shapes)

    @cached_property
    def ranef(self) -> dict[str, list[str]]:
        """Label, term, level and covariate of each entry of u.

        ``effect`` is the dimension of SDs already.
        """
        names: dict[str, list[str]] = {"ranef": [], "term": [], "level": [], "covariate": []}
        for t in self.terms:
            for level in t.levels:
                for effect in t.effects:
                    label = f"{t.name}[{level}]"
                    names["ranef"].append(label if t.is_dense else f"{label}: {effect}")
                    names["term"].append(t.name)
                    names["level"].append(level)
                    names["covariate"].append(effect)
        return names

    def same_columns(self, other: "Layout") -> bool:
        """Whether columns of one name are one.

        No formula took other means, knots or levels from its first table.
        """
        taken = {self.taken_from_data, other.taken_from_data} - {None}
        return len(taken) < 2

    def split(self, u: np.ndarray) -> list[np.ndarray]:
        """Entries of u (..., K) by term: (..., J, q) each."""
        leading = u.shape[:-1]
        by_term = zip(self.ranef_slices, self.shapes, strict=True)
        return [u[..., part].reshape(*leading, J, q) for part, (J, q) in by_term]

    def with_known_covariance(self, v: np.ndarray) -> np.ndarray:
        """u = (L ⊗ I) v from effects v (..., K) whose levels are independent; A = LL' a term."""
        parts = []
        for t, part in zip(self.terms, self.split(v), strict=True):
            if t.level_chol is not None:
                part = np.einsum("ij,...jq->...iq", t.level_chol, part)
            parts.append(part)
        return _joined(parts)

    def with_independent_levels(self, u: np.ndarray) -> np.ndarray:
        """v from u = (L ⊗ I) v, the inverse of :meth:`with_known_covariance`, for one u (K,).

        Raises
        ------
        ValueError
            If a singular known covariance does not allow u: twins have one effect.
        """
        parts = []
        for t, part in zip(self.terms, self.split(u), strict=True):
            if t.level_chol is not None:
                part = _independent_levels(t.name, t.level_chol, part)
            parts.append(part)
        return _joined(parts)

    def scaled(self, s: np.ndarray, factors: Sequence[np.ndarray]) -> np.ndarray:
        """v = Λs, with Λ = I ⊗ Λ_k in the block of term k: effects with independent levels.

        Parameters
        ----------
        s : ndarray, shape (..., K)
            Spherical effects.
        factors : sequence of ndarray
            Λ_k (..., q, q) of each term, relative or not.

        Returns
        -------
        ndarray, shape (..., K)
            Effects in the order of ``s``.
        """
        by_term = zip(self.split(s), factors, strict=True)
        return _joined([part @ np.swapaxes(factor, -1, -2) for part, factor in by_term])


def _consecutive(counts: Iterable[int]) -> tuple[slice, ...]:
    """A slice for each of several counts, one after the other."""
    slices = []
    start = 0
    for count in counts:
        slices.append(slice(start, start + count))
        start += count
    return tuple(slices)


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Effects (..., K) from those of each term (..., J, q)."""
    return np.concatenate([part.reshape(*part.shape[:-2], -1) for part in parts], -1)


def _independent_levels(name: str, level_chol: np.ndarray, u: np.ndarray) -> np.ndarray:
    """v (J, q) from u = L v; zero where the factor of a singular covariance has a zero column."""
    has_entries = level_chol.any(0)
    if has_entries.all():
        return np.linalg.solve(level_chol, u)
    v = np.zeros_like(u)
    v[has_entries] = np.linalg.lstsq(level_chol[:, has_entries], u)[0]
    excess = np.abs(level_chol @ v - u).max()
    if excess > IMPOSSIBLE * np.abs(u).max():
        raise ValueError(
            f"u of {name!r} has no density: its known covariance is singular, and the nearest "
            f"effects that it allows are {excess:.3g} away; give levels of one effect one value"
        )
    return v
