"""What y and u, and the rows of y, say about each other, in nats."""

import numpy as np

from lmmlib.model import Design, Params
from lmmlib.moments.covariances import effects_cholesky, residual_covariance, whitened_columns
from lmmlib.moments.gaussian import marginal


def mutual_information(design: Design, params: Params) -> float:
    r"""Mutual information of y and u, I(y; u) = ½ log(\|V\| / \|R\|).

    What knowing u is worth, on average, to the log density of y.

    Parameters
    ----------
    design : Design
        Design of the rows.
    params : Params
        Covariances of the effects and residual SD; β plays no part.

    Returns
    -------
    float
        Information in nats.

    References
    ----------
    Equation :eq:`eq-offset`.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> round(mutual_information(design, Params([1.0], {"g": 4.0}, 2.0)), 6)
    0.693147
    """
    L = effects_cholesky(design, params)
    B = whitened_columns(design, params, L)
    R = np.linalg.qr(np.vstack([B, np.eye(len(L))]), mode="r")
    return float(np.log(np.abs(np.diag(R))).sum())


def lautum_information(design: Design, params: Params) -> float:
    """Lautum information of y and u, tr(R⁻¹ZGZ') − I(y; u).

    What a wrong u costs on average, where y is drawn independently of it.

    Parameters
    ----------
    design : Design
        Design of the rows.
    params : Params
        Covariances of the effects and residual SD; β plays no part.

    Returns
    -------
    float
        Information in nats.

    References
    ----------
    Palomar & Verdú (2008), IEEE Trans. Inf. Theory 54(3); equation :eq:`eq-offset`.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])])
    >>> round(lautum_information(design, Params([1.0], {"g": 4.0}, 2.0)), 6)
    1.306853
    """
    V = marginal(design, params).cov
    R = residual_covariance(design, params)
    ratio = float(np.sum(np.diag(V - R) / np.diag(R)))
    return ratio - mutual_information(design, params)


def total_correlation(design: Design, params: Params) -> float:
    r"""Total correlation of the rows, ½ (Σ log V_ii − log \|V\|).

    What dropping all correlations between rows costs on average.

    Parameters
    ----------
    design : Design
        Design of the rows.
    params : Params
        Covariances of the effects and residual SD; β plays no part.

    Returns
    -------
    float
        Information in nats.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "a", "b"])])
    >>> round(total_correlation(design, Params([1.0], {"g": 4.0}, 2.0)), 6)
    0.143841
    """
    V = marginal(design, params).cov
    R = residual_covariance(design, params)
    independent = float(0.5 * np.log(np.diag(V) / np.diag(R)).sum())
    return independent - mutual_information(design, params)
