"""Engines to calibrate: anything that turns data and priors into draws of equal weight."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from lmmlib.importance import PosteriorError, posterior
from lmmlib.model import Data, Priors
from lmmlib.model.options import in_brief

Engine = Callable[[Data, Priors, np.random.Generator], xr.DataTree]

SMALLEST_ESS = 2000  # of resampled draws: fewer would repeat too often among the 99 that are ranked
MOST_DRAWS = 65536


@dataclass(frozen=True)
class Direct:  # numpydoc ignore=PR02
    """The direct posterior, with as many draws as an effective sample size of 2,000 takes.

    Parameters
    ----------
    draws : int, default: 4096
        Number of draws to start from.

    Examples
    --------
    >>> from lmmlib.model import Design, ScalePrior, Term
    >>> data = Data(np.arange(8.0), Design(np.ones((8, 1)), [Term.grouped("g", list("aabbccdd"))]))
    >>> priors = Priors.build(data.design, (0, 5), ScalePrior("half-normal", 3.0))
    >>> tree = Direct()(data, priors, np.random.default_rng(1))
    >>> tree.attrs["kish_ess"] >= 2000
    True
    """

    draws: int = 4096

    def __call__(self, data: Data, priors: Priors, rng: np.random.Generator) -> xr.DataTree:
        """Draws of equal weight, or a PosteriorError."""
        draws = self.draws
        while True:
            tree = posterior(data, priors, draws, rng=rng)
            if tree.attrs["kish_ess"] >= SMALLEST_ESS:
                return tree
            if draws >= MOST_DRAWS:
                raise PosteriorError(
                    f"an effective sample size of {tree.attrs['kish_ess']:.0f} of {draws} draws, "
                    f"below {SMALLEST_ESS}"
                )
            draws *= 2


def check_engine(name: str, engine: object) -> None:
    """Raise unless ``engine`` can be called."""
    if not callable(engine) or isinstance(engine, type):
        raise TypeError(
            f"{name} must be a callable (data, priors, rng) -> draws, got {in_brief(engine)}; "
            "give for instance Direct()"
        )
