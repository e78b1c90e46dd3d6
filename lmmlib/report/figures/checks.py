"""Figures of what predictive checks can see."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.style import COLORS, color_of_levels, figure, figure_legend

BINS = 20


def null_p_values(p: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Predictive p values over data that the model itself made, beside the uniform density.

    One panel a statistic, an outline for each kind of replicates.

    Parameters
    ----------
    p : mapping of str to mapping of str to ndarray
        Statistic to {label (``known …``, ``new …``): p value of each replication}.

    Examples
    --------
    >>> p = np.linspace(0, 1, 200)
    >>> len(null_p_values({"between": {"known groups": p, "new groups": p}}).axes)
    1
    """
    edges = np.linspace(0, 1, BINS + 1).tolist()
    with figure(1, len(p), height=2.9) as (fig, axes):
        for ax, (statistic, p_by_label) in zip(axes[0], p.items(), strict=True):
            for k, (label, values) in enumerate(p_by_label.items()):
                ax.hist(
                    values,
                    edges,
                    density=True,
                    histtype="step",
                    lw=2,
                    ls=("-", "--")[k],
                    color=color_of_levels(label),
                    label=label,
                )
            ax.axhline(1, color=COLORS["truth"], ls=":", lw=1.4, label="uniform")
            ax.set(xlim=(0, 1), yticks=[], xlabel="p", xticks=[0, 0.5, 1])
            ax.set_title(statistic, fontsize=10, loc="left")
            ax.grid(visible=False)
        figure_legend(fig, axes[0, 0], columns=3)
    return fig
