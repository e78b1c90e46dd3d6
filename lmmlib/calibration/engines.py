"""Engines to calibrate: anything that turns data and priors into draws of equal weight."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from lmmlib.importance import PosteriorError, posterior
from lmmlib.model import Data, Priors
from lmmlib.model.options import in_brief

Engine = Callable[[Data, Priors, np.random.Generator], xr.DataTree]

# Effective draws, of which 99 are ranked: fewer would repeat too often among those.
MIN_ESS = 2000
MAX_DRAWS = 65536


@dataclass(frozen=True)
class ImportanceSampler:  # numpydoc ignore=PR02
    """The posterior by importance sampling, with as many draws as 2,000 effective ones take.

    Parameters
    ----------
    draws : int, default: 4096
        Number of draws to start from.

    Examples
    --------
    >>> from lmmlib.model import Design, ScalePrior, Term
    >>> data = Data(np.arange(8.0), Design(np.ones((8, 1)), [Term.grouped("g", list("aabbccdd"))]))
    >>> priors = Priors.build(data.design, (0, 5), ScalePrior("half-normal", 3.0))
    >>> tree = ImportanceSampler()(data, priors, np.random.default_rng(1))
    >>> tree.attrs["kish_ess"] >= 2000
    True
    """

    draws: int = 4096

    def __call__(self, data: Data, priors: Priors, rng: np.random.Generator) -> xr.DataTree:
        """Draws of equal weight, or a PosteriorError."""
        draws = self.draws
        while True:
            tree = posterior(data, priors, draws, rng=rng)
            ess = tree.attrs["kish_ess"]
            if ess >= MIN_ESS:
                return tree
            if draws >= MAX_DRAWS:
                raise PosteriorError(
                    f"an effective sample size of {ess:.0f} of {draws} draws, below {MIN_ESS}"
                )
            draws *= 2


@dataclass(frozen=True)
class FailedFit:
    """A fit that an engine gave up.

    Attributes
    ----------
    reason : str
        Type and message of its error.
    """

    reason: str

    @classmethod
    def of(cls, error: Exception) -> "FailedFit":
        """The failed fit that an engine's error tells of."""
        return cls(f"{type(error).__name__}: {error}")


def check_engine(name: str, engine: object) -> None:
    """Raise unless ``engine`` can be called.

    Raises
    ------
    TypeError
        If it cannot, or is a class.
    """
    if not callable(engine) or isinstance(engine, type):
        raise TypeError(
            f"{name} must be a callable (data, priors, rng) -> draws, got {in_brief(engine)}; "
            "give for instance ImportanceSampler()"
        )
