"""Figures of calibration: how far ranks are from uniform, and how far that may be."""

from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

from lmmlib.calibration import Calibration
from lmmlib.plots.style import COLORS, figure, rows_of_panels

COLUMNS = 3


def rank_ecdf(calibration: Calibration, false_alarm: float = 0.01) -> Figure:
    """The ranks' distribution function minus the uniform one, in its simultaneous band.

    One panel per quantity.

    Parameters
    ----------
    calibration : Calibration
        Result of :func:`lmmlib.calibrate`.
    false_alarm : float, default: 0.01
        False-alarm rate of all panels together.

    References
    ----------
    Säilynoja, Bürkner & Vehtari (2022), Stat. Comput. 32:32.

    Examples
    --------
    >>> ranks = np.random.default_rng(1).integers(100, size=(50, 4))
    >>> len(rank_ecdf(Calibration(("a", "b", "c", "d"), ranks, 99, ())).axes)
    6
    """
    band = calibration.band(false_alarm)
    differences = calibration.ecdf_difference()
    names = calibration.names
    rows = rows_of_panels(len(names), COLUMNS)
    largest = max(np.abs(differences).max(), np.abs([band.lower, band.upper]).max())
    ylim = (-1.15 * largest, 1.15 * largest)
    with figure(rows, COLUMNS, height=1.55 * rows + 0.4, sharex=True, sharey=True) as (fig, axes):
        panels = axes.ravel()
        for ax in panels[len(names) :]:
            ax.set_axis_off()
        for ax, name, difference in zip(panels, names, differences.T, strict=False):
            leaves = bool(np.any((difference < band.lower) | (difference > band.upper)))
            color = COLORS["outside" if leaves else "published"]
            title = f"{name} (outside)" if leaves else name
            ax.fill_between(band.z, band.lower, band.upper, color=COLORS["none"], alpha=0.2)
            for edge in (band.lower, band.upper):
                ax.plot(band.z, edge, "--", color=COLORS["truth"], linewidth=0.7)
            ax.step(band.z, difference, where="post", color=color, linewidth=2)
            ax.set_title(fill(title, 26), fontsize="small")
            ax.set(ylim=ylim, xlim=(0, 1))
        fig.supxlabel("rank of the truth among the draws, as a share", fontsize="small")
        fig.supylabel("distribution function − uniform", fontsize="small")
    return fig
