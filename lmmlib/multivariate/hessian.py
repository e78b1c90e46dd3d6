"""Second derivatives of the deviance of several traits by their covariances."""

import numpy as np

from lmmlib.multivariate.whitened_rows import WhitenedRows


def hessian_by_covariances(
    rows: WhitenedRows,
    squared_s: np.ndarray,
    rows_beyond: int,
    is_restricted: bool,
    changes: np.ndarray,
) -> np.ndarray:
    """Hessian of the deviance along changes that V is linear in.

    With V_a = S ⊗ ΔG₀ + I ⊗ ΔR₀ of change a in the scale in which V is diagonal, S = diag(s²),
    P = V⁻¹ − V⁻¹X(X'V⁻¹X)⁻¹X'V⁻¹ and e = Py, its entries are 2 e'V_a P V_b e − tr(P V_a P V_b);
    for ML V⁻¹ stands for P in the trace. P has a block for each trait.

    Parameters
    ----------
    rows : WhitenedRows
        Rows of the canonical traits.
    squared_s : ndarray, shape (r,)
        Squares of the singular values of the effects.
    rows_beyond : int
        Rows without effects, X and Y, which know R₀ by its determinant.
    is_restricted : bool
        Whether the likelihood is the restricted one.
    changes : ndarray, shape (d, 2, t, t)
        Changes of G₀ and R₀, T'ΔG₀T and T'ΔR₀T.

    Returns
    -------
    ndarray, shape (d, d)
        Entries for each pair of changes. O(t²r(t + p²) + d²t²).

    References
    ----------
    Gilmour, Thompson & Cullis (1995), Biometrics 51(4), 1440-1450, for both parts.
    """
    by_covariance = np.array([squared_s, np.ones_like(squared_s)])
    d = len(changes)

    # e'V_a P V_b e: what X leaves of V_a e, trait by trait.
    e = rows.residual(rows.y) / rows.sd
    moved = np.einsum("ackl,ci,li->aki", changes, by_covariance, e, optimize=True)
    left = rows.residual(moved / rows.sd).reshape(d, -1)

    # tr(P V_a P V_b): a product for each pair of traits and of covariances.
    products = _traces(rows, by_covariance, is_restricted)
    weighted = np.einsum("cdkl,bdkl->bckl", products, changes).reshape(d, -1)
    traces = changes.reshape(d, -1) @ weighted.T
    of_R0 = changes[:, 1].reshape(d, -1)
    hessian = 2 * left @ left.T - traces - rows_beyond * of_R0 @ of_R0.T
    return (hessian + hessian.T) / 2


def _traces(rows: WhitenedRows, by_covariance: np.ndarray, is_restricted: bool) -> np.ndarray:
    """tr(P_k S_c P_l S_d), shape (2, 2, t, t), with P_k the block of trait k."""
    precision = 1 / rows.sd**2
    traces = _sums(by_covariance, precision, precision)
    if not is_restricted:
        return traces
    U = rows.Q / rows.sd[..., None]
    explained = np.sum(U**2, -1)
    one_explained = _sums(by_covariance, precision, explained)
    U_S_U = np.einsum("kia,ci,lib->cklab", U, by_covariance, U, optimize=True)
    both_explained = np.einsum("cklab,dklab->cdkl", U_S_U, U_S_U)
    return traces - one_explained - np.swapaxes(one_explained, 2, 3) + both_explained


def _sums(by_covariance: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Σ_i s_ci s_di a_ki b_li, shape (2, 2, t, t)."""
    return np.einsum(
        "ci,di,ki,li->cdkl", by_covariance, by_covariance, first, second, optimize=True
    )
