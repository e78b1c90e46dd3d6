"""Engines that are wrong on purpose, each in a way that people have been.

A calibration that passes one is worthless.

One more is a model: ``lmmlib.report.working_independence_model``, fitted by ``Refitter``, drops the
correlations between rows.
"""

from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from lmmlib.calibration.engines import Direct, Engine
from lmmlib.model import Data, Priors


@dataclass(frozen=True)
class TimesSD:  # numpydoc ignore=PR02
    """Right draws, but every SD of an effect times a factor.

    An overconfident prior, or a forgotten level.

    Parameters
    ----------
    factor : float, default: 0.8
        Number that the SD of the draws is multiplied by.
    engine : Engine, optional
        The right engine.
    """

    factor: float = 0.8
    engine: Engine = field(default_factory=Direct)

    def __call__(self, data: Data, priors: Priors, rng: np.random.Generator) -> xr.DataTree:
        """Draws with the SDs scaled."""
        tree = self.engine(data, priors, rng)
        tree["posterior"] = tree.posterior.to_dataset().assign(
            sd=self.factor * tree.posterior["sd"]
        )
        return tree


@dataclass(frozen=True)
class VarianceForSD:
    """Right draws, but the residual *variance* under the name of σ.

    What stands on the diagonal of V is taken for an SD.

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
    """Right draws, marked so that all new levels share one draw of the effects.

    Some systems do so.
    """

    engine: Engine = field(default_factory=Direct)

    def __call__(self, data: Data, priors: Priors, rng: np.random.Generator) -> xr.DataTree:
        """Draws with the mark that :func:`lmmlib.calibration.quantities.measured` reads."""
        tree = self.engine(data, priors, rng)
        tree.attrs["shared_new_level"] = True
        return tree
