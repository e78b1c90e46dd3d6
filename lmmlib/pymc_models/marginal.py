"""The marginal formulation: u is integrated out, and no n × n matrix is ever built."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from lmmlib import linalg
from lmmlib.loglik import LOG_2PI
from lmmlib.model import Data, Design, Priors
from lmmlib.pymc_models.conditional import effects_from_normals, random_part
from lmmlib.pymc_models.parameters import (
    ParameterTensors,
    declare_parameters,
    empty_model,
    product,
    record_source,
)

WIDEST_UNROLLED = 4  # columns of a block; the size of the graph grows with the cube
Entries = list[pt.TensorVariable]  # of a column of every block at once, (B,) each


def marginal_model(data: Data, priors: Priors) -> pm.Model:
    r"""y ~ N(offset + Xβ, ZGZ' + σ²W⁻¹) as an ordinary PyMC model.

    Parameters
    ----------
    data : Data
        Response and design.
    priors : Priors
        The same object as for the conditional model.

    Returns
    -------
    pymc.Model
        Model with ``beta``, ``sd``, ``cor``, ``sigma`` and the observed ``y``, whose values are
        ``y_data``; priors on γ = Tβ make ``gamma`` the free variable and ``beta`` a function of it;
        no fixed effects, no ``beta``.

    Raises
    ------
    ValueError
        If the priors do not fit the design.

    Notes
    -----
    [Z X] is factored once, by group where it can be; of y only its rotations and the squared norm
    of the rest enter the density. PyMC's ``compute_log_likelihood`` gives the *joint* density of y,
    one number per draw: for leave-one-out use ``lmmlib.loo``.

    References
    ----------
    Equation :eq:`eq-marginal-moments`, :eq:`eq-penalised`.

    Examples
    --------
    >>> from lmmlib.model import ScalePrior, Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> model = marginal_model(
    ...     data, Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    ... )
    >>> [v.name for v in model.free_RVs], [v.name for v in model.observed_RVs]
    (['beta', 'sd', 'sigma'], ['y'])
    """
    with empty_model(data) as model:
        observe(data.design, declare_parameters(data.design, priors))
    return record_source(model, data, priors, "marginal")


def observe(design: Design, parameters: ParameterTensors) -> pt.TensorVariable:
    """The response with u integrated out, in the model on the stack."""
    return pm.CustomDist(
        "y",
        parameters.beta,
        parameters.sigma,
        *parameters.effect_chols,
        dist=Generator(design),
        logp=MarginalDensity(design),
        observed=pm.modelcontext(None)["y_data"],
        dims="row",
    )


@dataclass(frozen=True, eq=False)
class RotatedResponse:
    """W^½(y − offset) in the orthonormal columns of [Z X].

    Attributes
    ----------
    by_block : list of pt.TensorVariable
        Its coordinates in the columns of Z, (B, q) for each batch of blocks.
    by_fixed : pt.TensorVariable
        Its coordinates in the columns that X adds, (p,).
    rest : pt.TensorVariable
        Squared norm of what neither explains.
    """

    by_block: list[pt.TensorVariable]
    by_fixed: pt.TensorVariable
    rest: pt.TensorVariable


@dataclass(frozen=True, eq=False)
class Penalised:
    """A least-squares problem min_s |r − As|² + |s|² in many blocks.

    Attributes
    ----------
    log_det : pt.TensorVariable
        Sum of the log determinants of A'A + I.
    pwrss : pt.TensorVariable
        Sum of the penalised residual sums of squares.
    """

    log_det: pt.TensorVariable
    pwrss: pt.TensorVariable


class MarginalDensity:
    """log p(y|θ) as a tensor, with the constant parts of the design held ready.

    Parameters
    ----------
    design : Design
        Design of the rows.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self.root_weight = np.sqrt(design.weights)
        whitened_X = self.root_weight[:, None] * design.X
        self.rotations, self.W, self.T = linalg.rotate(design.blocks, whitened_X)
        self.place = linalg.positions(design.blocks, design.n)

    def __call__(
        self,
        y: pt.TensorVariable,
        beta: pt.TensorVariable,
        sigma: pt.TensorVariable,
        *effect_chols: pt.TensorVariable,
    ) -> pt.TensorVariable:
        """Log density of ``y`` (n,) at β, σ and the terms' lower factors."""
        n = self.design.n
        response = self._rotate(self.root_weight * (y - self.design.offset))
        Lam = [chol / sigma for chol in effect_chols]

        # What X adds to Z, and what neither explains.
        log_det = 0.0
        pwrss = response.rest + pt.sum(pt.sqr(response.by_fixed - product(self.T, beta)))

        # Block by block the spherical effects of its columns.
        for block, rotation, coordinates in zip(
            self.design.blocks, self.rotations, response.by_block, strict=True
        ):
            _, k, q = rotation.R.shape
            if q == 0:
                continue
            A = _scale_columns(rotation.R, Lam, block.counts)
            r = coordinates - product(rotation.RX, beta)
            solved = _by_columns(A, r, k, q) if q <= WIDEST_UNROLLED else _by_cholesky(A, r, q)
            log_det = log_det + solved.log_det
            pwrss = pwrss + solved.pwrss
        constant = n * LOG_2PI - np.log(self.design.weights).sum()
        return -0.5 * (constant + 2 * n * pt.log(sigma) + log_det + pwrss / sigma**2)

    def _rotate(self, whitened: pt.TensorVariable) -> RotatedResponse:
        """Q'y of each block, W'y, and the squared norm of the rest."""
        padded = pt.concatenate([whitened, np.zeros(1)])
        by_block = []
        fitted = []
        for block, rotation in zip(self.design.blocks, self.rotations, strict=True):
            transposed = np.swapaxes(rotation.Q, 1, 2)
            coordinates = pt.matmul(transposed, padded[block.rows][..., None])[..., 0]
            by_block.append(coordinates)
            fitted.append(pt.matmul(rotation.Q, coordinates[..., None]).ravel())
        by_fixed = product(self.W.T, whitened)
        residual = whitened - pt.concatenate(fitted)[self.place] - product(self.W, by_fixed)
        return RotatedResponse(by_block, by_fixed, pt.sum(pt.sqr(residual)))


class Generator:
    """Draws of y with u drawn and forgotten: for prior and posterior predictive sampling.

    Parameters
    ----------
    design : Design
        Design of the rows.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self.random_part = random_part(design)

    def __call__(
        self, beta: pt.TensorVariable, sigma: pt.TensorVariable, *chols_and_size: pt.TensorVariable
    ) -> pt.TensorVariable:
        """A random response.

        The last argument is PyMC's size, which a response of fixed length has no use for.
        """
        *effect_chols, _ = chols_and_size
        design = self.design
        z = pm.Normal.dist(0, 1, shape=(design.Z.shape[1],))
        v = effects_from_normals(design, effect_chols, z)
        mean = design.offset + product(design.X, beta) + self.random_part(v)
        return pm.Normal.dist(mean, sigma / np.sqrt(design.weights), shape=(design.n,))


def _scale_columns(
    R: np.ndarray, factors: Sequence[pt.TensorVariable], counts: Sequence[int]
) -> pt.TensorVariable:
    """R (B, k, q) times the block diagonal of the factors, as ``linalg.scale_columns`` does it."""
    parts = []
    ends = np.cumsum(counts).tolist()
    for factor, count, end in zip(factors, counts, ends, strict=True):
        if count == 0:
            continue
        width = factor.type.shape[-1] or 1
        columns = R[..., end - count : end]
        scaled = pt.dot(columns.reshape(-1, width), factor)
        parts.append(scaled.reshape((*R.shape[:2], count)))
    return pt.concatenate(parts, axis=-1)


def _by_columns(A: pt.TensorVariable, r: pt.TensorVariable, k: int, q: int) -> Penalised:
    """[A r; I 0] made orthogonal column by column, for A (B, k, q) and r (B, k).

    Modified Gram–Schmidt, which loses nothing to Householder's reflections here (Björck 1967),
    written out entry by entry: each entry is a vector over the blocks, so that compilers fuse it
    all into few loops. The zeros of the lower part are left out: a pivot ends in its one, and what
    is cleared of it gets one entry more.
    """
    columns = [[A[:, i, a] for i in range(k)] for a in range(q)]
    rhs = [r[:, i] for i in range(k)]
    log_det = 0.0
    while columns:
        pivot = columns.pop(0)
        square = 1.0 + _inner(pivot, pivot)
        log_det = log_det + pt.log(square)
        columns = [_cleared(column, pivot, square) for column in columns]
        rhs = _cleared(rhs, pivot, square)
    return Penalised(log_det=pt.sum(log_det), pwrss=pt.sum(_inner(rhs, rhs)))


def _cleared(column: Entries, pivot: Entries, square: pt.TensorVariable) -> Entries:
    """The part of a column that is orthogonal to the pivot, whose squared length is known."""
    share = _inner(column, pivot) / square
    return [*(x - share * p for x, p in zip(column, pivot, strict=True)), -share]


def _inner(a: Entries, b: Entries) -> pt.TensorVariable:
    """Inner product of two columns."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def _by_cholesky(A: pt.TensorVariable, r: pt.TensorVariable, q: int) -> Penalised:
    """The same for blocks of any width, from LL' = A'A + I.

    The squares are summed at the minimiser s: their difference r'r − s'A'r would lose digits.
    """
    A_transposed = A.transpose((0, 2, 1))
    L = pt.linalg.cholesky(A_transposed @ A + np.eye(q))
    rhs = (A_transposed @ r[..., None])[..., 0]
    half_solved = pt.linalg.solve_triangular(L, rhs, lower=True, b_ndim=1)
    s = pt.linalg.solve_triangular(L, half_solved, lower=True, trans=1, b_ndim=1)
    residual = r - (A @ s[..., None])[..., 0]
    diagonal = pt.diagonal(L, axis1=-2, axis2=-1)
    return Penalised(
        log_det=2 * pt.sum(pt.log(diagonal)),
        pwrss=pt.sum(pt.sqr(residual)) + pt.sum(pt.sqr(s)),
    )
