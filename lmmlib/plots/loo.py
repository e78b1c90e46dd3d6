"""Figures of leave-one-out: how far its weights can be trusted."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.style import COLORS, color_of, figure, legend_above, marker_of


def pareto_k(k: Mapping[str, np.ndarray], good_k: float) -> Figure:
    """Pareto k of every row, one colour a route, with the threshold.

    Parameters
    ----------
    k : mapping of str to ndarray
        Label (``conditional …``, ``leverage …``) to (n,).
    good_k : float
        Above it an entry is unreliable.

    Examples
    --------
    >>> len(pareto_k({"conditional": np.zeros(3)}, 0.7).axes[0].lines)
    2
    """
    with figure() as (fig, axes):
        ax = axes[0, 0]
        for label, values in k.items():
            ax.plot(values, marker_of(label), ms=4, alpha=0.8, color=color_of(label), label=label)
        ax.axhline(good_k, color=COLORS["truth"], ls="--", lw=1.2, label=f"threshold {good_k:.2f}")
        ax.set(xlabel="row", ylabel="Pareto k")
        legend_above(ax)
    return fig
