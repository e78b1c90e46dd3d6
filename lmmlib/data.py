"""Data: a response bound to its design, and all that the likelihood needs of both in a few triangles."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

import numpy as np
from scipy.sparse import coo_array, csr_array, vstack

from lmmlib import linalg
from lmmlib.design import Design, Layout, Theta, frozen_array
from lmmlib.design.design import rank_fault
from lmmlib.design.labelled import check_same_rows, row_index
from lmmlib.design.origins import far_covariates

CHUNK = 400_000  # entries of stacked factors held at a time: few enough to stay close to a processor, many enough to keep it busy
GROWTH = 3  # parts are merged when together they hold this many times the rows of what they were merged to


@dataclass(frozen=True, eq=False)
class Reduction:
    """What the log density needs of (y, X, Z, W); its size does not depend on the number of rows.

    Attributes
    ----------
    layout : Layout, names and terms of the design
    forms : tuple of linalg.Bordered, the rows W^½[Z (root ⊗ I), X, y − offset] rotated to few
    n : rows
    log_weights : Σ log w

    See Also
    --------
    reduce : merges the reductions of any split of the rows
    """

    layout: Layout
    forms: tuple[linalg.Bordered, ...]
    n: int
    log_weights: float

    @property
    def fault(self) -> str | None:
        """Why these rows cannot be fitted, or None; as a design's."""
        if self.rank_fault:
            return self.rank_fault
        Z = self.rows[0]
        counted = zip(self.layout.terms, self.layout.shapes, strict=True)
        starts = np.cumsum([0, *(J * q for J, q in self.layout.shapes)])
        whole = [replace(t, Z=Z[:, a : a + J * q], root=None) for (t, (J, q)), a in zip(counted, starts, strict=False)]
        return next((t.fault for t in whole if t.fault), None)

    @cached_property
    def independent_columns(self) -> np.ndarray:
        """Numbers of the columns of X that are no combination of those before: all of them but in a fold, (≤ p,) int."""
        dependent = linalg.dependent_columns(self.rows[1][:, :-1])
        return np.setdiff1d(np.arange(len(self.layout.coef)), dependent)

    @property
    def rank_fault(self) -> str | None:
        """Which columns of X, in whitened rows, are combinations of those before, or None."""
        dependent = np.setdiff1d(np.arange(len(self.layout.coef)), self.independent_columns)
        return rank_fault(self.layout.coef, dependent) if len(dependent) else None

    @property
    def entries(self) -> int:
        """Numbers that one evaluation works on."""
        return sum(form.rest.size + sum(2 * leaves.rows.size for leaves in form.leaves) for form in self.forms)

    def chunks(self, draws: int) -> Iterator[slice]:
        """Draws to evaluate at a time, so that ``CHUNK`` numbers or those of one draw are held."""
        step = max(1, CHUNK // self.entries)
        return (slice(start, start + step) for start in range(0, draws, step))

    @cached_property
    def rows(self) -> tuple[csr_array, np.ndarray]:
        """The rotated rows, (r, K) sparse and (r, p + 1)."""
        return linalg.as_rows(self.forms, self.layout.width)

    def factorise(self, Lam: Sequence[np.ndarray], sides: np.ndarray | None = None) -> linalg.Factor:
        """Eliminate the spherical effects for ratios Λ_k (S, q, q): see ``linalg.factorise``."""
        return linalg.factorise(self.forms, Lam, sides)

    def given(self, theta: Theta) -> linalg.Factor:
        """The same at S values of θ, with the residual y − offset − Xβ as the one right-hand side."""
        return self.factorise(theta.Lam, theta.turn[..., None])


@dataclass(frozen=True, eq=False)
class Data:
    """A response and its design, checked against each other.

    Parameters
    ----------
    y : (n,) in response units
    design : Design

    Raises
    ------
    ValueError  if y is not n finite numbers, X is rank deficient (its columns are named), a grouping has one level, an
        effect touches no row, or two terms do the same to all rows

    Warns
    -----
    UserWarning  where a random slope's covariate lies far from zero: here every path to a result starts, and only once

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
        check_same_rows("y", row_index(self.y), "the design", self.design.index)
        object.__setattr__(self, "y", frozen_array("y", self.y, (n,), f"the design has {n} rows"))
        if self.design.fault:
            raise ValueError(self.design.fault)
        for sentence in far_covariates(self.design.terms):
            warnings.warn(sentence, stacklevel=3)  # past the constructor of the dataclass

    def rows(self, chosen: np.ndarray) -> "Data":
        """Some of the rows, with all levels; their X may lack rank, which proper priors make up for."""
        return _unjudged(self.y[chosen], self.design.rows(chosen))

    def with_y(self, y: object) -> "Data":
        """The same design with another response."""
        return _unjudged(y, self.design)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of y, the design and the order of their rows."""
        return sha256(self.design.fingerprint.encode() + self.y.tobytes()).hexdigest()[:16]

    @cached_property
    def whitened(self) -> np.ndarray:
        """(n + 1, p + 1): W^½ [X, y − offset] and a row of zeros for the padding of blocks."""
        return np.vstack([_whitened(self.y, self.design), np.zeros(self.design.X.shape[1] + 1)])

    @cached_property
    def reduction(self) -> Reduction:
        """One orthogonal elimination, block by block, made at first use."""
        return reduction_of(self.y, self.design)

    @cached_property
    def by_component(self) -> tuple[linalg.Bordered, ...]:
        """The same with every component's remainder by itself: what each says alone."""
        return linalg.reduce_rows(self.design.independent, self.whitened[:-1], self.design.component_plan)


def _unjudged(y: object, design: Design) -> Data:
    """Data of a design that is not asked whether any response can be fitted to it: it, or what it is part of, has been."""
    data = object.__new__(Data)
    object.__setattr__(data, "y", frozen_array("y", y, (design.n,), f"the design has {design.n} rows"))
    object.__setattr__(data, "design", design)
    return data


def reduction_of(y: np.ndarray, design: Design) -> Reduction:
    """The reduction of rows that need not make a :class:`Data` by themselves: of one level, or of dependent columns.

    Examples
    --------
    >>> from lmmlib.design import Term
    >>> reduction_of(np.array([1.0]), Design([[1.0, 2.0]], [Term.grouped("g", ["a"])])).n
    1
    """
    forms = linalg.reduce_rows(design.independent, _whitened(y, design), design.plan)
    return Reduction(design.layout, forms, design.n, float(np.log(design.weights).sum()))


def _whitened(y: np.ndarray, design: Design) -> np.ndarray:
    return np.sqrt(design.weights)[:, None] * np.column_stack([design.X, y - design.offset])


def reduced(data: Data | Reduction) -> Reduction:
    """The reduction of ``data``, which may be one already.

    Raises
    ------
    TypeError  if it is neither
    """
    if isinstance(data, Reduction):
        return data
    if isinstance(data, Data):
        return data.reduction
    raise TypeError(f"data must be a Data or a Reduction, got {type(data).__name__}; make one with Data(y, design) or from_formula")


def checked_data(data: object) -> Data:
    """``data`` itself, if it is a Data: what needs rows cannot do with a design or a reduction.

    Raises
    ------
    TypeError  if it is anything else
    """
    if not isinstance(data, Data):
        raise TypeError(f"data must be a Data, got {type(data).__name__}; make one with Data(y, design) or from_formula")
    return data


def reduce(parts: Iterable[Data | Reduction]) -> Reduction:
    r"""Merge parts of one data set, in any order and any split, to what its log density needs.

    Each part holds some of the rows; its levels may be some of the levels. The triangles of all parts are stacked and
    rotated again, which keeps every \|y − Xβ − Zv\|² to rounding.

    Parameters
    ----------
    parts : iterable of Data or Reduction, taken one at a time, so that not all need fit into memory

    Returns
    -------
    Reduction, to be given to ``loglik.marginal``, ``loglik.restricted``, ``estimate`` or ``posterior`` in place of a
    Data; levels in the order in which they first appeared

    Raises
    ------
    ValueError  if there is no part, or the parts differ in coefficients, terms or known covariances

    See Also
    --------
    lmmlib.reduce_tables : the same from a formula and tables

    References
    ----------
    Golub & Van Loan (2013), Matrix Computations, 4th ed., section 6.5, for updating a QR factorisation by rows.

    Examples
    --------
    >>> from lmmlib.design import Term
    >>> first, second = (Design([[1.0]] * 2, [Term.grouped("g", codes)]) for codes in (["a", "b"], ["b", "c"]))
    >>> merged = reduce([Data([1.0, 2.0], first), Data([4.0, 3.0], second)])
    >>> merged.n, merged.layout.terms[0].levels
    (4, ('a', 'b', 'c'))
    """
    if not isinstance(parts, Iterable):
        raise TypeError(f"parts must be an iterable of Data or Reduction, got {type(parts).__name__}; give [data]")
    held: list[Reduction] = []
    size = 0
    for part in parts:
        held.append(reduced(part))
        if sum(r.rows[0].shape[0] for r in held) > GROWTH * max(size, 1) and len(held) > 1:
            held = [_merged(held)]
            size = held[0].rows[0].shape[0]
    if not held:
        raise ValueError("there must be one part at least, got none")
    return held[0] if len(held) == 1 else _merged(held)


def _merged(parts: Sequence[Reduction]) -> Reduction:
    layout = _joint_layout([part.layout for part in parts])
    Z = csr_array(vstack([_in_columns_of(layout, part) for part in parts]))
    B = np.concatenate([part.rows[1] for part in parts])
    forms = linalg.reduce_rows(Z, B, linalg.plan(Z, layout.shapes))
    return Reduction(layout, forms, sum(part.n for part in parts), sum(part.log_weights for part in parts))


def _joint_layout(layouts: Sequence[Layout]) -> Layout:
    """The first layout with the levels of all."""
    first = layouts[0]
    for other in layouts[1:]:
        if other.coef != first.coef:
            raise ValueError(f"all parts must have the coefficients {', '.join(first.coef)}; one has {', '.join(other.coef)}")
        _same_terms(first, other)
        if not first.same_columns(other):
            raise ValueError(
                "all parts must take levels of factors, means and knots from one table, and the formula took others from each; "
                "use reduce_tables, which takes them from the first, or data.design.new_rows"
            )
    terms = []
    for k, t in enumerate(first.terms):
        levels = tuple(dict.fromkeys(level for layout in layouts for level in layout.terms[k].levels))
        terms.append(replace(t, levels=levels, Z=csr_array((0, len(levels) * len(t.effects)))))
    units = tuple(np.sqrt(np.mean([np.square(layout.units[k]) for layout in layouts], 0)) for k in range(len(terms)))
    taken = next((layout.taken_from_data for layout in layouts if layout.taken_from_data), None)
    return Layout(first.coef, tuple(terms), units, taken)


def _same_terms(first: Layout, other: Layout) -> None:
    kinds = [[(t.name, t.effects, t.correlated, t.is_dense, t.root is None) for t in layout.terms] for layout in (first, other)]
    if kinds[0] != kinds[1]:
        told = [", ".join(f"{t.name} ({', '.join(t.effects)})" for t in layout.terms) for layout in (first, other)]
        raise ValueError(f"all parts must have the terms {told[0]}; one has {told[1]}")
    for a, b in zip(first.terms, other.terms, strict=True):
        if a.root is not None and (a.levels != b.levels or not np.array_equal(a.root, b.root)):
            raise ValueError(f"all parts must have the same levels of {a.name!r} with the same known covariance")


def _in_columns_of(layout: Layout, part: Reduction) -> csr_array:
    """The rows of a part over the columns of a layout that holds all its levels."""
    moved, start = [], 0
    for t, own in zip(layout.terms, part.layout.terms, strict=True):
        where = {level: j for j, level in enumerate(t.levels)}
        q = len(t.effects)
        moved += [start + where[level] * q + i for level in own.levels for i in range(q)]
        start += len(t.levels) * q
    Z = part.rows[0].tocoo()
    return csr_array(coo_array((Z.data, (Z.row, np.array(moved)[Z.col])), shape=(Z.shape[0], layout.width)))
