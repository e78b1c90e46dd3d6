"""The marginal formulation: u is integrated out, and no n × n matrix is ever built."""

import numpy as np
import pytensor.tensor as pt

from lmmlib import linalg
from lmmlib.loglik import LOG_2PI
from lmmlib.model import Data, Design, Priors
from lmmlib.pymc_models.conditional import random_part, scaled
from lmmlib.pymc_models.parameters import Parameters, declare, remember, start, times
from lmmlib.pymc_models.quiet import pymc as pm

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
    with start(data) as model:
        observe(data.design, declare(data.design, priors))
    return remember(model, data, priors, "marginal")


def observe(design: Design, parameters: Parameters) -> pt.TensorVariable:
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


class MarginalDensity:
    """log p(y|θ) as a tensor, with the constant parts of the design held ready."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.root_weight = np.sqrt(design.weights)
        self.rotations, self.W, self.T = linalg.rotate(
            design.blocks, self.root_weight[:, None] * design.X
        )
        self.place = linalg.positions(design.blocks, design.n)

    def __call__(
        self,
        y: pt.TensorVariable,
        beta: pt.TensorVariable,
        sigma: pt.TensorVariable,
        *roots: pt.TensorVariable,
    ) -> pt.TensorVariable:
        """Log density of ``y`` (n,) at β, σ and the terms' roots."""
        white = self.root_weight * (y - self.design.offset)
        seen, by_fixed, outside = self._rotate(white)
        log_det, squares = 0.0, outside + pt.sum(pt.sqr(by_fixed - times(self.T, beta)))
        for batch, rotation, c in zip(self.design.blocks, self.rotations, seen, strict=True):
            q = batch.values.shape[-1]
            if q == 0:
                continue
            A, r = (
                _scale_columns(rotation.R, [root / sigma for root in roots], batch.counts),
                c - times(rotation.RX, beta),
            )
            found = (
                _by_columns(A, r, *rotation.R.shape[1:])
                if q <= WIDEST_UNROLLED
                else _by_blocks(A, r, q)
            )
            log_det, squares = log_det + found[0], squares + found[1]
        constant = self.design.n * LOG_2PI - np.log(self.design.weights).sum()
        return -0.5 * (constant + 2 * self.design.n * pt.log(sigma) + log_det + squares / sigma**2)

    def _rotate(
        self, white: pt.TensorVariable
    ) -> tuple[list[pt.TensorVariable], pt.TensorVariable, pt.TensorVariable]:
        """What each block's columns see of y, what X adds, and the squared norm of the rest."""
        padded = pt.concatenate([white, np.zeros(1)])
        seen = [
            pt.matmul(np.swapaxes(r.Q, 1, 2), padded[b.rows][..., None])[..., 0]
            for b, r in zip(self.design.blocks, self.rotations, strict=True)
        ]
        fitted = pt.concatenate(
            [
                pt.matmul(r.Q, c[..., None]).ravel()
                for r, c in zip(self.rotations, seen, strict=True)
            ]
        )[self.place]
        by_fixed = times(self.W.T, white)
        return seen, by_fixed, pt.sum(pt.sqr(white - fitted - times(self.W, by_fixed)))


class Generator:
    """Draws of y with u drawn and forgotten: for prior and posterior predictive sampling."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.random_part = random_part(design)

    def __call__(
        self, beta: pt.TensorVariable, sigma: pt.TensorVariable, *roots_and_size: pt.TensorVariable
    ) -> pt.TensorVariable:
        """A random response.

        The last argument is PyMC's size, which a response of fixed length has no use for.
        """
        *roots, _ = roots_and_size
        design = self.design
        z = pm.Normal.dist(0, 1, shape=(design.Z.shape[1],))
        mean = design.offset + times(design.X, beta) + self.random_part(scaled(design, roots, z))
        return pm.Normal.dist(mean, sigma / np.sqrt(design.weights), shape=(design.n,))


def _scale_columns(
    R: np.ndarray, factors: list[pt.TensorVariable], counts: tuple[int, ...]
) -> pt.TensorVariable:
    """R (B, k, q) times the block diagonal of the factors; the twin of ``linalg.scale_columns``."""
    parts, first = [], 0
    for factor, count in zip(factors, counts, strict=True):
        if count:
            w = factor.type.shape[-1] or 1
            part = pt.dot(R[..., first : first + count].reshape(-1, w), factor)
            parts.append(part.reshape((*R.shape[:2], count)))
            first += count
    return pt.concatenate(parts, axis=-1)


def _by_columns(
    A: pt.TensorVariable, r: pt.TensorVariable, k: int, q: int
) -> tuple[pt.TensorVariable, pt.TensorVariable]:
    """log|A'A + I| summed over blocks, and the least |r − As|² + |s|².

    [A r; I 0] made orthogonal column by column.

    Modified Gram–Schmidt, which loses nothing to Householder's reflections here (Björck 1967),
    written out entry by entry: each entry is a vector over the blocks, so that compilers fuse it
    all into few loops. The zeros of the lower part are left out: a pivot ends in its one, and what
    is cleared of it gets one entry more.
    """
    *columns, rest = [[A[:, i, a] for i in range(k)] for a in range(q)] + [
        [r[:, i] for i in range(k)]
    ]
    log_det = 0.0
    while columns:
        pivot, *columns = columns
        size = 1.0 + _inner(pivot, pivot)
        log_det = log_det + pt.log(size)
        *columns, rest = [_cleared(column, pivot, size) for column in [*columns, rest]]
    return pt.sum(log_det), pt.sum(_inner(rest, rest))


def _cleared(column: Entries, pivot: Entries, size: pt.TensorVariable) -> Entries:
    share = _inner(column, pivot) / size
    return [*(x - share * p for x, p in zip(column, pivot, strict=True)), -share]


def _inner(a: Entries, b: Entries) -> pt.TensorVariable:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _by_blocks(
    A: pt.TensorVariable, r: pt.TensorVariable, q: int
) -> tuple[pt.TensorVariable, pt.TensorVariable]:
    """The same for blocks of any width, by Cholesky; the squares are summed at the minimiser."""
    At = A.transpose((0, 2, 1))
    L = pt.linalg.cholesky(pt.matmul(At, A) + np.eye(q))
    s = pt.linalg.solve_triangular(L, pt.matmul(At, r[..., None])[..., 0], lower=True, b_ndim=1)
    s = pt.linalg.solve_triangular(L, s, lower=True, trans=1, b_ndim=1)
    left = r - pt.matmul(A, s[..., None])[..., 0]
    return 2 * pt.sum(pt.log(pt.diagonal(L, axis1=-2, axis2=-1))), pt.sum(pt.sqr(left)) + pt.sum(
        pt.sqr(s)
    )
