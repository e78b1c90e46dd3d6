"""What all rows say of the effects, with the inverse of their factor."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmmlib import linalg
from lmmlib.model import Data, Reduction, Theta

MAX_INVERSE_ENTRIES = 4_000_000  # of inverse factors held at a time


@dataclass(frozen=True, eq=False)
class FitToAll:
    """The fit to all rows in D draws.

    Attributes
    ----------
    draws : slice
        Numbers of the draws.
    residual_weights : ndarray, shape (D, p + 1)
        Combinations of [X, y − offset] that leave y − offset − Xβ.
    effects : ndarray, shape (D, K)
        Means of the effects with independent levels.
    root : ndarray, shape (K, K, D)
        R'⁻¹Λ', with R'R = I + Λ'Z'WZΛ: a row z of W^½Z has the leverage |R'⁻¹Λ'z|².
    has_entries : ndarray of bool, shape (K, K)
        Where any of the roots is not zero.
    """

    draws: slice
    residual_weights: np.ndarray
    effects: np.ndarray
    root: np.ndarray
    has_entries: np.ndarray


def work_through_fits[Result](
    data: Data, theta: Theta, function: Callable[[FitToAll], Result]
) -> list[Result]:
    """Results of a function of the fits to all rows, some draws at a time.

    Parameters
    ----------
    data : Data
        Response and design.
    theta : Theta
        Parameters with one leading axis of S draws.
    function : callable
        Takes a :class:`FitToAll`.

    Returns
    -------
    list
        One result for each fit, in the order of the draws.

    Notes
    -----
    The inverse is applied to rows, and products with it are squared, never its own square: that of
    a large Λ loses as many digits as M has, where this loses half of them. A core works on one fit.

    Examples
    --------
    >>> from lmmlib.model import Design, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> theta = Theta(np.zeros((1, 1)), (np.full((1, 1, 1), 3**0.5),), np.ones(1))
    >>> (fit,) = work_through_fits(data, theta, lambda fit: fit)
    >>> (fit.root[..., 0] ** 2).round(9).tolist(), fit.effects.round(9).tolist()
    ([[0.75, 0.0], [0.0, 0.75]], [[0.75, 1.5]])
    """
    K = data.design.layout.width
    step = max(1, MAX_INVERSE_ENTRIES // max(1, K**2))
    draws = [slice(start, start + step) for start in range(0, len(theta.sigma), step)]
    reduction = data.reduction  # made once, before threads ask for it
    return linalg.side_by_side(lambda some: function(_fit_to_all(reduction, theta, some)), draws)


def _fit_to_all(reduction: Reduction, theta: Theta, draws: slice) -> FitToAll:
    """The factor of all rows in some draws, its effects and the inverse of its triangle."""
    layout = reduction.layout
    K = layout.width
    counts = [J * q for J, q in layout.shapes]
    chunk = theta[draws]
    Lam = chunk.Lam
    factor = reduction.given(chunk)
    scaled = linalg.scale_stack(np.eye(K), [np.moveaxis(L, 0, -1) for L in Lam], counts)
    root = linalg.forward_substitute_blocks(factor, np.swapaxes(scaled, 0, 1))
    effects = layout.scaled(linalg.back_substitute(factor, K).T, Lam)
    return FitToAll(draws, chunk.residual_weights, effects, root, root.any(-1))
