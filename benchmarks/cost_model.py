"""What one evaluation of the deviance of two crossed factors costs, and a prediction from it.

With the larger factor's levels as diagonal blocks and the smaller factor as separator of S columns,
an evaluation scales the entries of the coupling, sums the products of all pairs of entries in a row
of it into the Schur complement, and factors that:

    seconds = c₁ (coupled entries) + c₂ (pairs) + c₃ S³.

The three coefficients are fitted to measured evaluations. A prediction beyond the measured sizes
takes them to stay what they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls


class CrossedSize(NamedTuple):
    """What the cost of an evaluation depends on.

    Attributes
    ----------
    coupled : float
        Pairs of a level of the larger factor and one of the smaller that share a row.
    pairs : float
        Σ_j m_j², with m_j the levels of the smaller factor that share a row with level j.
    separator : int
        Levels of the smaller factor.
    """

    coupled: float
    pairs: float
    separator: int


def crossed_size(codes_a: ArrayLike, codes_b: ArrayLike) -> CrossedSize:
    """Sizes of a design from the codes of its rows.

    Examples
    --------
    >>> crossed_size([0, 0, 0, 1, 2], [0, 1, 1, 1, 0])
    CrossedSize(coupled=4, pairs=6, separator=2)
    """
    by_size = sorted(
        (np.asarray(codes, np.int64) for codes in (codes_a, codes_b)), key=lambda c: c.max()
    )
    smaller, larger = by_size
    separator = int(smaller.max()) + 1
    coupled = np.unique(larger * separator + smaller)
    per_level = np.bincount(coupled // separator)
    return CrossedSize(len(coupled), int((per_level**2).sum()), separator)


@dataclass(frozen=True)
class CostModel:
    """Seconds a coupled entry, a pair, and a cube of the separator's size."""

    coupled: float
    pairs: float
    separator_cubed: float

    def seconds(self, size: CrossedSize) -> float:
        """Seconds of one evaluation.

        Examples
        --------
        >>> CostModel(1e-8, 1e-9, 1e-11).seconds(CrossedSize(1e6, 1e8, 1000))
        0.12
        """
        entries = self.coupled * size.coupled
        products = self.pairs * size.pairs
        factorisation = self.separator_cubed * size.separator**3
        return entries + products + factorisation


def fitted(sizes: Sequence[CrossedSize], seconds: Sequence[float]) -> CostModel:
    """Coefficients that are not negative, least squares of relative errors."""
    counts = np.array([[size.coupled, size.pairs, size.separator**3] for size in sizes], float)
    relative = counts / np.asarray(seconds)[:, None]
    scale = relative.max(axis=0)
    coefficients, _ = nnls(relative / scale, np.ones(len(seconds)))
    return CostModel(*(coefficients / scale).tolist())


@dataclass(frozen=True)
class Films:
    """27 million ratings of films, by the sizes that the fits of MixedModels.jl are published with.

    Attributes
    ----------
    films : int
        The separator.
    spread : float
        SD of the number of ratings of a viewer, in units of its mean: assumed.
    """

    films: int
    spread: float
    ratings: float = 27e6
    viewers: float = 267e3

    @property
    def size(self) -> CrossedSize:
        """Sizes, with Σ_j m_j² = viewers · mean² · (1 + spread²)."""
        mean = self.ratings / self.viewers
        return CrossedSize(self.ratings, self.viewers * mean**2 * (1 + self.spread**2), self.films)

    @property
    def bytes(self) -> float:
        """Of the separator as a dense matrix, and of the coupled pairs with their places."""
        return 8 * self.films**2 + 12 * self.ratings


FILMS = tuple(Films(films, spread) for films in (13_360, 53_883) for spread in (0.0, 2.0))


@dataclass(frozen=True)
class Prediction:
    """The cost of the fits to 27 million ratings, from measured ones.

    Attributes
    ----------
    model : CostModel
        Fitted to ``points`` measurements.
    worst_error : float
        Largest relative error of the model on them.
    unseen_error : float
        Its relative error on the fit of 6,000 × 3,500 levels, which it was not fitted to.
    evaluations : int
        Of that fit; taken to be those of the ratings too.
    reducing : float
        Seconds of that fit, a row, for formula and reduction.
    """

    model: CostModel
    points: int
    worst_error: float
    unseen_error: float
    evaluations: int
    reducing: float

    def evaluation(self, films: Films) -> float:
        """Seconds of one evaluation."""
        return self.model.seconds(films.size)

    def fit(self, films: Films) -> float:
        """Seconds of the whole fit."""
        return films.ratings * self.reducing + self.evaluations * self.evaluation(films)


UNSEEN = "fit crossed 6000 x 3500, lmmlib"


def prediction(measured: Mapping[str, dict]) -> Prediction | None:
    """From the growth curves of crossed factors; None where they or the unseen fit are missing."""
    points = [m for name, m in measured.items() if name.startswith("growth ") and "coupled" in m]
    unseen = measured.get(UNSEEN, {})
    if len(points) < 4 or "searching" not in unseen:
        return None
    model = fitted([size_of(p) for p in points], [per_evaluation(p) for p in points])
    return Prediction(
        model=model,
        points=len(points),
        worst_error=max((_relative_error(model, p) for p in points), key=abs),
        unseen_error=_relative_error(model, unseen),
        evaluations=unseen["evaluations"],
        reducing=unseen["reducing"] / unseen["rows"],
    )


def _relative_error(model: CostModel, result: Mapping[str, float]) -> float:
    return model.seconds(size_of(result)) / per_evaluation(result) - 1


def size_of(result: Mapping[str, float]) -> CrossedSize:
    """The sizes that a measurement holds."""
    return CrossedSize(result["coupled"], result["pairs"], int(result["separator"]))


def per_evaluation(result: Mapping[str, float]) -> float:
    """Seconds of the search, an evaluation."""
    return result["searching"] / result["evaluations"]
