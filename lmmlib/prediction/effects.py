"""Effects of the levels of rows: those that were drawn with θ, or new ones from N(0, Σ(θ))."""

import numpy as np
import xarray as xr

from lmmlib import draws as draws_
from lmmlib.model import Design, Theta
from lmmlib.simulation import draw_effects

MOST_NAMED = 3  # levels that an error names


def effects_of_levels(
    draws: xr.DataTree, rows: Design, theta: Theta, levels: str, rng: np.random.Generator
) -> np.ndarray:
    """Effects u of the levels of some rows, in each draw of θ.

    Parameters
    ----------
    draws : xarray.DataTree
        Draws in the one form; ``known`` needs u among them.
    rows : Design
        Rows whose levels are meant.
    theta : Theta
        Parameters of the draws, with one leading axis of S draws.
    levels : {"known", "new"}
        ``known``: a level of which there are draws of u keeps them, each other one gets effects of
        its own; ``new``: every level does.
    rng : numpy.random.Generator
        Generator of the new effects.

    Returns
    -------
    ndarray, shape (S, K)
        Effects in the order of ``rows.ranef``.
    """
    if levels == "new":
        return draw_effects(rows, theta, rng)
    if "u" not in draws.posterior:
        raise ValueError(
            "the draws hold no u, so no level is known; use levels='new', or make them with "
            "as_draws(u=...)"
        )
    # Effects are matched by label.
    drawn_labels = draws.posterior["ranef"].to_numpy().tolist()
    place_of_label = {label: k for k, label in enumerate(drawn_labels)}
    labels = rows.ranef["ranef"]
    is_known = np.array([label in place_of_label for label in labels])
    _refuse_unknown_relatives(rows, is_known)

    # Where all are known, nothing is drawn.
    if is_known.all():
        u = np.zeros((len(theta.sigma), len(labels)))
    else:
        u = draw_effects(rows, theta, rng)
    places = [place_of_label[label] for label in labels if label in place_of_label]
    u[:, is_known] = draws_.flat(draws, "u")[:, places]
    return u


def _refuse_unknown_relatives(rows: Design, is_known: np.ndarray) -> None:
    """Raise where a level without draws has a known covariance with other levels."""
    term_names = np.array(rows.ranef["term"])
    level_names = np.array(rows.ranef["level"])
    for term in rows.terms:
        unknown = list(dict.fromkeys(level_names[(term_names == term.name) & ~is_known]))
        if term.level_chol is None or not unknown:
            continue
        named = [str(level) for level in unknown[:MOST_NAMED]]
        if len(unknown) > MOST_NAMED:
            named.append("…")
        raise ValueError(
            f"levels {', '.join(named)} of {term.name!r} are not among the draws, and their "
            "covariance with those that are is not given; leave their rows out, or use "
            "levels='new' for a set of levels independent of the known ones"
        )
