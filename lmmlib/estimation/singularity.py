"""Estimates on the boundary: SDs of zero, and correlations of one."""

import numpy as np

from lmmlib import linalg
from lmmlib.model import Layout, Params

# The tolerance of lme4's isSingular. The deviance is even in an entry, so that values known to
# 1e-12 of themselves tell one from zero down to 1e-6; what is below 1e-4 changes it by about 1e-8.
SINGULAR = 1e-4


def singular_effects(layout: Layout, params: Params, row_sd: float) -> list[str]:
    """Sentences on the effects whose covariance is singular, none where all are regular.

    A diagonal entry of the relative covariance factor below 1e-4 counts as zero, as for lme4's
    ``isSingular``; here in units of the effect's covariate and relative to a row of mean weight, so
    that no unit decides.

    Parameters
    ----------
    layout : Layout
        Names and terms.
    params : Params
        Estimates.
    row_sd : float
        Residual SD of a row of mean weight.

    Returns
    -------
    list of str
        Sentences, each with the name of an effect.

    References
    ----------
    Bates, Kliegl, Vasishth & Baayen (2015), arXiv:1506.04967.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> singular_effects(design.layout, Params([0.0], {"g": 0.0}, 1.0), row_sd=1.0)
    ['the SD of g: Intercept is zero']
    """
    sentences = []
    for term, units in zip(layout.terms, layout.units, strict=True):
        cov = params.cov[term.name]
        chol = linalg.cholesky_semidefinite(cov)
        relative_sd = units * np.sqrt(np.diag(cov)) / row_sd
        relative_diagonal = units * np.abs(np.diag(chol)) / row_sd
        for k, name in enumerate(term.effect_names):
            if relative_sd[k] < SINGULAR:
                sentences.append(f"the SD of {name} is zero")
            elif relative_diagonal[k] < SINGULAR:
                sentences.append(_sentence_on_correlation(term.effects, cov, k, name))
    return sentences


def _sentence_on_correlation(effects: tuple[str, ...], cov: np.ndarray, k: int, name: str) -> str:
    """What is said of the effect k, which the effects before it determine."""
    if k > 1:
        return f"{name} is a combination of the effects before it"
    sign = "1" if cov[1, 0] > 0 else "−1"
    return f"the correlation of {name} with {effects[0]} is {sign}"
