"""The figure of pooling: where it puts the estimates of levels."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lmmlib.plots.style import COLORS, figure, legend_above

PARTIAL = "#CC79A7"  # neither formulation's colour: both pool alike


def shrinkage(
    separate: np.ndarray,
    partial: np.ndarray,
    complete: Sequence[float],
    levels: Sequence[str],
    names: Sequence[str] = ("intercept", "slope"),
) -> Figure:
    """Two estimates a level, an arrow from the separate fit to the partially pooled one.

    A star where all are pooled.

    Parameters
    ----------
    separate, partial : ndarray, shape (J, 2)
        Estimates by separate and by partially pooled fits.
    complete : sequence of float
        Estimates of the completely pooled fit.
    levels : sequence of str
        Labels of the J levels.
    names : sequence of str, default: ("intercept", "slope")
        Names of the two coefficients.

    Examples
    --------
    >>> ends = np.array([[0.0, 1.0], [2.0, 3.0]])
    >>> len(shrinkage(ends, ends / 2 + 0.75, (1.0, 2.0), ["a", "b"]).axes[0].texts)
    4
    """
    with figure(height=5.2) as (fig, axes):
        ax = axes[0, 0]
        for start, end in zip(separate, partial, strict=True):
            _arrow(ax, start, end)
        ax.plot(
            *separate.T, "o", mfc="white", color=COLORS["truth"], label="separate fits (no pooling)"
        )
        ax.plot(
            *partial.T, "o", color=PARTIAL, mec=COLORS["truth"], mew=0.5, label="partial pooling"
        )
        ax.plot(*complete, "*", ms=14, color=COLORS["truth"], label="one fit (complete pooling)")
        for start, end, level in zip(separate, partial, levels, strict=True):
            _label_away_from(ax, level, start, end)
        ax.set(xlabel=names[0], ylabel=names[1])
        ax.margins(0.08)
        legend_above(ax)
    return fig


def _arrow(ax: Axes, start: np.ndarray, end: np.ndarray) -> None:
    properties = {
        "arrowstyle": "->",
        "color": COLORS["none"],
        "lw": 1.2,
        "shrinkA": 3,
        "shrinkB": 3,
    }
    ax.annotate("", (end[0], end[1]), (start[0], start[1]), arrowprops=properties)


def _label_away_from(ax: Axes, label: str, point: np.ndarray, end: np.ndarray) -> None:
    """A label beside a point, on the side that its arrow does not take."""
    side = np.sign(point[0] - end[0]) or 1.0
    ax.annotate(
        label,
        (point[0], point[1]),
        (6 * side, 0),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="center",
        fontsize=8,
    )
