"""Likelihood-ratio tests of nested fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import chi2

from lmmlib.estimation.printing import described
from lmmlib.estimation.result import Estimate
from lmmlib.estimation.search import GAIN
from lmmlib.model import Data, as_reduction

CONSERVATIVE = (
    "Where the smaller model has an SD of zero that the larger one estimates, p is conservative."
)
ROUNDING = 1e-10  # share by which sums over the same rows may differ


@dataclass(frozen=True, eq=False, repr=False)
class Anova:
    """Likelihood-ratio tests of fits, each against the one before it.

    Attributes
    ----------
    table : pandas.DataFrame
        A row a fit, by its number of parameters: ``npar``, ``AIC``, ``BIC``, ``logLik``,
        ``deviance``, ``Chisq``, ``Df`` and ``p``; the first has no test.
    method : str
        ``ml``, or ``reml`` for fits of one X.
    formulas : dict of str to str
        Formula of each row of the table.
    """

    table: pd.DataFrame
    method: str
    formulas: dict[str, str]

    def __str__(self) -> str:
        models = [f"{name}: {formula}" for name, formula in self.formulas.items()]
        shown = self._shown.to_string()
        return "\n".join([self._heading, *models, "", shown, "", CONSERVATIVE])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        models = [
            f"{name}: <code>{escape(formula)}</code>" for name, formula in self.formulas.items()
        ]
        heading = "<br>".join([self._heading, *models])
        shown = self._shown.to_html(border=0)
        return f"<p>{heading}</p>\n{shown}\n<p>{CONSERVATIVE}</p>"

    @property
    def _shown(self) -> pd.DataFrame:
        """The table with its numbers as text, empty where there is no test."""
        formats = dict.fromkeys(["AIC", "BIC", "logLik", "deviance"], ".2f")
        formats |= {"npar": "d", "Chisq": ".3f", "Df": "d", "p": ".3g"}
        shown = {}
        for name, form in formats.items():
            column = self.table[name]
            shown[name] = ["" if pd.isna(value) else format(value, form) for value in column]
        return pd.DataFrame(shown, index=self.table.index)[list(self.table.columns)]

    @property
    def _heading(self) -> str:
        if self.method == "reml":
            return "Likelihood-ratio tests of REML fits (restricted likelihoods of one X)"
        return "Likelihood-ratio tests of maximum-likelihood fits"


def anova(fit: Estimate, other: Estimate, *more: Estimate) -> Anova:
    """Likelihood-ratio tests of two or more nested fits, each against the next smaller one.

    Chisq = deviance of the smaller − deviance of the larger, against a chi-squared distribution
    with as many degrees of freedom as the larger has further parameters. Where a variance of the
    smaller model lies on its boundary of zero, the null distribution is a mixture with fewer
    degrees, and this p value is conservative.

    Parameters
    ----------
    fit, other : Estimate
        Fits of the same data by one method, in any order. REML fits must have the same X.
    *more : Estimate
        Further ones.

    Returns
    -------
    Anova
        Tests, which print, with their ``table``.

    Raises
    ------
    TypeError
        If something is no Estimate.
    ValueError
        If fits differ in method or data (response, rows, weights or offset), REML fits differ in
        X, known residual SDs differ, or two fits are not nested: their parameters are as many, or
        the larger has the smaller likelihood.

    References
    ----------
    Self & Liang (1987), J. Am. Stat. Assoc. 82(398), and Stram & Lee (1994), Biometrics 50(4), for
    variances on the boundary.

    Examples
    --------
    >>> from lmmlib import estimate, from_formula, load_dataset
    >>> formulas = ["Reaction ~ Days + (1 | Subject)", "Reaction ~ Days + (Days | Subject)"]
    >>> fits = [estimate(from_formula(f, load_dataset("sleepstudy")), "ml") for f in formulas]
    >>> test = anova(*fits).table.loc["fit 2"]
    >>> f"{test.Chisq:.3f}", int(test.Df), f"{test.p:.1e}"
    ('42.139', 2, '7.1e-10')
    """
    fits = (fit, other, *more)
    _check_kinds(fits)
    named = {f"fit {k}": each for k, each in enumerate(fits, start=1)}
    names = sorted(named, key=lambda name: named[name].npar)
    for name_of_smaller, name_of_larger in pairwise(names):
        between = f"{name_of_smaller} and {name_of_larger}"
        _check_comparable(named[name_of_smaller], named[name_of_larger], between)
        _check_nested(named[name_of_smaller], named[name_of_larger], between)
    ordered = [named[name] for name in names]
    table = pd.DataFrame(
        {
            "npar": [each.npar for each in ordered],
            "AIC": [each.aic for each in ordered],
            "BIC": [each.bic for each in ordered],
            "logLik": [each.loglik for each in ordered],
            "deviance": [each.deviance for each in ordered],
        },
        index=names,
    )
    table["Chisq"] = (-table.deviance.diff()).clip(lower=0)
    table["Df"] = table.npar.diff().astype("Int64")
    further = table.npar.diff().to_numpy()
    table["p"] = chi2.sf(table.Chisq.to_numpy(), further)
    formulas = {name: _formula(named[name]) for name in names}
    return Anova(table, fit.method, formulas)


def _check_kinds(fits: Sequence[object]) -> None:
    for fit in fits:
        if not isinstance(fit, Estimate):
            raise TypeError(
                f"anova compares results of estimate, got {type(fit).__name__}; make one with "
                "estimate(data, method='ml')"
            )


def _check_comparable(a: Estimate, b: Estimate, between: str) -> None:
    """Raise unless two likelihoods are of the same data, and of one kind."""
    if a.method != b.method:
        raise ValueError(
            f"{between} are by {a.method} and by {b.method}; refit both with method='ml'"
        )
    different = _difference_of_responses(a, b)
    if different:
        raise ValueError(f"{between} are of different data: {different}; fit both to the same rows")
    if a.method == "reml" and not _have_same_X(a, b):
        raise ValueError(
            f"{between} are REML fits of different X, whose restricted likelihoods cannot be "
            "compared; refit with method='ml'"
        )
    if a.sigma_is_known and b.sigma_is_known and a.params.sigma != b.params.sigma:
        raise ValueError(
            f"{between} have different known residual SDs, {a.params.sigma:g} and "
            f"{b.params.sigma:g}; fit both with one"
        )


def _check_nested(smaller: Estimate, larger: Estimate, between: str) -> None:
    if smaller.npar == larger.npar:
        raise ValueError(
            f"{between} are not nested: both have {larger.npar} parameters; compare their AIC or "
            "BIC instead"
        )
    excess = larger.deviance - smaller.deviance
    if excess > GAIN + ROUNDING * abs(larger.deviance):
        raise ValueError(
            f"{between} are not nested: the one with more parameters has the larger deviance, by "
            f"{excess:.3g}; compare their AIC or BIC instead"
        )


def _difference_of_responses(a: Estimate, b: Estimate) -> str | None:
    """In what the rows, responses, weights or offsets of two fits differ, or None."""
    if a.nobs != b.nobs:
        return f"{a.nobs} and {b.nobs} rows"
    if isinstance(a.data, Data) and isinstance(b.data, Data):
        compared = {
            "responses": (a.data.y, b.data.y),
            "weights": (a.data.design.weights, b.data.design.weights),
            "offsets": (a.data.design.offset, b.data.design.offset),
        }
        for what, (of_a, of_b) in compared.items():
            if not np.array_equal(of_a, of_b):
                return f"the {what} differ"
        return None
    # A reduction has kept the sum of the log weights, and Y'WY of the response less its offset.
    in_a = as_reduction(a.data)
    in_b = as_reduction(b.data)
    sums_of_a = [in_a.log_weights, np.sum(in_a.rows[1][:, -1] ** 2)]
    sums_of_b = [in_b.log_weights, np.sum(in_b.rows[1][:, -1] ** 2)]
    if not np.allclose(sums_of_a, sums_of_b, rtol=ROUNDING, atol=ROUNDING):
        return "the responses, weights or offsets differ"
    return None


def _have_same_X(a: Estimate, b: Estimate) -> bool:
    if a.layout.coef != b.layout.coef:
        return False
    if isinstance(a.data, Data) and isinstance(b.data, Data):
        return np.array_equal(a.data.design.X, b.data.design.X)
    X_of_a = as_reduction(a.data).rows[1][:, :-1]
    X_of_b = as_reduction(b.data).rows[1][:, :-1]
    products_of_a = X_of_a.T @ X_of_a
    products_of_b = X_of_b.T @ X_of_b
    scale = np.abs(products_of_a).max(initial=0.0)
    return np.allclose(products_of_a, products_of_b, rtol=ROUNDING, atol=ROUNDING * scale)


def _formula(fit: Estimate) -> str:
    spec = fit.data.design.formula_spec if isinstance(fit.data, Data) else None
    return described(fit.layout) if spec is None else spec.parsed.text
