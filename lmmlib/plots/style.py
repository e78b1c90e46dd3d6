"""The style that all figures share, with one colour for each formulation through the whole book."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STYLE = str(files("lmmlib.plots").joinpath("lmmlib.mplstyle"))
WIDTH = 7.2  # inches, that of the text
COLORS = {
    "conditional": "#0072B2",
    "marginal": "#D55E00",
    "leverage": "#D55E00",
    "truth": "#222222",
    "published": "#009E73",
    "outside": "#882255",
    "none": "#8c8c8c",
}
MARKERS = {"conditional": "o", "marginal": "s", "leverage": "s", "truth": "_", "published": "D"}


@contextmanager
def figure(
    rows: int = 1,
    columns: int = 1,
    *,
    height: float | None = None,
    sharex: bool = False,
    sharey: bool = False,
) -> Iterator[tuple[Figure, np.ndarray]]:
    """A figure in the shared style with its axes in an array, as ``plt.subplots`` gives them.

    Closed at the end, so that a notebook shows it once.

    Parameters
    ----------
    rows, columns : int
        Numbers of panels.
    height : float, optional
        Inches of a figure as wide as the text; the size that the style has if None.
    sharex, sharey : bool, default: False
        Whether the panels share an axis.

    Yields
    ------
    fig : matplotlib.figure.Figure
        The figure.
    axes : ndarray of matplotlib.axes.Axes, shape (rows, columns)
        Its panels.
    """
    with plt.style.context(STYLE):
        figsize = None if height is None else (WIDTH, height)
        fig, axes = plt.subplots(
            rows, columns, squeeze=False, figsize=figsize, sharex=sharex, sharey=sharey
        )
        try:
            yield fig, axes
        finally:
            plt.close(fig)


def rows_of_panels(panels: int, columns: int) -> int:
    """Rows that so many panels fill.

    Examples
    --------
    >>> rows_of_panels(7, 3)
    3
    """
    return -(-panels // columns)


def color_of(label: str) -> str:
    """The colour that belongs to a label, by its first word.

    ``conditional``, ``marginal``, ``truth``, ``published``.
    """
    return COLORS.get(_first_word(label), COLORS["none"])


def color_of_levels(label: str) -> str:
    """Known levels in the colour of the conditional density, new ones in that of the marginal.

    By the first word of a label: ``known groups``, ``new effects``.
    """
    density_of_levels = {"known": "conditional", "new": "marginal"}
    return color_of(density_of_levels.get(_first_word(label), "none"))


def marker_of(label: str) -> str:
    """The marker that belongs to a label, by its first word."""
    return MARKERS.get(_first_word(label), "^")


def legend_above(ax: Axes, columns: int = 3) -> None:
    """A legend over the axes, where it hides nothing at any width."""
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        handletextpad=0.4,
        columnspacing=1.2,
    )


def figure_legend(fig: Figure, ax: Axes, columns: int) -> None:
    """A legend over the whole figure, of what one of its panels shows."""
    handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper left", ncols=columns)


def _first_word(label: str) -> str:
    return label.split()[0].rstrip(",")
