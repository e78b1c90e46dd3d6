"""Priors as plain numbers: made once, the same for every engine, unchanged when the data change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import gammaln

from lmmlib.design.arguments import choice
from lmmlib.design.checks import FrozenDict, frozen_array, positive, same_names
from lmmlib.design.design import Design, checked_design
from lmmlib.design.layout import Layout

FAMILIES = ("half-normal", "half-Student-t", "exponential", "fixed")


class HasDataAndDesign(Protocol):
    """What a weak prior is scaled by."""

    y: np.ndarray
    design: Design


@dataclass(frozen=True)
class ScalePrior:
    """Prior of one SD.

    Parameters
    ----------
    family : ``half-normal``, ``half-Student-t``, ``exponential`` or ``fixed``
    scale : its scale, mean (exponential) or value (fixed), in the SD's own units
    df : degrees of freedom of the half-Student-t

    Raises
    ------
    ValueError  if the family is unknown, or a scale is not above zero

    Examples
    --------
    >>> ScalePrior("half-normal", 1.0)
    ScalePrior(family='half-normal', scale=1.0, df=None)
    """

    family: str
    scale: float
    df: float | None = None

    def __post_init__(self) -> None:
        choice("family", self.family, FAMILIES)
        if (self.family == "half-Student-t") != (self.df is not None):
            raise ValueError(f"df belongs to the half-Student-t and to no other family, got df={self.df} with {self.family}")
        scale = float(frozen_array(f"scale of the {self.family} prior", self.scale, ()))
        if not (self.family == "fixed" and scale == 0):  # an SD known to be zero is an ordinary value
            positive(f"scale of the {self.family} prior", scale)
        object.__setattr__(self, "scale", scale)
        object.__setattr__(self, "df", None if self.df is None else positive("df", self.df))

    def log_density(self, sd: np.ndarray) -> np.ndarray:
        """Log density at ``sd`` above zero.

        Examples
        --------
        >>> ScalePrior("exponential", 2.0).log_density(np.array([2.0])).round(6).tolist()
        [-1.693147]
        """
        x = np.asarray(sd) / self.scale
        if self.family == "half-normal":
            return 0.5 * np.log(2 / np.pi) - np.log(self.scale) - 0.5 * x**2
        if self.family == "exponential":
            return -np.log(self.scale) - x
        if self.family == "half-Student-t":
            constant = np.log(2) + gammaln((self.df + 1) / 2) - gammaln(self.df / 2) - 0.5 * np.log(self.df * np.pi)
            return constant - np.log(self.scale) - 0.5 * (self.df + 1) * np.log1p(x**2 / self.df)
        raise ValueError("a fixed SD has no density")


@dataclass(frozen=True, eq=False)
class Priors:
    r"""β_j ~ N(m_j, s_j²); an SD prior for each effect and for σ; LKJ(η) for each correlated term.

    Parameters
    ----------
    beta_mean, beta_sd : (p,)
    sd : mapping from an effect's name (``Subject: Days``) to a ScalePrior
    sigma : ScalePrior
    cor : mapping from a correlated term's name to η

    See Also
    --------
    Priors.build : one value for all, or by name
    Priors.weak : scaled by the data

    Examples
    --------
    >>> from lmmlib.design import Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])], coef=["Intercept"])
    >>> Priors.build(design, beta=(0, 10), sd=ScalePrior("half-normal", 1.0)).sd["g: Intercept"].scale
    1.0
    """

    beta_mean: np.ndarray
    beta_sd: np.ndarray
    sd: Mapping[str, ScalePrior]
    sigma: ScalePrior
    cor: Mapping[str, float]

    def __post_init__(self) -> None:
        _only_scale_priors(self.sd, sigma=self.sigma)
        mean = frozen_array("beta_mean", self.beta_mean, (None,))
        spread = frozen_array("beta_sd", self.beta_sd, mean.shape, "one per coefficient")
        if np.any(spread <= 0):
            raise ValueError(f"beta_sd must be above zero, got {spread.min():g}; a known coefficient belongs into the offset")
        if self.sigma.family == "fixed":
            positive("fixed sigma", self.sigma.scale)
        for field, value in {
            "beta_mean": mean,
            "beta_sd": spread,
            "sd": FrozenDict(self.sd),
            "cor": FrozenDict({name: positive(f"eta of {name!r}", eta) for name, eta in self.cor.items()}),
        }.items():
            object.__setattr__(self, field, value)

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
        design : Design, or the layout of one
        beta : (mean, SD), or a mapping by coefficient
        sd : ScalePrior, or a mapping by effect
        sigma : ScalePrior; that of ``sd`` if None and ``sd`` is one
        cor : η, or a mapping by correlated term

        Raises
        ------
        TypeError  if there is no design, or a prior of an SD is no ScalePrior
        ValueError  if a name is missing or unknown, or a prior of a coefficient is not a mean and an SD
        """
        correlated = [t.name for t in checked_design(design).terms if t.pairs]
        beta = beta if isinstance(beta, Mapping) else dict.fromkeys(design.coef, beta)
        same_names("beta", beta, design.coef)
        if sigma is None:
            if not isinstance(sd, ScalePrior):
                _only_scale_priors(sd)
                raise ValueError("sigma must be given where sd is given by effect")
            sigma = sd
        sd = sd if isinstance(sd, Mapping) else dict.fromkeys(design.effects, sd)
        cor = cor if isinstance(cor, Mapping) else dict.fromkeys(correlated, cor)
        pairs = np.array([frozen_array(f"beta of {name!r}", beta[name], (2,), "a mean and an SD") for name in design.coef])
        return cls(*pairs.T, sd, sigma, cor).checked(design)

    @classmethod
    def weak(cls, data: HasDataAndDesign) -> "Priors":
        r"""Priors so wide that they only keep the posterior proper and rule out absurd scales.

        Intercept N(mean y, (10 sd y)²), other β_j N(0, (10 sd(y)/sd(x_j))²); SD of an intercept half-normal(sd y), of
        a slope half-normal(sd(y)/sd(z)), of a dense term half-normal(sd(y)/rms) with rms the root mean square over
        rows of Zu for effects of SD one; LKJ(2); σ half-normal(sd y). A column without spread counts as an intercept.

        Where no column is one but a combination Xb = 1 is, as of the cell means of ``0 + f``, β_j is about b_j mean y,
        with the larger of the two SDs, 10 abs(b_j) sd y and 10 sd(y)/sd(x_j): the level of y costs nothing there either.

        Parameters
        ----------
        data : Data

        Raises
        ------
        TypeError  if data is no Data
        ValueError  if y does not vary
        """
        if not isinstance(getattr(data, "design", None), Design):
            raise TypeError(f"data must be a Data, got {type(data).__name__}; make one with Data(y, design) or from_formula")
        design, y = data.design, data.y - data.design.offset
        spread = float(y.std())
        if spread == 0:
            raise ValueError("y must vary for priors scaled by its spread; make them with Priors.build")
        one_of, x_unit = _level_and_units(design.X)
        sd = {
            name: ScalePrior("half-normal", spread / unit) for t in design.terms for name, unit in zip(t.effect_names, t.units, strict=True)
        }
        eta = {t.name: 2.0 for t in design.terms if t.pairs}
        return cls(y.mean() / one_of + 0.0, 10 * spread / x_unit, sd, ScalePrior("half-normal", spread), eta).checked(design)

    def checked(self, design: Design | Layout) -> "Priors":
        """These priors, if they fit ``design``.

        Raises
        ------
        ValueError  if a size or a name does not fit
        """
        if len(self.beta_mean) != len(checked_design(design).coef):
            raise ValueError(f"priors have {len(self.beta_mean)} coefficients; the design has {len(design.coef)}: {', '.join(design.coef)}")
        same_names("priors of sd", self.sd, design.effects)
        same_names("priors of cor", self.cor, [t.name for t in design.terms if t.pairs])
        return self


def _level_and_units(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a level of one is divided by to give its coefficients (p,), infinite for those not concerned, and units (p,)."""
    x_sd = X.std(0)
    constant = x_sd <= 1e-12 * np.abs(X).max(0)
    if constant.any():
        return np.where(constant, X[0], np.inf), np.where(constant, np.abs(X[0]), x_sd)
    one_of = _making_one(X)
    return one_of, np.minimum(x_sd, np.abs(one_of))


def _making_one(X: np.ndarray) -> np.ndarray:
    """1/b with Xb = 1 (p,), infinite where b is zero, and everywhere if there is no such b."""
    unit = np.abs(X).max(0)
    b = np.linalg.lstsq(X / unit, np.ones(len(X)), rcond=None)[0]
    there = np.abs(b) > 1e-9 * np.abs(b).max()
    if np.abs(X / unit @ b - 1).max() > 1e-8:
        there[:] = False
    return np.where(there, unit / np.where(there, b, 1.0), np.inf)


def _only_scale_priors(sd: object, **others: object) -> None:
    """Raise unless every prior of an SD is one."""
    given = [*(sd.items() if isinstance(sd, Mapping) else [("sd", sd)]), *others.items()]
    strange = [(name, value) for name, value in given if not isinstance(value, ScalePrior)]
    if strange:
        name, value = strange[0]
        raise TypeError(f"the prior of {name!r} must be a ScalePrior, got {value!r}; give for instance ScalePrior('half-normal', 1.0)")


def checked_priors(priors: object, design: Design | Layout) -> Priors:
    """``priors`` themselves, if they are Priors and fit the design.

    Raises
    ------
    TypeError  if they are anything else
    ValueError  if they do not fit
    """
    if not isinstance(priors, Priors):
        raise TypeError(f"priors must be a Priors, got {type(priors).__name__}; make one with Priors.weak or Priors.build")
    return priors.checked(design)
