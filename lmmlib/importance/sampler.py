"""Draws from the posterior by importance sampling of the variance parameters.

With the evidence and its error.
"""

import numpy as np
import xarray as xr

from lmmlib import draws as draws_
from lmmlib import linalg
from lmmlib.estimation import check_residual_df, confounded_with_sigma, initial_scales
from lmmlib.importance.log_posterior import draw_fixed, log_posterior
from lmmlib.importance.weighting import CHAINS, PosteriorError, Weighted, weighted_draws
from lmmlib.model import Data, Priors, Reduction, RNGLike, Theta, as_reduction, checked_rng
from lmmlib.model.options import switch, whole_number
from lmmlib.model.priors import checked_priors
from lmmlib.random_effects import conditional_draws

LEAST = 32  # draws: with fewer the largest weights have no tail to read Pareto k from
SMALLEST_SD = (
    1e-3  # of the start, in units of the prior's scale: at zero itself the logarithm has no value
)


@linalg.one_thread()
def posterior(
    data: Data | Reduction,
    priors: Priors,
    draws: int = 4096,
    *,
    rng: RNGLike = None,
    weighted: bool = False,
) -> xr.DataTree:
    r"""Draw from the posterior of β, the SDs and correlations, σ and u, without Markov chains.

    With β and u integrated out, p(φ|y) ∝ p(φ) N(y; Xb₀, V + XB₀X') has few dimensions. It is
    sampled by importance from an adapted mixture of Student t distributions; then β given φ, and u
    given β and φ, are drawn exactly.

    Parameters
    ----------
    data : Data or Reduction
        Response and design, or a Reduction, whose draws do not hold the response.
    priors : Priors
        Prior distributions of the parameters.
    draws : int, default: 4096
        Number of draws, a multiple of four and 32 at least.
    rng : {None, int, numpy.random.Generator}, optional
        Seed or generator, as ``numpy.random.default_rng`` takes it.
    weighted : bool, default: False
        Whether the draws keep their weights, with ``log_weight`` in ``sample_stats``; if False they
        are resampled to equal weight.

    Returns
    -------
    xarray.DataTree
        Draws in the one form. A chain is one independently scrambled point set. Attributes:
        ``log_evidence`` (log p(y)) and ``log_evidence_error``, from the spread of the chains;
        ``pareto_k``; ``kish_ess``, the effective sample size of the weights. Judge the precision by
        that one: ArviZ's ESS counts resampled duplicates as draws of their own.

    Raises
    ------
    PosteriorError
        If Pareto k stays above 0.7 or the effective sample size below a tenth of the draws in two
        attempts; it names σ and an SD of one effect a row where the priors leave these as
        confounded as the likelihood does.
    ValueError
        If the priors do not fit the design, ``draws`` is not a multiple of four or too few, or X
        and the effects fit y exactly, so that the posterior of σ is improper.

    Notes
    -----
    Weights are Pareto-smoothed where k is above one half. Below, smoothing would bias means: of
    eight schools' τ by −0.0017, ten times the error of the plain weights at 65,536 draws.

    Pareto k is not read where the largest weight is at most ten times the mean: of a tail with k =
    0.7 the largest of its 3√S members would be about (3√S)^0.7 times its scale, forty at S = 4096,
    and a shape fitted to less says nothing.

    Blind to a mode that no start leads to; starts are the REML estimates without correlations, the
    prior's scales, and points between.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), J. Mach. Learn. Res. 25(72), for the smoothing of
    the weights.

    Examples
    --------
    >>> from lmmlib.datasets import load_dataset
    >>> from lmmlib.formula import from_formula
    >>> data = from_formula("Yield ~ 1 + (1 | Batch)", load_dataset("Dyestuff"))
    >>> tree = posterior(data, Priors.weak(data), 1024, rng=np.random.default_rng(1))
    >>> tree.posterior.sizes["chain"], tree.attrs["pareto_k"] < 0.7
    (4, True)
    """
    reduction = as_reduction(data)
    checked_priors(priors, reduction.layout)
    draws = whole_number("draws", draws, LEAST, CHAINS)
    weighted = switch("weighted", weighted)
    rng = checked_rng(rng)
    check_residual_df(reduction, priors)
    extra = (
        len(priors.beta_mean) if weighted else 0
    )  # resampled draws of φ share none: equal φ would have equal β
    found = _sampled(reduction, priors, draws, rng, extra)
    if weighted:
        chosen, z, stats = np.arange(draws), found.z, {"log_weight": found.log_weight}
    else:
        chosen, z, stats = (
            found.resampled(rng),
            rng.standard_normal((draws, len(priors.beta_mean))),
            {},
        )
    scales, part = (of.at(chosen) for of in found.beside)
    beta = draw_fixed(part, scales.sigma, z)
    u = conditional_draws(reduction, Theta(beta, scales.effect_chols, scales.sigma), rng)
    arrays = {"beta": beta, "sd": scales.sd, "cor": scales.cor, "sigma": scales.sigma, "u": u}
    shaped = {
        name: a.reshape(*found.log_weight.shape, *a.shape[1:])
        for name, a in arrays.items()
        if a.size
    }
    tree = draws_.assemble(data, shaped, stats)
    tree.attrs.update(found.told)
    return tree


def _sampled(
    reduction: Reduction, priors: Priors, draws: int, rng: np.random.Generator, extra: int
) -> Weighted:
    """Weighted draws of the variance parameters.

    A failure says so where no data could tell these apart.
    """
    try:
        return weighted_draws(
            lambda phi: log_posterior(phi, reduction, priors),
            _starts(reduction, priors),
            draws,
            rng,
            extra,
        )
    except PosteriorError as error:
        confounded = confounded_with_sigma(reduction, priors)
        if not confounded:
            raise
        raise PosteriorError(
            f"{confounded} (the importance weights fail on what the priors leave)"
        ) from error


def _starts(reduction: Reduction, priors: Priors) -> np.ndarray:
    """Points (4, d) to start from, with correlations of zero.

    Rough REML estimates, the prior's scales, and two points between.
    """
    layout = reduction.layout
    found, sigma = initial_scales(reduction) or (
        [priors.sd[name].scale for name in layout.effects],
        priors.sigma.scale,
    )
    spread = [
        *zip(found, (priors.sd[name] for name in layout.effects), strict=True),
        (sigma, priors.sigma),
    ]
    if all(p.family == "fixed" for _, p in spread):
        return np.zeros((1, 0))
    pairs = [
        (np.log(max(value, SMALLEST_SD * p.scale)), np.log(p.scale))
        for value, p in spread
        if p.family != "fixed"
    ]
    estimated, prior = np.array(pairs).T
    correlations = np.zeros(len(layout.pairs))
    points = [
        estimated,
        prior,
        np.append(prior[:-1] - 2, estimated[-1]),
        np.append(estimated[:-1] - 2, estimated[-1] + 0.3),
    ]
    return np.array([np.concatenate([x, correlations]) for x in points])
