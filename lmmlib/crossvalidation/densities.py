"""Log densities of what is left out, for every draw, a few units at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.crossvalidation.units import Units
from lmmlib.held_out import levels_in_draws, rows_in_draws
from lmmlib.loglik import conditional_in_draws
from lmmlib.model import Data, Theta


@dataclass(frozen=True, eq=False)
class UnitDensities:
    """Log densities of some units in S draws.

    Attributes
    ----------
    units : ndarray of int, shape (r,)
        Numbers of the units.
    log_density : ndarray, shape (S, r)
        Log density of each unit given a draw: p(y_I|y_−I,θ), or p(y_i|u,θ).
    """

    units: np.ndarray
    log_density: np.ndarray


def unit_densities(
    draws: xr.DataTree, data: Data, theta: Theta, units: Units, route: str
) -> Iterator[UnitDensities]:
    """Densities of all units, in parts: the rows by either route, levels by ``leverage``."""
    if route == "conditional":
        u = draws_.flat(draws, "u")
        yield UnitDensities(units.of_rows, conditional_in_draws(data, theta, u))
    elif units.are_rows:
        for rows, log_density in rows_in_draws(data, theta):
            yield UnitDensities(rows, log_density)
    else:
        unit_of_level = _units_by_level(data, units)
        for levels, log_density in levels_in_draws(data, theta, units.leave):
            yield UnitDensities(unit_of_level[levels], log_density)


def _units_by_level(data: Data, units: Units) -> np.ndarray:
    """Number of the unit of each level of the term, −1 for levels without rows."""
    level_of_rows = data.design.level_of_rows(units.leave)
    unit_of_level = np.full(level_of_rows.max() + 1, -1)
    unit_of_level[level_of_rows] = units.of_rows
    return unit_of_level
