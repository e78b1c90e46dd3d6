"""Engines that are wrong on purpose, each in a way that people have been: a calibration that passes one is worthless."""

from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.calibration.engines import Direct, Engine
from lmmlib.data import Data
from lmmlib.design import Priors, Theta
from lmmlib.direct.density import Scales, dimension, unfold
from lmmlib.direct.importance import weighted_draws
from lmmlib.effects import draw_given_y
from lmmlib.loglik import log_normal


@dataclass(frozen=True)
class TimesSD:
    """Right draws, but every SD of an effect times a factor: an overconfident prior, or a forgotten level.

    Parameters
    ----------
    factor : float
    engine : the right one
    """

    factor: float = 0.8
    engine: Engine = field(default_factory=Direct)

    def __call__(self, data: Data, priors: Priors, rng: np.random.Generator) -> xr.DataTree:
        """Draws with the SDs scaled."""
        tree = self.engine(data, priors, rng)
        tree["posterior"] = tree.posterior.to_dataset().assign(sd=self.factor * tree.posterior["sd"])
        return tree


@dataclass(frozen=True)
class VarianceForSD:
    """Right draws, but the residual *variance* under the name of σ: what stands on the diagonal of V is taken for an SD.

    It cannot be seen where σ is one.
    """

    engine: Engine = field(default_factory=Direct)

    def __call__(self, data: Data, priors: Priors, rng: np.random.Generator) -> xr.DataTree:
        """Draws with σ squared."""
        tree = self.engine(data, priors, rng)
        tree["posterior"] = tree.posterior.to_dataset().assign(sigma=tree.posterior["sigma"] ** 2)
        return tree


@dataclass(frozen=True)
class SharedNewLevel:
    """Right draws, marked so that one draw of the effects is shared among all new levels, as some systems do."""

    engine: Engine = field(default_factory=Direct)

    def __call__(self, data: Data, priors: Priors, rng: np.random.Generator) -> xr.DataTree:
        """Draws with the mark that :func:`lmmlib.calibration.quantities.measured` reads."""
        tree = self.engine(data, priors, rng)
        tree.attrs["shared_new_level"] = True
        return tree


@dataclass(frozen=True)
class WorkingIndependence:
    r"""The posterior under y_i ~ N(x_i'β, V_ii) with the correlations between rows dropped: β and all scales by importance.

    u is drawn as if the model were right, given the wrong parameters.

    Parameters
    ----------
    draws : int, a multiple of four
    """

    draws: int = 4096

    def __call__(self, data: Data, priors: Priors, rng: np.random.Generator) -> xr.DataTree:
        """Draws of equal weight."""
        d = dimension(data.design.layout, priors)

        def evaluate(x: np.ndarray) -> tuple[np.ndarray, Scales]:
            scales = unfold(x[:, :d], data.design.layout, priors)
            return scales.log_prior + _log_independent(data, priors, scales, x[:, d:]), scales

        start = np.concatenate([np.full(d - len(data.design.pairs), np.log(data.y.std() / 2)), np.zeros(len(data.design.pairs))])
        beta = np.linalg.lstsq(data.design.X, data.y - data.design.offset, rcond=None)[0]
        found = weighted_draws(evaluate, np.concatenate([start, beta])[None], self.draws, rng)
        chosen = found.resampled(rng)
        beta, scales = found.x[chosen, d:], found.beside.at(chosen)
        u = draw_given_y(data, Theta(beta, scales.roots, scales.sigma), rng)
        arrays = {"beta": beta, "sd": scales.sd, "cor": scales.cor, "sigma": scales.sigma, "u": u}
        shape = found.log_weight.shape
        tree = draws_.assemble(data, {k: v.reshape(*shape, *v.shape[1:]) for k, v in arrays.items() if v.size}, {})
        tree.attrs.update(found.told)
        return tree


def _log_independent(data: Data, priors: Priors, scales: Scales, beta: np.ndarray) -> np.ndarray:
    """Σ log N(y_i; x_i'β, V_ii) and the log prior of β, (S,)."""
    design, variance = data.design, scales.sigma[:, None] ** 2 / data.design.weights
    for t, root in zip(design.terms, scales.roots, strict=True):
        q = len(t.effects)
        Z = t.columns_of_independent_levels()
        for a in range(q):
            for b in range(q):
                both = np.asarray((Z[:, a::q].multiply(Z[:, b::q])).sum(1)).ravel()
                variance = variance + (root @ np.swapaxes(root, -1, -2))[:, a, b, None] * both
    residual = data.y - design.fixed_part(beta)
    z = (beta - priors.beta_mean) / priors.beta_sd
    return log_normal(residual, variance).sum(1) - 0.5 * np.sum(z**2, 1)
