"""The figure of estimates with their intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.style import color_of, figure, figure_legend, marker_of

STEP = 0.18  # between the points of one parameter


def estimates(
    panels: Mapping[str, Sequence[str]],
    results: Mapping[str, Mapping[str, tuple[float, float, float]]],
) -> Figure:
    """Points with intervals, one panel per kind of parameter.

    Parameters
    ----------
    panels : mapping of str to sequence of str
        Title to names of parameters.
    results : mapping of str to mapping of str to tuple of float
        Label (``conditional …``, ``marginal …``, ``truth``, ``published …``) to {name: (value, low,
        high)}.

    Examples
    --------
    >>> len(estimates({"σ": ["sigma"]}, {"conditional": {"sigma": (1.0, 0.9, 1.2)}}).axes)
    1
    """
    with figure(1, len(panels), height=3.6) as (fig, axes):
        for ax, (title, names) in zip(axes[0], panels.items(), strict=True):
            for k, (label, interval_of) in enumerate(results.items()):
                present = [i for i, name in enumerate(names) if name in interval_of]
                intervals = np.array([interval_of[names[i]] for i in present]).reshape(-1, 3)
                value, low, high = intervals.T
                marker = marker_of(label)
                ax.errorbar(
                    np.array(present) + STEP * (k - (len(results) - 1) / 2),
                    value,
                    (value - low, high - value),
                    fmt=marker,
                    color=color_of(label),
                    ms=11 if marker == "_" else 5,
                    lw=1.4,
                    label=label,
                )
            ax.set(title=title, xticks=range(len(names)), xlim=(-0.6, len(names) - 0.4))
            ax.set_xticklabels(names)
            ax.grid(visible=False, axis="x")
        figure_legend(fig, axes[0, 0], columns=4)
    return fig
