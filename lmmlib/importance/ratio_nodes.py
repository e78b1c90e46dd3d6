"""The posterior of large designs: nodes in the ratios of SDs, and exact draws of σ at each.

One factor serves every σ. With ratios ρ = (log of SDs relative to σ, coordinates of correlations)
the density p(ρ|y) = ∫ p(ρ, log σ|y) d log σ is a sum over a grid; σ given ρ comes from the grid, β
given both is normal, and several draws share a node.
"""

from dataclasses import dataclass

import numpy as np

from lmmlib import linalg
from lmmlib.importance.log_posterior import ConditionalBeta, beta_given_triangle
from lmmlib.importance.variance_parameters import VarianceParameters, variance_parameters
from lmmlib.model import Priors, Reduction

GRID = 65  # values of log σ at a node
GRID_SDS = 8.0  # how far they reach, in SDs of log σ
WIDENINGS = 4  # of a grid that ends where the density has not
EDGE = 1e-9  # share of the mass that a value at an end of the grid may have


@dataclass(frozen=True, eq=False)
class Node:
    """p(ρ, log σ|y) along log σ at one ρ.

    Attributes
    ----------
    log_density : float
        Log of its integral over log σ, p(ρ|y) up to the constant p(y).
    log_sigma : ndarray, shape (G,)
        Grid.
    log_joint : ndarray, shape (G,)
        Log of p(ρ, log σ, y) there.
    triangle : ndarray, shape (p + 1, p + 1)
        Upper triangle of [X, y] at these ratios.
    log_det : float
        Half log determinant at these ratios.
    """

    log_density: float
    log_sigma: np.ndarray
    log_joint: np.ndarray
    triangle: np.ndarray
    log_det: float

    def draw_log_sigma(self, uniforms: np.ndarray) -> np.ndarray:
        """Draws of log σ given the node, at uniforms (m,): the density is linear between values."""
        density = np.exp(self.log_joint - self.log_joint.max())
        step = np.diff(self.log_sigma)
        mass = step * (density[1:] + density[:-1]) / 2
        cumulative = np.concatenate([[0.0], np.cumsum(mass)])
        target = uniforms * cumulative[-1]
        cell = np.clip(np.searchsorted(cumulative, target) - 1, 0, len(mass) - 1)
        rest = (target - cumulative[cell]) / step[cell]
        low = density[cell]
        slope = density[cell + 1] - low
        # The root of low·t + slope·t²/2 = rest, in the form that keeps digits at slope = 0.
        root = np.sqrt(np.maximum(low**2 + 2 * slope * rest, 0.0))
        share = np.divide(2 * rest, low + root, out=np.zeros_like(rest), where=low + root > 0)
        return self.log_sigma[cell] + np.clip(share, 0.0, 1.0) * step[cell]


class RatioPosterior:
    """The posterior density of ratios of SDs, σ integrated out.

    Parameters
    ----------
    reduction : Reduction
        Response and design, reduced.
    priors : Priors
        Prior distributions, none of them of a fixed SD: that would make the ratio depend on σ.
    """

    def __init__(self, reduction: Reduction, priors: Priors) -> None:
        self.reduction = reduction
        self.priors = priors
        self.effects = len(reduction.layout.effects)
        self.blocks = linalg.small_blocks(reduction.arrowheads)

    @property
    def ratios_of_free(self) -> np.ndarray:
        """The matrix (d − 1, d) that makes ρ of free coordinates φ: log σ is taken off log SDs."""
        k = self.effects
        d = k + 1 + len(self.reduction.layout.pairs)
        matrix = np.delete(np.eye(d), k, axis=0)
        matrix[:k, k] = -1.0
        return matrix

    def free(self, ratios: np.ndarray, log_sigma: np.ndarray) -> np.ndarray:
        """Free coordinates (G, d) of one ρ (d − 1,) at several log σ."""
        log_sd = ratios[: self.effects] + log_sigma[:, None]
        rest = np.broadcast_to(ratios[self.effects :], (len(log_sigma), len(ratios) - self.effects))
        return np.column_stack([log_sd, log_sigma, rest])

    def relative_factors(self, ratios: np.ndarray) -> list[np.ndarray]:
        """Λ_k (q, q) of each term at one ρ."""
        at_one = variance_parameters(
            self.free(ratios, np.zeros(1)), self.reduction.layout, self.priors
        )
        return [chol[0] for chol in at_one.effect_chols]

    def node(self, ratios: np.ndarray) -> Node:
        """The density at one ρ (d − 1,), of one factorisation."""
        eliminated = self._eliminated(self.relative_factors(ratios))
        triangle = eliminated.triangle
        log_det = eliminated.log_det

        # A grid around the σ that fits best; log σ has an SD of about 1/√(2 df).
        df = max(self.reduction.n - len(triangle) + 1, 1)
        centre = np.log(np.abs(triangle[-1, -1])) - 0.5 * np.log(df)
        reach = GRID_SDS / np.sqrt(2 * df)
        for _ in range(WIDENINGS):
            log_sigma = np.linspace(centre - reach, centre + reach, GRID)
            log_joint = self._log_joint(ratios, log_sigma, triangle, log_det)
            share = np.exp(log_joint - np.logaddexp.reduce(log_joint))
            if max(share[0], share[-1]) < EDGE:
                break
            centre = float(share @ log_sigma)
            reach *= 2
        weights = np.full(GRID, log_sigma[1] - log_sigma[0])
        weights[[0, -1]] /= 2
        log_density = float(np.logaddexp.reduce(log_joint + np.log(weights)))
        return Node(log_density, log_sigma, log_joint, triangle, log_det)

    def log_densities(self, points: np.ndarray) -> np.ndarray:
        """Log densities (m,) at points ρ (m, d − 1)."""
        return np.array([node.log_density for node in linalg.side_by_side(self.node, points)])

    def variances(self, ratios: np.ndarray, log_sigma: np.ndarray) -> VarianceParameters:
        """Variance parameters at one ρ and several log σ."""
        return variance_parameters(self.free(ratios, log_sigma), self.reduction.layout, self.priors)

    def beta(self, node: Node, sigma: np.ndarray) -> ConditionalBeta:
        """β given a node and several σ."""
        triangle = np.broadcast_to(node.triangle[..., None], (*node.triangle.shape, len(sigma)))
        log_det = np.full(len(sigma), node.log_det)
        return beta_given_triangle(self.reduction, self.priors, triangle, log_det, sigma)

    def effects_at(
        self, ratios: np.ndarray, beta: np.ndarray, sigma: np.ndarray, normals: np.ndarray
    ) -> np.ndarray:
        """One u (m, K) for each of several β and σ at one ρ, all with one factor.

        u = ΛR⁻¹(R⁻ᵀΛ'Z'(y − Xβ) + σz), with standard normals z (m, K).
        """
        layout = self.reduction.layout
        whole = self.reduction.whole
        factor = linalg.factorise_sparse(whole, self.relative_factors(ratios))
        residual_weights = np.column_stack([-beta, np.ones(len(beta))])
        s = factor.solution @ residual_weights.T + factor.back(normals.T * sigma)
        u = np.empty_like(normals)
        u[:, whole.columns] = factor.scaled(s).T
        return layout.with_known_covariance(u)

    def _eliminated(self, Lam: list[np.ndarray]) -> linalg.BlockTriangle:
        """The effects eliminated at Λ_k (q, q); no factor is kept."""
        if self.blocks:
            return linalg.block_triangle(self.blocks, Lam)
        factor = self.reduction.factorise([L[None] for L in Lam])
        return linalg.BlockTriangle(float(factor.log_det[0]), factor.rhs_triangle[..., 0])

    def _log_joint(
        self, ratios: np.ndarray, log_sigma: np.ndarray, triangle: np.ndarray, log_det: float
    ) -> np.ndarray:
        variances = self.variances(ratios, log_sigma)
        shared = np.broadcast_to(triangle[..., None], (*triangle.shape, len(log_sigma)))
        log_dets = np.full(len(log_sigma), log_det)
        beta = beta_given_triangle(self.reduction, self.priors, shared, log_dets, variances.sigma)
        return variances.log_prior + beta.log_density
