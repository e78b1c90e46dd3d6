"""Figures of several responses: how two traits go together between and within groups."""

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.style import COLORS, figure


def two_traits(Y: np.ndarray, group: np.ndarray, names: tuple[str, str]) -> Figure:
    """Two traits of every row, within a few groups and between all of them.

    Parameters
    ----------
    Y : ndarray, shape (n, 2)
        Both traits of each row.
    group : ndarray, shape (n,)
        Group of each row.
    names : tuple of str
        Names of the traits.

    Examples
    --------
    >>> Y = np.array([[1.0, 4.0], [2.0, 5.0], [3.0, 1.0], [4.0, 2.0]])
    >>> fig = two_traits(Y, np.array([0, 0, 1, 1]), ("height", "weight"))
    >>> [ax.get_title("left") for ax in fig.axes]
    ['rows, less the mean of their group', 'means of groups']
    """
    codes = np.unique(group, return_inverse=True)[1]
    sizes = np.bincount(codes)[:, None]
    means = np.stack([np.bincount(codes, Y[:, k]) for k in range(2)], axis=1) / sizes
    panels = {
        "rows, less the mean of their group": Y - means[codes],
        "means of groups": means,
    }
    with figure(1, 2, height=3.4) as (fig, axes):
        for ax, (title, points) in zip(axes[0], panels.items(), strict=True):
            ax.plot(points[:, 0], points[:, 1], "o", ms=2.5, color=COLORS["none"])
            ax.set(title=title, xlabel=names[0], ylabel=names[1])
    return fig
