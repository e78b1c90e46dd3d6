"""Predictions of a posterior, for the rows that were seen or for new ones.

And what they say of the data.
"""

from lmmlib.prediction.predictive_checks import (
    OF_GROUPS,
    STATISTICS,
    PredictiveCheck,
    predictive_check,
)
from lmmlib.prediction.replicates import posterior_predict

__all__ = ["OF_GROUPS", "STATISTICS", "PredictiveCheck", "posterior_predict", "predictive_check"]
