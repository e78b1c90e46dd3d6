"""The two formulations as PyMC models, and NUTS with diagnostics."""

from lmmlib.pymc_models.conditional import conditional_model
from lmmlib.pymc_models.diagnostics import Diagnosis, SamplingError, SamplingWarning, diagnose
from lmmlib.pymc_models.marginal import marginal_model
from lmmlib.pymc_models.refit import Refitter
from lmmlib.pymc_models.sampling import sample

__all__ = [
    "Diagnosis",
    "Refitter",
    "SamplingError",
    "SamplingWarning",
    "conditional_model",
    "diagnose",
    "marginal_model",
    "sample",
]
