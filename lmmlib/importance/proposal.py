"""A mixture of multivariate Student t distributions.

It is placed at the modes of a density and adapted to its mass.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv, gammaln, logsumexp, ndtri
from scipy.stats import qmc

from lmmlib import linalg

DF = 5.0  # heavy enough for the exponential tails of log SDs
ROUNDS, BATCH = 3, 1024  # of adaptation, and draws in each
DEFENCE, WIDER = 0.1, 2.0  # share of draws from wider twins, and how much wider they are
FLAT = 0.05  # curvature below which it says nothing of the width
SAME_MODE = 1.0  # modes closer than this, in SDs of the first, are one

Density = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Mixture:
    """Components of a mixture of multivariate Student t distributions.

    Weights (K,), centres (K, d) and lower roots of their scale matrices (K, d, d).
    """

    weight: np.ndarray
    centre: np.ndarray
    root: np.ndarray

    def log_components(self, x: np.ndarray) -> np.ndarray:
        """Log of weight times density of each component at x (S, d): (S, K)."""
        d = x.shape[1]
        z = np.linalg.solve(self.root, x.T - self.centre[..., None])
        constant = gammaln((DF + d) / 2) - gammaln(DF / 2) - d / 2 * np.log(DF * np.pi)
        log_det = np.log(np.einsum("kjj->kj", self.root)).sum(-1)
        return (
            np.log(self.weight)
            + constant
            - log_det
            - (DF + d) / 2 * np.log1p(np.sum(z**2, 1).T / DF)
        )

    def draw(
        self, size: int, rng: np.random.Generator, extra: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """A scrambled Sobol point set carried over to the mixture.

        Points (size, d), and ``extra`` standard normals more.
        """
        d = self.centre.shape[1]
        points = qmc.Sobol(d + 2 + extra, rng=rng).random_base2(int(np.ceil(np.log2(size))))[:size]
        points = np.clip(points, 1e-12, 1 - 1e-12)
        component = np.minimum(
            np.searchsorted(np.cumsum(self.weight), points[:, 0]), len(self.weight) - 1
        )
        radius = np.sqrt(DF / (2 * gammaincinv(DF / 2, points[:, 1])))
        normal = ndtri(points[:, 2:])
        z = normal[:, :d] * radius[:, None]
        return self.centre[component] + np.einsum("sij,sj->si", self.root[component], z), normal[
            :, d:
        ]


def adapted(
    density: Density, starts: np.ndarray, rng: np.random.Generator, batch: int = BATCH
) -> Mixture:
    """A proposal for ``density`` (log, unnormalised), found from several starts (n, d).

    Each start is climbed to its mode, one component is placed at each different mode, and weights,
    centres and scales then follow the importance weights of a few batches of draws.

    References
    ----------
    Cappé, Douc, Guillin, Marin & Robert (2008), Stat. Comput. 18(4), for the adaptation; Hesterberg
    (1995), Technometrics 37(2), for defensive mixtures.

    Examples
    --------
    >>> mixture = adapted(
    ...     lambda x: -0.5 * np.sum((x - 3) ** 2, -1), np.zeros((1, 2)), np.random.default_rng(1)
    ... )
    >>> mixture.centre.shape, bool(np.allclose(mixture.centre, 3, atol=0.2))
    ((2, 2), True)
    """
    mixture = _at_modes(density, starts)
    for _ in range(ROUNDS):
        x, _ = mixture.draw(batch, rng)
        parts = mixture.log_components(x)
        log_mixture = np.logaddexp.reduce(parts, axis=1)
        log_weight = density(x) - log_mixture
        weight = np.exp(log_weight - logsumexp(log_weight))
        share = weight[:, None] * np.exp(parts - log_mixture[:, None])
        mixture = _matched(mixture, x, share)
    return _defended(mixture)


def _defended(mixture: Mixture) -> Mixture:
    """The same with a wider twin beside each component.

    So no tail is left thin (Hesterberg 1995).
    """
    weight = np.concatenate([(1 - DEFENCE) * mixture.weight, DEFENCE * mixture.weight])
    return Mixture(
        weight,
        np.tile(mixture.centre, (2, 1)),
        np.concatenate([mixture.root, WIDER * mixture.root]),
    )


def _matched(old: Mixture, x: np.ndarray, share: np.ndarray) -> Mixture:
    """Components with the mean and covariance of their share of the mass.

    A share too small to tell keeps its shape.
    """
    d = x.shape[1]
    weight, centre, root = share.sum(0), old.centre.copy(), old.root.copy()
    for k in range(len(weight)):
        w = share[:, k] / max(weight[k], 1e-300)
        if 1 / np.sum(w**2) < 5 * d:
            continue
        centre[k] = w @ x
        deviation = x - centre[k]
        cov = (w[:, None] * deviation).T @ deviation
        root[k] = np.linalg.cholesky(cov * (DF - 2) / DF + 1e-10 * np.diag(np.diag(cov)))
    weight = np.maximum(weight, 0.01)
    return Mixture(weight / weight.sum(), centre, root)


def _at_modes(density: Density, starts: np.ndarray) -> Mixture:
    """A component at each different mode, as wide as the curvature there says."""
    found = linalg.newton_maximize(density, starts)
    found = found.subset(
        np.isfinite(found.hessian).all((1, 2))
    )  # a start out of bounds that led nowhere is no mode
    roots = _roots(-found.hessian)
    kept: list[int] = []
    for k, x in enumerate(found.x):
        if not any(
            np.linalg.norm(np.linalg.solve(roots[j], x - found.x[j])) < SAME_MODE for j in kept
        ):
            kept.append(k)
    height = found.value[kept] + np.log(np.einsum("kjj->kj", roots[kept])).sum(-1)
    weight = np.maximum(np.exp(height - height.max()), 0.05)
    return Mixture(weight / weight.sum(), found.x[kept], roots[kept])


def _roots(curvature: np.ndarray) -> np.ndarray:
    """Roots of the inverses of (m, d, d); a direction without curvature gets a scale of one."""
    size, axes = np.linalg.eigh(curvature)
    spread = np.where(size > FLAT, 1 / np.sqrt(np.maximum(size, FLAT)), 1.0)
    return np.linalg.cholesky(axes * spread[:, None] ** 2 @ np.swapaxes(axes, -1, -2))
