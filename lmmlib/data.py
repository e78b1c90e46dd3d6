"""Data: a response bound to its design, and all that the likelihood needs of both in a few triangles."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np

from lmmlib import linalg
from lmmlib.design import Design, Theta, frozen_array


@dataclass(frozen=True, eq=False)
class Triangles:
    """Blocks of one form after elimination: |Ry − RX β − R v|² is what their columns see of the rows.

    Attributes
    ----------
    R : (B, q, q);  RX : (B, q, p);  Ry : (B, q)
    columns : (B, q) int, entries of u
    counts : columns by term
    """

    R: np.ndarray
    RX: np.ndarray
    Ry: np.ndarray
    columns: np.ndarray
    counts: tuple[int, ...]

    def solve(self, theta: Theta) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Least |Ry − RX β − RΛs|² + |s|² over s: factor (..., B, q, q), rotated side (..., B, q), minimum (..., B)."""
        r = self.Ry - np.einsum("bkp,...p->...bk", self.RX, theta.beta)
        return linalg.penalised(linalg.scale_columns(self.R, theta.Lam, self.counts), r)

    def eliminate(self, Lam: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Eliminate the spherical effects for ratios Λ: factor (..., B, q, q), and what is left of [X y]."""
        A = linalg.scale_columns(self.R, Lam, self.counts)
        q, lead = A.shape[-1], A.shape[:-2]
        seen = np.concatenate([self.RX, self.Ry[..., None]], -1)
        seen = np.broadcast_to(seen, (*lead, *seen.shape[-2:]))
        penalty = np.broadcast_to(np.eye(q), (*lead, q, q))
        rows = np.concatenate([seen, np.zeros((*lead, q, seen.shape[-1]))], -2)
        R, _, rest = linalg.eliminate(np.concatenate([A, penalty], -2), rows)
        return R, rest

    def effects(self, s: np.ndarray, theta: Theta) -> np.ndarray:
        """Λs for spherical effects s (..., B, q): effects with independent levels."""
        turned = [np.swapaxes(L, -1, -2) for L in theta.Lam]
        return linalg.scale_columns(s[..., None, :], turned, self.counts)[..., 0, :]


@dataclass(frozen=True, eq=False)
class Reduction:
    """What the log density needs of (y, X, Z, W); its size does not depend on the number of rows.

    Attributes
    ----------
    blocks : tuple of Triangles
    rest : (p+1, p+1) upper, [X y] after every block's own columns are taken out
    n : rows
    log_weights : Σ log w
    """

    blocks: tuple[Triangles, ...]
    rest: np.ndarray
    n: int
    log_weights: float


@dataclass(frozen=True, eq=False)
class Data:
    """A response and its design, checked against each other.

    Parameters
    ----------
    y : (n,) in response units
    design : Design

    Raises
    ------
    ValueError  if y is not n finite numbers

    Examples
    --------
    >>> from lmmlib.design import Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> Data([1, 2], design)
    Traceback (most recent call last):
        ...
    ValueError: y must have shape (3,), got (2,); the design has 3 rows
    """

    y: np.ndarray
    design: Design

    def __post_init__(self) -> None:
        if not isinstance(self.design, Design):
            raise TypeError(f"design must be a Design, got {type(self.design).__name__}; make one with Design(X, terms)")
        n = self.design.n
        object.__setattr__(self, "y", frozen_array("y", self.y, (n,), f"the design has {n} rows"))

    def with_y(self, y: object) -> "Data":
        """The same design with another response."""
        return Data(y, self.design)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of y, the design and the order of their rows."""
        return sha256(self.design.fingerprint.encode() + self.y.tobytes()).hexdigest()[:16]

    @cached_property
    def whitened(self) -> np.ndarray:
        """(n + 1, p + 1): W^½ [X, y − offset] and a row of zeros for the padding of blocks."""
        root = np.sqrt(self.design.weights)[:, None]
        rows = root * np.column_stack([self.design.X, self.y - self.design.offset])
        return np.vstack([rows, np.zeros(rows.shape[1])])

    @cached_property
    def reduction(self) -> Reduction:
        """One orthogonal elimination, block by block, made at first use."""
        by_form: dict[tuple[int, ...], list[tuple[np.ndarray, ...]]] = {}
        rests = []
        for batch in self.design.blocks:
            R, RB, rest = linalg.eliminate(batch.values, self.whitened[batch.rows])
            by_form.setdefault(batch.counts, []).append((R, RB[..., :-1], RB[..., -1], batch.columns))
            rests.append(rest)
        blocks = tuple(Triangles(*map(np.concatenate, zip(*parts, strict=True)), counts) for counts, parts in by_form.items())
        return Reduction(blocks, linalg.merge(rests), self.design.n, float(np.log(self.design.weights).sum()))
