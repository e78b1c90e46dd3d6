"""The form itself: labels, groups, and the tree that is made of arrays."""

from collections.abc import Mapping

import arviz_base
import numpy as np
import xarray as xr

from lmmlib.draws.arrays import SAMPLED, sampled_array
from lmmlib.draws.correlations import check_correlations
from lmmlib.model import Data, Design, Layout, Reduction, checked_data

DIMS = {"beta": ["coef"], "sd": ["effect"], "cor": ["effect_pair"], "u": ["ranef"], "y": ["row"]}
INDEX = ("term", "level", "covariate")  # of each entry of u
VARIABLES = ("beta", "sd", "cor", "sigma", "u")
FINGERPRINT = "lmmlib_design"


def coords(design: Design | Layout) -> dict[str, list[str] | np.ndarray]:
    """Labels of every dimension that draws of ``design`` have.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> coords(Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))["ranef"]
    ['g[a]: Intercept', 'g[b]: Intercept']
    """
    names = {
        "coef": list(design.coef),
        "effect": list(design.effects),
        "effect_pair": list(design.pairs),
        "ranef": design.ranef["ranef"],
    }
    return {**names, "row": np.arange(design.n)} if isinstance(design, Design) else names


def as_draws(
    *,
    data: Data,
    sd: object,
    sigma: object,
    beta: object = None,
    cor: object = None,
    u: object = None,
    stats: Mapping[str, object] | None = None,
) -> xr.DataTree:
    """Draws in the one form, from arrays of any engine.

    Parameters
    ----------
    data : Data
        Data the draws are of.
    sd : array_like, shape (chains, draws, effects)
        SDs in the order of ``design.effects``.
    sigma : array_like, shape (chains, draws)
        Residual SD.
    beta : array_like, shape (chains, draws, p), optional
        Fixed effects, which may be left out where p is zero; these and the others as arrays, by
        position, or as xarray.DataArray, by their labels.
    cor : array_like, shape (chains, draws, pairs), optional
        Correlations in the order of ``design.pairs``; none where there is no pair.
    u : array_like, shape (chains, draws, K), optional
        Effects in the order of ``design.ranef``, or None.
    stats : mapping of str to array_like, optional
        Arrays (chains, draws, ...) for ``sample_stats``, by name.

    Returns
    -------
    xarray.DataTree
        Draws in the one form.

    Raises
    ------
    TypeError
        If data is no Data.
    ValueError
        If a shape does not fit the design, a value is not finite, an SD negative, or the
        correlations of a term are none of any effects.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> data = Data([1.0, 2.0, 4.0], Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])]))
    >>> draws = as_draws(
    ...     data=data, beta=np.zeros((2, 5, 1)), sd=np.ones((2, 5, 1)), sigma=np.ones((2, 5))
    ... )
    >>> dict(draws.posterior.sizes)
    {'chain': 2, 'draw': 5, 'coef': 1, 'effect': 1}
    """
    design = checked_data(data).design
    given = {"beta": beta, "sd": sd, "sigma": sigma, "cor": cor, "u": u}
    names = coords(design)
    missing = [name for name in ("sd", "sigma") if given[name] is None]
    if missing:
        raise TypeError(f"{', '.join(missing)} must be arrays (chains, draws, …), got None")
    arrays = {}
    for name, value in given.items():
        if value is not None:
            arrays[name] = sampled_array(
                name, value, names[DIMS[name][0]] if name in DIMS else None
            )
    if design.coef and beta is None:
        raise ValueError(f"beta must be given for the coefficients {', '.join(design.coef)}")
    if design.pairs and cor is None:
        raise ValueError(f"cor must be given for the pairs {', '.join(design.pairs)}")
    if cor is not None and not design.pairs:
        raise ValueError("cor must be left out: no two effects of this design are correlated")
    _check_sizes(arrays, names)
    if (
        np.any(arrays["sd"] < 0)
        or np.any(arrays["sigma"] <= 0)
        or (cor is not None and np.any(np.abs(arrays["cor"]) > 1))
    ):
        raise ValueError(
            "sd must be zero or above, sigma above zero, and correlations within -1 and 1; SDs, "
            "not variances or their logarithms"
        )
    if cor is not None:
        check_correlations(design, arrays["cor"])
    return assemble(
        data, arrays, _checked_stats({} if stats is None else stats, arrays["sigma"].shape)
    )


def _check_sizes(arrays: Mapping[str, np.ndarray], labels: Mapping[str, object]) -> None:
    sampled = arrays["sigma"].shape
    for name, array in arrays.items():
        expected = (*sampled, *(len(labels[d]) for d in DIMS.get(name, ())))
        if len(sampled) != 2 or array.shape != expected:
            raise ValueError(
                f"{name} must have shape (chains, draws, …) = {expected}, got {array.shape}"
            )
        if not np.isfinite(array).all():
            raise ValueError(
                f"{name} must be finite, got {int((~np.isfinite(array)).sum())} entries that are "
                "not"
            )


def _checked_stats(stats: Mapping[str, object], sampled: tuple[int, ...]) -> dict[str, np.ndarray]:
    if not isinstance(stats, Mapping):
        raise TypeError(
            "stats must be a mapping from names to arrays (chains, draws, …), got "
            f"{type(stats).__name__}"
        )
    arrays = {}
    for name, value in stats.items():
        if isinstance(value, Mapping):
            raise TypeError(
                f"stats {name!r} must be an array (chains, draws, …), got {type(value).__name__}"
            )
        is_labelled = isinstance(value, xr.DataArray) and set(SAMPLED) <= set(value.dims)
        arrays[name] = np.asarray(value.transpose(*SAMPLED, ...) if is_labelled else value)
    for name, array in arrays.items():
        if array.shape[:2] != sampled:
            raise ValueError(
                f"stats {name!r} must have shape (chains, draws, …) with {sampled}, got "
                f"{array.shape}"
            )
    return arrays


def assemble(
    data: Data | Reduction, posterior: Mapping[str, np.ndarray], stats: Mapping[str, np.ndarray]
) -> xr.DataTree:
    """The tree of :func:`as_draws` from arrays that are known to fit.

    Without the response for a Reduction.
    """
    design = data.design if isinstance(data, Data) else data.layout
    observed = {"y": data.y} if isinstance(data, Data) else {}
    return tree_of(
        {"posterior": posterior, "sample_stats": stats, "observed_data": observed}, design
    )


def tree_of(groups: Mapping[str, Mapping[str, np.ndarray]], design: Design | Layout) -> xr.DataTree:
    """ArviZ's tree of groups of arrays.

    Where u is among them, ``constant_data`` says of what each entry is.

    Term, level and covariate are no coordinates of u: ArviZ's summaries want a coordinate in all
    variables or in none.

    Examples
    --------
    >>> from lmmlib.model import Term
    >>> design = Design([[1.0]] * 3, [Term.grouped("g", ["a", "b", "b"])])
    >>> tree = tree_of({"posterior": {"u": np.zeros((1, 5, 2))}, "sample_stats": {}}, design)
    >>> list(tree.children), tree["constant_data"]["level"].to_numpy().tolist()
    (['posterior', 'constant_data'], ['a', 'b'])
    """
    # A model without fixed effects has draws without beta: ArviZ has no statistics of a variable of
    # size zero.
    sized = {
        group: {name: array for name, array in arrays.items() if np.size(array)}
        for group, arrays in groups.items()
    }
    filled = {group: arrays for group, arrays in sized.items() if arrays}
    if any("u" in arrays for arrays in filled.values()):
        filled["constant_data"] = {name: np.array(design.ranef[name]) for name in INDEX}
    dims = DIMS | {name: ["ranef"] for name in INDEX}
    tree = arviz_base.from_dict(filled, coords=coords(design), dims=dims)
    if isinstance(design, Design):
        tree.attrs[FINGERPRINT] = design.fingerprint
    return tree
