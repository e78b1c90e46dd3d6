"""What an estimate gives: labelled tables, information criteria, intervals and predictions."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import pandas as pd

from lmmlib import linalg
from lmmlib.estimation import predictions, printing, tables
from lmmlib.estimation.deviance import free_entries
from lmmlib.estimation.profile_intervals import profile_intervals
from lmmlib.estimation.singularity import singular_effects
from lmmlib.estimation.variance_errors import errors_of_singular, variance_errors
from lmmlib.model import Data, Design, Layout, Params, Reduction, as_reduction
from lmmlib.model.options import choice, fraction
from lmmlib.random_effects import conditional_covariance, conditional_mean, leverages


@dataclass(frozen=True, eq=False, repr=False)
class Estimate:
    """Estimates of one model; ``print`` shows them as a summary.

    Neither degrees of freedom nor p values are given: the null distribution of t is known in
    balanced designs only, and Satterthwaite's and Kenward and Roger's degrees are approximations.
    Use a posterior, or a parametric bootstrap by :func:`lmmlib.simulate`.

    Attributes
    ----------
    data : Data or Reduction
        What was fitted.
    params : Params
        Estimates: β̂, covariances of the effects and residual SD.
    se : ndarray, shape (p,)
        Standard errors of β̂ at the estimated variances.
    deviance : float
        −2 log likelihood at the estimates; for REML that of the restricted likelihood, which is
        comparable between models of one X alone.
    method : str
        ``reml`` or ``ml``.
    converged : bool
        Whether the search converged.
    sigma_is_known : bool
        Whether σ was given.
    evaluations : int
        How often the search evaluated the deviance.

    Examples
    --------
    >>> from lmmlib import estimate, from_formula, load_dataset
    >>> sleepstudy = load_dataset("sleepstudy")
    >>> fit = estimate(from_formula("Reaction ~ Days + (Days | Subject)", sleepstudy))
    >>> fit.fixef.round(3)
               estimate     se       t
    Intercept   251.405  6.825  36.838
    Days         10.467  1.546   6.771
    >>> fit.predict(sleepstudy[:2]).round(3).tolist()
    [253.664, 273.33]
    """

    data: Data | Reduction
    params: Params
    se: np.ndarray
    deviance: float
    method: str
    converged: bool
    sigma_is_known: bool = False
    evaluations: int = 0

    @property
    def layout(self) -> Layout:
        """Names of coefficients, terms, levels and effects."""
        return as_reduction(self.data).layout

    @property
    def nobs(self) -> int:
        """Number of rows."""
        return as_reduction(self.data).n

    @property
    def npar(self) -> int:
        """Number of estimated parameters: β, entries of the covariances, and σ unless known."""
        in_covariances = sum(len(free_entries(term)[0]) for term in self.layout.terms)
        return len(self.se) + in_covariances + (0 if self.sigma_is_known else 1)

    @property
    def loglik(self) -> float:
        """Log likelihood, for REML the restricted one, in nats."""
        return -0.5 * self.deviance

    @property
    def aic(self) -> float:
        """Akaike's information criterion, deviance + 2 npar."""
        return self.deviance + 2 * self.npar

    @property
    def bic(self) -> float:
        """Schwarz's criterion, deviance + npar log n: n rows for either method, as in lme4."""
        return float(self.deviance + self.npar * np.log(self.nobs))

    @cached_property
    def u(self) -> np.ndarray:
        """Conditional means of the effects (BLUPs), (K,) in the order of ``design.ranef``."""
        with linalg.threads_for(as_reduction(self.data).widest_separator):
            return conditional_mean(self.data, self.params)

    @cached_property
    def u_cov(self) -> Mapping[str, np.ndarray]:
        """Conditional covariances of each level's effects, (J, q, q) by term.

        At known β and variances.
        """
        with linalg.threads_for(as_reduction(self.data).widest_separator):
            return conditional_covariance(self.data, self.params)

    @cached_property
    def leverages(self) -> np.ndarray | None:
        """Share of each row in its own fitted value, (n,); None for a Reduction."""
        if isinstance(self.data, Reduction):
            return None
        with linalg.threads_for(as_reduction(self.data).widest_separator):
            return leverages(self.data, self.params)

    @property
    def fixef(self) -> pd.DataFrame:
        """Fixed effects, a row a coefficient: ``estimate``, ``se`` and their ratio ``t``."""
        return tables.fixed_effects_table(self._coef, self.params.beta, self.se)

    @property
    def ranef(self) -> pd.DataFrame:
        """Random effects, a row a term, level and effect.

        ``value`` is the conditional mean given y (BLUP), ``sd`` the conditional SD at known β and
        variances.
        """
        return tables.random_effects_table(self.layout, self.u, self.u_cov)

    @property
    def varcorr(self) -> pd.DataFrame:
        """Variance components, as lme4's ``as.data.frame(VarCorr(fit))``.

        A row an effect, with its variance ``vcov`` and SD ``sdcor``; a row a pair of correlated
        effects, with their covariance and correlation; the residual variance last.
        """
        return tables.variance_table(self.layout, self.params)

    @property
    def variance_errors(self) -> pd.DataFrame:
        """``varcorr`` with standard errors ``se_vcov`` and ``se_sdcor``, crude near zero.

        By the Hessian of the deviance (average information beyond 200 effects) and delta method.
        """
        if self.singular:
            raise ValueError(errors_of_singular(self.singular_effects))
        reduction = as_reduction(self.data)
        return variance_errors(reduction, self.params, self.method, self.sigma_is_known)

    @property
    def fitted(self) -> pd.Series:
        """Offset + Xβ̂ + Zû with the labels of the rows."""
        design = self._rows("fitted values").design
        mean = design.fixed_part(self.params.beta) + design.random_part(self.u)
        return predictions.labelled_rows(design, mean).rename("fitted")

    @property
    def residuals(self) -> pd.Series:
        """Response less fitted values, with the labels of the rows."""
        data = self._rows("residuals")
        residuals = data.y - self.fitted.to_numpy()
        return predictions.labelled_rows(data.design, residuals).rename("residual")

    @property
    def singular_effects(self) -> list[str]:
        """Sentences on effects whose SD is zero or whose correlation is one in modulus."""
        row_sd = self.params.sigma / as_reduction(self.data).sqrt_mean_weight
        return singular_effects(self.layout, self.params, row_sd)

    @property
    def singular(self) -> bool:
        """Whether a covariance is singular: an SD at zero, or a correlation at one in modulus."""
        return bool(self.singular_effects)

    def conf_int(
        self, level: float = 0.95, parm: str = "beta", method: str = "wald"
    ) -> pd.DataFrame:
        """Intervals: Wald's of the fixed effects, β̂ ± z se, or by profile likelihood.

        Wald's take the estimated variances for known and t for normal, and are too narrow where
        there are few levels. Profile intervals hold the values at which the best log likelihood is
        at most z²/2 below its maximum: of ML after REML too, as lme4's; an SD may end at 0, a
        correlation at ±1.

        Parameters
        ----------
        level : float, default: 0.95
            Nominal coverage.
        parm : {"beta", "variances", "all"}, default: "beta"
            Fixed effects; SDs, correlations and σ, by profile alone; or all of them.
        method : {"wald", "profile"}, default: "wald"
            Which intervals.

        Returns
        -------
        pandas.DataFrame
            Columns ``lower`` and ``upper``, a row a parameter.

        Raises
        ------
        ValueError
            If the level is not between 0 and 1, an option is unknown, or Wald intervals of variance
            parameters are asked for.
        """
        level = fraction("level", level)
        parm = choice("parm", parm, ("beta", "variances", "all"))
        if choice("method", method, ("wald", "profile")) == "profile":
            known_sigma = self.params.sigma if self.sigma_is_known else None
            return profile_intervals(as_reduction(self.data), level, parm, known_sigma)
        if parm != "beta":
            beta_alone = "Wald intervals are of the fixed effects alone; give method='profile'"
            raise ValueError(f"{beta_alone} for parm={parm!r}, or see variance_errors")
        return tables.wald_intervals(self._coef, self.params.beta, self.se, level)

    def predict(self, new: pd.DataFrame | Design, levels: str = "known") -> pd.Series:
        """Predicted means of rows.

        Parameters
        ----------
        new : pandas.DataFrame or Design
            Rows to predict: a table, where the model comes from a formula, or a Design with the
            same coefficients and terms. Levels are matched by their labels.
        levels : {"known", "new"}, default: "known"
            ``known``: offset + Xβ̂ + Zû. ``new``: population means, offset + Xβ̂, for which a table
            needs no grouping column.

        Returns
        -------
        pandas.Series
            Means in units of the response, with the labels of the rows.

        Raises
        ------
        TypeError
            If the rows are neither a table nor a Design.
        ValueError
            If a level is unknown and ``levels`` is ``known``, or the rows are of another model.
        """
        if predictions.checked_levels(levels) == "new":
            return predictions.population_mean(self._fitted, self.params.beta, new)
        rows = predictions.rows_of_known_levels(self._fitted, new)
        u = predictions.effects_of_rows(self.layout, self.u, rows)
        mean = rows.fixed_part(self.params.beta) + rows.random_part(u)
        return predictions.labelled_rows(rows, mean)

    @property
    def _coef(self) -> pd.Index:
        return pd.Index(self.layout.coef, dtype=object)

    @property
    def _fitted(self) -> Design | Layout:
        """The design, or of a Reduction its layout."""
        return self.layout if isinstance(self.data, Reduction) else self.data.design

    def _rows(self, wanted: str) -> Data:
        """The data that were fitted, if they have rows."""
        if isinstance(self.data, Reduction):
            raise ValueError(
                f"a Reduction keeps no rows, so there are no {wanted}; give them to predict as a "
                "Design, or fit a Data"
            )
        return self.data

    def _summary(self) -> printing.Summary:
        spec = None if isinstance(self.data, Reduction) else self.data.design.formula_spec
        return printing.Summary(
            title="Linear mixed model",
            formula=printing.described(self.layout) if spec is None else spec.parsed.text,
            method=self.method,
            deviance=self.deviance,
            aic=self.aic,
            bic=self.bic,
            sizes=printing.sizes(self.layout, self.nobs),
            variances=self.varcorr,
            fixed_effects=self.fixef,
            notes=printing.notes(self.singular_effects, self.converged, self.sigma_is_known),
        )

    def __str__(self) -> str:
        return printing.as_text(self._summary())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return printing.as_html(self._summary())

    def __getstate__(self) -> dict[str, object]:
        """The fields alone: what was computed at first use is computed again."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
