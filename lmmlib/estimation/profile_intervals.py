r"""Profile-likelihood intervals of coefficients, SDs, correlations and σ.

The profile of a parameter is the least deviance at each of its values. An interval holds the values
at which it is at most z² above its minimum: those with \|ζ\| ≤ z, ζ the signed square root.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm

from lmmlib import linalg
from lmmlib.estimation.constrained_deviance import ConstrainedDeviance
from lmmlib.estimation.derivatives import DevianceDerivatives
from lmmlib.estimation.deviance import profile_at, relative_factors, residual_df
from lmmlib.estimation.full_deviance import FullDeviance
from lmmlib.estimation.search import NEARLY_SINGULAR, search
from lmmlib.linalg import ConvergenceWarning, Minimum
from lmmlib.model import Params, Reduction

# Share of an interval's end, or of the range of a correlation, to which it is found.
PRECISION = 1e-10
# Gain that a step must promise, of a deviance: ends are then right to about the precision.
LEAST_GAIN = 1e-13
# Gain that the end of a search may still promise: it moves an end by less than 1e-4 of an error.
MOST_GAIN = 1e-4
DOUBLINGS = 60  # of an end's distance, or halvings of σ, before a profile counts as flat

Profile = Callable[[float], float]


@dataclass(frozen=True, eq=False)
class Profiles:
    """Profiles of the variance parameters of one response.

    Attributes
    ----------
    reduction : Reduction
        Response and design, reduced.
    params : Params
        The estimates by maximum likelihood.
    se : ndarray, shape (p,)
        Standard errors of the coefficients.
    point : ndarray, shape (d,)
        Entries of the relative covariance factors there.
    least : float
        Deviance there.
    known_sigma : float or None
        σ, where it is known.
    rise : float
        z², by which the deviance rises to the ends of an interval.
    """

    reduction: Reduction
    params: Params
    se: np.ndarray
    point: np.ndarray
    least: float
    known_sigma: float | None
    rise: float

    def of_coefficients(self) -> Iterator[tuple[str, float, float]]:
        """Names, lower and upper ends of the coefficients."""
        for j, name in enumerate(self.reduction.layout.coef):
            height = self.coefficient(j)
            estimate = float(self.params.beta[j])
            step = float(np.sqrt(self.rise) * self.se[j])
            lower, upper = (
                self._end(height, estimate, self._beyond(height, estimate, way * step))
                for way in (-1.5, 1.5)
            )
            yield name, lower, upper

    def of_variances(self) -> Iterator[tuple[str, float, float]]:
        """Names, lower and upper ends: by term the SDs, then the correlations; σ last."""
        for k, term in enumerate(self.reduction.layout.terms):
            at_zero = [self.sd(k, effect)(0.0) for effect in range(len(term.effects))]
            for effect, name in enumerate(term.effect_names):
                lower, upper = self._of_sd(k, effect, at_zero[effect])
                yield f"sd({name})", lower, upper
            for (i, j), name in zip(term.pairs, term.pair_names, strict=True):
                highest = min(at_zero[i], at_zero[j])
                lower, upper = self._of_correlation(k, j, i, highest)
                yield f"cor({name})", lower, upper
        if self.known_sigma is None:
            lower, upper = self._of_sigma()
            yield "sigma", lower, upper

    def coefficient(self, j: int) -> Profile:
        """ζ² of a coefficient: its column times its value goes to the response's side."""
        columns = np.eye(len(self.params.beta) + 1)
        start = np.where(self.point == 0, NEARLY_SINGULAR, self.point)

        def height(value: float) -> float:
            combination = np.delete(columns, j, axis=1)
            combination[j, -1] = -value
            deviance = DevianceDerivatives(self.reduction, "ml", self.known_sigma, combination)
            end = linalg.newton_minimize(deviance, start, None, LEAST_GAIN)
            return self._above_least(end)

        return height

    def sd(self, term: int, effect: int) -> Profile:
        """ζ² of an SD."""
        deviance = self._with_first(term, [effect])
        entry = self._first_entry(term, effect)
        return lambda value: self._height(deviance, "sd", entry, value)

    def correlation(self, term: int, effects: tuple[int, int], highest: float) -> Profile:
        """ζ² of a correlation: ``highest`` where one of its SDs had better be zero."""
        deviance = self._with_first(term, list(effects))
        entry = self._first_entry(term) + 2  # of the lower triangle by rows
        return lambda value: min(highest, self._height(deviance, "correlation", entry, value))

    def sigma(self) -> Profile:
        """ζ² of σ."""
        deviance = FullDeviance(self.reduction, "ml")
        return lambda value: self._height(deviance, "sigma", 0, value)

    def _of_sd(self, k: int, effect: int, at_zero: float) -> tuple[float, float]:
        name = self.reduction.layout.terms[k].name
        estimate = float(np.sqrt(self.params.cov[name][effect, effect]))
        height = self.sd(k, effect)
        unit = self._with_first(k, [effect]).scales[self._first_entry(k, effect)]
        step = max(estimate, 0.1 * unit * self.params.sigma)
        lower = 0.0 if at_zero <= self.rise else self._end(height, estimate, 0.0)
        return lower, self._end(height, estimate, self._beyond(height, estimate, step))

    def _of_correlation(self, k: int, j: int, i: int, highest: float) -> tuple[float, float]:
        if highest <= self.rise:  # then every correlation is as likely as that
            return -1.0, 1.0
        cov = self.params.cov[self.reduction.layout.terms[k].name]
        estimate = float(np.clip(cov[i, j] / np.sqrt(cov[i, i] * cov[j, j]), -1, 1))
        height = self.correlation(k, (j, i), highest)
        ends = [
            bound if height(bound) <= self.rise else self._end(height, estimate, bound)
            for bound in (-1.0, 1.0)
        ]
        return ends[0], ends[1]

    def _of_sigma(self) -> tuple[float, float]:
        estimate = self.params.sigma
        height = self.sigma()
        lower = 0.0  # where effects may take up all that is left of the rows
        for halving in range(1, DOUBLINGS):
            below = estimate / 2.0**halving
            if height(below) > self.rise:
                lower = self._end(height, estimate, below)
                break
        return lower, self._end(height, estimate, self._beyond(height, estimate, estimate))

    def _beyond(self, height: Profile, estimate: float, step: float) -> float:
        """A value above the upper end."""
        for doubling in range(DOUBLINGS):
            value = estimate + step * 2.0**doubling
            if height(value) > self.rise:
                return value
        return np.inf

    def _end(self, height: Profile, estimate: float, beyond: float) -> float:
        r"""Where \|ζ\| = z between the estimate and a value beyond the end."""
        if not np.isfinite(beyond):
            return beyond
        z = np.sqrt(self.rise)

        def excess(value: float) -> float:
            return -z if value == estimate else float(np.sqrt(max(height(value), 0.0))) - z

        precision = PRECISION * max(abs(estimate), abs(beyond))
        return float(brentq(excess, estimate, beyond, xtol=precision, rtol=PRECISION))

    def _height(self, deviance: FullDeviance, kind: str, entry: int, value: float) -> float:
        """The least deviance at a value, above its minimum."""
        constrained = ConstrainedDeviance(deviance, kind, entry, value, self.known_sigma)
        start = constrained.start(self.params)
        end = linalg.newton_minimize(constrained, start, None, LEAST_GAIN)
        return self._above_least(end) if constrained.is_inside(end.x) else np.inf

    def _above_least(self, end: Minimum) -> float:
        """ζ² at the end of a search."""
        if not end.promised_gain < MOST_GAIN:
            warnings.warn(
                "a search along a profile ended at no minimum, and intervals may be off; rescale "
                "covariates or simplify terms",
                ConvergenceWarning,
                stacklevel=2,
            )
        return end.evaluation.value - self.least

    def _with_first(self, term: int, effects: list[int]) -> FullDeviance:
        """The deviance with some effects of a term before the others."""
        given = self.reduction.layout.terms[term]
        if not given.correlated:
            return FullDeviance(self.reduction, "ml")
        others = [effect for effect in range(len(given.effects)) if effect not in effects]
        return FullDeviance(self.reduction, "ml", {given.name: [*effects, *others]})

    def _first_entry(self, term: int, effect: int = 0) -> int:
        """Number of the entry of an effect's SD where it stands first."""
        before = self.reduction.layout.terms[:term]
        start = sum(len(t.effects) + len(t.pairs) for t in before)
        return start if self.reduction.layout.terms[term].correlated else start + effect


def profile_intervals(
    reduction: Reduction, level: float, parm: str, known_sigma: float | None
) -> pd.DataFrame:
    """Profile intervals, from the likelihood whatever the fit was by.

    Parameters
    ----------
    reduction : Reduction
        Response and design, reduced.
    level : float
        Nominal coverage.
    parm : {"beta", "variances", "all"}
        Which parameters.
    known_sigma : float or None
        Residual SD, where it is known.

    Returns
    -------
    pandas.DataFrame
        Columns ``lower`` and ``upper``, a row a parameter.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> data = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    >>> profile_intervals(data.reduction, 0.95, "all", None).round(2)
                            lower    upper
    Intercept             1486.45  1568.55
    sd(Batch: Intercept)    12.20    84.06
    sigma                   38.23    67.66
    """
    rise = float(norm.ppf((1 + level) / 2) ** 2)
    rows: list[tuple[str, float, float]] = []
    with linalg.threads_for(reduction.widest_separator):
        profiles = _profiles(reduction, known_sigma, rise)
        if parm != "variances":
            rows += profiles.of_coefficients()
        if parm != "beta":
            rows += profiles.of_variances()
    names = np.array([name for name, _, _ in rows], object)
    ends = np.array([(lower, upper) for _, lower, upper in rows]).reshape(-1, 2)
    return pd.DataFrame(ends, index=names, columns=["lower", "upper"])


def _profiles(reduction: Reduction, known_sigma: float | None, rise: float) -> Profiles:
    """The estimates by maximum likelihood, to measure deviances from."""
    optimum = search(DevianceDerivatives(reduction, "ml", known_sigma))
    profiled = profile_at(reduction, optimum.point[None])
    sigma = known_sigma
    if sigma is None:
        sigma = float(np.sqrt(profiled.pwrss[0] / residual_df(reduction, "ml")))
    Lam = relative_factors(reduction, optimum.point[None])
    names = [term.name for term in reduction.layout.terms]
    cov = {name: sigma**2 * L[0] @ L[0].T for name, L in zip(names, Lam, strict=True)}
    beta = linalg.solve_upper_stack(profiled.R_X, profiled.t)[:, 0]
    se = sigma * np.linalg.norm(np.linalg.inv(profiled.R_X[..., 0]), axis=1)
    least = DevianceDerivatives(reduction, "ml", known_sigma).value(optimum.point)
    return Profiles(
        reduction, Params(beta, cov, sigma), se, optimum.point, least, known_sigma, rise
    )
