"""Leave-one-out with the prediction task on the result: what is left out, and through which density."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import arviz_stats
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from arviz_stats.utils import ELPDDataLOO
from scipy.special import logsumexp

from lmmlib import draws as draws_
from lmmlib.data import Data
from lmmlib.design import Theta
from lmmlib.loglik import LOG_2PI, left_out_in_draws

ROUTES = ("leverage", "conditional")


@dataclass(kw_only=True, repr=False)
class RowLOO(ELPDDataLOO):
    """ArviZ's result for one row left out at a time, with the task on it.

    Attributes
    ----------
    task : what is predicted from what
    route : ``leverage`` or ``conditional``, the density whose weights were smoothed
    """

    task: str = ""
    route: str = ""
    _kind: ClassVar[str] = "loo_row"

    def _header(self) -> str:
        return f"Task: {self.task}\nRoute: {self.route}\n" + super()._header()


def loo(draws: xr.DataTree, data: Data, leave: str = "row", route: str = "leverage") -> RowLOO:
    r"""Expected log predictive density of each row from all others, Pareto-smoothed over draws.

    The quantity, log p(y_i|y_−i), belongs to the joint model and is the same for both formulations. Two routes lead
    to it. ``leverage`` weights draws of θ by 1/p(y_i|y_−i,θ), which is exact in u:
    y_i|y_−i,θ ~ N(y_i − e_i, σ²v_i/w_i) with e_i the residual of row i predicted from the others and
    1/v_i = 1 − h_i its leverage's complement. ``conditional`` weights draws of (θ, u) by 1/p(y_i|u,θ), which is the
    plain way, and the noisier one: at fixed θ its weights have Pareto shape h_i.

    Parameters
    ----------
    draws : DataTree in the one form; ``conditional`` needs u among them
    data : Data the draws are of
    leave : ``row``
    route : ``leverage`` or ``conditional``

    Returns
    -------
    RowLOO, an ArviZ ELPD object; p is the in-sample minus the left-out log density of the chosen route

    Raises
    ------
    ValueError  if the draws are of other data, another design or another order of rows, or an option is unknown

    Warns
    -----
    UserWarning  naming the rows whose Pareto k is above min(1 − 1/log10 S, 0.7)

    Notes
    -----
    No n × n matrix; rows are worked through block by block. The standard error treats rows as independent, which
    rows of one group are not. The priors must be such that p(θ|y_−i) is proper for every i, and unchanged when a
    row is left out.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), Stat. Comput. 27(5); Li, Qiu, Zhang & Feng (2016), Stat. Comput. 26(4), for
    integrated importance sampling; :eq:`eq-left-out`.

    Examples
    --------
    >>> from lmmlib.design import Design, Term
    >>> rng = np.random.default_rng(1)
    >>> data = Data(rng.normal(size=20), Design(np.ones((20, 1)), [Term.grouped("g", np.repeat(list("abcd"), 5))]))
    >>> spread = rng.uniform(0.9, 1.1, size=(2, 100))
    >>> draws = draws_.as_draws(data=data, beta=rng.normal(0, 0.3, size=(2, 100, 1)), sd=spread[..., None], sigma=spread)
    >>> result = loo(draws, data)
    >>> result.task, result.elpd_i.sizes["row"]
    ('row i from all other rows', 20)
    """
    if leave != "row":
        raise ValueError(f"leave must be 'row', got {leave!r}")
    if route not in ROUTES:
        raise ValueError(f"route must be one of {', '.join(ROUTES)}, got {route!r}")
    draws_.check_data(draws, data)
    parameters = draws_.theta(draws, data.design)
    densities = left_out_in_draws(data, parameters) if route == "leverage" else _given_effects(data, parameters, draws_.flat(draws, "u"))
    return _collect(data, densities, len(parameters.sigma), _relative_efficiency(draws), route)


def smoothed_weights(log_density: np.ndarray, r_eff: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Pareto-smoothed weights proportional to one over a density, by ArviZ.

    Parameters
    ----------
    log_density : (S, n) of what is left out, for S draws
    r_eff : effective draws a draw

    Returns
    -------
    log weights (S, n), each column summing to one, and Pareto k (n,)

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry (2024), J. Mach. Learn. Res. 25(72).

    Examples
    --------
    >>> log_weights, k = smoothed_weights(np.random.default_rng(1).normal(size=(400, 2)))
    >>> np.exp(log_weights).sum(0).round(9).tolist(), k.shape
    ([1.0, 1.0], (2,))
    """
    log_weights, k = array_stats.psislw(log_density, r_eff=r_eff, axis=0)  # it negates the density itself
    return log_weights.T, k


def _given_effects(data: Data, theta: Theta, u: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Row numbers and log p(y_i|u,θ), (S, rows)."""
    scale = theta.sigma[:, None] ** 2 / data.design.weights
    residual = data.y - data.design.fixed_part(theta.beta) - data.design.random_part(u)
    yield np.arange(data.design.n), -0.5 * (LOG_2PI + np.log(scale) + residual**2 / scale)


def _collect(data: Data, densities: Iterator[tuple[np.ndarray, np.ndarray]], S: int, r_eff: float, route: str) -> RowLOO:
    elpd_i, in_sample, k = (np.empty(data.design.n) for _ in range(3))
    for rows, log_density in densities:
        log_weights, k[rows] = smoothed_weights(log_density, r_eff)
        elpd_i[rows] = logsumexp(log_weights + log_density, axis=0)
        in_sample[rows] = logsumexp(log_density, axis=0) - np.log(S)
    good_k = min(1 - 1 / np.log10(S), 0.7)
    high = np.flatnonzero(k > good_k)
    if len(high):
        named = ", ".join(map(str, high[:8])) + (", …" if len(high) > 8 else "")
        warnings.warn(
            f"Pareto k is above {good_k:.2f} in {len(high)} of {len(k)} rows by the {route} route: {named}; their elpd may be far off",
            stacklevel=3,
        )
    row = {"row": np.arange(data.design.n)}
    return RowLOO(
        elpd=float(elpd_i.sum()),
        se=float(np.sqrt(len(elpd_i) * elpd_i.var())),
        p=float((in_sample - elpd_i).sum()),
        n_samples=S,
        n_data_points=data.design.n,
        scale="log",
        warning=bool(len(high)),
        good_k=float(good_k),
        elpd_i=xr.DataArray(elpd_i, coords=row, name="elpd_i"),
        pareto_k=xr.DataArray(k, coords=row, name="pareto_k"),
        approx_posterior=False,
        task="row i from all other rows",
        route=route,
    )


def _relative_efficiency(draws: xr.DataTree) -> float:
    """Mean over parameters of effective to actual draws, as ArviZ takes it for smoothing; one chain counts as one."""
    posterior = draws.posterior
    if posterior.sizes["chain"] == 1:
        return 1.0
    names = [name for name in draws_.VARIABLES if name in posterior]
    ess = arviz_stats.ess(posterior.to_dataset()[names], method="mean")
    found = np.concatenate([np.ravel(v.to_numpy()) for v in ess.data_vars.values()])
    found = found[np.isfinite(found)]
    return float(found.mean()) / (posterior.sizes["chain"] * posterior.sizes["draw"]) if len(found) else 1.0
