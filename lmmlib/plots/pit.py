"""The figure of probability integral transforms."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from lmmlib.calibration import EcdfBand
from lmmlib.plots.style import COLORS, figure


def pit_ecdf(pit: Mapping[str, np.ndarray], band: EcdfBand) -> Figure:
    """Distribution functions of probability integral transforms minus the uniform one, in a band.

    Parameters
    ----------
    pit : mapping of str to ndarray
        Label to (n,); the second one is dashed.
    band : EcdfBand
        Places within 0 and 1, and the band of the difference there.

    Examples
    --------
    >>> z = np.linspace(0, 1, 11)
    >>> band = EcdfBand(z, z * 0 - 0.4, z * 0 + 0.4)
    >>> ax = pit_ecdf({"left out": np.array([0.2, 0.7])}, band).axes[0]
    >>> ax.lines[0].get_ydata().round(1).tolist()[:4]
    [0.0, -0.1, 0.3, 0.2]
    """
    colors = (COLORS["marginal"], COLORS["truth"])
    styles = ("-", "--")
    z = band.z
    with figure(height=3.4) as (fig, axes):
        ax = axes[0, 0]
        ax.fill_between(z, band.lower, band.upper, color=COLORS["none"], alpha=0.22, lw=0)
        for (label, values), style, color in zip(pit.items(), styles, colors, strict=False):
            difference = np.mean(values[:, None] <= z, 0) - z
            ax.step(z, difference, style, where="post", color=color, label=label)
        ax.axhline(0, color=COLORS["none"], lw=0.8)
        ax.set(
            xlabel="probability integral transform",
            ylabel="distribution function − uniform",
            xlim=(0, 1),
        )
        ax.legend(loc="upper left", fontsize=9)
    return fig
