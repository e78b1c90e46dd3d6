"""Whether an engine finds what was put in.

Simulation-based calibration, and recovery of known truths.
"""

from lmmlib.calibration.controls import SharedNewLevel, TimesSD, VarianceForSD
from lmmlib.calibration.engines import ImportanceSampler
from lmmlib.calibration.ranks import Calibration, EcdfBand, Verdict, power
from lmmlib.calibration.recovery import recover
from lmmlib.calibration.replications import calibrate

__all__ = [
    "Calibration",
    "EcdfBand",
    "ImportanceSampler",
    "SharedNewLevel",
    "TimesSD",
    "VarianceForSD",
    "Verdict",
    "calibrate",
    "power",
    "recover",
]
