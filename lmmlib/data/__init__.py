"""A response bound to its design, and all that the likelihood needs of both in a few triangles."""

from lmmlib.data.data import Data, checked_data, reduced
from lmmlib.data.merging import reduce
from lmmlib.data.reduction import Reduction, reduction_of

__all__ = ["Data", "Reduction", "checked_data", "reduce", "reduced", "reduction_of"]
