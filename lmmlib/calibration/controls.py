"""Engines that are wrong on purpose, each in a way that people have been.

A calibration that passes one is worthless. One more is a model:
``lmmlib.report.working_independence_model``, fitted by ``Refitter``, drops the correlations between
rows.
"""

from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from lmmlib.calibration.engines import Engine, ImportanceSampler
from lmmlib.model import Data, Priors

SHARED_NEW_LEVEL = "shared_new_level"


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
    engine: Engine = field(default_factory=ImportanceSampler)

    def __call__(self, data: Data, priors: Priors, rng: np.random.Generator) -> xr.DataTree:
        """Draws with the SDs scaled."""
        tree = self.engine(data, priors, rng)
        return _with_variable(tree, "sd", self.factor * tree.posterior["sd"])


@dataclass(frozen=True)
class VarianceForSD:  # numpydoc ignore=PR02
    """Right draws, but the residual *variance* under the name of σ.

    What stands on the diagonal of V is taken for an SD. It cannot be seen where σ is one.

    Parameters
    ----------
    engine : Engine, optional
        The right engine.
    """

    engine: Engine = field(default_factory=ImportanceSampler)

    def __call__(self, data: Data, priors: Priors, rng: np.random.Generator) -> xr.DataTree:
        """Draws with σ squared."""
        tree = self.engine(data, priors, rng)
        return _with_variable(tree, "sigma", tree.posterior["sigma"] ** 2)


@dataclass(frozen=True)
class SharedNewLevel:  # numpydoc ignore=PR02
    """Right draws, marked so that all new levels share one draw of the effects.

    Some systems do so.

    Parameters
    ----------
    engine : Engine, optional
        The right engine.
    """

    engine: Engine = field(default_factory=ImportanceSampler)

    def __call__(self, data: Data, priors: Priors, rng: np.random.Generator) -> xr.DataTree:
        """Draws with the mark that :func:`lmmlib.calibrate` heeds."""
        tree = self.engine(data, priors, rng)
        tree.attrs[SHARED_NEW_LEVEL] = True
        return tree


def _with_variable(tree: xr.DataTree, name: str, values: xr.DataArray) -> xr.DataTree:
    """The tree with one variable of its posterior replaced."""
    tree["posterior"] = tree.posterior.to_dataset().assign({name: values})
    return tree
