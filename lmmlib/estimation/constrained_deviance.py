"""The deviance where one variance parameter has a given value."""

from dataclasses import dataclass

import numpy as np

from lmmlib.estimation.full_deviance import FullDeviance
from lmmlib.estimation.search import NEARLY_SINGULAR
from lmmlib.linalg import Evaluation
from lmmlib.model import Params


@dataclass(frozen=True, eq=False)
class ConstrainedDeviance:
    """The deviance where one variance parameter has a given value.

    Points v are those of a :class:`FullDeviance` without one coordinate, which the value and the
    others determine; log σ is left out too where σ is known.

    Attributes
    ----------
    deviance : FullDeviance
        With the effects of the parameter first in their term.
    kind : {"sd", "correlation", "sigma"}
        Of the parameter.
    entry : int
        Number of the entry that is left out: of the SD, or of the second effect given the first.
    value : float
        Of the parameter.
    known_sigma : float or None
        σ, where it is known.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> data = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    >>> full = FullDeviance(data.reduction, "ml")
    >>> at_sd_40 = ConstrainedDeviance(full, "sd", 0, 40.0, None)
    >>> round(at_sd_40(np.log([50.0])).value, 5), round(full(np.array([0.8, np.log(50)])).value, 5)
    (327.36758, 327.36758)
    """

    deviance: FullDeviance
    kind: str
    entry: int
    value: float
    known_sigma: float | None

    def __call__(self, v: np.ndarray) -> Evaluation:
        """Value, gradient and Hessian at v."""
        x = self._whole(v)
        slopes = self._slopes(x)
        full = self.deviance(x)
        hessian = slopes.T @ full.hessian @ slopes
        if self.kind == "sd" and self.known_sigma is None:
            # The entry is SD/σ: its second derivative in log σ is the entry itself.
            hessian[-1, -1] += full.gradient[self.entry] * x[self.entry]
        return Evaluation(full.value, slopes.T @ full.gradient, hessian)

    def start(self, params: Params) -> np.ndarray:
        """The point of parameters but for the one that is given, off the boundary.

        The deviance is even in a diagonal entry, so that it has no slope where that is zero.
        """
        x = self.deviance.point(params)
        for of_term in self.deviance.entries:
            diagonal = of_term.place.start + of_term.diagonal
            x[diagonal] = np.maximum(np.abs(x[diagonal]), NEARLY_SINGULAR)
        if self.kind == "correlation":
            x[self.entry - 1] = np.hypot(x[self.entry - 1], x[self.entry])
        return x[self._free]

    def is_inside(self, v: np.ndarray) -> bool:
        """Whether a point has a correlation of the value's sign, and not of the other."""
        if self.kind != "correlation":
            return True
        return bool(v[self.entry - 2] * v[self.entry - 1] >= 0)

    @property
    def _free(self) -> np.ndarray:
        """Numbers of the coordinates that are left."""
        count = len(self.deviance.scales) + 1
        left_out = [count - 1 if self.kind == "sigma" else self.entry]
        if self.known_sigma is not None:
            left_out.append(count - 1)
        return np.setdiff1d(np.arange(count), left_out)

    def _whole(self, v: np.ndarray) -> np.ndarray:
        """The point (d + 1,) of v."""
        x = np.empty(len(self.deviance.scales) + 1)
        x[self._free] = v
        if self.known_sigma is not None:
            x[-1] = np.log(self.known_sigma)
        if self.kind == "sigma":
            x[-1] = np.log(self.value)
        elif self.kind == "sd":
            x[self.entry] = self.value / (self.deviance.scales[self.entry] * np.exp(x[-1]))
        else:  # v holds the length of the row (b, c), of which b is the correlation's share
            length = x[self.entry - 1]
            x[self.entry - 1] = self.value * length
            x[self.entry] = np.sqrt(1 - self.value**2) * length
        return x

    def _slopes(self, x: np.ndarray) -> np.ndarray:
        """Derivatives of the point (d + 1,) in v."""
        slopes = np.eye(len(x))
        if self.kind == "sd":
            slopes[self.entry, -1] = -x[self.entry]
        elif self.kind == "correlation":
            slopes[self.entry - 1, self.entry - 1] = self.value
            slopes[self.entry, self.entry - 1] = np.sqrt(1 - self.value**2)
        return slopes[:, self._free]
