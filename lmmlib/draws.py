"""The one form of draws: whatever made them, everything after reads only this.

A DataTree with ``posterior`` (``beta``, ``sigma``, ``sd``, ``cor``, ``u``), ``observed_data`` (``y``) and, where the
engine has them, ``sample_stats``. It holds no ``log_likelihood``: which density that would be is the question.
"""

from collections.abc import Mapping

import arviz_base
import numpy as np
import pandas as pd
import xarray as xr

from lmmlib import linalg
from lmmlib.data import Data, Reduction, checked_data
from lmmlib.design import Design, Layout, Term, Theta
from lmmlib.design.checks import numbers
from lmmlib.design.design import checked_design

DIMS = {"beta": ["coef"], "sd": ["effect"], "cor": ["effect_pair"], "u": ["ranef"], "y": ["row"]}
VARIABLES = ("beta", "sd", "cor", "sigma", "u")
FINGERPRINT = "lmmlib_design"
DISTRIBUTION = "lmmlib_distribution"


def coords(design: Design | Layout) -> dict[str, list[str] | np.ndarray]:
    """Labels of every dimension that draws of ``design`` have.

    Examples
    --------
    >>> from lmmlib.design import Term
    >>> coords(Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))["ranef"]
    ['g[a]: Intercept', 'g[b]: Intercept']
    """
    names = {"coef": list(design.coef), "effect": list(design.effects), "effect_pair": list(design.pairs), "ranef": design.ranef["ranef"]}
    return {**names, "row": np.arange(design.n)} if isinstance(design, Design) else names


def as_draws(
    *, data: Data, sd: object, sigma: object, beta: object = None, cor: object = None, u: object = None, stats: object = None
) -> xr.DataTree:
    """Draws in the one form, from arrays of any engine.

    Parameters
    ----------
    data : Data the draws are of
    beta : (chains, draws, p); may be left out where p is zero
    sd : (chains, draws, effects), SDs in the order of ``design.effects``
    sigma : (chains, draws), an SD
    cor : (chains, draws, pairs) in the order of ``design.pairs``; none where there is no pair
    u : (chains, draws, K) in the order of ``design.ranef``, or None
    stats : mapping of (chains, draws, …) for ``sample_stats``

    Returns
    -------
    xarray.DataTree

    Raises
    ------
    TypeError  if data is no Data
    ValueError  if a shape does not fit the design, a value is not finite, an SD negative, or the correlations of a term
        are none of any effects

    Examples
    --------
    >>> from lmmlib.design import Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> draws = as_draws(data=data, beta=np.zeros((2, 5, 1)), sd=np.ones((2, 5, 1)), sigma=np.ones((2, 5)))
    >>> dict(draws.posterior.sizes)
    {'chain': 2, 'draw': 5, 'coef': 1, 'effect': 1}
    """
    design = checked_data(data).design
    given = {"beta": beta, "sd": sd, "sigma": sigma, "cor": cor, "u": u}
    arrays = {name: np.array(numbers(name, value), float) for name, value in given.items() if value is not None}
    for name, what, labels in (("beta", "coefficients", design.coef), ("cor", "pairs", design.pairs)):
        if labels and given[name] is None:
            raise ValueError(f"{name} must be given for the {what} {', '.join(labels)}")
    if cor is not None and not design.pairs:
        raise ValueError("cor must be left out: no two effects of this design are correlated")
    _check_sizes(arrays, coords(design))
    if np.any(arrays["sd"] < 0) or np.any(arrays["sigma"] <= 0) or (cor is not None and np.any(np.abs(arrays["cor"]) > 1)):
        raise ValueError(
            "sd must be zero or above, sigma above zero, and correlations within -1 and 1; SDs, not variances or their logarithms"
        )
    if cor is not None:
        _check_correlations(design, arrays["cor"])
    return assemble(data, arrays, _checked_stats(stats or {}, arrays["sigma"].shape))


def _check_sizes(arrays: Mapping[str, np.ndarray], labels: Mapping[str, object]) -> None:
    sampled = arrays["sigma"].shape
    for name, array in arrays.items():
        expected = (*sampled, *(len(labels[d]) for d in DIMS.get(name, ())))
        if len(sampled) != 2 or array.shape != expected:
            raise ValueError(f"{name} must have shape (chains, draws, …) = {expected}, got {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} entries that are not")


def _check_correlations(design: Design, cor: np.ndarray) -> None:
    """Raise where three effects or more have correlations that no three variables have."""
    first = 0
    for t in design.terms:
        if len(t.pairs) > 1:
            matrices = _matrices(t, cor[..., first : first + len(t.pairs)])
            try:
                linalg.cholesky_semidefinite(matrices)
            except linalg.NotPositiveSemidefiniteError:
                least = np.linalg.eigvalsh(matrices)[..., 0]
                chain, draw = (int(k) for k in np.unravel_index(least.argmin(), least.shape))
                where = f"chain {chain}, draw {draw} have an eigenvalue of {least[chain, draw]:.3g}"
                raise ValueError(
                    f"correlations of {t.name!r} must be positive semi-definite, those of {where}; check the order of the pairs"
                ) from None
        first += len(t.pairs)


def _matrices(term: Term, pairs: np.ndarray) -> np.ndarray:
    """Correlation matrices (..., q, q) of one term from its pairs (..., pairs)."""
    q = len(term.effects)
    cor = np.tile(np.eye(q), (*pairs.shape[:-1], 1, 1))
    for k, (i, j) in enumerate(term.pairs):
        cor[..., i, j] = cor[..., j, i] = pairs[..., k]
    return cor


def _checked_stats(stats: Mapping[str, object], sampled: tuple[int, ...]) -> dict[str, np.ndarray]:
    if not isinstance(stats, Mapping):
        raise TypeError(f"stats must be a mapping from names to arrays (chains, draws, …), got {type(stats).__name__}")
    arrays = {name: np.asarray(value) for name, value in stats.items()}
    for name, array in arrays.items():
        if array.shape[:2] != sampled:
            raise ValueError(f"stats {name!r} must have shape (chains, draws, …) with {sampled}, got {array.shape}")
    return arrays


def assemble(data: Data | Reduction, posterior: Mapping[str, np.ndarray], stats: Mapping[str, np.ndarray]) -> xr.DataTree:
    """The tree of :func:`as_draws` from arrays that are known to fit; without the response for a Reduction."""
    design = data.design if isinstance(data, Data) else data.layout
    observed = {"y": data.y} if isinstance(data, Data) else {}
    return tree_of({"posterior": posterior, "sample_stats": stats, "observed_data": observed}, design)


def tree_of(groups: Mapping[str, Mapping[str, np.ndarray]], design: Design | Layout) -> xr.DataTree:
    """What ``arviz_base.from_dict`` makes of groups of arrays, with the index of the effects, in a third of its time.

    Examples
    --------
    >>> from lmmlib.design import Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> tree = tree_of({"posterior": {"u": np.zeros((1, 5, 2))}, "sample_stats": {}}, design)
    >>> list(tree.children), tree["posterior"].coords["level"].to_numpy().tolist()
    (['posterior'], ['a', 'b'])
    """
    labels = coords(design)
    index = {key: ("ranef", values) for key, values in design.ranef.items() if key != "ranef"}
    tree = xr.DataTree.from_dict({group: _dataset(group, arrays, labels, index) for group, arrays in groups.items() if arrays})
    if isinstance(design, Design):
        tree.attrs[FINGERPRINT] = design.fingerprint
    return tree


def _dataset(group: str, arrays: Mapping[str, object], labels: Mapping[str, object], index: Mapping[str, tuple]) -> xr.Dataset:
    sampled = [] if group == "observed_data" else ["chain", "draw"]
    variables = {}
    present = {name: a for name, a in arrays.items() if np.size(a)}  # no fixed effects, no beta: ArviZ knows no empty variable
    for name, given in present.items():
        array = np.asarray(given)
        own = DIMS.get(name) or [f"{name}_dim_{k}" for k in range(array.ndim - len(sampled))]
        variables[name] = ([*sampled, *own], array)
    sizes = {dim: size for dims, array in variables.values() for dim, size in zip(dims, array.shape, strict=True)}
    named = {dim: labels.get(dim, np.arange(size)) for dim, size in sizes.items()}
    return xr.Dataset(variables, named | (dict(index) if "ranef" in sizes else {}), arviz_base.make_attrs(sample_dims=sampled))


def theta(draws: xr.DataTree, design: Design, same_rows: bool = True, chosen: slice | np.ndarray = slice(None)) -> Theta:
    """Parameters of all chains, or of chosen draws, in arrays with one leading axis; of other rows of the design, if asked.

    Raises
    ------
    ValueError  if the draws are of another design

    Examples
    --------
    >>> from lmmlib.design import Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> draws = as_draws(data=data, beta=np.zeros((2, 5, 1)), sd=np.ones((2, 5, 1)), sigma=np.ones((2, 5)))
    >>> theta(draws, data.design).roots[0].shape
    (10, 1, 1)
    """
    check_design(draws, design, same_rows)
    sd, cor = flat(draws, "sd")[chosen], flat(draws, "cor")[chosen] if design.pairs else np.zeros((1, 0))
    roots, first, first_pair = [], 0, 0
    for t in design.terms:
        q, pairs = len(t.effects), cor[:, first_pair : first_pair + len(t.pairs)]
        roots.append(sd[:, first : first + q, None] * linalg.cholesky_semidefinite(_matrices(t, pairs)))
        first, first_pair = first + q, first_pair + len(t.pairs)
    beta = flat(draws, "beta")[chosen] if design.coef else np.zeros((len(sd), 0))
    return Theta(beta, tuple(roots), flat(draws, "sigma")[chosen])


def checked_tree(draws: object) -> xr.DataTree:
    """``draws`` themselves, if they are a tree with a posterior.

    Raises
    ------
    TypeError  if they are anything else

    Examples
    --------
    >>> checked_tree({})
    Traceback (most recent call last):
        ...
    TypeError: draws must be a DataTree with a posterior, got dict; make them with posterior or as_draws
    """
    if not isinstance(draws, xr.DataTree) or "posterior" not in draws.children:
        told = f"one with {', '.join(draws.children) or 'nothing'}" if isinstance(draws, xr.DataTree) else type(draws).__name__
        raise TypeError(f"draws must be a DataTree with a posterior, got {told}; make them with posterior or as_draws")
    return draws


def flat(draws: xr.DataTree, name: str) -> np.ndarray:
    """A variable of the posterior with chains and draws in one leading axis.

    Raises
    ------
    TypeError  if draws are none
    ValueError  if it is not among the draws
    """
    if name not in checked_tree(draws).posterior:
        raise ValueError(f"the draws have no {name!r}, only {', '.join(draws.posterior.data_vars)}")
    values = draws.posterior[name].transpose("chain", "draw", ...).to_numpy()
    return values.reshape(-1, *values.shape[2:])


def log_weight(draws: xr.DataTree) -> np.ndarray | None:
    """Log weights of the draws (S,), normalised, or None where all count alike."""
    if "sample_stats" not in draws.children or "log_weight" not in draws.sample_stats:
        return None
    flat = draws.sample_stats["log_weight"].transpose("chain", "draw").to_numpy().ravel()
    return flat - np.logaddexp.reduce(flat)


def check_design(draws: xr.DataTree, design: Design, same_rows: bool = True) -> None:
    """Raise unless the draws are of this design, its rows in the same order."""
    made_of = checked_tree(draws).attrs.get(FINGERPRINT)
    names = {"coef": checked_design(design).coef, "effect": design.effects}
    for dim, expected in names.items():
        got = tuple(draws.posterior[dim].to_numpy().tolist()) if dim in draws.posterior.dims else ()
        if got != tuple(expected):
            raise ValueError(f"the draws have {dim} {', '.join(got) or 'none'}; the design has {', '.join(expected)}")
    if same_rows and made_of is not None and made_of != design.fingerprint:
        raise ValueError(
            "the draws were made with another design: other values of X, Z, weights or offset, or other rows or another order of rows"
        )


def check_data(draws: xr.DataTree, data: Data) -> None:
    """Raise unless the draws are of the posterior of this design and this response, row by row."""
    checked_data(data)
    if checked_tree(draws).attrs.get(DISTRIBUTION) == "prior":
        raise ValueError("the draws are of the prior, which no data have informed; draw from the posterior")
    if "observed_data" not in draws.children or "y" not in draws.observed_data:
        raise ValueError("the draws hold no observed_data with y, so it cannot be checked which data they are of; make them with as_draws")
    y = draws.observed_data["y"].to_numpy()
    if y.shape != data.y.shape:
        raise ValueError(f"the draws are of {len(y)} rows; the data have {len(data.y)}")
    differ = np.flatnonzero(y != data.y)
    if len(differ) and np.array_equal(np.sort(y), np.sort(data.y)):
        raise ValueError(f"the rows are in another order than when the draws were made, from row {differ[0]} on; use the same table")
    if len(differ):
        i = differ[0]
        told = f"{len(differ)} rows differ, row {i} first ({y[i]:g}, now {data.y[i]:g})"
        raise ValueError(f"the draws are of another response: {told}")
    check_design(draws, data.design)


def summary(draws: xr.DataTree) -> pd.DataFrame:
    """ArviZ's summary of everything but the effects u.

    Parameters
    ----------
    draws : DataTree in the one form

    Returns
    -------
    pandas.DataFrame, one row a parameter

    Examples
    --------
    >>> from lmmlib.design import Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> rng = np.random.default_rng(1)
    >>> arrays = {"beta": rng.normal(size=(2, 50, 1)), "sd": rng.uniform(size=(2, 50, 1)), "sigma": rng.uniform(size=(2, 50))}
    >>> summary(as_draws(data=data, **arrays)).index.tolist()
    ['beta[x1]', 'sd[g: Intercept]', 'sigma']
    """
    import arviz_stats  # slow to import

    return arviz_stats.summary(draws, var_names=[name for name in VARIABLES[:-1] if name in checked_tree(draws).posterior])
