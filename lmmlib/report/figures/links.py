"""Figures of models with a link function."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.style import COLORS, figure, figure_legend


def links_of_means(
    x: np.ndarray, panels: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> Figure:
    """Linear predictors of single groups, and the link of the mean over all groups.

    Parameters
    ----------
    x : ndarray, shape (k,)
        Values of the covariate.
    panels : mapping of str to tuple of ndarray
        By link: predictors of single groups (groups, k), that of a group with u = 0 (k,), and the
        link of the mean over groups (k,).

    Examples
    --------
    >>> x = np.array([0.0, 1.0])
    >>> len(links_of_means(x, {"log": (np.stack([x, x + 1]), x, x + 0.5)}).axes[0].lines)
    4
    """
    with figure(1, len(panels), height=3.6) as (fig, axes):
        for ax, (link, (groups, typical, average)) in zip(axes[0], panels.items(), strict=True):
            for line in groups:
                ax.plot(x, line, color=COLORS["conditional"], lw=0.7, alpha=0.6)
            ax.plot(x, typical, color=COLORS["conditional"], lw=2.4, label="one group, u = 0")
            ax.plot(x, average, color=COLORS["marginal"], lw=2.4, label="mean over all groups")
            ax.set(title=f"{link} link", xlabel="x")
        axes[0, 0].set_ylabel("link of the mean")
        figure_legend(fig, axes[0, 0], columns=2)
    return fig
