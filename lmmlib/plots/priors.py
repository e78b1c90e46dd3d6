"""The figure of prior densities of one SD."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from lmmlib.plots.look import COLOURS, figure


def sd_priors(
    sd: np.ndarray, densities: Mapping[str, np.ndarray], posterior: tuple[float, float]
) -> Figure:
    """Prior densities of one SD.

    Left on ordinary axes, right on logarithmic ones, with the place where the data put it.

    Parameters
    ----------
    sd : ndarray, shape (G,)
        Grid of SDs above zero, from far below the posterior on.
    densities : mapping of str to ndarray
        Label to (G,), on the axis of the SD.
    posterior : tuple of float
        Ends of an interval.

    Examples
    --------
    >>> sd = np.geomspace(1e-3, 3, 7)
    >>> [len(ax.lines) for ax in sd_priors(sd, {"a": sd, "b": 2 * sd}, (0.1, 0.2)).axes]
    [2, 2]
    """
    shades = (COLOURS["truth"], COLOURS["none"])  # neither density is of a formulation
    with figure(1, 2, figsize=(7.2, 3.4)) as (fig, axes):
        for ax in axes[0]:
            for (label, density), shade, style in zip(
                densities.items(), shades, ("-", "--"), strict=False
            ):
                ax.plot(sd, density, style, color=shade, label=label)
            ax.axvspan(*posterior, color=COLOURS["none"], alpha=0.35, lw=0)
            ax.set_xlabel("σ")
        axes[0, 0].set(ylabel="prior density of σ", xlim=(0, sd.max()), ylim=(0, None))
        axes[0, 1].set(xscale="log", yscale="log", ylim=(1e-3, 3), xlim=(sd.min(), sd.max()))
        axes[0, 1].annotate(
            "where the data put σ",
            (posterior[1], 6e-3),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=9,
        )
        fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return fig
