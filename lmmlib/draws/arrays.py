"""Arrays of any engine, brought to (chains, draws, …) in the order of the design's names."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from lmmlib.model.row_labels import some
from lmmlib.model.validation import label, numbers

SAMPLED = ("chain", "draw")


def sampled_array(name: str, value: object, names: Sequence[str] | None) -> np.ndarray:
    """``value`` as floats.

    An xarray.DataArray is matched by its dimensions and labels, anything else by position.

    Parameters
    ----------
    name : str
        Name of the variable.
    value : array_like, shape (chains, draws) or (chains, draws, m)
        Values of the variable.
    names : sequence of str or None
        Names of the m places; None for a variable without.

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
        value = _in_places(name, value, names)
    return np.array(numbers(name, value), float)


def _in_places(name: str, value: xr.DataArray, names: Sequence[str] | None) -> np.ndarray:
    """The values of a labelled array by chain, draw and the order of the names."""
    if set(SAMPLED) <= set(value.dims):
        value = value.transpose(*SAMPLED, ...)
    if names is None or value.ndim != 3 or value.dims[-1] not in value.coords:
        return value.to_numpy()
    given = [label(entry) for entry in value.coords[value.dims[-1]].to_numpy().tolist()]
    if given == list(names) or given == [
        str(place) for place in range(len(names))
    ]:  # ArviZ numbers what has no names
        return value.to_numpy()
    missing = [entry for entry in names if entry not in given]
    unknown = [entry for entry in given if entry not in set(names)]
    if missing or unknown or len(given) != len(names):
        raise ValueError(
            f"{name} is labelled {some(given)}; the design has {some(names)}; rename its labels, "
            f"or give {name} by .to_numpy()"
        )
    place = {entry: k for k, entry in enumerate(given)}
    return value.to_numpy()[..., [place[entry] for entry in names]]
