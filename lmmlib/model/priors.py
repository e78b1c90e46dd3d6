"""Priors as plain numbers: made once, the same for every engine, unchanged when the data change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular

from lmmlib.model.data import Data, checked_data
from lmmlib.model.descriptions import describe_priors, summarise_priors
from lmmlib.model.design import Design, checked_design
from lmmlib.model.layout import Layout
from lmmlib.model.named_priors import by_name, checked_transform, only_scale_priors
from lmmlib.model.scale_prior import ScalePrior
from lmmlib.model.state import restore_state, same_content, set_fields, stored_state
from lmmlib.model.validation import FrozenDict, frozen_array, labels, positive, same_names
from lmmlib.model.weak_priors import weak_fixed_effects


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Priors:
    r"""Prior distributions of a mixed model's parameters.

    γ_j ~ N(m_j, s_j²) for γ = Tβ; a prior for the SD of each effect and for σ; LKJ(η) for each
    correlated term.

    Printed, they say in words what they hold; two of equal numbers are equal.

    Parameters
    ----------
    beta_mean, beta_sd : array_like, shape (p,)
        Means and SDs of γ, which is β itself where T is the identity.
    sd : mapping of str to ScalePrior
        Prior of each effect's SD, by the name of the effect (``Subject: Days``).
    sigma : ScalePrior
        Prior of the residual SD.
    cor : mapping of str to float
        Parameter η of the LKJ prior of each correlated term, by its name.
    beta_transform : array_like, shape (p, p), optional
        Matrix T, upper triangular with ones on its diagonal; None for the identity, also where that
        is given.
    coef : sequence of str, optional
        Names of the p coefficients, which the design then has to have; None where they are not
        known.

    See Also
    --------
    Priors.build : One value for all, or by name, on β itself.
    Priors.weak : Scaled by the data.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])], coef=["Intercept"])
    >>> priors = Priors.build(design, beta=(0, 10), sd=ScalePrior("half-normal", 1.0))
    >>> print(priors)
    Priors
      beta, independent normals:
        Intercept: mean 0, SD 10
      sd of g: Intercept: half-normal(scale 1)
      sigma: half-normal(scale 1)
    """

    beta_mean: np.ndarray
    beta_sd: np.ndarray
    sd: Mapping[str, ScalePrior]
    sigma: ScalePrior
    cor: Mapping[str, float]
    beta_transform: np.ndarray | None
    coef: tuple[str, ...] | None

    def __init__(
        self,
        beta_mean: ArrayLike,
        beta_sd: ArrayLike,
        sd: Mapping[str, ScalePrior],
        sigma: ScalePrior,
        cor: Mapping[str, float],
        beta_transform: ArrayLike | None = None,
        coef: Sequence[str] | None = None,
    ) -> None:
        only_scale_priors(sd, sigma=sigma)
        mean = frozen_array("beta_mean", beta_mean, (None,))
        p = len(mean)
        spread = frozen_array("beta_sd", beta_sd, (p,), "one per coefficient")
        if np.any(spread <= 0):
            raise ValueError(
                f"beta_sd must be above zero, got {spread.min():g}; a known coefficient belongs "
                "into the offset"
            )
        if sigma.family == "fixed":
            positive("fixed sigma", sigma.scale)
        eta = {name: positive(f"eta of {name!r}", value) for name, value in cor.items()}
        values = {
            "beta_mean": mean,
            "beta_sd": spread,
            "sd": FrozenDict(sd),
            "sigma": sigma,
            "cor": FrozenDict(eta),
            "beta_transform": checked_transform(beta_transform, p),
            "coef": None if coef is None else labels("coef", coef, p),
        }
        set_fields(self, values)

    __getstate__ = stored_state
    __setstate__ = restore_state

    # No hash: arrays and mappings have none either.
    def __eq__(self, other: object) -> bool:
        return self.differing(other) == [] if isinstance(other, Priors) else NotImplemented

    def __repr__(self) -> str:
        return summarise_priors(self)

    def __str__(self) -> str:
        return describe_priors(self)

    @classmethod
    def build(
        cls,
        design: Design | Layout,
        beta: tuple[float, float] | Mapping[str, tuple[float, float]],
        sd: ScalePrior | Mapping[str, ScalePrior],
        sigma: ScalePrior | None = None,
        cor: float | Mapping[str, float] = 2.0,
    ) -> "Priors":
        """Priors from one value for all, or from one a name.

        Parameters
        ----------
        design : Design or Layout
            Design, or the layout of one, that the priors are for.
        beta : tuple (float, float) or mapping of str to tuple
            Mean and SD of every coefficient, or of each by its name.
        sd : ScalePrior or mapping of str to ScalePrior
            Prior of every effect's SD, or of each by its name.
        sigma : ScalePrior, optional
            Prior of the residual SD; that of ``sd`` if None and ``sd`` is one ScalePrior.
        cor : float or mapping of str to float, default: 2.0
            Parameter η of the LKJ prior of every correlated term, or of each by its name.

        Raises
        ------
        TypeError
            If there is no design, or a prior of an SD is no ScalePrior.
        ValueError
            If a name is missing or unknown, or a prior of a coefficient is not a mean and an SD.
        """
        names = checked_design(design).coef
        correlated = [t.name for t in design.terms if t.pairs]
        normals = by_name(beta, names)
        same_names("beta", normals, names)
        if sigma is None:
            if not isinstance(sd, ScalePrior):
                only_scale_priors(sd)
                raise ValueError("sigma must be given where sd is given by effect")
            sigma = sd
        mean_and_sd = [
            frozen_array(f"beta of {name!r}", normals[name], (2,), "a mean and an SD")
            for name in names
        ]
        mean, spread = np.reshape(mean_and_sd, (-1, 2)).T
        scales = by_name(sd, design.effects)
        eta = by_name(cor, correlated)
        return cls(mean, spread, scales, sigma, eta, coef=names).checked(design)

    @classmethod
    def weak(cls, data: Data) -> "Priors":
        r"""Priors so wide that they only keep the posterior proper and rule out absurd scales.

        With X = QR = QDT, T upper triangular with ones on its diagonal, the coefficients γ = Tβ
        have independent priors N(m_j, (10 s √n / abs(R_jj))²). An intercept among the first columns
        then stands for the level of y at the mean of the covariates, and has SD 10 s. The same is β
        ~ N(b, (10 s)² n (X'X)⁻¹), which depends on X by its column space alone: origin, unit, order
        and coding of covariates, squares, interactions and ``0 + f`` included, change nothing that
        the model says of y.

        Where the space holds a constant, as with an intercept or the cell means of ``0 + f``, Xb is
        the mean of y − offset and s its SD; where it holds none, b = 0 and s is the root mean
        square of y − offset.

        SD of an intercept half-normal(s), of a slope half-normal(s/sd(z)), of a dense term
        half-normal(s/rms) with rms the root mean square over rows of Zu for effects of SD one;
        LKJ(2); σ half-normal(s √w̄), with w̄ the mean weight: σ is the SD of a row of weight one.

        Parameters
        ----------
        data : Data
            Response and design.

        Raises
        ------
        TypeError
            If data is no Data.
        ValueError
            If y does not vary, or by no more than its rounding.

        Notes
        -----
        Mean and spread count all rows alike, whatever their weights: one heavy row would otherwise
        set a spread near zero.
        """
        design = checked_data(data).design
        beta = weak_fixed_effects(design.X, data.y - design.offset)
        if beta.spread == 0:
            raise ValueError(
                "y must vary for priors scaled by its spread, by more than its rounding; make "
                "them with Priors.build, or subtract a constant from a y that lies far from zero"
            )
        sd = {}
        for t in design.terms:
            for name, unit in zip(t.effect_names, t.units, strict=True):
                sd[name] = ScalePrior("half-normal", beta.spread / unit)
        sigma = ScalePrior("half-normal", beta.spread * np.sqrt(design.weights.mean()))
        eta = {t.name: 2.0 for t in design.terms if t.pairs}
        return cls(beta.mean, beta.sd, sd, sigma, eta, beta.transform, design.coef).checked(design)

    def checked(self, design: Design | Layout) -> "Priors":
        """These priors, if they fit ``design``.

        Raises
        ------
        ValueError
            If a size or a name does not fit.
        """
        if len(self.beta_mean) != len(checked_design(design).coef):
            raise ValueError(
                f"priors have {len(self.beta_mean)} coefficients; the design has "
                f"{len(design.coef)}: {', '.join(design.coef)}"
            )
        same_names("priors of sd", self.sd, design.effects)
        same_names("priors of cor", self.cor, [t.name for t in design.terms if t.pairs])
        if self.coef is not None and self.coef != design.coef:
            raise ValueError(
                f"priors are of the coefficients {', '.join(self.coef)}; the design has "
                f"{', '.join(design.coef)}: make them for this design, with the columns in this "
                "order"
            )
        return self

    @property
    def transform(self) -> np.ndarray:
        """T itself, (p, p), where it is the identity too."""
        return np.eye(len(self.beta_mean)) if self.beta_transform is None else self.beta_transform

    def coefficients(self, gamma: np.ndarray) -> np.ndarray:
        """β = T⁻¹γ for γ (..., p).

        Examples
        --------
        >>> sigma = ScalePrior("half-normal", 1.0)
        >>> far = Priors([3.0, 0.0], [1.0, 1.0], {}, sigma, {}, [[1.0, 2010.0], [0.0, 1.0]])
        >>> far.coefficients(np.array([3.0, 0.5])).tolist()
        [-1002.0, 0.5]
        """
        if self.beta_transform is None:
            return np.array(gamma)
        flat = np.reshape(gamma, (-1, len(self.beta_mean)))
        beta = solve_triangular(self.beta_transform, flat.T, unit_diagonal=True).T
        return beta.reshape(np.shape(gamma))

    def differing(self, other: "Priors") -> list[str]:
        """Names of the fields whose numbers differ.

        Names of coefficients count where both have them.

        Examples
        --------
        >>> sigma = ScalePrior("half-normal", 1.0)
        >>> one = Priors([0.0], [1.0], {}, sigma, {})
        >>> two = Priors([1.0], [1.0], {}, sigma, {})
        >>> one.differing(two), one == two, one == one
        (['beta_mean'], False, True)
        """
        names = [field.name for field in fields(self)]
        if self.coef is None or other.coef is None:
            names.remove("coef")
        return [n for n in names if not same_content(getattr(self, n), getattr(other, n))]


def checked_priors(priors: object, design: Design | Layout) -> Priors:
    """``priors`` themselves, if they are Priors and fit the design.

    Raises
    ------
    TypeError
        If they are anything else.
    ValueError
        If they do not fit.
    """
    if not isinstance(priors, Priors):
        raise TypeError(
            f"priors must be a Priors, got {type(priors).__name__}; make one with Priors.weak or "
            "Priors.build"
        )
    return priors.checked(design)
