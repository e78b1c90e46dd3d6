"""Log densities: of the response, given the effects or without them, and of some rows given all others. In nats."""

from lmmlib.loglik.densities import (
    LOG_2PI,
    Profile,
    conditional,
    conditional_in_draws,
    log_density,
    log_normal,
    marginal,
    profile,
    restricted,
)
from lmmlib.loglik.given_others import left_out, left_out_in_draws, levels_left_out_in_draws, rows_given_others, set_left_out_in_draws

__all__ = [
    "LOG_2PI",
    "Profile",
    "conditional",
    "conditional_in_draws",
    "left_out",
    "left_out_in_draws",
    "levels_left_out_in_draws",
    "log_density",
    "log_normal",
    "marginal",
    "profile",
    "restricted",
    "rows_given_others",
    "set_left_out_in_draws",
]
