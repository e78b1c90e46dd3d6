"""The summary of an estimate, as text and as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from lmmlib.model import Layout

METHODS = {"reml": "REML", "ml": "maximum likelihood"}
CRITERIA = {"reml": "REML deviance", "ml": "Deviance"}
NO_DEGREES_OF_FREEDOM = (
    "No degrees of freedom or p values: the null distribution of t is known in\n"
    "balanced designs only. Use a posterior, or a parametric bootstrap by simulate."
)
MOST_DIGITS = 6  # of a number in a column whose numbers are of one size
FEWEST_DIGITS = 3  # of the smallest number in a column
MOST_DECIMALS = 8


@dataclass(frozen=True, eq=False)
class Summary:
    """What a summary shows.

    Attributes
    ----------
    title : str
        Kind of model.
    formula : str
        Formula, or the coefficients and terms in its place.
    method : str
        ``reml`` or ``ml``.
    deviance, aic, bic : float
        Criteria at the estimates.
    sizes : str
        Rows, and levels by term.
    variances : pandas.DataFrame
        Variance components: ``term``, ``effect_1``, ``effect_2``, ``vcov``, ``sdcor``.
    fixed_effects : pandas.DataFrame
        Columns ``estimate``, ``se`` and ``t``.
    notes : list of str
        Sentences below the tables.
    """

    title: str
    formula: str
    method: str
    deviance: float
    aic: float
    bic: float
    sizes: str
    variances: pd.DataFrame
    fixed_effects: pd.DataFrame
    notes: list[str]

    @property
    def heading(self) -> str:
        """Model and method."""
        return f"{self.title} fitted by {METHODS[self.method]}"

    @property
    def criteria(self) -> str:
        """The deviance and the criteria that follow from it."""
        return (
            f"{CRITERIA[self.method]} {self.deviance:.2f}, AIC {self.aic:.2f}, BIC {self.bic:.2f}"
        )


def described(layout: Layout) -> str:
    """The model of a design that comes from no formula, in the notation of one.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> described(Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]).layout)
    'y ~ x1 + (Intercept | g)'
    """
    parts = list(layout.coef) or ["0"]
    for term in layout.terms:
        bar = "|" if term.correlated else "||"
        parts.append(f"({' + '.join(term.effects)} {bar} {term.name})")
    return f"y ~ {' + '.join(parts)}"


def sizes(layout: Layout, nobs: int) -> str:
    """Rows, and levels by term.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> sizes(Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]).layout, 2)
    '2 rows; levels: g 2'
    """
    levels = ", ".join(f"{term.name} {len(term.levels):,}" for term in layout.terms)
    return f"{nobs:,} rows; levels: {levels}"


def notes(singular: Sequence[str], converged: bool, sigma_is_known: bool) -> list[str]:
    """Sentences that a reader of the tables needs."""
    sentences = []
    if sigma_is_known:
        sentences.append("The residual SD is known.")
    if singular:
        sentences.append(f"Singular fit: {'; '.join(singular)}.")
    if not converged:
        sentences.append("The search did not converge: the estimates may be off.")
    return [*sentences, NO_DEGREES_OF_FREEDOM]


def as_text(summary: Summary) -> str:
    """The summary for a terminal."""
    variances = variances_to_show(summary.variances)
    fixed_effects = fixed_effects_to_show(summary.fixed_effects)
    blocks = [
        "\n".join([summary.heading, summary.formula, summary.criteria, summary.sizes]),
        "Random effects\n" + variances.to_string(index=False),
        "Fixed effects\n" + _table_or_none(fixed_effects, fixed_effects.to_string()),
        "\n".join(summary.notes),
    ]
    return "\n\n".join(blocks)


def as_html(summary: Summary) -> str:
    """The summary for a notebook: tables that set no colours."""
    variances = variances_to_show(summary.variances)
    fixed_effects = fixed_effects_to_show(summary.fixed_effects)
    heading = f"<strong>{escape(summary.heading)}</strong>"
    lines = [f"<code>{escape(summary.formula)}</code>", summary.criteria, escape(summary.sizes)]
    return "\n".join(
        [
            f"<p>{'<br>'.join([heading, *lines])}</p>",
            "<p>Random effects</p>",
            variances.to_html(index=False, border=0),
            "<p>Fixed effects</p>",
            _table_or_none(fixed_effects, fixed_effects.to_html(border=0)),
            *(f"<p>{escape(note)}</p>" for note in summary.notes),
        ]
    )


def variances_to_show(variances: pd.DataFrame) -> pd.DataFrame:
    """A row an effect, with its SD and its correlations with the effects before it.

    Examples
    --------
    >>> columns = ["term", "effect_1", "effect_2", "vcov", "sdcor"]
    >>> rows = [("g", "a", None, 4.0, 2.0), ("g", "b", None, 1.0, 1.0), ("g", "a", "b", 1.0, 0.5)]
    >>> variances_to_show(pd.DataFrame(rows, columns=columns)).iloc[1].tolist()
    ['', 'b', '1.00000', '1.00000', '0.500']
    """
    is_variance = variances.effect_2.isna()
    pairs = variances[~is_variance]
    correlations: dict[tuple[str, str], list[str]] = {}
    for term, later_effect, value in zip(pairs.term, pairs.effect_2, pairs.sdcor, strict=True):
        shown = "" if np.isnan(value) else f"{value:.3f}"
        correlations.setdefault((term, later_effect), []).append(shown)
    components = variances[is_variance]
    effects = ["" if effect is None else effect for effect in components.effect_1]
    keys = list(zip(components.term, effects, strict=True))
    return pd.DataFrame(
        {
            "term": components.term.where(~components.term.duplicated(), "").to_numpy(),
            "effect": effects,
            "variance": aligned(components.vcov.to_numpy()),
            "SD": aligned(components.sdcor.to_numpy()),
            "correlation": [" ".join(correlations.get(key, [])) for key in keys],
        }
    )


def fixed_effects_to_show(fixed_effects: pd.DataFrame) -> pd.DataFrame:
    """The table with its numbers as text."""
    shown = {
        "estimate": aligned(fixed_effects.estimate.to_numpy()),
        "std. error": aligned(fixed_effects.se.to_numpy()),
        "t value": [f"{t:.2f}" for t in fixed_effects.t],
    }
    return pd.DataFrame(shown, index=fixed_effects.index)


def aligned(values: np.ndarray) -> list[str]:
    """Numbers of one column as text, with as many decimals as the smallest needs.

    Examples
    --------
    >>> aligned(np.array([654.94, 35.0717])), aligned(np.array([1e9, 0.5]))
    (['654.940', '35.072'], ['1e+09', '0.5'])
    """
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    if not len(sizes):
        return [f"{value:.0f}" for value in values]
    digits_of_largest = int(np.floor(np.log10(sizes.max()))) + 1
    digits_of_smallest = int(np.floor(np.log10(sizes.min()))) + 1
    decimals = max(0, MOST_DIGITS - digits_of_largest, FEWEST_DIGITS - digits_of_smallest)
    if decimals > MOST_DECIMALS or digits_of_largest > MOST_DIGITS + FEWEST_DIGITS:
        return [f"{value:.4g}" for value in values]
    return [f"{value:.{decimals}f}" for value in values]


def _table_or_none(table: pd.DataFrame, shown: str) -> str:
    return shown if len(table) else "none"
