"""Mixtures of multivariate Student t distributions, and their adaptation to a density."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import gammaln

DF = 5.0  # heavy enough for the exponential tails of log SDs
ADAPTATIONS = 3
BATCH = 1024  # draws in each adaptation
DEFENSIVE_SHARE = 0.1  # of draws from wider components
DEFENSIVE_SCALE = 2.0  # how much wider these are
SMALLEST_WEIGHT = 0.01  # of a component after an adaptation
DRAWS_PER_DIMENSION = 5  # effective draws that a component needs before its shape is adapted
JITTER = 1e-10  # share of its variances by which an adapted scale is made larger
OPEN_UNIT = 1e-12  # distance from zero and one that points of a unit cube keep

Density = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class PointSet:
    """Draws of a mixture, with standard normals of the same scrambled point set.

    Attributes
    ----------
    points : ndarray, shape (S, d)
        Draws of the mixture.
    normals : ndarray, shape (S, extra)
        Standard normals, independent of the draws.
    """

    points: np.ndarray
    normals: np.ndarray


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of K multivariate Student t distributions with five degrees of freedom.

    Attributes
    ----------
    weights : ndarray, shape (K,)
        Shares of the components; they add up to one.
    centres : ndarray, shape (K, d)
        Locations of the components.
    scale_chols : ndarray, shape (K, d, d)
        Lower Cholesky factors of their scale matrices.
    """

    weights: np.ndarray
    centres: np.ndarray
    scale_chols: np.ndarray

    def log_components(self, points: np.ndarray) -> np.ndarray:
        """Log of weight times density of each component at points (S, d): (S, K).

        Notes
        -----
        The densities of ``scipy.stats.multivariate_t`` at scale matrices L L'. That one takes the
        eigenvectors of each scale matrix, which loses digits that L has, and knows no d = 0.
        """
        d = points.shape[1]
        standardized = np.linalg.solve(self.scale_chols, points.T - self.centres[..., None])
        distance = np.sum(standardized**2, 1).T
        constant = gammaln((DF + d) / 2) - gammaln(DF / 2) - d / 2 * np.log(DF * np.pi)
        log_det = np.log(np.einsum("kjj->kj", self.scale_chols)).sum(-1)
        log_weights = np.log(self.weights)
        return log_weights + constant - log_det - (DF + d) / 2 * np.log1p(distance / DF)

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """Log density at points (S, d): (S,)."""
        return np.logaddexp.reduce(self.log_components(points), axis=1)

    def linear_image(self, matrix: np.ndarray) -> "Mixture":
        """The distribution of Ax where x has this one, for a matrix A (m, d) of rank m.

        Examples
        --------
        >>> of_two = Mixture(np.ones(1), np.array([[1.0, 2.0]]), np.eye(2)[None])
        >>> image = of_two.linear_image(np.array([[1.0, -1.0]]))
        >>> image.centres.tolist(), (image.scale_chols**2).round(9).tolist()
        ([[-1.0]], [[[2.0]]])
        """
        moved = matrix @ self.scale_chols
        scale_chols = np.linalg.cholesky(moved @ np.swapaxes(moved, -1, -2))
        return Mixture(self.weights, self.centres @ matrix.T, scale_chols)

    def draw(self, size: int, rng: np.random.Generator, extra: int = 0) -> PointSet:
        """A scrambled Sobol point set carried over to the mixture.

        Parameters
        ----------
        size : int
            Number of draws S.
        rng : numpy.random.Generator
            Generator of the scrambling.
        extra : int, default: 0
            Number of standard normals wanted beside each draw.

        Returns
        -------
        PointSet
            The draws and the normals.
        """
        d = self.centres.shape[1]

        # Points of the unit cube: one coordinate chooses the component, one the radius.
        sobol = stats.qmc.Sobol(d + 2 + extra, rng=rng)
        cube = sobol.random_base2(int(np.ceil(np.log2(size))))[:size]
        cube = np.clip(cube, OPEN_UNIT, 1 - OPEN_UNIT)

        # t = normal · √(df / χ²), from the inverses of the distribution functions.
        component = np.searchsorted(np.cumsum(self.weights), cube[:, 0])
        component = np.minimum(component, len(self.weights) - 1)
        radius = np.sqrt(DF / stats.chi2.ppf(cube[:, 1], DF))
        normals = stats.norm.ppf(cube[:, 2:])
        t = normals[:, :d] * radius[:, None]

        deviations = np.einsum("sij,sj->si", self.scale_chols[component], t)
        return PointSet(self.centres[component] + deviations, normals[:, d:])


def adapted_mixture(
    density: Density, mixture: Mixture, rng: np.random.Generator, batch: int = BATCH
) -> Mixture:
    """A proposal for a density, from a mixture near it.

    Weights, centres and scales follow the importance weights of a few batches of draws.

    Parameters
    ----------
    density : callable
        Function of points (S, d) that returns the log density (S,), unnormalised.
    mixture : Mixture
        Where to begin, such as from :func:`mixture_at_modes`.
    rng : numpy.random.Generator
        Generator of the random numbers.
    batch : int, default: BATCH
        Number of draws in each adaptation.

    Returns
    -------
    Mixture
        The proposal, with a wider component behind each.

    References
    ----------
    Cappé, Douc, Guillin, Marin & Robert (2008), Stat. Comput. 18(4), for the adaptation; Hesterberg
    (1995), Technometrics 37(2), for defensive mixtures.

    Examples
    --------
    >>> near = Mixture(np.ones(1), np.full((1, 2), 2.5), np.eye(2)[None])
    >>> rng = np.random.default_rng(1)
    >>> mixture = adapted_mixture(lambda x: -0.5 * np.sum((x - 3) ** 2, -1), near, rng)
    >>> mixture.centres.shape, bool(np.allclose(mixture.centres, 3, atol=0.2))
    ((2, 2), True)
    """
    for _ in range(ADAPTATIONS):
        points = mixture.draw(batch, rng).points
        log_components = mixture.log_components(points)
        log_mixture = np.logaddexp.reduce(log_components, axis=1)

        # Importance weight of each draw, and the share of it that each component answers for.
        log_weight = density(points) - log_mixture
        weight = np.exp(log_weight - np.logaddexp.reduce(log_weight))
        responsibility = np.exp(log_components - log_mixture[:, None])
        mixture = _matched_to_moments(mixture, points, weight[:, None] * responsibility)
    return _with_defensive_components(mixture)


def _with_defensive_components(mixture: Mixture) -> Mixture:
    """The same with a wider component behind each, so that no tail is left thin."""
    weights = [(1 - DEFENSIVE_SHARE) * mixture.weights, DEFENSIVE_SHARE * mixture.weights]
    scale_chols = [mixture.scale_chols, DEFENSIVE_SCALE * mixture.scale_chols]
    return Mixture(
        weights=np.concatenate(weights),
        centres=np.tile(mixture.centres, (2, 1)),
        scale_chols=np.concatenate(scale_chols),
    )


def _matched_to_moments(mixture: Mixture, points: np.ndarray, shares: np.ndarray) -> Mixture:
    """Components with the mean and covariance of their shares (S, K) of the mass.

    One of too few effective draws keeps its centre and scale.
    """
    d = points.shape[1]
    mass = shares.sum(0)
    centres = mixture.centres.copy()
    scale_chols = mixture.scale_chols.copy()
    for k in range(len(mass)):
        within = shares[:, k] / max(mass[k], 1e-300)
        effective_draws = 1 / np.sum(within**2)
        if effective_draws < DRAWS_PER_DIMENSION * d:
            continue
        centres[k] = within @ points
        deviation = points - centres[k]
        cov = (within[:, None] * deviation).T @ deviation
        # A t distribution has DF / (DF − 2) times the covariance that its scale matrix says.
        scale = cov * (DF - 2) / DF
        scale_chols[k] = np.linalg.cholesky(scale + JITTER * np.diag(np.diag(cov)))
    weights = np.maximum(mass, SMALLEST_WEIGHT)
    return Mixture(weights / weights.sum(), centres, scale_chols)
