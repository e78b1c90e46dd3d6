"""Parameters: one value of θ = (β, Σ_1, …, σ), and the same in arrays for many draws at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from lmmlib import linalg
from lmmlib.model.descriptions import WIDTH, describe_params, listing
from lmmlib.model.design import Design, checked_design
from lmmlib.model.layout import Layout
from lmmlib.model.row_labels import check_names, names_along
from lmmlib.model.state import restore_state, same_fields, set_fields, stored_state
from lmmlib.model.validation import (
    FrozenDict,
    frozen_array,
    numbers,
    positive,
    same_names,
    symmetric,
)


@dataclass(frozen=True, eq=False, repr=False)
class Theta:
    """θ as arrays; any leading axes run over draws.

    Attributes
    ----------
    beta : ndarray, shape (..., p)
        Fixed effects.
    effect_chols : tuple of ndarray
        One array (..., q, q) per term, lower, with Σ_k = L_k L_k'.
    sigma : ndarray, shape (...)
        Residual SD.
    """

    beta: np.ndarray
    effect_chols: tuple[np.ndarray, ...]
    sigma: np.ndarray

    def __repr__(self) -> str:
        beta = f"<Theta beta {self.beta.shape}, effect_chols "
        sigma = f", sigma {self.sigma.shape}>"
        shapes = [str(chol.shape) for chol in self.effect_chols]
        return beta + listing(shapes, WIDTH - len(beta) - len(sigma)) + sigma

    def __getitem__(self, index: slice | int | np.integer | np.ndarray) -> "Theta":
        chols = tuple(chol[index] for chol in self.effect_chols)
        return Theta(self.beta[index], chols, self.sigma[index])

    def repeat(self, draws: int) -> "Theta":
        """The same value as ``draws`` draws of it, along one leading axis."""
        beta = np.broadcast_to(self.beta, (draws, *self.beta.shape))
        chols = tuple(np.broadcast_to(chol, (draws, *chol.shape)) for chol in self.effect_chols)
        return Theta(beta, chols, np.full(draws, self.sigma))

    @property
    def residual_weights(self) -> np.ndarray:
        """(..., p + 1), the combination (−β, 1) of columns [X, y] that leaves y − Xβ."""
        ones = np.ones((*self.beta.shape[:-1], 1))
        return np.concatenate([-self.beta, ones], -1)

    @property
    def Lam(self) -> tuple[np.ndarray, ...]:
        """Relative covariance factors Λ_k = L_k / σ."""
        sigma = self.sigma[..., None, None]
        return tuple(chol / sigma for chol in self.effect_chols)


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Params:
    r"""Fixed effects β, a covariance matrix Σ_k a term by its name, and the residual SD σ.

    Two are equal where their numbers are.

    Parameters
    ----------
    beta : array_like, shape (p,)
        Fixed effects; a labelled array (pandas) must have the names of the design's coefficients,
        in their order.
    cov : mapping of str to array_like
        Covariance matrix (q, q) of the effects of each term, by its name, or a number (a variance)
        where q = 1; labels as for β.
    sigma : float
        Residual SD, above zero, in units of the response.

    Attributes
    ----------
    given_names : mapping of str to tuple of str
        Names that the arguments were labelled with, compared with those of a design.

    Raises
    ------
    TypeError
        If cov is no mapping.
    ValueError
        If a covariance is not symmetric positive semi-definite, or σ is not above zero.

    Notes
    -----
    A zero variance is an ordinary value.

    Examples
    --------
    >>> params = Params([5.0], {"Batch": 4.0}, 2.0)
    >>> params.cov["Batch"].tolist()
    [[4.0]]
    >>> params
    Params: sigma 2
    beta: 5
    Batch: SD 2
    """

    beta: np.ndarray
    cov: Mapping[str, np.ndarray]
    sigma: float
    given_names: Mapping[str, tuple[str, ...]] = field(init=False)

    def __init__(self, beta: ArrayLike, cov: Mapping[str, ArrayLike], sigma: float) -> None:
        values = frozen_array("beta", beta, (None,))
        sd = positive("sigma", sigma)
        if not isinstance(cov, Mapping):
            raise TypeError(
                "cov must be a mapping from the name of a term to its covariance, got "
                f"{type(cov).__name__}; give for instance {{'g': 1.0}}"
            )
        covariances = {name: _covariance(name, value) for name, value in cov.items()}
        fields = {
            "beta": values,
            "cov": FrozenDict(covariances),
            "sigma": sd,
            "given_names": FrozenDict(_names_given(beta, cov)),
        }
        set_fields(self, fields)

    __getstate__ = stored_state
    __setstate__ = restore_state

    # No hash: arrays and mappings have none either.
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Params):
            return NotImplemented
        return same_fields(self, other, ("beta", "cov", "sigma"))

    def __repr__(self) -> str:
        return describe_params(self)

    def theta(self, design: Design | Layout) -> Theta:
        """The arrays of these parameters, checked against ``design``.

        Raises
        ------
        TypeError
            If there is no design.
        ValueError
            If sizes or names are not the design's, or an uncorrelated term is given a covariance.
        """
        if len(self.beta) != len(checked_design(design).coef):
            raise ValueError(
                f"beta has {len(self.beta)} entries; the design has {len(design.coef)} columns: "
                f"{', '.join(design.coef)}"
            )
        check_names("beta", self.given_names.get("beta"), design.coef)
        same_names("cov", self.cov, [t.name for t in design.terms])
        chols = []
        for t in design.terms:
            what = f"cov of {t.name!r}"
            cov = self.cov[t.name]
            q = len(t.effects)
            if cov.shape != (q, q):
                raise ValueError(
                    f"{what} must have shape {(q, q)} for {', '.join(t.effects)}, got {cov.shape}"
                )
            check_names(what, self.given_names.get(what), t.effects)
            if not t.correlated and np.any(cov != np.diag(np.diag(cov))):
                raise ValueError(f"{what} must be diagonal: its effects are uncorrelated")
            chols.append(linalg.cholesky_semidefinite(cov))
        return Theta(self.beta, tuple(chols), np.asarray(self.sigma))


def _names_given(beta: ArrayLike, cov: Mapping[str, ArrayLike]) -> dict[str, tuple[str, ...]]:
    """Names that parameters were labelled with, by what they are of.

    Kept until there is a design to compare them with.

    Raises
    ------
    ValueError
        If rows and columns of a covariance are labelled differently.
    """
    names = {}
    of_beta = names_along(beta, 0)
    if of_beta is not None:
        names["beta"] = of_beta
    for term, matrix in cov.items():
        what = f"cov of {term!r}"
        rows = names_along(matrix, 0)
        columns = names_along(matrix, 1)
        if rows is None:
            continue
        check_names(f"{what} along its columns", columns, rows)
        names[what] = rows
    return names


def checked_params(params: object) -> Params:
    """``params`` themselves, if they are Params.

    Raises
    ------
    TypeError
        If they are anything else.
    """
    if not isinstance(params, Params):
        raise TypeError(
            f"params must be a Params, got {type(params).__name__}; make one with Params(beta, "
            "cov, sigma)"
        )
    return params


def _covariance(name: str, value: ArrayLike) -> np.ndarray:
    """A covariance matrix (q, q) from an array or a number, positive semi-definite."""
    what = f"cov of {name!r}"
    square = np.atleast_2d(numbers(what, value))
    q = square.shape[0]
    cov = symmetric(what, frozen_array(what, square, (q, q)))
    try:
        linalg.cholesky_semidefinite(cov)
    except linalg.NotPositiveSemidefiniteError as error:
        raise ValueError(
            f"{what} must be positive semi-definite ({error}), got {cov.tolist()}"
        ) from None
    return cov
