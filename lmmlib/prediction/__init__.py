"""Predictions of a posterior, and what they say of the data.

Replicated responses and expected values, of the rows that were seen or of new ones.
"""

import lmmlib.draws  # noqa: F401  before ArviZ, for the reason given there
from lmmlib.prediction.predictions import posterior_epred, posterior_predict
from lmmlib.prediction.predictive_checks import PredictiveCheck, predictive_check
from lmmlib.prediction.statistics import GROUP_STATISTICS, STATISTICS

__all__ = [
    "GROUP_STATISTICS",
    "STATISTICS",
    "PredictiveCheck",
    "posterior_epred",
    "posterior_predict",
    "predictive_check",
]
