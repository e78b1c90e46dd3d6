"""Parameters: one value of θ = (β, Σ_1, …, σ), and the same in arrays for many draws at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lmmlib import linalg
from lmmlib.model.design import Design, checked_design
from lmmlib.model.layout import Layout
from lmmlib.model.row_labels import check_names, names_along
from lmmlib.model.validation import (
    FrozenDict,
    frozen_array,
    numbers,
    positive,
    same_names,
    symmetric,
)


@dataclass(frozen=True, eq=False)
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

    def __getitem__(self, index: object) -> "Theta":
        return Theta(
            self.beta[index], tuple(r[index] for r in self.effect_chols), self.sigma[index]
        )

    def repeat(self, draws: int) -> "Theta":
        """The same value as ``draws`` draws of it, along one leading axis."""
        roots = tuple(np.broadcast_to(root, (draws, *root.shape)) for root in self.effect_chols)
        return Theta(
            np.broadcast_to(self.beta, (draws, *self.beta.shape)), roots, np.full(draws, self.sigma)
        )

    @property
    def residual_weights(self) -> np.ndarray:
        """(..., p + 1), the combination (−β, 1) of columns [X, y] that leaves y − Xβ."""
        return np.concatenate([-self.beta, np.ones((*self.beta.shape[:-1], 1))], -1)

    @property
    def Lam(self) -> tuple[np.ndarray, ...]:
        """Relative covariance factors Λ_k = L_k / σ."""
        return tuple(r / self.sigma[..., None, None] for r in self.effect_chols)


@dataclass(frozen=True, eq=False)
class Params:  # numpydoc ignore=PR02
    r"""Fixed effects β, a covariance matrix Σ_k a term by its name, and the residual SD σ.

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
    >>> Params([5.0], {"Batch": 4.0}, 2.0).cov["Batch"].tolist()
    [[4.0]]
    """

    beta: np.ndarray
    cov: Mapping[str, np.ndarray]
    sigma: float
    given_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.cov, Mapping):
            object.__setattr__(self, "given_names", FrozenDict(_names_given(self.beta, self.cov)))
        object.__setattr__(self, "beta", frozen_array("beta", self.beta, (None,)))
        object.__setattr__(self, "sigma", positive("sigma", self.sigma))
        if not isinstance(self.cov, Mapping):
            told = f"got {type(self.cov).__name__}; give for instance {{'g': 1.0}}"
            raise TypeError(
                f"cov must be a mapping from the name of a term to its covariance, {told}"
            )
        object.__setattr__(
            self,
            "cov",
            FrozenDict({name: _covariance(name, value) for name, value in self.cov.items()}),
        )

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
        roots = []
        for t in design.terms:
            cov, q = self.cov[t.name], len(t.effects)
            if cov.shape != (q, q):
                raise ValueError(
                    f"cov of {t.name!r} must have shape {(q, q)} for {', '.join(t.effects)}, got "
                    f"{cov.shape}"
                )
            check_names(f"cov of {t.name!r}", self.given_names.get(f"cov of {t.name!r}"), t.effects)
            if not t.correlated and np.any(cov != np.diag(np.diag(cov))):
                raise ValueError(
                    f"cov of {t.name!r} must be diagonal: its effects are uncorrelated"
                )
            roots.append(linalg.cholesky_semidefinite(cov))
        return Theta(self.beta, tuple(roots), np.asarray(self.sigma))


def _names_given(beta: object, cov: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """Names that parameters were labelled with, by what they are of.

    Kept until there is a design to compare them with.

    Raises
    ------
    ValueError
        If rows and columns of a covariance are labelled differently.
    """
    names = {"beta": names_along(beta, 0)}
    for term, matrix in cov.items():
        what = f"cov of {term!r}"
        names[what] = names_along(matrix, 0)
        columns = names_along(matrix, 1)
        if columns is not None and names[what] is not None:
            check_names(f"{what} along its columns", columns, names[what])
    return {what: given for what, given in names.items() if given is not None}


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


def _covariance(name: str, value: object) -> np.ndarray:
    what = f"cov of {name!r}"
    cov = np.atleast_2d(numbers(what, value))
    cov = symmetric(what, frozen_array(what, cov, (cov.shape[0], cov.shape[0])))
    try:
        linalg.cholesky_semidefinite(cov)
    except linalg.NotPositiveSemidefiniteError as error:
        raise ValueError(
            f"cov of {name!r} must be positive semi-definite ({error}), got {cov.tolist()}"
        ) from None
    return cov
