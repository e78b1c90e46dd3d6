"""Exact means and covariances of y given u, of y, and of u given y; information in nats.

Dense on purpose: they are for reading and checking, not for fitting.
"""

from lmmlib.moments.covariances import LARGEST, effects_covariance, residual_covariance
from lmmlib.moments.gaussian import Gaussian, conditional, effects, marginal
from lmmlib.moments.information import lautum_information, mutual_information, total_correlation

__all__ = [
    "LARGEST",
    "Gaussian",
    "conditional",
    "effects",
    "effects_covariance",
    "lautum_information",
    "marginal",
    "mutual_information",
    "residual_covariance",
    "total_correlation",
]
