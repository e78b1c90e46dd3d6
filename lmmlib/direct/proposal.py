"""A mixture of multivariate Student t distributions, placed at the modes of a density and adapted to its mass."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, logsumexp, ndtri
from scipy.stats import chi2, qmc

DF = 5.0  # heavy enough for the exponential tails of log SDs
STEP = 1e-4  # of central differences, in coordinates whose scale is about one
ROUNDS, BATCH = 3, 1024  # of adaptation, and draws in each
DEFENCE, WIDER = 0.1, 2.0  # share of draws from wider twins, and how much wider they are
SAME_MODE = 1.0  # modes closer than this, in SDs of the first, are one

Density = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Mixture:
    """Components k with weight (K,), centre (K, d) and lower root of their scale matrix (K, d, d)."""

    weight: np.ndarray
    centre: np.ndarray
    root: np.ndarray

    def log_components(self, x: np.ndarray) -> np.ndarray:
        """Log of weight times density of each component at x (S, d): (S, K)."""
        d = x.shape[1]
        z = np.linalg.solve(self.root[None], (x[:, None] - self.centre)[..., None])[..., 0]
        constant = gammaln((DF + d) / 2) - gammaln(DF / 2) - d / 2 * np.log(DF * np.pi)
        log_det = np.log(np.einsum("kjj->kj", self.root)).sum(-1)
        return np.log(self.weight) + constant - log_det - (DF + d) / 2 * np.log1p(np.sum(z**2, -1) / DF)

    def draw(self, size: int, rng: np.random.Generator, extra: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """A scrambled Sobol point set carried over to the mixture, (size, d), and ``extra`` standard normals more."""
        d = self.centre.shape[1]
        points = qmc.Sobol(d + 2 + extra, rng=rng).random_base2(int(np.ceil(np.log2(size))))[:size]
        points = np.clip(points, 1e-12, 1 - 1e-12)
        component = np.minimum(np.searchsorted(np.cumsum(self.weight), points[:, 0]), len(self.weight) - 1)
        radius = np.sqrt(DF / chi2.ppf(points[:, 1], DF))
        normal = ndtri(points[:, 2:])
        z = normal[:, :d] * radius[:, None]
        return self.centre[component] + np.einsum("sij,sj->si", self.root[component], z), normal[:, d:]


def adapted(density: Density, starts: np.ndarray, rng: np.random.Generator, batch: int = BATCH) -> Mixture:
    """A proposal for ``density`` (log, unnormalised), found from several starts (n, d).

    Each start is climbed to its mode, one component is placed at each different mode, and weights, centres and
    scales then follow the importance weights of a few batches of draws.

    References
    ----------
    Cappé, Douc, Guillin, Marin & Robert (2008), Stat. Comput. 18(4), for the adaptation; Hesterberg (1995),
    Technometrics 37(2), for defensive mixtures.

    Examples
    --------
    >>> mixture = adapted(lambda x: -0.5 * np.sum((x - 3) ** 2, -1), np.zeros((1, 2)), np.random.default_rng(1))
    >>> mixture.centre.shape, bool(np.allclose(mixture.centre, 3, atol=0.2))
    ((2, 2), True)
    """
    mixture = _at_modes(density, starts)
    for _ in range(ROUNDS):
        x, _ = mixture.draw(batch, rng)
        parts = mixture.log_components(x)
        log_weight = density(x) - logsumexp(parts, axis=1)
        weight = np.exp(log_weight - logsumexp(log_weight))
        share = weight[:, None] * np.exp(parts - logsumexp(parts, axis=1, keepdims=True))
        mixture = _matched(mixture, x, share)
    return _defended(mixture)


def _defended(mixture: Mixture) -> Mixture:
    """The same with a wider twin beside each component, so that no tail is left thin (Hesterberg 1995)."""
    weight = np.concatenate([(1 - DEFENCE) * mixture.weight, DEFENCE * mixture.weight])
    return Mixture(weight, np.tile(mixture.centre, (2, 1)), np.concatenate([mixture.root, WIDER * mixture.root]))


def _matched(old: Mixture, x: np.ndarray, share: np.ndarray) -> Mixture:
    """Components with the mean and covariance of their share of the mass; a share too small to tell keeps its shape."""
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
    centres, roots, heights = [], [], []
    for start in starts:
        found = minimize(_minus_with_slope(density), start, jac=True, method="BFGS", options={"gtol": 1e-2})
        if any(np.linalg.norm(np.linalg.solve(r, found.x - c)) < SAME_MODE for c, r in zip(centres, roots, strict=True)):
            continue
        centres.append(found.x)
        roots.append(_root_of_curvature(density, found.x))
        heights.append(-found.fun + np.log(np.diag(roots[-1])).sum())
    weight = np.maximum(np.exp(np.array(heights) - max(heights)), 0.05)
    return Mixture(weight / weight.sum(), np.array(centres), np.array(roots))


def _minus_with_slope(density: Density) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    def evaluate(x: np.ndarray) -> tuple[float, np.ndarray]:
        h = STEP * np.eye(len(x))
        values = density(np.concatenate([x[None], x + h, x - h]))
        d = len(x)
        return -float(values[0]), -(values[1 : d + 1] - values[d + 1 :]) / (2 * STEP)

    return evaluate


def _root_of_curvature(density: Density, x: np.ndarray) -> np.ndarray:
    """Root of the inverse negative Hessian at x; a direction without curvature gets a scale of one."""
    d = len(x)
    step = 10 * STEP
    h = step * np.eye(d)
    pairs = [(a, b) for a in range(d) for b in range(d)]
    points = np.array([x + s * h[a] + t * h[b] for a, b in pairs for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1))])
    values = density(points).reshape(d, d, 4)
    hessian = -(values[..., 0] - values[..., 1] - values[..., 2] + values[..., 3]) / (4 * step**2)
    size, axes = np.linalg.eigh((hessian + hessian.T) / 2)
    spread = np.where(size > 0.05, 1 / np.sqrt(np.maximum(size, 0.05)), 1.0)
    return np.linalg.cholesky(axes * spread**2 @ axes.T)
