"""Figures of calibration: how far ranks are from uniform, and how far that may be."""

from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

from lmmlib.calibration import Calibration
from lmmlib.plots.look import COLOURS, figure


def rank_ecdf(found: Calibration, false_alarm: float = 0.01) -> Figure:
    """One panel per quantity.

    The ranks' distribution function minus the uniform one, in its simultaneous band.

    Parameters
    ----------
    found : Calibration
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
    z, low, high = found.band(false_alarm)
    values = found.ecdf_difference()
    columns = 3
    rows = -(-len(found.names) // columns)
    reach = 1.15 * max(np.abs(values).max(), np.abs([low, high]).max())
    with figure(rows, columns, figsize=(7.2, 1.55 * rows + 0.4), sharex=True, sharey=True) as (
        fig,
        axes,
    ):
        for ax in axes.ravel()[len(found.names) :]:
            ax.set_axis_off()
        for ax, name, value in zip(axes.ravel(), found.names, values.T, strict=False):
            outside = bool(np.any((value < low) | (value > high)))
            ax.fill_between(z, low, high, color=COLOURS["none"], alpha=0.22, linewidth=0)
            ax.step(
                z, value, where="post", color=COLOURS["truth" if outside else "none"], linewidth=1.4
            )
            ax.axhline(0, color=COLOURS["none"], linewidth=0.8)
            ax.set_title(fill(name + (" (outside)" if outside else ""), 26), fontsize="small")
            ax.set(ylim=(-reach, reach), xlim=(0, 1))
        fig.supxlabel("rank of the truth among the draws, as a share", fontsize="small")
        fig.supylabel("distribution function − uniform", fontsize="small")
    return fig
