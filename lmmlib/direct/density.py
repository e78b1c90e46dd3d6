"""The posterior density of the variance parameters, β and u integrated out, for many values at once.

The free coordinates are the logarithms of the SDs that are not fixed, the inverse hyperbolic tangents of canonical
partial correlations, and log σ.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln

from lmmlib import linalg
from lmmlib.data import Data
from lmmlib.design import Design, Priors, Theta
from lmmlib.loglik import LOG_2PI

CHUNK = 2_000_000  # entries of the stacked factors held at a time


@dataclass(frozen=True, eq=False)
class Scales:
    """Variance parameters in arrays.

    Attributes
    ----------
    sd : (S, effects);  cor : (S, pairs)
    roots : per term (S, q, q);  sigma : (S,)
    log_prior : (S,), of the free coordinates, Jacobian included
    """

    sd: np.ndarray
    cor: np.ndarray
    roots: tuple[np.ndarray, ...]
    sigma: np.ndarray
    log_prior: np.ndarray

    def at(self, part: object) -> "Scales":
        """The same for some of the draws."""
        roots = tuple(root[part] for root in self.roots)
        return Scales(self.sd[part], self.cor[part], roots, self.sigma[part], self.log_prior[part])


@dataclass(frozen=True, eq=False)
class FixedPart:
    """β given the variance parameters: N(R⁻¹t, σ²(R'R)⁻¹), and the log density of y.

    Attributes
    ----------
    R : (S, p, p) upper;  t : (S, p);  log_density : (S,)
    """

    R: np.ndarray
    t: np.ndarray
    log_density: np.ndarray


def dimension(design: Design, priors: Priors) -> int:
    """Number of free coordinates."""
    free = [priors.sd[name].family != "fixed" for name in design.effects]
    return sum(free) + len(design.pairs) + (priors.sigma.family != "fixed")


def unfold(phi: np.ndarray, design: Design, priors: Priors) -> Scales:
    """Variance parameters and their log prior from free coordinates φ (S, d).

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009), J. Multivariate Anal. 100(9), for the partial correlations of LKJ(η).

    Examples
    --------
    >>> from lmmlib.design import ScalePrior, Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> priors = Priors.build(design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> unfold(np.zeros((1, 2)), design, priors).sd.tolist()
    [[1.0]]
    """
    taken, log_prior = 0, np.zeros(len(phi))
    columns = []
    for prior in [*(priors.sd[name] for name in design.effects), priors.sigma]:
        if prior.family == "fixed":
            columns.append(np.full(len(phi), prior.scale))
            continue
        columns.append(np.exp(phi[:, taken]))
        log_prior += prior.log_density(columns[-1]) + phi[:, taken]
        taken += 1
    scales, sigma = np.column_stack(columns[:-1]), columns[-1]
    roots, correlations, first = [], [], 0
    for t in design.terms:
        q = len(t.effects)
        L = np.tile(np.eye(q), (len(phi), 1, 1))
        if t.pairs:
            z = phi[:, taken : taken + len(t.pairs)]
            taken += len(t.pairs)
            L, log_density = _correlation_root(z, q, priors.cor[t.name])
            log_prior += log_density
            correlations += [np.sum(L[:, i] * L[:, j], -1) for i, j in t.pairs]
        roots.append(scales[:, first : first + q, None] * L)
        first += q
    cor = np.column_stack(correlations) if correlations else np.zeros((len(phi), 0))
    return Scales(scales, cor, tuple(roots), sigma, log_prior)


def _correlation_root(z: np.ndarray, q: int, eta: float) -> tuple[np.ndarray, np.ndarray]:
    """Cholesky factor of a correlation matrix from q(q−1)/2 free numbers, and their log prior under LKJ(η)."""
    L, log_density = np.zeros((len(z), q, q)), np.zeros(len(z))
    L[:, 0, 0] = 1.0
    pairs = [(i, j) for i in range(q) for j in range(i)]
    left = np.ones((len(z), q))  # what is left of each row's unit length
    for (i, j), free in zip(pairs, z.T, strict=True):
        partial = np.tanh(free)
        shape = eta + (q - 2 - j) / 2  # (1 + partial) / 2 is Beta(shape, shape)
        log_one_minus = -2 * np.logaddexp(free, -free) + 2 * np.log(2)  # log(1 − tanh²)
        log_density += shape * log_one_minus - betaln(shape, shape) - (2 * shape - 1) * np.log(2)
        L[:, i, j] = partial * np.sqrt(left[:, i])
        left[:, i] *= np.exp(log_one_minus)
    for i in range(1, q):
        L[:, i, i] = np.sqrt(left[:, i])
    return L, log_density


def fixed_part(data: Data, priors: Priors, scales: Scales) -> FixedPart:
    """Integrate u and β ~ N(b₀, B) out: N(y; Xb₀, V + XBX') for each draw, through triangles.

    Examples
    --------
    >>> from lmmlib.design import ScalePrior, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> priors = Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> fixed_part(data, priors, unfold(np.zeros((3, 2)), data.design, priors)).log_density.shape
    (3,)
    """
    size = sum(block.R.size for block in data.reduction.blocks) * 4
    step = max(1, CHUNK // max(1, size))
    parts = [_fixed_part(data, priors, scales.at(slice(s, s + step))) for s in range(0, len(scales.sigma), step)]
    return FixedPart(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("R", "t", "log_density")))


def _fixed_part(data: Data, priors: Priors, scales: Scales) -> FixedPart:
    reduction, S, p = data.reduction, len(scales.sigma), len(priors.beta_mean)
    theta = Theta(np.zeros((S, p)), scales.roots, scales.sigma)
    relative = scales.sigma[:, None] / priors.beta_sd
    prior_rows = np.concatenate([relative[:, :, None] * np.eye(p), (relative * priors.beta_mean)[..., None]], -1)
    rows, log_det = [np.broadcast_to(reduction.rest, (S, *reduction.rest.shape)), prior_rows], np.zeros(S)
    for block in reduction.blocks:
        R, rest = block.eliminate(theta.Lam)
        log_det += np.sum(np.log(np.abs(np.einsum("sbjj->sbj", R))), (1, 2))
        rows.append(rest.reshape(S, -1, p + 1))
    T = np.linalg.qr(np.concatenate(rows, 1), mode="r")
    R_beta, t, least = T[:, :p, :p], T[:, :p, p], T[:, p, p] ** 2
    log_det += np.sum(np.log(np.abs(np.einsum("sjj->sj", R_beta))) - np.log(relative), -1)
    constant = reduction.n * (LOG_2PI + 2 * np.log(scales.sigma)) - reduction.log_weights
    return FixedPart(R_beta, t, -0.5 * (constant + 2 * log_det + least / scales.sigma**2))


def log_posterior(phi: np.ndarray, data: Data, priors: Priors) -> np.ndarray:
    """Log of prior times density of y at free coordinates φ (S, d): its integral over φ is p(y).

    Examples
    --------
    >>> from lmmlib.design import ScalePrior, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> priors = Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> log_posterior(np.zeros((1, 2)), data, priors).shape
    (1,)
    """
    scales = unfold(phi, data.design, priors)
    return scales.log_prior + fixed_part(data, priors, scales).log_density


def draw_fixed(part: FixedPart, sigma: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """β given the variance parameters and y, one draw for each: (S, p)."""
    z = rng.standard_normal(part.t.shape)
    return linalg.solve_upper(part.R, part.t + sigma[:, None] * z)
