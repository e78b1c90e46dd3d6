"""Arrays of any engine, brought to (chains, draws, …) in the order of the design's names."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from lmmlib.model.row_labels import some
from lmmlib.model.validation import label, numbers

SAMPLE_DIMS = ("chain", "draw")

Samples = ArrayLike | xr.DataArray


def sampled_array(name: str, value: Samples, names: Sequence[str] | None) -> np.ndarray:
    """Samples of a variable as floats.

    An xarray.DataArray is matched by its dimensions and labels, anything else by position.

    Parameters
    ----------
    name : str
        Name of the variable.
    value : array_like or xarray.DataArray, shape (chains, draws) or (chains, draws, m)
        Samples of the variable.
    names : sequence of str or None
        Names of the m entries; None for a variable without.

    Returns
    -------
    ndarray, shape (chains, draws) or (chains, draws, m)
        Floats, entries in the order of ``names``.

    Raises
    ------
    ValueError
        If it is not numeric, or its labels are not the names.

    Examples
    --------
    >>> labels = {"coef": ["x", "Intercept"]}
    >>> beta = xr.DataArray([[[2.0]], [[1.0]]], dims=("coef", "draw", "chain"), coords=labels)
    >>> sampled_array("beta", beta, ["Intercept", "x"]).tolist()
    [[[1.0, 2.0]]]
    """
    if isinstance(value, xr.DataArray):
        value = _in_order_of_names(name, in_order_of_samples(value), names)
    return np.array(numbers(name, value), float)


def in_order_of_samples(value: xr.DataArray) -> xr.DataArray:
    """A labelled array with chain and draw first, if it has both."""
    has_both = set(SAMPLE_DIMS) <= set(value.dims)
    return value.transpose(*SAMPLE_DIMS, ...) if has_both else value


def _in_order_of_names(name: str, value: xr.DataArray, names: Sequence[str] | None) -> np.ndarray:
    """The values of a labelled array, its last axis in the order of the names."""
    values = value.to_numpy()
    if names is None or value.ndim != 3 or value.dims[-1] not in value.coords:
        return values
    given = [label(entry) for entry in value.coords[value.dims[-1]].to_numpy().tolist()]
    numbered = [str(position) for position in range(len(names))]  # by ArviZ, for want of names
    if given in (list(names), numbered):
        return values
    if sorted(given) != sorted(names):
        raise ValueError(
            f"{name} is labelled {some(given)}; the design has {some(names)}; rename its labels, "
            f"or give {name} by .to_numpy()"
        )
    position_of = {entry: position for position, entry in enumerate(given)}
    return values[..., [position_of[entry] for entry in names]]
