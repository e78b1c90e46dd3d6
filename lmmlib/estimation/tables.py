"""Labelled tables of estimates: fixed effects, intervals, random effects, variance components."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from lmmlib.model import Layout, Params
from lmmlib.model.options import fraction

RESIDUAL = "Residual"


def fixed_effects_table(index: pd.Index, beta: np.ndarray, se: np.ndarray) -> pd.DataFrame:
    """Estimates, standard errors and their ratio, a row a coefficient.

    Examples
    --------
    >>> fixed_effects_table(pd.Index(["x"]), np.array([3.0]), np.array([2.0])).t.tolist()
    [1.5]
    """
    return pd.DataFrame({"estimate": beta, "se": se, "t": beta / se}, index=index)


def wald_intervals(index: pd.Index, beta: np.ndarray, se: np.ndarray, level: float) -> pd.DataFrame:
    """β̂ ± z se, with z the standard normal quantile of (1 + level)/2.

    Examples
    --------
    >>> wald_intervals(pd.Index(["x"]), np.array([3.0]), np.array([2.0]), 0.95).round(3).to_numpy()
    array([[-0.92,  6.92]])
    """
    z = norm.ppf((1 + fraction("level", level)) / 2)
    return pd.DataFrame({"lower": beta - z * se, "upper": beta + z * se}, index=index)


def random_effects_table(
    layout: Layout, u: np.ndarray, u_cov: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Conditional means and SDs of the effects, a row a term, level and effect."""
    labels = [layout.ranef[key] for key in ("term", "level", "covariate")]
    index = pd.MultiIndex.from_arrays(labels, names=["term", "level", "effect"])
    variances = [np.diagonal(u_cov[t.name], axis1=-2, axis2=-1).ravel() for t in layout.terms]
    return pd.DataFrame({"value": u, "sd": np.sqrt(np.concatenate(variances))}, index=index)


def variance_table(layout: Layout, params: Params) -> pd.DataFrame:
    """Variances and covariances of the effects of each term, and the residual variance."""
    rows = []
    for term in layout.terms:
        rows += covariance_rows(term.name, term.effects, params.cov[term.name], term.pairs)
    rows += covariance_rows(RESIDUAL, [None], np.array([[params.sigma**2]]), [])
    return component_table(rows)


@dataclass(frozen=True)
class Component:
    """A row of the table of variance components.

    Attributes
    ----------
    term : str
        Name of the term, or ``Residual``.
    effect_1, effect_2 : str or None
        The effect of a variance, or the two of a covariance.
    vcov : float
        Variance or covariance.
    sdcor : float
        SD or correlation; a correlation with an effect without variance is missing.
    """

    term: str
    effect_1: str | None
    effect_2: str | None
    vcov: float
    sdcor: float


def covariance_rows(
    term: str,
    names: Sequence[str | None],
    cov: np.ndarray,
    pairs: Sequence[tuple[int, int]],
) -> list[Component]:
    """A covariance matrix as rows: its variances, then the covariances of ``pairs``.

    Examples
    --------
    >>> cov = np.array([[4.0, 1.0], [1.0, 1.0]])
    >>> [row.sdcor for row in covariance_rows("g", ["a", "b"], cov, [(1, 0)])]
    [2.0, 1.0, 0.5]
    """
    variances = np.diag(cov)
    sds = np.sqrt(variances)
    rows = [
        Component(term, name, None, float(variance), float(sd))
        for name, variance, sd in zip(names, variances, sds, strict=True)
    ]
    for i, j in pairs:
        scale = sds[i] * sds[j]
        correlation = cov[i, j] / scale if scale > 0 else np.nan
        rows.append(Component(term, names[j], names[i], float(cov[i, j]), float(correlation)))
    return rows


def component_table(components: Sequence[Component]) -> pd.DataFrame:
    """The rows as a table, a missing effect as None.

    Examples
    --------
    >>> component_table([Component("g", "a", None, 4.0, 2.0)]).to_dict("list")
    {'term': ['g'], 'effect_1': ['a'], 'effect_2': [None], 'vcov': [4.0], 'sdcor': [2.0]}
    """
    table = pd.DataFrame([vars(component) for component in components])
    names = {"effect_1": object, "effect_2": object}
    return table.astype(names).where(table.notna(), None).astype({"vcov": float, "sdcor": float})
