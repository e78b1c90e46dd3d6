"""What no data can tell, or these data cannot: reasons why an estimate would mean nothing."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from lmmlib import linalg
from lmmlib.estimation.deviance import free_entries, profile_at, unit_starts
from lmmlib.model import Priors, Reduction, ScalePrior

WIDE, NOTHING = (
    1e8,
    1e-14,
)  # a ratio that leaves effects free, and the share of the sum of squares that is rounding
# of the numbers that make up a residual, below which it has too few digits to tell an SD from
ROUNDING = 1e-13
ROUGH = 1e-8  # the same for the curvature that a search takes from differences of its criterion
# share of the largest singular value by which singular values that are one differ by rounding
LIKE = 1e-10


def check_residual_df(reduction: Reduction, priors: Priors | None = None) -> None:
    """Raise if X and the effects can fit y exactly with rows to spare.

    The density then has no bound as σ goes to zero.

    Effects whose SD is known to be zero fit nothing.

    Raises
    ------
    ValueError
        If X and the effects can fit y exactly with rows to spare; not where σ is known.

    Examples
    --------
    >>> from lmmlib.model import Data
    >>> from lmmlib.model import Design, Term
    >>> design = Design([[1.0]] * 4, [Term.grouped("g", ["a", "a", "b", "b"])])
    >>> check_residual_df(Data([1.0, 1.0, 5.0, 5.0], design).reduction)
    ... # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
        ...
    ValueError: X and the effects fit y exactly, so that nothing is left for sigma; drop a term, or
    give sigma a fixed prior
    """
    if priors and priors.sigma.family == "fixed":
        return
    free = unit_starts(reduction.layout, [1.0])[0] > 0
    if priors:
        free &= np.array([not zero for zero in _known_zeros(reduction, priors)])
    at = profile_at(reduction, np.outer((0.0, WIDE, 10 * WIDE), free))
    growth = np.diff((at.log_det + at.log_det_fixed)[1:])[0] / np.log(
        10
    )  # the rank of [Z X] above that of X
    spare = reduction.n - len(reduction.independent_columns) - round(growth)
    if spare <= 0:
        return
    if at.pwrss[1] <= NOTHING * at.pwrss[0]:
        raise ValueError(
            "X and the effects fit y exactly, so that nothing is left for sigma; drop a term, or "
            "give sigma a fixed prior"
        )
    fit = fixed_effects_fit(reduction)
    if fit.is_exact:
        raise ValueError(
            f"{fit.sentence}, so that nothing is left for sigma; {fit.advice}, or give sigma a "
            "fixed prior"
        )


def _known_zeros(reduction: Reduction, priors: Priors) -> list[bool]:
    """Whether each entry of the ratios is of an effect whose SD is known to be zero."""
    zeros = []
    for t in reduction.layout.terms:
        own = [priors.sd[name] == ScalePrior("fixed", 0.0) for name in t.effect_names]
        zeros += [own[i] for i in free_entries(t)[0]]
    return zeros


def check_identified(reduction: Reduction) -> None:
    """Raise where the likelihood cannot tell variances apart.

    An estimate would be arbitrary there.
    """
    Z, B = reduction.rows
    basis = np.linalg.qr(B[:, :-1])[0]
    starts = _starts(reduction)
    for t, a, b in zip(reduction.layout.terms, starts, starts[1:], strict=False):
        columns = Z[:, a:b]
        squares = (columns**2).sum(0)
        inside = squares - np.sum((columns.T @ basis) ** 2, 1) <= 1e-12 * squares
        for k, name in enumerate(t.effect_names):
            if np.all(inside[k :: len(t.effects)]):
                raise ValueError(
                    f"the effects {name!r} are combinations of columns of X, so that nothing "
                    "tells their SD; drop one or the other"
                )
        several = len(t.effects) > 1 and t.level_chol is None
        if t.level_chol is None:
            confounded = b - a >= reduction.n and (
                several or _is_like_residuals(columns, reduction.n)
            )
        else:
            confounded = b - a >= reduction.n - basis.shape[1] and _is_beside_fixed(
                columns, basis, reduction.n
            )
        if confounded:
            told = f"term {t.name!r} has {b - a} effects for {reduction.n} rows"
            raise ValueError(
                f"{told}: their variances and that of the rows cannot be told apart; drop the "
                "term, or give priors to posterior"
            )


def _starts(reduction: Reduction) -> np.ndarray:
    """First columns of the terms, and the end of the last."""
    return np.cumsum([0, *(J * q for J, q in reduction.layout.shapes)])


def _is_like_residuals(Z: csr_array, n: int) -> bool:
    """Whether effects of one SD spread over n whitened rows as residuals do.

    ZZ' is a multiple of the identity.
    """
    rows = Z[np.flatnonzero(np.diff(Z.indptr) > 0)]
    if rows.shape[0] != n:
        return False
    spread = (rows @ rows.T).tocoo()  # as sparse as the effects are few a row
    first = spread.data[spread.row == spread.col][0]
    return bool(np.all(np.abs(spread.data - first * (spread.row == spread.col)) <= 1e-12 * first))


def _is_beside_fixed(Z: csr_array, basis: np.ndarray, n: int) -> bool:
    """Whether related effects spread beside X as residuals do.

    Over its n − p dimensions; effects of a centred identity do.
    """
    dimensions = n - basis.shape[1]
    columns = Z.toarray()
    sizes = np.linalg.svd(columns - basis @ (basis.T @ columns), compute_uv=False)
    return len(sizes) >= dimensions and bool(np.ptp(sizes[:dimensions]) <= LIKE * sizes[0])


def row_effects(reduction: Reduction) -> list[str]:
    """Names of effects that are one a row, of one SD: nothing but a prior tells this SD from σ.

    Examples
    --------
    >>> from lmmlib.model import Data
    >>> from lmmlib.model import Design, Term
    >>> terms = [Term.grouped("row", range(4)), Term.grouped("g", ["a", "a", "b", "b"])]
    >>> row_effects(Data([1.0, 2.0, 5.0, 4.0], Design([[1.0]] * 4, terms)).reduction)
    ['row: Intercept']
    """
    Z, starts = reduction.rows[0], _starts(reduction)
    return [
        t.effect_names[0]
        for t, a, b in zip(reduction.layout.terms, starts, starts[1:], strict=False)
        if len(t.effects) == 1
        and b - a >= reduction.n
        and _is_like_residuals(Z[:, a:b], reduction.n)
    ]


def confounded_with_sigma(reduction: Reduction, priors: Priors) -> str | None:
    """What is told of σ and an SD whose effects are one a row, with neither of them known.

    Or None.
    """
    if priors.sigma.family == "fixed":
        return None
    names = [name for name in row_effects(reduction) if priors.sd[name].family != "fixed"]
    if not names:
        return None
    return (
        f"sigma and the SD of {names[0]!r} cannot be told apart: its effects are one a row, so "
        "that y tells of the sum of the two "
        "variances alone; drop the term, or give one of the two SDs a fixed or an informative prior"
    )


@dataclass(frozen=True)
class FixedEffectsFit:
    """What X alone leaves of y.

    Attributes
    ----------
    residual, largest : float
        Root mean squares of the residual, and of the largest of the numbers that it is a difference
        of.
    is_exact : bool
        Whether the residual is rounding.
    """

    residual: float
    largest: float

    @property
    def is_exact(self) -> bool:
        """Whether the residual is no more than rounding."""
        return self.residual <= ROUNDING * self.largest

    @property
    def is_rough(self) -> bool:
        """Whether the residual has too few digits for a search to vouch for its end."""
        return self.residual <= ROUGH * self.largest

    @property
    def sentence(self) -> str:
        """The sizes in words."""
        return (
            "the fixed effects fit the data exactly but for rounding: they leave an SD of "
            f"{self.residual:.2g} of numbers of the size "
            f"{self.largest:.2g}"
        )

    @property
    def advice(self) -> str:
        """What to do."""
        return (
            "drop columns of X, add rows, or subtract a constant from a response or covariate "
            "that lies far from zero"
        )


def fixed_effects_fit(reduction: Reduction) -> FixedEffectsFit:
    """How exactly X alone fits y.

    A residual errs by the precision times the y and x_j β_j that it is made of.
    """
    at = profile_at(reduction, unit_starts(reduction.layout, (0.0,)))
    beta = linalg.solve_upper_stack(at.R_X, at.t)[:, 0]
    columns = reduction.rows[1]
    length = np.sqrt(np.sum(columns**2, 0))
    parts = np.append(np.abs(beta) * length[reduction.independent_columns], length[-1])
    row = np.sqrt(reduction.n) * np.exp(0.5 * reduction.log_weights / reduction.n)  # of mean weight
    return FixedEffectsFit(float(np.sqrt(at.pwrss[0]) / row), float(parts.max() / row))
