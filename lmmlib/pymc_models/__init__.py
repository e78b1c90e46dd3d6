"""The two formulations as PyMC models, and NUTS with a gate; the only place that imports PyMC."""

from lmmlib.pymc_models import quiet

# isort: split
# PyTensor reads its settings when it is first imported, so the line above has to come before the
# ones below.

from lmmlib.pymc_models.conditional import conditional_model
from lmmlib.pymc_models.diagnostics import Diagnosis, SamplingError, SamplingWarning, diagnose
from lmmlib.pymc_models.marginal import marginal_model
from lmmlib.pymc_models.refit import Refitter
from lmmlib.pymc_models.sampling import sample, sample_outside_gate

__all__ = [
    "Diagnosis",
    "Refitter",
    "SamplingError",
    "SamplingWarning",
    "conditional_model",
    "diagnose",
    "marginal_model",
    "quiet",
    "sample",
    "sample_outside_gate",
]
