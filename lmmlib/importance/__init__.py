"""The posterior without Markov chains.

β and u exact given the variance parameters, these by importance sampling.
"""

from lmmlib.importance.sampler import posterior
from lmmlib.importance.weighting import PosteriorError

__all__ = ["PosteriorError", "posterior"]
