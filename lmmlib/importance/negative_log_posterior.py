"""Minus the log posterior density of the variance parameters at one point, with derivatives."""

import numpy as np

from lmmlib.importance.marginal_deviance import MarginalDeviance
from lmmlib.importance.variance_parameters import scale_priors, variance_parameters
from lmmlib.linalg import Evaluation
from lmmlib.model import Priors, Reduction, lkj


class NegativeLogPosterior:
    """−log p(φ, y) as a function of free coordinates φ, with derivatives.

    Second derivatives of the density of y are exact for designs of few effects, and averages over
    responses for those of many.

    Parameters
    ----------
    reduction : Reduction
        Response and design, reduced.
    priors : Priors
        Prior distributions of the parameters.

    Examples
    --------
    >>> from lmmlib.model import Data, Design, ScalePrior, Term
    >>> data = Data([1.0, 2.0], Design([[1.0]] * 2, [Term.grouped("g", ["a", "b"])]))
    >>> priors = Priors.build(data.design, (0, 1), ScalePrior("half-normal", 1.0))
    >>> evaluation = NegativeLogPosterior(data.reduction, priors)(np.zeros(2))
    >>> round(evaluation.value, 6), evaluation.gradient.round(9).tolist()
    (5.016681, [0.34375, 0.34375])
    """

    def __init__(self, reduction: Reduction, priors: Priors) -> None:
        self.priors = priors
        self.layout = reduction.layout
        self.deviance = MarginalDeviance(reduction, priors)
        self.scale_priors = scale_priors(self.layout, priors)

        # All coordinates are log SDs, log σ and those of the correlations; some SDs may be fixed.
        scales = len(self.scale_priors)
        self.is_free = np.full(scales + len(self.layout.pairs), True)
        self.is_free[:scales] = [prior.family != "fixed" for prior in self.scale_priors]

        # Each entry of Λ, an effect's, grows as it is with log SD, and shrinks with log σ.
        ends = np.cumsum([len(term.effects) for term in self.layout.terms])
        self.effect_of_entry = np.concatenate(
            [
                of_term.rows + end - len(term.effects)
                for of_term, term, end in zip(
                    self.deviance.entries, self.layout.terms, ends, strict=True
                )
            ]
        )
        entries = np.arange(len(self.effect_of_entry))
        self.growth = np.zeros((len(entries), len(self.is_free)))
        self.growth[entries, self.effect_of_entry] = 1.0
        self.growth[:, scales - 1] = -1.0

    def __call__(self, free: np.ndarray) -> Evaluation:
        """Value, gradient and Hessian at φ (d,)."""
        variances = variance_parameters(free[None], self.layout, self.priors)
        sd = variances.sd[0]
        sigma = variances.sigma[0]
        z = free[len(free) - len(self.layout.pairs) :]

        # The point of the deviance, and its derivatives in all coordinates.
        chols = zip(self.deviance.entries, variances.effect_chols, strict=True)
        entries = np.concatenate([chol[0, e.rows, e.columns] for e, chol in chols])
        x = entries / (sigma * self.deviance.scales)
        ratios = sd[self.effect_of_entry] / (sigma * self.deviance.scales)
        once, twice = self._correlation_derivatives(z)
        slopes = x[:, None] * self.growth + ratios[:, None] * once
        slopes = np.vstack([slopes, np.eye(len(self.is_free))[len(sd)]])

        # The chain rule. An entry is SD/σ times a function of z.
        of_y = self.deviance(np.append(x, np.log(sigma)))
        of_entries = of_y.gradient[:-1]
        mixed = self.growth.T @ ((of_entries * ratios)[:, None] * once)
        bend = self.growth.T @ ((of_entries * x)[:, None] * self.growth) + mixed + mixed.T
        bend += np.tensordot(of_entries * ratios, twice, 1)
        prior_slopes, prior_bend = self._prior_derivatives(np.append(sd, sigma), z)
        gradient = 0.5 * slopes.T @ of_y.gradient - prior_slopes
        hessian = 0.5 * (slopes.T @ of_y.hessian @ slopes + bend) - np.diag(prior_bend)
        return Evaluation(
            value=float(0.5 * of_y.value - variances.log_prior[0]),
            gradient=gradient[self.is_free],
            hessian=hessian[np.ix_(self.is_free, self.is_free)],
        )

    def _correlation_derivatives(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each entry of the correlations' Cholesky factors, in all coordinates."""
        d = len(self.is_free)
        once = np.zeros((len(self.effect_of_entry), d))
        twice = np.zeros((len(self.effect_of_entry), d, d))
        first = 0
        for of_term, term in zip(self.deviance.entries, self.layout.terms, strict=True):
            if not term.pairs:
                continue
            last = first + len(term.pairs)
            own = slice(d - len(z) + first, d - len(z) + last)
            of_chol, of_chol_twice = lkj.cholesky_derivatives(z[first:last], len(term.effects))
            once[of_term.place, own] = of_chol[of_term.rows, of_term.columns]
            twice[of_term.place, own, own] = of_chol_twice[of_term.rows, of_term.columns]
            first = last
        return once, twice

    def _prior_derivatives(
        self, scales: np.ndarray, z: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """First and second derivatives of the log prior in each coordinate: they do not interact.

        log(1 − tanh² z) has the slope −2 tanh z.
        """
        derivatives = [
            (0.0, 0.0) if prior.family == "fixed" else prior.log_scale_derivatives(scale)
            for prior, scale in zip(self.scale_priors, scales, strict=True)
        ]
        shapes = [
            shape
            for term in self.layout.terms
            if term.pairs
            for shape in lkj.beta_shapes(len(term.effects), self.priors.cor[term.name])
        ]
        r = np.tanh(z)
        slopes = [-2 * shape * partial for shape, partial in zip(shapes, r, strict=True)]
        bends = [-2 * shape / np.cosh(one) ** 2 for shape, one in zip(shapes, z, strict=True)]
        once, twice = np.array(derivatives).T
        return np.append(once, slopes), np.append(twice, bends)
