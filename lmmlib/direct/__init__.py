"""The posterior without Markov chains: β and u exact given the variance parameters, these by importance sampling."""

from lmmlib.direct.importance import PosteriorError
from lmmlib.direct.sampler import posterior

__all__ = ["PosteriorError", "posterior"]
