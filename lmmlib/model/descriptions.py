"""What designs, data and parameters print: at most three lines, whatever their size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmmlib.model.design import Design
    from lmmlib.model.params import Params
    from lmmlib.model.priors import Priors
    from lmmlib.model.term import Term

WIDTH = 100  # characters of a printed line
NAMED_EFFECTS = 3  # effects of a term that are named before the rest is counted


def model_lines(head: str, coef: Sequence[str], terms: Sequence[Term]) -> str:
    """A head, the coefficients and the terms, a line each.

    Examples
    --------
    >>> print(model_lines("Layout", [f"x{i}" for i in range(1000)], []))
    ... # doctest: +ELLIPSIS
    Layout
    coefficients: x0, x1, x2, ... and 984 more
    terms: none
    """
    coefficients = "coefficients: "
    names = coefficients + listing(coef, WIDTH - len(coefficients))
    described = listing([describe_term(t) for t in terms], WIDTH, "; ") if terms else "terms: none"
    return "\n".join([shortened(head, WIDTH), names, described])


def describe_rows(kind: str, design: Design) -> str:
    """Rows, coefficients and terms of a design, the first line starting with ``kind``."""
    count = counted(design.n, "row")
    if np.any(design.weights != 1):
        count += ", weights"
    if np.any(design.offset != 0):
        count += ", offset"
    if design.dropped is not None:
        count += f"; {design.dropped}"
    head = f"{kind}: {count}"
    if design.formula_spec is not None:
        # A long formula is cut, so that what follows it is seen.
        room = WIDTH - len(f"{kind}: , {count}")
        head = f"{kind}: {shortened(design.formula_spec.parsed.text, max(room, 3))}, {count}"
    return model_lines(head, design.coef, design.terms)


def describe_term(term: Term) -> str:
    """Name, levels and effects of a term.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> describe_term(Term.grouped("g", ["a", "b"], [[1.0, 2.0], [1.0, 3.0]]))
    'g: 2 levels, x1 and x2, correlated'
    >>> describe_term(Term.dense("z", [[1.0, 2.0], [0.0, 3.0]]))
    'z: 2 columns of one SD'
    """
    if term.is_dense:
        parts = [f"{counted(len(term.levels), 'column')} of one SD"]
    else:
        parts = [counted(len(term.levels), "level"), enumerated(term.effects)]
    if len(term.effects) > 1:
        parts.append("correlated" if term.correlated else "uncorrelated")
    if term.level_chol is not None:
        parts.append("known covariance")
    return f"{term.name}: {', '.join(parts)}"


def enumerated(names: Sequence[str]) -> str:
    """A few names as a sentence has them.

    Examples
    --------
    >>> enumerated(["a"]), enumerated(["a", "b", "c"]), enumerated(["a", "b", "c", "d", "e"])
    ('a', 'a, b and c', 'a, b, c and 2 more')
    """
    named = list(names)
    if len(named) > NAMED_EFFECTS:
        named[NAMED_EFFECTS:] = [f"{len(names) - NAMED_EFFECTS} more"]
    if len(named) == 1:
        return named[0]
    return f"{', '.join(named[:-1])} and {named[-1]}"


def listing(names: Sequence[str], width: int, separator: str = ", ") -> str:
    """As many names as a width takes, and how many more there are.

    Examples
    --------
    >>> listing(["alpha", "beta", "gamma"], 20), listing(["alpha", "beta", "gamma"], 18)
    ('alpha, beta, gamma', 'alpha, beta, gamma')
    >>> listing(["alpha", "beta", "gamma", "delta"], 22), listing(["alphabetically", "b"], 14)
    ('alpha, beta and 2 more', 'al… and 1 more')
    >>> listing([], 10)
    'none'
    """
    if not names:
        return "none"
    whole = separator.join(names)
    if len(whole) <= width:
        return whole
    count = f" and {len(names)} more"
    shown: list[str] = []
    length = len(count) - len(separator)
    for name in names:
        length += len(separator) + len(name)
        if length > width:
            break
        shown.append(name)
    if not shown:
        shown.append(shortened(names[0], max(width - len(count), 2)))
    more = len(names) - len(shown)
    return separator.join(shown) + (f" and {more} more" if more else "")


def numbers_listed(values: np.ndarray, width: int) -> str:
    """Numbers to four digits, as many as a width takes."""
    return listing([f"{value:.4g}" for value in np.ravel(values)], width)


def counted(count: int, noun: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "row"), counted(2, "row")
    ('1 row', '2 rows')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def shortened(text: str, width: int) -> str:
    """A text of one line, cut where it is longer than a width."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def describe_params(params: Params) -> str:
    """σ, β and the covariances, a line each."""
    beta = "beta: "
    covariances = [_describe_covariance(name, cov) for name, cov in params.cov.items()]
    lines = [
        f"Params: sigma {params.sigma:.4g}",
        beta + numbers_listed(params.beta, WIDTH - len(beta)),
        listing(covariances, WIDTH, "; "),
    ]
    return "\n".join(lines)


def _describe_covariance(name: str, cov: np.ndarray) -> str:
    """SDs and correlations of the effects of a term."""
    sd = np.sqrt(np.diag(cov))
    text = f"{name}: SD {numbers_listed(sd, WIDTH)}"
    i, j = np.tril_indices(len(sd), -1)
    if len(i) == 0:
        return text
    product = sd[i] * sd[j]
    correlations = cov[i, j] / np.where(product > 0, product, 1.0)
    return f"{text}, correlation {numbers_listed(correlations, WIDTH)}"


def describe_priors(priors: Priors) -> str:
    """Each prior in words, a line each."""
    p = len(priors.beta_mean)
    names = priors.coef or [f"coefficient {j + 1}" for j in range(p)]
    lines = ["Priors"]
    if priors.beta_transform is not None:
        lines += [
            "  gamma = T beta, independent normals: of each column the part that the columns "
            "before it do not explain, so that",
            "  an intercept is the level at the mean of the covariates, wherever they have "
            "their zero:",
        ]
    elif names:
        lines.append("  beta, independent normals:")
    for name, mean, sd in zip(names, priors.beta_mean, priors.beta_sd, strict=True):
        lines.append(f"    {name}: mean {mean:.4g}, SD {sd:.4g}")
    lines += [f"  sd of {name}: {prior}" for name, prior in priors.sd.items()]
    lines += [f"  correlations of {name}: LKJ({eta:.4g})" for name, eta in priors.cor.items()]
    lines.append(f"  sigma: {priors.sigma}")
    return "\n".join(lines)


def summarise_priors(priors: Priors) -> str:
    """The priors in three lines, whatever their number."""
    p = len(priors.beta_mean)
    names = priors.coef or [f"coefficient {j + 1}" for j in range(p)]
    kind = "beta: " if priors.beta_transform is None else "gamma = T beta: "
    normals = []
    for name, mean, sd in zip(names, priors.beta_mean, priors.beta_sd, strict=True):
        normals.append(f"{name} {mean:.4g} ± {sd:.4g}")
    scales = [f"sd of {name} {prior}" for name, prior in priors.sd.items()]
    correlations = [f"cor of {name} LKJ({eta:.4g})" for name, eta in priors.cor.items()]
    lines = [
        f"Priors: sigma {priors.sigma}",
        kind + listing(normals, WIDTH - len(kind)),
        listing([*scales, *correlations], WIDTH, "; "),
    ]
    return "\n".join(lines)


def describe_arrays(result: object, **arrays: np.ndarray) -> str:
    """Class of a result and the shapes of its arrays, in one line.

    Examples
    --------
    >>> describe_arrays(1.0, y=np.zeros(3), Z=np.zeros((3, 2)))
    '<float: y (3,), Z (3, 2)>'
    """
    shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    return f"<{type(result).__name__}: {shapes}>"
