"""Draws in the one form from arrays of any engine, each of them checked."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from lmmlib.draws.correlations import check_correlations
from lmmlib.draws.datatree import DIMS, assemble, coords
from lmmlib.draws.labelled_arrays import Samples, in_order_of_samples, sampled_array
from lmmlib.model import Data, Design, checked_data


def as_draws(
    *,
    data: Data,
    sd: Samples,
    sigma: Samples,
    beta: Samples | None = None,
    cor: Samples | None = None,
    u: Samples | None = None,
    stats: Mapping[str, Samples] | None = None,
) -> xr.DataTree:
    """Draws in the one form, from arrays of any engine.

    Parameters
    ----------
    data : Data
        Data the draws are of.
    sd : array_like or xarray.DataArray, shape (chains, draws, effects)
        SDs in the order of ``design.effects``. A plain array is read by position, here and below,
        and an xarray.DataArray by its labels.
    sigma : array_like or xarray.DataArray, shape (chains, draws)
        Residual SD.
    beta : array_like or xarray.DataArray, shape (chains, draws, p), optional
        Fixed effects, which may be left out where p is zero.
    cor : array_like or xarray.DataArray, shape (chains, draws, pairs), optional
        Correlations in the order of ``design.pairs``; none where there is no pair.
    u : array_like or xarray.DataArray, shape (chains, draws, K), optional
        Effects in the order of ``design.ranef``.
    stats : mapping of str to array_like or xarray.DataArray, optional
        Arrays (chains, draws, ...) for ``sample_stats``, by name.

    Returns
    -------
    xarray.DataTree
        Draws in the one form.

    Raises
    ------
    TypeError
        If data is no Data, or sd or sigma is None.
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
    required = [name for name in ("sd", "sigma") if given[name] is None]
    if required:
        raise TypeError(f"{', '.join(required)} must be arrays (chains, draws, …), got None")
    # floats in the order of the design's names
    labels = coords(design)
    arrays: dict[str, np.ndarray] = {}
    for name, value in given.items():
        if value is not None:
            entries = list(labels[DIMS[name][0]]) if name in DIMS else None
            arrays[name] = sampled_array(name, value, entries)
    # all that the design has, of its sizes, and possible values
    _check_presence(design, arrays)
    sampled = arrays["sigma"].shape
    for name, array in arrays.items():
        sizes = [len(labels[dim]) for dim in DIMS.get(name, ())]
        _check_array(name, array, sampled, sizes)
    _check_values(arrays)
    if "cor" in arrays:
        check_correlations(design, arrays["cor"])
    return assemble(data, arrays, _checked_stats(stats, sampled))


def _check_presence(design: Design, arrays: Mapping[str, np.ndarray]) -> None:
    """Raise unless there are coefficients and correlations where the design has some."""
    if design.coef and "beta" not in arrays:
        raise ValueError(f"beta must be given for the coefficients {', '.join(design.coef)}")
    if design.pairs and "cor" not in arrays:
        raise ValueError(f"cor must be given for the pairs {', '.join(design.pairs)}")
    if "cor" in arrays and not design.pairs:
        raise ValueError("cor must be left out: no two effects of this design are correlated")


def _check_array(
    name: str, array: np.ndarray, sampled: tuple[int, ...], sizes: Sequence[int]
) -> None:
    """Raise unless an array is finite and has as many draws and entries as it should."""
    expected = (*sampled, *sizes)
    if len(sampled) != 2 or array.shape != expected:
        raise ValueError(
            f"{name} must have shape (chains, draws, …) = {expected}, got {array.shape}"
        )
    infinite = int(np.count_nonzero(~np.isfinite(array)))
    if infinite:
        raise ValueError(f"{name} must be finite, got {infinite} entries that are not")


def _check_values(arrays: Mapping[str, np.ndarray]) -> None:
    """Raise unless SDs and correlations have values that such can have."""
    is_possible = np.all(arrays["sd"] >= 0) and np.all(arrays["sigma"] > 0)
    if "cor" in arrays:
        is_possible = is_possible and np.all(np.abs(arrays["cor"]) <= 1)
    if not is_possible:
        raise ValueError(
            "sd must be zero or above, sigma above zero, and correlations within -1 and 1; SDs, "
            "not variances or their logarithms"
        )


def _checked_stats(
    stats: Mapping[str, Samples] | None, sampled: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Arrays of ``sample_stats``, each with as many draws as there are."""
    if stats is None:
        return {}
    if not isinstance(stats, Mapping):
        raise TypeError(
            "stats must be a mapping from names to arrays (chains, draws, …), got "
            f"{type(stats).__name__}"
        )
    arrays: dict[str, np.ndarray] = {}
    for name, value in stats.items():
        if isinstance(value, Mapping):
            raise TypeError(
                f"stats {name!r} must be an array (chains, draws, …), got {type(value).__name__}"
            )
        if isinstance(value, xr.DataArray):
            value = in_order_of_samples(value)
        arrays[name] = np.asarray(value)
        if arrays[name].shape[:2] != sampled:
            raise ValueError(
                f"stats {name!r} must have shape (chains, draws, …) with {sampled}, got "
                f"{arrays[name].shape}"
            )
    return arrays
