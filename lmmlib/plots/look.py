"""The look that all figures share.

One style, and one colour for each formulation through the whole book.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STYLE = str(files("lmmlib.plots").joinpath("lmmlib.mplstyle"))
COLOURS = {
    "conditional": "#0072B2",
    "marginal": "#D55E00",
    "leverage": "#D55E00",
    "truth": "#222222",
    "published": "#009E73",
    "none": "#8c8c8c",
}
MARKERS = {"conditional": "o", "marginal": "s", "leverage": "s", "truth": "_", "published": "D"}


@contextmanager
def figure(
    rows: int = 1, columns: int = 1, **options: object
) -> Iterator[tuple[Figure, np.ndarray]]:
    """A figure in the house style with its axes in an array.

    Closed at the end, so that a notebook shows it once.
    """
    with plt.style.context(STYLE):
        fig, axes = plt.subplots(rows, columns, squeeze=False, **options)
        try:
            yield fig, axes
        finally:
            plt.close(fig)


def colour(label: str) -> str:
    """The colour that belongs to a label, by its first word.

    ``conditional``, ``marginal``, ``truth``, ``published``.
    """
    return COLOURS.get(label.split()[0].rstrip(","), COLOURS["none"])


def marker(label: str) -> str:
    """The marker that belongs to a label."""
    return MARKERS.get(label.split()[0].rstrip(","), "^")


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
