"""What an estimate of several traits gives: the face of a univariate one, by trait."""

from dataclasses import dataclass, fields
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd

from lmmlib import linalg
from lmmlib.estimation import predictions, printing, tables
from lmmlib.estimation.singularity import SINGULAR
from lmmlib.model import Design
from lmmlib.multivariate.canonical import canonical
from lmmlib.multivariate.data import MultivariateData
from lmmlib.multivariate.effects import blup, conditional_sd
from lmmlib.multivariate.params import MultivariateParams


@dataclass(frozen=True, eq=False, repr=False)
class MultivariateEstimate:
    """Estimates of one model of several traits; ``print`` shows them as a summary.

    Neither degrees of freedom nor p values are given: the null distribution of t is known in
    balanced designs only. Use a parametric bootstrap by :func:`lmmlib.multivariate.simulate`.

    Attributes
    ----------
    data : MultivariateData
        What was fitted.
    params : MultivariateParams
        Fixed effects and covariances.
    se : ndarray, shape (p, t)
        Standard errors of B at the estimated covariances.
    deviance : float
        −2 log likelihood at the estimates; for REML that of the restricted likelihood.
    method : str
        ``reml`` or ``ml``.
    converged : bool
        Whether the search converged.

    Examples
    --------
    >>> from lmmlib import from_formula, load_dataset
    >>> from lmmlib.multivariate import estimate
    >>> one = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    >>> fit = estimate(MultivariateData(one.y[:, None], one.design, ["Yield"]))
    >>> fit.fixef.loc[("Yield", "Intercept")].round(2).tolist()
    [1527.5, 19.38, 78.8]
    """

    data: MultivariateData
    params: MultivariateParams
    se: np.ndarray
    deviance: float
    method: str
    converged: bool

    @property
    def nobs(self) -> int:
        """Number of rows, each of all traits."""
        return self.data.design.n

    @property
    def npar(self) -> int:
        """Number of estimated parameters: B, and the entries of both covariances."""
        t = len(self.data.traits)
        return self.se.size + t * (t + 1)

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
        """Schwarz's criterion, deviance + npar log n: n rows for either method."""
        return float(self.deviance + self.npar * np.log(self.nobs))

    @cached_property
    def U(self) -> np.ndarray:
        """Conditional means of the effects (BLUPs), (J, t)."""
        with linalg.one_thread():
            return blup(self.data, self.params)

    @property
    def fixef(self) -> pd.DataFrame:
        """Fixed effects, a row a trait and coefficient: ``estimate``, ``se``, their ratio ``t``."""
        return tables.fixed_effects_table(self._coef, self.params.B.T.ravel(), self.se.T.ravel())

    @property
    def ranef(self) -> pd.DataFrame:
        """Random effects, a row a trait and level.

        ``value`` is the conditional mean given Y (BLUP), ``sd`` the conditional SD at known B and
        covariances.
        """
        with linalg.one_thread():
            sds = conditional_sd(self.data, self.params)
        levels = self.data.design.terms[0].levels
        index = pd.MultiIndex.from_product([self.data.traits, levels], names=["trait", "level"])
        return pd.DataFrame({"value": self.U.T.ravel(), "sd": sds.T.ravel()}, index=index)

    @property
    def varcorr(self) -> pd.DataFrame:
        """G₀ and R₀ as variances ``vcov`` with SDs ``sdcor``, and covariances with correlations."""
        names = {"effect_1": "trait_1", "effect_2": "trait_2"}
        return self._components.rename(columns=names)

    @property
    def fitted(self) -> pd.DataFrame:
        """XB̂ + ZÛ, a column a trait, with the labels of the rows."""
        design = self.data.design
        return self._by_trait(design, design.X @ self.params.B + design.Z @ self.U)

    @property
    def residuals(self) -> pd.DataFrame:
        """Responses less fitted values, a column a trait, with the labels of the rows."""
        return self._by_trait(self.data.design, self.data.Y - self.fitted.to_numpy())

    @property
    def singular(self) -> bool:
        """Whether a combination of traits has no variance between levels.

        An SD below 1e-4 of that of the residuals of a row of mean weight counts as zero, in units
        of the covariate.
        """
        (unit,) = self.data.design.layout.units[0]
        sqrt_mean_weight = np.exp(0.5 * self.data.log_weights / self.nobs)
        relative_sds = unit * sqrt_mean_weight * np.sqrt(canonical(self.params).D)
        return bool(relative_sds.min() < SINGULAR)

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Wald intervals of the fixed effects, B̂ ± z se.

        They take the estimated covariances for known and t for normal, and are too narrow where
        there are few levels.

        Parameters
        ----------
        level : float, default: 0.95
            Nominal coverage.

        Returns
        -------
        pandas.DataFrame
            Columns ``lower`` and ``upper``, a row a trait and coefficient.

        Raises
        ------
        ValueError
            If the level is not between 0 and 1.
        """
        estimates = self.params.B.T.ravel()
        return tables.wald_intervals(self._coef, estimates, self.se.T.ravel(), level)

    def predict(self, new: pd.DataFrame | Design, levels: str = "known") -> pd.DataFrame:
        """Predicted means of rows.

        Parameters
        ----------
        new : pandas.DataFrame or Design
            Rows to predict: a table, where the model comes from a formula, or a Design with the
            same coefficients and terms. Levels are matched by their labels.
        levels : {"known", "new"}, default: "known"
            ``known``: XB̂ + ZÛ. ``new``: population means, XB̂, for which a table needs no grouping
            column.

        Returns
        -------
        pandas.DataFrame
            Means in units of the traits, a column a trait, with the labels of the rows.

        Raises
        ------
        TypeError
            If the rows are neither a table nor a Design.
        ValueError
            If a level is unknown and ``levels`` is ``known``, or the rows are of another model.
        """
        design = self.data.design
        if predictions.checked_levels(levels) == "new":
            means = [predictions.population_mean(design, beta, new) for beta in self.params.B.T]
            return pd.concat(means, axis=1, keys=self.data.traits)
        rows = predictions.rows_of_known_levels(design, new)
        U = predictions.effects_of_rows(design.layout, self.U, rows)
        return self._by_trait(rows, rows.X @ self.params.B + rows.Z @ U)

    @property
    def _coef(self) -> pd.MultiIndex:
        names = [self.data.traits, self.data.design.layout.coef]
        return pd.MultiIndex.from_product(names, names=["trait", "coefficient"])

    @property
    def _components(self) -> pd.DataFrame:
        traits = self.data.traits
        term = self.data.design.terms[0].name
        pairs = [(i, j) for j, i in combinations(range(len(traits)), 2)]
        between = tables.covariance_rows(term, traits, self.params.G0, pairs)
        residual = tables.covariance_rows(tables.RESIDUAL, traits, self.params.R0, pairs)
        return tables.component_table([*between, *residual])

    def _by_trait(self, design: Design, values: np.ndarray) -> pd.DataFrame:
        columns = [predictions.labelled_rows(design, column) for column in values.T]
        return pd.concat(columns, axis=1, keys=self.data.traits)

    def _summary(self) -> printing.Summary:
        layout = self.data.design.layout
        spec = self.data.design.formula_spec
        formula = printing.described(layout) if spec is None else spec.parsed.text
        predictors = formula.partition("~")[2].strip()
        sentences = []
        if self.singular:
            term = self.data.design.terms[0].name
            sentences.append(f"a combination of traits has no variance between levels of {term}")
        return printing.Summary(
            title=f"Linear mixed model of {len(self.data.traits)} traits",
            formula=f"{', '.join(self.data.traits)} ~ {predictors}",
            method=self.method,
            deviance=self.deviance,
            aic=self.aic,
            bic=self.bic,
            sizes=printing.sizes(layout, self.nobs),
            variances=self._components,
            fixed_effects=self.fixef,
            notes=printing.notes(sentences, self.converged, sigma_is_known=False),
        )

    def __str__(self) -> str:
        return printing.as_text(self._summary())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return printing.as_html(self._summary())

    def __getstate__(self) -> dict[str, object]:
        """The fields alone: what was computed at first use is computed again."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
